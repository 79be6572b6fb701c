#include "journal.h"

#include <stdlib.h>
#include <string.h>

enum { RUN_MS = 1000 };

struct journal {
    const struct bw_log *log;
    struct bw_wake wake;
    /* The run of identical failures: its first line is out, the rest is counted. */
    const char *breaker; /* NULL: no run; names and codes outlive the journal's use of them */
    bool rejected;
    int code;
    const char *code_name;
    uint64_t count, due_ms;
};

struct journal *journal_new(const struct bw_log *log, struct bw_wake wake) {
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return NULL;
    journal->log = log;
    journal->wake = wake;
    journal->due_ms = BW_NEVER;
    return journal;
}

void journal_free(struct journal *journal) {
    free(journal);
}

static void write_run(struct journal *journal) {
    if (journal->count)
        bw_log_fields(journal->log, BW_LOG_WARN, journal->rejected ? "calls rejected" : "calls failed",
                      bw_field_text("breaker", journal->breaker), bw_field_text("code", journal->code_name),
                      bw_field_u64("count", journal->count));
    journal->count = 0;
}

static bool continues_run(const struct journal *journal, const struct guard_result *result) {
    return journal->breaker && strcmp(journal->breaker, result->breaker) == 0 &&
           journal->rejected == result->rejected && journal->code == result->code;
}

static void begin_run(struct journal *journal, const struct guard_result *result, uint64_t now_ms) {
    write_run(journal);
    journal->breaker = result->breaker;
    journal->rejected = result->rejected;
    journal->code = result->code;
    journal->code_name = result->code_name;
    journal->due_ms = now_ms + RUN_MS;
    bw_wake_up(&journal->wake);
}

void journal_call(struct journal *journal, const struct guard_result *result, uint64_t now_ms) {
    if (result->code == 0) {
        bw_log_fields(journal->log, BW_LOG_DEBUG, "call ok", bw_field_text("breaker", result->breaker),
                      bw_field_u64("latency_ms", result->latency_ms));
        return;
    }
    if (continues_run(journal, result)) {
        journal->count++;
        return;
    }
    begin_run(journal, result, now_ms);
    bw_log_fields(journal->log, BW_LOG_WARN, result->rejected ? "call rejected" : "call failed",
                  bw_field_text("breaker", result->breaker), bw_field_text("code", result->code_name),
                  bw_field_text("message", result->message), bw_field_u64("latency_ms", result->latency_ms),
                  bw_field_u64("retry_after_ms", result->retry_after_ms),
                  bw_field_text("state", result->state));
}

void journal_change(struct journal *journal, const struct guard_change *change) {
    write_run(journal);
    journal->breaker = NULL;
    journal->due_ms = BW_NEVER;
    bw_log_fields(journal->log, BW_LOG_INFO, change->transition ? "circuit changed" : "circuit event",
                  bw_field_text("breaker", change->breaker), bw_field_text("from", change->from),
                  bw_field_text("to", change->to), bw_field_text("reason", change->reason),
                  bw_field_double("value", change->value), bw_field_double("threshold", change->threshold),
                  bw_field_u64("retry_after_ms", change->retry_after_ms),
                  bw_field_text("last_code", change->last_code),
                  bw_field_u64("generation", change->generation));
}

static void tick(void *self, uint64_t now_ms) {
    struct journal *journal = self;
    if (now_ms < journal->due_ms)
        return;
    if (journal->count) {
        write_run(journal);
        journal->due_ms = now_ms + RUN_MS;
    } else {
        journal->breaker = NULL;
        journal->due_ms = BW_NEVER;
    }
}

static uint64_t next_deadline(const void *self) {
    const struct journal *journal = self;
    return journal->due_ms;
}

struct bw_clocked journal_clocked(struct journal *journal) {
    static const struct bw_clocked_ops ops = {.tick = tick, .next_deadline = next_deadline};
    return (struct bw_clocked){&ops, journal};
}
