/* Deadlines and cancellation in every phase of a call. */
#include "world.h"

#define ANSWERED "headers; message pong; end OK SERVER"

/* The phases in which a call can be overtaken, and what of it was told by then. */
static const struct phase {
    const char *name, *told, *script; /* script: what the server has answered; NULL: no request reached it */
    const char *target;
    enum dialling dialling;
    const char *resets; /* the server sees them */
} phases[] = {
    {"looking up", "", NULL, "b.test:5001", DIAL_HANG, ""},
    {"connecting", "", NULL, "127.0.0.1:5001", DIAL_HANG, ""},
    {"waiting for SETTINGS", "", NULL, "127.0.0.1:5001", DIAL_RAW, ""},
    {"sent", "", "", "127.0.0.1:5001", DIAL_ACCEPT, "CANCEL "},
    {"headers came", "headers; ", "H " GRPC, "127.0.0.1:5001", DIAL_ACCEPT, "CANCEL "},
    {"a message came", "headers; message one; ", "H " GRPC "|M one", "127.0.0.1:5001", DIAL_ACCEPT,
     "CANCEL "},
    {"half a message came", "headers; ", "H " GRPC "|D 000000000541", "127.0.0.1:5001", DIAL_ACCEPT,
     "CANCEL "},
};
enum { PHASES = sizeof phases / sizeof phases[0] };

static struct call *enter(struct world *world, const struct phase *phase, uint64_t deadline_ms) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Stream";
    options.kind = BW_SERVER_STREAMING;
    options.deadline_ms = deadline_ms;
    world_open(world, phase->target);
    world->dialling = phase->dialling;
    world->answer = NULL;
    struct call *call = world_call(world, &options);
    world_settle(world);
    if (phase->script) {
        assert_int_equal(world->held_count, 1);
        world_play(world->held[0], phase->script);
        world_settle(world);
    }
    return call;
}

static void check_end(struct world *world, struct call *call, const struct phase *phase, const char *end) {
    char expected[128] = "";
    strcat(strcat(expected, phase->told), end);
    world_settle(world);
    if (strcmp(call_trace(call), expected) != 0)
        fail_msg("%s: %s, expected %s", phase->name, call_trace(call), expected);
    assert_string_equal(bw_buf_text(&world->resets), phase->resets);
    assert_int_equal(bw_channel_calls(world->channel), 0);
    world_advance(world, 100000); /* nothing follows */
    world_settle(world);
    assert_int_equal(call->ends, 1);
}

static void a_deadline_ends_a_call_in_every_phase(void **state) {
    (void)state;
    for (size_t i = 0; i < PHASES; i++) {
        struct world world;
        struct call *call = enter(&world, &phases[i], START_MS + 1000);
        world_advance(&world, 999);
        assert_int_equal(call->ends, 0);
        world_advance(&world, 1);
        check_end(&world, call, &phases[i], "end DEADLINE_EXCEEDED LOCAL");
        assert_int_equal(call->result.at_ms, START_MS + 1000);
        assert_int_equal(call->result.sent, phases[i].script != NULL);
        world_close(&world);
    }
}

static void a_call_is_cancelled_once_in_every_phase(void **state) {
    (void)state;
    for (size_t i = 0; i < PHASES; i++) {
        struct world world;
        struct call *call = enter(&world, &phases[i], BW_NEVER);
        world.now_ms += 70;
        call_cancel(call);
        call_cancel(call);
        world.now_ms += 5;
        check_end(&world, call, &phases[i], "end CANCELLED LOCAL");
        assert_int_equal(call->result.at_ms, START_MS + 70);
        world_close(&world);
    }
}

static void a_call_may_be_cancelled_before_anything_happened(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    struct call *call = world_call(&world, NULL);
    call_cancel(call);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end CANCELLED LOCAL");
    assert_int_equal(world.links_count, 1); /* the connection is made all the same */
    assert_int_equal(world.links[0].streams, 0);
    world_close(&world);
}

static void cancel(struct call *call) {
    bw_call_cancel(call->call, call->world->now_ms);
    assert_int_equal(call->ends, 0);
}

static void a_call_may_be_cancelled_from_inside_its_own_events(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = "H " GRPC "|M one|M two|T grpc-status=0";
    struct call *early = world_stream(&world), *late = world_stream(&world);
    early->on_headers = cancel;
    late->on_message = cancel;
    world_settle(&world);
    assert_string_equal(call_trace(early), "headers; end CANCELLED LOCAL");
    assert_string_equal(call_trace(late), "headers; message one; end CANCELLED LOCAL");
    world_close(&world);
}

static void cancel_the_first(struct call *call) {
    if (call->world->calls[0]->call)
        bw_call_cancel(call->world->calls[0]->call, call->world->now_ms);
}

static void a_call_may_be_cancelled_from_inside_another_ones_end(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = NULL;
    struct call *first = world_call(&world, NULL), *second = world_call(&world, NULL);
    second->on_end = cancel_the_first;
    world_settle(&world);
    world_play(world.held[1], ANSWER);
    world_settle(&world);
    assert_string_equal(call_trace(second), ANSWERED);
    assert_string_equal(call_trace(first), "end CANCELLED LOCAL");
    world_close(&world);
}

static void a_status_that_came_first_wins_over_a_cancel(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = "H " GRPC "|M one|T grpc-status=0";
    struct call *call = world_call(&world, NULL);
    call->on_message = cancel; /* a unary call's message is told when its status is known */
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message one; end OK SERVER");
    world_close(&world);
}

static void an_answer_after_the_deadline_is_too_late(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = NULL;
    struct call *call = world_call_within(&world, 1000);
    world_settle(&world);
    world_play(world.held[0], ANSWER);
    world.now_ms += 1000; /* both are due in the same turn */
    struct link *link = world_link(&world);
    uint8_t bytes[4096];
    size_t n = bw_h2_drain(link->server, world.now_ms, bytes, sizeof bytes);
    link->client.ops->feed(link->client.self, world.now_ms, bytes, n);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end DEADLINE_EXCEEDED LOCAL");
    world_close(&world);
}

static void a_deadline_that_is_over_at_the_start_sends_nothing(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    struct call *call = world_call_within(&world, 0);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end DEADLINE_EXCEEDED LOCAL");
    assert_false(call->result.sent);
    assert_string_equal(world_wishes(&world), "");
    world_close(&world);
}

static void a_call_queued_in_the_connection_has_its_deadline_too(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.concurrent_streams = 1;
    world.answer = NULL;
    struct call *running = world_call(&world, NULL);
    world_settle(&world);
    struct call *queued = world_call_within(&world, 500), *third = world_call(&world, NULL);
    world_advance(&world, 500);
    world_settle(&world);
    assert_string_equal(call_trace(queued), "end DEADLINE_EXCEEDED LOCAL");
    world_play(world.held[0], ANSWER);
    world.answer = ANSWER;
    world_settle(&world);
    assert_string_equal(call_trace(running), ANSWERED);
    assert_string_equal(call_trace(third), ANSWERED);
    assert_int_equal(world.links[0].streams, 2); /* the queued one never went out */
    assert_string_equal(bw_buf_text(&world.resets), "");
    world_close(&world);
}

static void a_patient_call_waits_out_failures_until_its_deadline(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.dialling = DIAL_REFUSE;
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Call";
    options.wait_for_ready = true;
    options.deadline_ms = START_MS + 10000;
    struct call *call = world_call(&world, &options);
    world_advance(&world, 9999);
    assert_string_equal(call_trace(call), "");
    world_advance(&world, 1);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end DEADLINE_EXCEEDED LOCAL");
    assert_int_equal(call->result.at_ms, START_MS + 10000);
    world_close(&world);
}

static void a_cancel_by_the_server_after_our_deadline_is_our_deadline(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = NULL;
    struct call *before = world_call_within(&world, 1000), *after = world_call_within(&world, 1000);
    world_settle(&world);
    world_advance(&world, 999);
    bw_h2_reset(world.held[0], BW_H2_CANCEL);
    world_settle(&world);
    assert_string_equal(call_trace(before), "end CANCELLED TRANSPORT");
    bw_h2_reset(world.held[1], BW_H2_CANCEL);
    world.now_ms += 1;
    world_settle(&world);
    assert_int_equal(after->result.code, BW_DEADLINE_EXCEEDED);
    world_close(&world);
}

static void many_deadlines_at_once_end_many_calls(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.cut_off = true;
    for (int i = 0; i < 1000; i++)
        world_call_within(&world, 1000 + (uint64_t)(i % 7));
    world_advance(&world, 1006);
    world_settle(&world);
    for (int i = 0; i < 1000; i++)
        assert_string_equal(call_trace(world.calls[i]), "end DEADLINE_EXCEEDED LOCAL");
    assert_int_equal(bw_channel_calls(world.channel), 0);
    world_close(&world);
}

BW_TESTS(cmocka_unit_test(a_deadline_ends_a_call_in_every_phase),
         cmocka_unit_test(a_call_is_cancelled_once_in_every_phase),
         cmocka_unit_test(a_call_may_be_cancelled_before_anything_happened),
         cmocka_unit_test(a_call_may_be_cancelled_from_inside_its_own_events),
         cmocka_unit_test(a_call_may_be_cancelled_from_inside_another_ones_end),
         cmocka_unit_test(a_status_that_came_first_wins_over_a_cancel),
         cmocka_unit_test(an_answer_after_the_deadline_is_too_late),
         cmocka_unit_test(a_deadline_that_is_over_at_the_start_sends_nothing),
         cmocka_unit_test(a_call_queued_in_the_connection_has_its_deadline_too),
         cmocka_unit_test(a_patient_call_waits_out_failures_until_its_deadline),
         cmocka_unit_test(a_cancel_by_the_server_after_our_deadline_is_our_deadline),
         cmocka_unit_test(many_deadlines_at_once_end_many_calls))
