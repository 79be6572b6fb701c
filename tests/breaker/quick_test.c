/* What a call of a healthy breaker reads, and what it leaves alone. It looks inside the library: the breaker
 * lies in memory so that a page, which must not be touched, begins within it. */
#include "run.h"
#include "trap.h"

#include "../../lib/breaker/inside.h"

/* A call that takes `latency_ms`; whether it touched anything from the boundary on, up to the counters. */
static bool touches(struct bw_breaker *breaker, size_t boundary, int64_t latency_ms) {
    struct bw_result success = {.outcome = BW_SUCCESS, .latency_ms = latency_ms, .pushback_ms = -1};
    struct bw_ticket ticket;
    uint64_t retry_after_ms = 7;
    trap_set(TRAP_READING, offsetof(struct bw_breaker, shards) - boundary, NULL, NULL);
    enum bw_decision decision = bw_breaker_acquire(breaker, 1010, &ticket, &retry_after_ms);
    enum bw_verdict verdict = bw_breaker_complete(breaker, &ticket, 1020, &success);
    bool touched = trap_was_touched();
    assert_int_equal(decision, BW_ADMIT);
    assert_int_equal(retry_after_ms, 0);
    assert_int_equal(verdict, BW_RECORDED);
    return touched;
}

static void expect_counted(struct bw_breaker *breaker, uint64_t calls, uint64_t slow) {
    struct bw_breaker_snapshot snapshot;
    bw_breaker_snapshot(breaker, 1020, &snapshot);
    assert_int_equal(snapshot.counters.admitted, calls);
    assert_int_equal(snapshot.counters.ok, calls);
    assert_int_equal(snapshot.counters.slow, slow);
    assert_int_equal(breaker->in_flight, 0);
}

/* Calls of 10, 30 and 31 ms, of which so many are slow. */
static void expect_three_untouched(const char *parameters, size_t boundary, uint64_t slow) {
    struct bw_breaker *breaker = trap_breaker(parameters, boundary);
    assert_false(touches(breaker, boundary, -1));
    assert_false(touches(breaker, boundary, 30));
    assert_false(touches(breaker, boundary, 31));
    expect_counted(breaker, 3, slow);
    trap_free();
}

static void a_success_of_a_healthy_breaker_reads_no_policy(void **state) {
    (void)state;
    static const char *const settings[] = {"", "slow_call_ms=30", "max_concurrency=1",
                                           "max_concurrency=2 slow_call_ms=30"};
    const size_t boundary = offsetof(struct bw_breaker, policy_cells[1]);
    for (int i = 0; i < 4; i++) {
        expect_three_untouched(settings[i], boundary, i == 1 || i == 3 ? 1 : 0);
    }
}

static void a_success_with_a_window_reads_when_the_window_trips_and_no_more(void **state) {
    (void)state;
    static const char *const settings[] = {
        "window=count window_calls=10 slow_call_ms=30", "window=count window_calls=46",
        "window=count window_calls=100 max_concurrency=2",
        "window=time slow_call_ms=30 trip_slow_rate=0.5 window_min_calls=100"};
    const size_t boundary = offsetof(struct bw_breaker, policy_cells[1]) + sizeof(struct bw_window_trips);
    for (int i = 0; i < 4; i++) {
        expect_three_untouched(settings[i], boundary, i == 0 || i == 3 ? 1 : 0);
    }
}

static void a_call_that_an_open_breaker_rejects_reads_no_policy(void **state) {
    (void)state;
    const size_t boundary = offsetof(struct bw_breaker, policy_cells[1]);
    struct bw_breaker *breaker = trap_breaker("", boundary);
    struct bw_result failure = {.outcome = BW_FAILURE, .code = 14, .latency_ms = -1, .pushback_ms = -1};
    struct bw_ticket ticket;
    uint64_t retry_after_ms = 7;
    assert_int_equal(bw_breaker_acquire(breaker, 1000, &ticket, NULL), BW_ADMIT);
    bw_breaker_force(breaker, 1000, BW_OPEN, 100);
    trap_set(TRAP_READING, offsetof(struct bw_breaker, shards) - boundary, NULL, NULL);
    enum bw_decision decision = bw_breaker_acquire(breaker, 1040, &ticket, &retry_after_ms);
    assert_false(trap_was_touched());
    assert_int_equal(decision, BW_REJECT_OPEN);
    assert_int_equal(retry_after_ms, 60);
    /* The ticket is no longer that of the call before. */
    assert_int_equal(bw_breaker_complete(breaker, &ticket, 1050, &failure), BW_UNADMITTED);
    trap_free();
}

static void other_results_and_other_states_ask_the_policy(void **state) {
    (void)state;
    const size_t boundary = offsetof(struct bw_breaker, policy_cells[1]);
    struct bw_breaker *breaker = trap_breaker("", boundary);
    struct bw_result failure = {.outcome = BW_FAILURE, .code = 14, .latency_ms = -1, .pushback_ms = -1};
    struct bw_ticket ticket;
    bw_breaker_acquire(breaker, 1010, &ticket, NULL);
    trap_set(TRAP_READING, 4096, NULL, NULL);
    assert_int_equal(bw_breaker_complete(breaker, &ticket, 1020, &failure), BW_RECORDED);
    assert_true(trap_was_touched());
    /* There is a failure to forget. */
    assert_true(touches(breaker, boundary, -1));
    assert_false(touches(breaker, boundary, -1));
    trap_free();
}

/* Two calls: one fails, one ends the row. */
static void fail_once(struct bw_breaker *breaker) {
    struct bw_result results[] = {{BW_FAILURE, 14, -1, -1}, {BW_SUCCESS, 0, -1, -1}};
    for (int i = 0; i < 2; i++) {
        struct bw_ticket ticket;
        assert_int_equal(bw_breaker_acquire(breaker, 1010, &ticket, NULL), BW_ADMIT);
        assert_int_equal(bw_breaker_complete(breaker, &ticket, 1010, &results[i]), BW_RECORDED);
    }
}

static void a_failure_in_the_window_that_does_not_trip_changes_nothing_of_that(void **state) {
    (void)state;
    static const char *const settings[] = {"window=count trip_failure_rate=0.6 window_min_calls=2",
                                           "window=time trip_failures=2 window_min_calls=1"};
    const size_t boundary = offsetof(struct bw_breaker, policy_cells[1]) + sizeof(struct bw_window_trips);
    for (int i = 0; i < 2; i++) {
        struct bw_breaker *breaker = trap_breaker(settings[i], boundary);
        fail_once(breaker);
        assert_false(touches(breaker, boundary, -1));
        trap_free();
    }
}

/* Two successes with code 5, of 30 and then of 31 ms. */
static void expect_remembered(struct bw_breaker *breaker) {
    struct bw_event event;
    bw_breaker_force(breaker, 1020, BW_OPEN, 0);
    assert_int_equal(bw_breaker_events(breaker, 0, &event, 1), 1);
    assert_int_equal(event.last_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(event.last[i].code, 5);
        assert_int_equal(event.last[i].latency_ms, 31 - i);
    }
}

static void a_thread_that_is_not_at_home_counts_the_same(void **state) {
    (void)state;
    struct bw_breaker *breaker = trap_breaker("slow_call_ms=30", 0);
    for (int i = 0; i < 2; i++) {
        struct bw_result success = {
            .outcome = BW_SUCCESS, .code = 5, .latency_ms = 30 + i, .pushback_ms = -1};
        struct bw_ticket ticket;
        bw_breaker_acquire(breaker, 1010, &ticket, NULL);
        size_t home = bw_shards_here.home;
        bw_shards_here.home = (home + sizeof(struct bw_shard)) % (BW_SHARDS_OWNED * sizeof(struct bw_shard));
        assert_int_equal(bw_breaker_complete(breaker, &ticket, 1010, &success), BW_RECORDED);
        assert_int_equal(bw_shards_here.home, home);
        expect_counted(breaker, (uint64_t)i + 1, (uint64_t)i);
    }
    expect_remembered(breaker);
    trap_free();
}

static void a_thread_that_finds_all_shards_taken_counts_in_the_last_one(void **state) {
    (void)state;
    struct bw_breaker *breaker = trap_breaker("slow_call_ms=30", 0);
    for (int i = 0; i < BW_SHARDS_OWNED; i++)
        atomic_store(&breaker->shards[i].owner, 1);
    for (int i = 0; i < 2; i++) {
        struct bw_result success = {
            .outcome = BW_SUCCESS, .code = 5, .latency_ms = 30 + i, .pushback_ms = -1};
        struct bw_ticket ticket;
        bw_breaker_acquire(breaker, 1010, &ticket, NULL);
        assert_int_equal(bw_breaker_complete(breaker, &ticket, 1010, &success), BW_RECORDED);
        expect_counted(breaker, (uint64_t)i + 1, (uint64_t)i);
    }
    assert_int_equal(breaker->shards[BW_SHARDS_OWNED].results, 2);
    trap_free();
}

static void results_of_two_shards_are_told_in_their_order(void **state) {
    (void)state;
    static const struct bw_result results[] = {{BW_SUCCESS, 1, -1, -1}, {BW_FAILURE, 14, -1, -1}};
    struct bw_breaker *breaker = trap_breaker("", 0);
    for (int i = 0; i < 2; i++) {
        struct bw_ticket ticket;
        bw_breaker_acquire(breaker, 1010, &ticket, NULL);
        bw_breaker_complete(breaker, &ticket, 1011 + (uint64_t)i, &results[i]);
        if (i == 0)
            bw_shards_at_home(breaker->shards)->owner = 1; /* another thread's from now on */
    }
    struct bw_event event;
    bw_breaker_force(breaker, 1020, BW_OPEN, 0);
    assert_int_equal(bw_breaker_events(breaker, 0, &event, 1), 1);
    assert_int_equal(event.last_count, 2);
    assert_int_equal(event.last[0].code, 14);
    assert_int_equal(event.last[1].code, 1);
    trap_free();
}

/* Reads of the policy meet the trap, in which it is replaced. */
static void rival_reconfigures(void *breaker) {
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    config.open_ms = 77;
    assert_int_equal(bw_breaker_reconfigure(breaker, &config, 1000), 0);
}

static void a_policy_that_is_replaced_while_it_is_read_is_read_again(void **state) {
    (void)state;
    const size_t boundary = offsetof(struct bw_breaker, policy_cells[1].words[20]);
    struct bw_breaker *breaker = trap_breaker("", boundary);
    struct bw_policy policy;
    trap_set(TRAP_READING, 4096, rival_reconfigures, breaker);
    bw_inside_policy(breaker, &policy);
    assert_true(trap_was_touched());
    for (int attempt = 1; attempt < 16; attempt++)
        assert_int_equal(policy.open_ms[attempt], 77);
    trap_free();
}

BW_TESTS(cmocka_unit_test(results_of_two_shards_are_told_in_their_order),
         cmocka_unit_test(a_thread_that_finds_all_shards_taken_counts_in_the_last_one),
         cmocka_unit_test(a_policy_that_is_replaced_while_it_is_read_is_read_again),
         cmocka_unit_test(a_failure_in_the_window_that_does_not_trip_changes_nothing_of_that),
         cmocka_unit_test(a_thread_that_is_not_at_home_counts_the_same),
         cmocka_unit_test(a_success_of_a_healthy_breaker_reads_no_policy),
         cmocka_unit_test(a_success_with_a_window_reads_when_the_window_trips_and_no_more),
         cmocka_unit_test(a_call_that_an_open_breaker_rejects_reads_no_policy),
         cmocka_unit_test(other_results_and_other_states_ask_the_policy))
