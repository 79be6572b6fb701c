#include "recorder.h"

#include <breakwire/buf.h>
#include <breakwire/timers.h>

#include <inttypes.h>
#include <stdlib.h>

struct line {
    struct bw_timer start; /* due when its call was started */
    uint64_t latency_ms;
    int code;
};

struct recorder {
    struct recorder_config config;
    struct bw_wake wake;
    uint64_t zero_ms, due_ms;
    uint64_t written_ms; /* start of the newest call that is written: an earlier one comes too late */
    uint64_t missed;
    struct bw_timers lines; /* the earliest start is the first */
};

struct recorder *recorder_new(const struct recorder_config *config, struct bw_wake wake, uint64_t now_ms) {
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return NULL;
    recorder->config = *config;
    recorder->wake = wake;
    recorder->zero_ms = now_ms;
    recorder->due_ms = BW_NEVER;
    bw_timers_init(&recorder->lines);
    return recorder;
}

/* The earliest line, the caller's now; NULL = none. */
static struct line *take_line(struct recorder *recorder) {
    struct bw_timer *first = bw_timers_pop_due(&recorder->lines, BW_NEVER);
    return first ? BW_OWNER_OF(first, struct line, start) : NULL;
}

void recorder_free(struct recorder *recorder) {
    if (!recorder)
        return;
    for (struct line *line; (line = take_line(recorder)) != NULL;)
        free(line);
    bw_timers_free(&recorder->lines);
    free(recorder);
}

/* ---- the trace ---- */

static bool keep(struct recorder *recorder, const struct guard_result *result) {
    struct line *line = calloc(1, sizeof *line);
    if (!line)
        return false;
    line->latency_ms = result->latency_ms;
    line->code = result->code;
    if (bw_timer_set(&recorder->lines, &line->start, result->started_ms))
        return true;
    free(line);
    return false;
}

static void append(struct recorder *recorder, struct bw_buf *out) {
    struct line *line = take_line(recorder);
    recorder->written_ms = line->start.due_ms;
    bw_buf_printf(out, "{\"t_ms\": %" PRIu64 ", \"latency_ms\": %" PRIu64 ", \"code\": %d}\n",
                  line->start.due_ms - recorder->zero_ms, line->latency_ms, line->code);
    free(line);
}

/* Everything that began no later than until_ms; half of it all when there is too much. */
static void write_out(struct recorder *recorder, uint64_t until_ms) {
    struct bw_buf out;
    size_t before = recorder->lines.count;
    size_t kept = before > RECORDER_HELD_MAX ? RECORDER_HELD_MAX / 2 : before;
    bw_buf_init(&out, 0);
    while (recorder->lines.count &&
           (bw_timers_next(&recorder->lines) <= until_ms || recorder->lines.count > kept))
        append(recorder, &out);
    if (out.failed)
        recorder->missed += before - recorder->lines.count;
    else if (before > recorder->lines.count)
        recorder->config.write(recorder->config.owner, bw_buf_span(&out));
    bw_buf_free(&out);
}

void recorder_call(struct recorder *recorder, const struct guard_result *result, uint64_t now_ms) {
    if (result->rejected || result->says_nothing)
        return;
    if (result->started_ms < recorder->written_ms || !keep(recorder, result)) {
        recorder->missed++;
        return;
    }
    bool is_full = recorder->lines.count > RECORDER_HELD_MAX;
    if (recorder->due_ms != BW_NEVER && !is_full)
        return;
    recorder->due_ms = is_full ? now_ms : now_ms + RECORDER_BATCH_MS;
    bw_wake_up(&recorder->wake);
}

void recorder_finish(struct recorder *recorder) {
    write_out(recorder, BW_NEVER);
    recorder->due_ms = BW_NEVER;
}

uint64_t recorder_missed(const struct recorder *recorder) {
    return recorder->missed;
}

static void tick(void *self, uint64_t now_ms) {
    struct recorder *recorder = self;
    if (now_ms < recorder->due_ms)
        return;
    write_out(recorder, guard_oldest_call(recorder->config.guard));
    recorder->due_ms = recorder->lines.count ? now_ms + RECORDER_BATCH_MS : BW_NEVER;
}

static uint64_t next_deadline(const void *self) {
    const struct recorder *recorder = self;
    return recorder->due_ms;
}

struct bw_clocked recorder_clocked(struct recorder *recorder) {
    static const struct bw_clocked_ops ops = {.tick = tick, .next_deadline = next_deadline};
    return (struct bw_clocked){&ops, recorder};
}
