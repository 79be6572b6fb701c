#include "talk.h"

#include <grpc/testing/messages.pb-c.h>

#include <stdlib.h>
#include <string.h>

/* More owed than this: nothing is read until all of it went out. */
enum { OWED_MAX = 64 };

struct owed {
    struct owed *next;
    bool is_status;
    size_t size;
    uint64_t interval_ms;
    enum bw_code code;
    char message[]; /* of the status */
};

struct talk *talk_new(struct talks *all, struct bw_server_call *call) {
    struct talk *talk = calloc(1, sizeof *talk);
    if (!talk)
        return NULL;
    talk->all = all;
    talk->call = call;
    return talk;
}

static void drop_first(struct talk *talk) {
    struct owed *owed = talk->first;
    talk->first = owed->next;
    talk->owed_count--;
    free(owed);
}

void talk_free(struct talk *talk) {
    if (!talk)
        return;
    bw_timer_remove(&talk->all->timers, &talk->timer);
    while (talk->first)
        drop_first(talk);
    free(talk);
}

static struct owed *add(struct talk *talk, const char *message) {
    size_t len = strlen(message) + 1;
    struct owed *owed = calloc(1, sizeof *owed + len);
    if (!owed)
        return NULL;
    memcpy(owed->message, message, len);
    if (talk->first)
        talk->last->next = owed;
    else {
        talk->first = owed;
        talk->last_sent_ms = bw_server_call_now(talk->call); /* an interval begins when it is asked for */
    }
    talk->last = owed;
    talk->owed_count++;
    return owed;
}

bool talk_ask(struct talk *talk, size_t size, uint64_t interval_ms) {
    struct owed *owed = add(talk, "");
    if (!owed)
        return false;
    owed->size = size;
    owed->interval_ms = interval_ms;
    return true;
}

bool talk_ask_status(struct talk *talk, enum bw_code code, const char *message) {
    struct owed *owed = add(talk, message);
    if (!owed)
        return false;
    owed->is_status = true;
    owed->code = code;
    return true;
}

enum bw_send talk_send(struct bw_server_call *call, size_t size) {
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__StreamingOutputCallResponse response = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    enum bw_send sent = BW_SEND_CLOSED;
    payload.body.data = calloc(1, size + 1);
    payload.body.len = size;
    response.payload = &payload;
    size_t len = grpc__testing__streaming_output_call_response__get_packed_size(&response);
    uint8_t *bytes = malloc(len + 1);
    if (payload.body.data && bytes) {
        grpc__testing__streaming_output_call_response__pack(&response, bytes);
        sent = bw_server_call_send(call, bw_span_of(bytes, len));
    }
    free(bytes);
    free(payload.body.data);
    return sent;
}

static void finish(struct talk *talk, enum bw_code code, const char *message) {
    talk->has_ended = true;
    bw_server_call_finish(talk->call, code, message);
}

/* False: it cannot be sent now. */
static bool send_first(struct talk *talk, uint64_t now_ms) {
    struct owed *owed = talk->first;
    uint64_t due_ms = talk->last_sent_ms + owed->interval_ms;
    if (owed->is_status) {
        finish(talk, owed->code, owed->message);
        return false;
    }
    if (due_ms > now_ms) {
        if (!bw_timer_set(&talk->all->timers, &talk->timer, due_ms))
            finish(talk, BW_RESOURCE_EXHAUSTED, "out of memory");
        bw_wake_up(&talk->all->wake);
        return false;
    }
    enum bw_send sent = talk_send(talk->call, owed->size);
    if (sent == BW_SEND_CLOSED)
        finish(talk, BW_RESOURCE_EXHAUSTED, "out of memory");
    if (sent != BW_SEND_OK)
        return false;
    talk->last_sent_ms = now_ms;
    drop_first(talk);
    return true;
}

static void limit_reading(struct talk *talk) {
    bool is_much = talk->owed_count > (talk->is_paused ? 0 : OWED_MAX);
    if (is_much == talk->is_paused || talk->ends_after_all)
        return;
    talk->is_paused = is_much;
    if (is_much)
        bw_server_call_pause(talk->call);
    else
        bw_server_call_resume(talk->call);
}

static void go_on(struct talk *talk, uint64_t now_ms) {
    if (talk->has_ended || bw_timer_is_set(&talk->timer))
        return;
    while (talk->first && send_first(talk, now_ms)) {
    }
    if (talk->has_ended)
        return;
    if (!talk->first && talk->ends_after_all)
        finish(talk, BW_OK, NULL);
    else
        limit_reading(talk);
}

void talk_go_on(struct talk *talk) {
    go_on(talk, bw_server_call_now(talk->call));
}

void talk_end_after_all(struct talk *talk) {
    talk->ends_after_all = true;
    talk_go_on(talk);
}

void talks_tick(struct talks *all, uint64_t now_ms) {
    struct bw_timer *timer;
    while ((timer = bw_timers_pop_due(&all->timers, now_ms)) != NULL)
        go_on(BW_OWNER_OF(timer, struct talk, timer), now_ms);
}
