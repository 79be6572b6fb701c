#include "recorder.h"

#include <breakwire/buf.h>

#include <inttypes.h>
#include <stdlib.h>

struct line {
    uint64_t started_ms, latency_ms;
    int code;
};

struct recorder {
    struct recorder_config config;
    struct bw_wake wake;
    uint64_t zero_ms, due_ms;
    uint64_t written_ms; /* start of the newest call that is written: an earlier one comes too late */
    uint64_t missed;
    struct line *lines; /* a heap: the earliest start is the first */
    size_t count, room;
};

struct recorder *recorder_new(const struct recorder_config *config, struct bw_wake wake, uint64_t now_ms) {
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return NULL;
    recorder->config = *config;
    recorder->wake = wake;
    recorder->zero_ms = now_ms;
    recorder->due_ms = BW_NEVER;
    return recorder;
}

void recorder_free(struct recorder *recorder) {
    if (!recorder)
        return;
    free(recorder->lines);
    free(recorder);
}

/* ---- the heap ---- */

static void swap(struct line *a, struct line *b) {
    struct line old = *a;
    *a = *b;
    *b = old;
}

static bool make_room(struct recorder *recorder) {
    if (recorder->count < recorder->room)
        return true;
    size_t room = recorder->room ? 2 * recorder->room : 64;
    struct line *lines = realloc(recorder->lines, room * sizeof *lines);
    if (!lines)
        return false;
    recorder->lines = lines;
    recorder->room = room;
    return true;
}

static void push(struct recorder *recorder, struct line line) {
    struct line *lines = recorder->lines;
    size_t at = recorder->count++;
    lines[at] = line;
    for (; at && lines[at].started_ms < lines[(at - 1) / 2].started_ms; at = (at - 1) / 2)
        swap(&lines[at], &lines[(at - 1) / 2]);
}

static size_t smaller_child(const struct recorder *recorder, size_t at) {
    size_t left = 2 * at + 1, right = left + 1;
    const struct line *lines = recorder->lines;
    return right < recorder->count && lines[right].started_ms < lines[left].started_ms ? right : left;
}

static struct line pop(struct recorder *recorder) {
    struct line *lines = recorder->lines, first = lines[0];
    lines[0] = lines[--recorder->count];
    size_t at = 0, child = smaller_child(recorder, 0);
    while (child < recorder->count && lines[child].started_ms < lines[at].started_ms) {
        swap(&lines[at], &lines[child]);
        at = child;
        child = smaller_child(recorder, at);
    }
    return first;
}

/* ---- the trace ---- */

static void append(struct recorder *recorder, struct bw_buf *out) {
    struct line line = pop(recorder);
    recorder->written_ms = line.started_ms;
    bw_buf_printf(out, "{\"t_ms\": %" PRIu64 ", \"latency_ms\": %" PRIu64 ", \"code\": %d}\n",
                  line.started_ms - recorder->zero_ms, line.latency_ms, line.code);
}

/* Everything that began no later than until_ms; half of it all when there is too much. */
static void write_out(struct recorder *recorder, uint64_t until_ms) {
    struct bw_buf out;
    size_t before = recorder->count, keep = before > RECORDER_HELD_MAX ? RECORDER_HELD_MAX / 2 : before;
    bw_buf_init(&out, 0);
    while (recorder->count && (recorder->lines[0].started_ms <= until_ms || recorder->count > keep))
        append(recorder, &out);
    if (out.failed)
        recorder->missed += before - recorder->count;
    else if (before > recorder->count)
        recorder->config.write(recorder->config.owner, bw_buf_span(&out));
    bw_buf_free(&out);
}

void recorder_call(struct recorder *recorder, const struct guard_result *result, uint64_t now_ms) {
    if (result->rejected || result->says_nothing)
        return;
    if (result->started_ms < recorder->written_ms || !make_room(recorder)) {
        recorder->missed++;
        return;
    }
    push(recorder, (struct line){result->started_ms, result->latency_ms, result->code});
    bool is_full = recorder->count > RECORDER_HELD_MAX;
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
    recorder->due_ms = recorder->count ? now_ms + RECORDER_BATCH_MS : BW_NEVER;
}

static uint64_t next_deadline(const void *self) {
    const struct recorder *recorder = self;
    return recorder->due_ms;
}

struct bw_clocked recorder_clocked(struct recorder *recorder) {
    static const struct bw_clocked_ops ops = {.tick = tick, .next_deadline = next_deadline};
    return (struct bw_clocked){&ops, recorder};
}
