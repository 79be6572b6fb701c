#include "fault_watch.h"

#include <stdlib.h>

enum { EVERY_MS = 1000, TIMEOUT_MS = 900 };

struct fault_watch {
    struct bw_channel *channel;
    struct bw_wake wake;
    void (*on_fault)(void *user, const struct stub_fault *fault);
    void *user;
    bool is_wanted, has_answer;
    struct stub_fault fault;
    struct bw_call *call; /* NULL: none is out */
    uint64_t due_ms;
};

struct fault_watch *fault_watch_new(struct bw_channel *channel, struct bw_wake wake,
                                    void (*on_fault)(void *user, const struct stub_fault *fault),
                                    void *user) {
    struct fault_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->channel = channel;
    watch->wake = wake;
    watch->on_fault = on_fault;
    watch->user = user;
    return watch;
}

static void on_message(void *user, struct bw_span message) {
    struct fault_watch *watch = user;
    watch->has_answer = stub_get_fault_response(message, &watch->fault);
}

static void on_end(void *user, const struct bw_call_result *result) {
    struct fault_watch *watch = user;
    bool known = result->code == BW_OK && watch->has_answer;
    watch->call = NULL;
    watch->on_fault(watch->user, known ? &watch->fault : NULL);
}

void fault_watch_free(struct fault_watch *watch) {
    free(watch);
}

void fault_watch_viewers(struct fault_watch *watch, size_t viewers) {
    bool was_wanted = watch->is_wanted;
    watch->is_wanted = viewers > 0;
    if (watch->is_wanted && !was_wanted) {
        watch->due_ms = 0;
        bw_wake_up(&watch->wake);
    }
}

static void ask(struct fault_watch *watch, uint64_t now_ms) {
    static const struct bw_call_events events = {.on_message = on_message, .on_end = on_end};
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = STUB_GET_FAULT_PATH;
    options.deadline_ms = now_ms + TIMEOUT_MS;
    watch->has_answer = false;
    watch->call =
        bw_channel_start(watch->channel, now_ms, &options, stub_get_fault_request(), &events, watch);
}

static void tick(void *self, uint64_t now_ms) {
    struct fault_watch *watch = self;
    if (!watch->is_wanted || now_ms < watch->due_ms)
        return;
    watch->due_ms = now_ms + EVERY_MS;
    if (!watch->call)
        ask(watch, now_ms);
}

static uint64_t next_deadline(const void *self) {
    const struct fault_watch *watch = self;
    return watch->is_wanted ? watch->due_ms : BW_NEVER;
}

struct bw_clocked fault_watch_clocked(struct fault_watch *watch) {
    static const struct bw_clocked_ops ops = {.tick = tick, .next_deadline = next_deadline};
    return (struct bw_clocked){&ops, watch};
}
