#include "run.h"

#include "journal.h"

#include <breakwire/buf.h>

#include <stdio.h>
#include <string.h>

/* What was logged: each line without its time. */
static struct bw_buf lines;

static void sink(void *owner, const char *line, size_t len) {
    (void)owner;
    bw_buf_append(&lines, line + 13, len - 13);
}

static uint64_t no_clock(void *owner) {
    (void)owner;
    return 0;
}

static struct bw_log log_to_lines(enum bw_log_level level) {
    bw_buf_init(&lines, 0);
    return (struct bw_log){.level = level, .format = BW_LOG_TEXT, .sink = sink, .wall_ms = no_clock};
}

static void expect_and_clear(const char *text) {
    assert_string_equal(bw_buf_text(&lines), text);
    bw_buf_clear(&lines);
}

static struct guard_result failure(const char *breaker, int code, const char *name) {
    return (struct guard_result){
        .code = code, .code_name = name, .message = "no", .breaker = breaker, .state = "closed"};
}

static void tick_at(struct journal *journal, uint64_t now_ms) {
    struct bw_clocked clocked = journal_clocked(journal);
    assert_true(clocked.ops->next_deadline(clocked.self) <= now_ms);
    clocked.ops->tick(clocked.self, now_ms);
}

static void a_run_of_identical_failures_is_one_line_a_second_with_a_count(void **state) {
    (void)state;
    struct bw_log log = log_to_lines(BW_LOG_INFO);
    struct journal *journal = journal_new(&log, (struct bw_wake){0});
    struct guard_result result = failure("B", 13, "INTERNAL");
    journal_call(journal, &result, 100);
    expect_and_clear(
        "warn  call failed  breaker=B code=INTERNAL message=no latency_ms=0 retry_after_ms=0 "
        "state=closed\n");
    for (int i = 0; i < 500; i++)
        journal_call(journal, &result, 101);
    expect_and_clear("");
    tick_at(journal, 1100);
    expect_and_clear("warn  calls failed  breaker=B code=INTERNAL count=500\n");
    journal_call(journal, &result, 1500);
    tick_at(journal, 2100);
    expect_and_clear("warn  calls failed  breaker=B code=INTERNAL count=1\n");
    tick_at(journal, 3100);
    expect_and_clear("");
    struct bw_clocked clocked = journal_clocked(journal);
    assert_true(clocked.ops->next_deadline(clocked.self) == BW_NEVER);
    journal_free(journal);
    bw_buf_free(&lines);
}

static void another_code_or_breaker_begins_a_new_run_and_the_count_is_not_lost(void **state) {
    (void)state;
    struct bw_log log = log_to_lines(BW_LOG_INFO);
    struct journal *journal = journal_new(&log, (struct bw_wake){0});
    struct guard_result internal = failure("B", 13, "INTERNAL"),
                        unavailable = failure("B", 14, "UNAVAILABLE");
    journal_call(journal, &internal, 0);
    journal_call(journal, &internal, 1);
    bw_buf_clear(&lines);
    journal_call(journal, &unavailable, 2);
    expect_and_clear(
        "warn  calls failed  breaker=B code=INTERNAL count=1\n"
        "warn  call failed  breaker=B code=UNAVAILABLE message=no latency_ms=0 retry_after_ms=0 "
        "state=closed\n");
    struct guard_result rejected = failure("B", 14, "UNAVAILABLE");
    rejected.rejected = true;
    rejected.retry_after_ms = 7;
    rejected.state = "open";
    journal_call(journal, &rejected, 3);
    expect_and_clear(
        "warn  call rejected  breaker=B code=UNAVAILABLE message=no latency_ms=0 "
        "retry_after_ms=7 state=open\n");
    journal_free(journal);
    bw_buf_free(&lines);
}

static void a_change_is_one_line_with_its_reason_at_once(void **state) {
    (void)state;
    struct bw_log log = log_to_lines(BW_LOG_INFO);
    struct journal *journal = journal_new(&log, (struct bw_wake){0});
    struct guard_change change = {.breaker = "B",
                                  .from = "closed",
                                  .to = "open",
                                  .reason = "CONSECUTIVE",
                                  .transition = true,
                                  .value = 3,
                                  .threshold = 3,
                                  .retry_after_ms = 20000,
                                  .last_code = "INTERNAL",
                                  .generation = 2};
    journal_change(journal, &change);
    expect_and_clear(
        "info  circuit changed  breaker=B from=closed to=open reason=CONSECUTIVE value=3 "
        "threshold=3 retry_after_ms=20000 last_code=INTERNAL generation=2\n");
    journal_free(journal);
    bw_buf_free(&lines);
}

static void successes_are_for_debugging_only(void **state) {
    (void)state;
    struct bw_log log = log_to_lines(BW_LOG_INFO);
    struct journal *journal = journal_new(&log, (struct bw_wake){0});
    struct guard_result ok = {.code = 0, .code_name = "OK", .breaker = "B", .state = "closed", .message = ""};
    journal_call(journal, &ok, 0);
    expect_and_clear("");
    log.level = BW_LOG_DEBUG;
    journal_call(journal, &ok, 0);
    expect_and_clear("debug call ok  breaker=B latency_ms=0\n");
    journal_free(journal);
    bw_buf_free(&lines);
}

BW_TESTS(cmocka_unit_test(a_run_of_identical_failures_is_one_line_a_second_with_a_count),
         cmocka_unit_test(another_code_or_breaker_begins_a_new_run_and_the_count_is_not_lost),
         cmocka_unit_test(a_change_is_one_line_with_its_reason_at_once),
         cmocka_unit_test(successes_are_for_debugging_only))
