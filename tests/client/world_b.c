/* service-b by script: answers, delays and silence. */
#include "world.h"

#include <stdio.h>

static void add_field(struct bw_server_call *call, const char *field,
                      enum bw_metadata_result (*add)(struct bw_server_call *, struct bw_span,
                                                     struct bw_span)) {
    if (!field)
        return;
    const char *equals = strchr(field, '=');
    assert_non_null(equals);
    assert_int_equal(add(call, bw_span_of(field, (size_t)(equals - field)), bw_span_text(equals + 1)),
                     BW_METADATA_ADDED);
}

static void add_details(struct bw_server_call *call, const struct answer *answer) {
    struct bw_buf details;
    if (!answer->retry_info_ms)
        return;
    bw_buf_init(&details, 0);
    assert_true(bw_status_details(&details, (enum bw_code)answer->code, "later", answer->retry_info_ms));
    assert_true(bw_server_call_set_details(call, bw_buf_span(&details)));
    bw_buf_free(&details);
}

static void give(struct bw_server_call *call, const struct answer *answer) {
    add_field(call, answer->header, bw_server_call_add_header);
    add_field(call, answer->trailer, bw_server_call_add_trailer);
    add_details(call, answer);
    if (answer->pushback_ms)
        bw_server_call_set_pushback(call, answer->pushback_ms);
    if (answer->code == BW_OK)
        bw_server_call_reply(call, answer->response);
    else
        bw_server_call_finish(call, (enum bw_code)answer->code, answer->message);
}

static struct held *place(struct service_b *b) {
    for (size_t i = 0; i < HELD_MAX; i++)
        if (!b->held[i].call)
            return &b->held[i];
    fail_msg("more than %d calls are held", HELD_MAX);
    return NULL;
}

static void note(struct service_b *b, struct bw_server_call *call, struct bw_span message) {
    b->received++;
    snprintf(b->path, sizeof b->path, "%s", bw_server_call_path(call));
    bw_buf_clear(&b->request);
    bw_buf_append_span(&b->request, message);
    bw_metadata_free(b->metadata);
    b->metadata = bw_metadata_copy(bw_server_call_metadata(call));
    b->deadline_ms = bw_server_call_deadline(call);
}

static void on_message(void *service, struct bw_server_call *call, struct bw_span message) {
    struct world *world = service;
    struct service_b *b = &world->b;
    struct answer answer = b->taken < b->queued ? b->queue[b->taken++ % QUEUE_MAX] : b->answer;
    note(b, call, message);
    if (!answer.never && !answer.after_ms) {
        give(call, &answer);
        return;
    }
    *place(b) = (struct held){call, answer.never ? BW_NEVER : world->now_ms + answer.after_ms, answer};
}

static void on_end(void *service, struct bw_server_call *call, enum bw_call_end how) {
    struct service_b *b = &((struct world *)service)->b;
    b->cancelled += how == BW_END_CANCELLED;
    b->expired += how == BW_END_DEADLINE;
    for (size_t i = 0; i < HELD_MAX; i++)
        if (b->held[i].call == call)
            b->held[i].call = NULL;
}

void service_b_add(struct world *world) {
    static const struct bw_handler handler = {.on_message = on_message, .on_end = on_end};
    struct bw_method data = {"/breakwire.demo.v1.DataService/", BW_UNARY, &handler, world, 0};
    struct bw_method control = {"/breakwire.demo.v1.ControlService/", BW_UNARY, &handler, world, 0};
    assert_int_equal(bw_server_add_prefix(world->to_b.server, &data), 0);
    assert_int_equal(bw_server_add_prefix(world->to_b.server, &control), 0);
    bw_buf_init(&world->b.request, 0);
}

bool service_b_step(struct world *world) {
    bool any = false;
    for (size_t i = 0; i < HELD_MAX; i++) {
        struct held held = world->b.held[i];
        if (!held.call || held.due_ms > world->now_ms)
            continue;
        world->b.held[i].call = NULL;
        give(held.call, &held.answer);
        any = true;
    }
    return any;
}

void service_b_free(struct service_b *b) {
    bw_metadata_free(b->metadata);
    bw_buf_free(&b->request);
}

void world_next_answer(struct world *world, struct answer answer) {
    assert_true(world->b.queued - world->b.taken < QUEUE_MAX);
    world->b.queue[world->b.queued++ % QUEUE_MAX] = answer;
}
