#include "world.h"

#define ONE_GUARD                                                                                            \
    struct world world;                                                                                      \
    (void)state;                                                                                             \
    world_open(&world);                                                                                      \
    struct guard *guard = world_guard(&world, "ServiceB_CB", NULL)

static struct guard_status status_of(const struct world *world, const struct guard *guard) {
    struct guard_status status;
    guard_status(guard, world->now_ms, &status);
    return status;
}

/* ---- a call ---- */

static void an_admitted_call_goes_through_as_it_is(void **state) {
    ONE_GUARD;
    struct bw_metadata *metadata = bw_metadata_new();
    bw_metadata_add(metadata, bw_span_text("x-who"), bw_span_text("me"));
    struct guard_request request = {.path = "/breakwire.demo.v1.DataService/Any",
                                    .message = bw_span_text("ping"),
                                    .metadata = metadata,
                                    .deadline_ms = BW_NEVER};
    world.b.answer = (struct answer){
        .after_ms = 30, .response = bw_span_text("pong"), .header = "x-head=1", .trailer = "x-tail=2"};
    struct seen *seen = world_start(&world, guard, &request);
    bw_metadata_free(metadata); /* it is copied */
    world_advance(&world, 29);
    assert_int_equal(seen->ends, 0);
    assert_int_equal(guard_calls(guard), 1);
    world_advance(&world, 1);
    assert_int_equal(seen->ends, 1);
    assert_int_equal(guard_calls(guard), 0);
    assert_string_equal(world.b.path, "/breakwire.demo.v1.DataService/Any");
    assert_true(bw_span_is(bw_buf_span(&world.b.request), "ping"));
    assert_true(bw_span_is(bw_metadata_find(world.b.metadata, "x-who"), "me"));
    assert_string_equal(seen->code_name, "OK");
    assert_string_equal(seen->breaker, "ServiceB_CB");
    assert_string_equal(seen->state, "closed");
    assert_int_equal(seen->latency_ms, 30);
    assert_false(seen->probe);
    assert_true(bw_span_is(bw_buf_span(&seen->response), "pong"));
    assert_true(bw_span_is(bw_metadata_find(seen->headers, "x-head"), "1"));
    assert_true(bw_span_is(bw_metadata_find(seen->trailers, "x-tail"), "2"));
    world_close(&world);
}

static void a_failed_call_brings_everything_the_peer_said(void **state) {
    ONE_GUARD;
    world.b.answer = (struct answer){.code = BW_NOT_FOUND,
                                     .message = "no such thing",
                                     .trailer = "x-tail=2",
                                     .retry_info_ms = 1500,
                                     .pushback_ms = 700};
    struct seen *seen = world_call(&world, guard);
    assert_int_equal(seen->code, BW_NOT_FOUND);
    assert_string_equal(seen->message, "no such thing");
    assert_true(bw_span_is(bw_metadata_find(seen->trailers, "x-tail"), "2"));
    assert_int_equal(bw_status_details_retry_ms(bw_buf_span(&seen->details)), 1500);
    assert_true(seen->has_pushback);
    assert_int_equal(seen->pushback_ms, 700);
    assert_int_equal(status_of(&world, guard).ok, 1); /* the peer works, it only has no such thing */
    world_close(&world);
}

static void nothing_is_delivered_inside_guard_start(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    struct seen *rejected = world_start(&world, guard, NULL);
    assert_int_equal(rejected->ends, 0); /* also asserted by world_start for all others */
    assert_int_equal(guard_calls(guard), 1);
    struct bw_clocked clocked = guard_clocked(guard);
    assert_true(clocked.ops->next_deadline(clocked.self) <= world.now_ms);
    clocked.ops->tick(clocked.self, world.now_ms);
    assert_int_equal(rejected->ends, 1);
    assert_int_equal(guard_calls(guard), 0);
    world_close(&world);
}

/* ---- open ---- */

static void three_failures_open_and_the_fourth_call_never_reaches_the_server(void **state) {
    ONE_GUARD;
    world.b.answer = (struct answer){.code = BW_INTERNAL, .message = "failing"};
    assert_string_equal(world_call(&world, guard)->state, "closed");
    assert_string_equal(world_call(&world, guard)->state, "closed");
    assert_string_equal(world_call(&world, guard)->state, "open");
    assert_int_equal(world.b.received, 3);
    struct seen *fourth = world_call(&world, guard);
    assert_int_equal(world.b.received, 3);
    assert_true(fourth->rejected);
    assert_false(fourth->forced);
    assert_int_equal(fourth->code, BW_UNAVAILABLE);
    assert_string_equal(fourth->message, "the circuit is open");
    assert_string_equal(fourth->state, "open");
    assert_int_equal(fourth->retry_after_ms, OPEN_MS);
    assert_int_equal(fourth->latency_ms, 0);
    world_close(&world);
}

static void a_success_between_failures_keeps_it_closed(void **state) {
    ONE_GUARD;
    for (int i = 0; i < 9; i++) {
        world.b.answer.code = i % 3 == 2 ? BW_OK : BW_UNAVAILABLE;
        assert_string_equal(world_call(&world, guard)->state, "closed");
    }
    world_close(&world);
}

static void codes_that_blame_the_caller_do_not_open(void **state) {
    ONE_GUARD;
    world.b.answer.code = BW_INVALID_ARGUMENT;
    for (int i = 0; i < 5; i++)
        assert_string_equal(world_call(&world, guard)->state, "closed");
    world_close(&world);
}

static void rejected_calls_do_not_push_the_countdown_out(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    for (uint64_t waited = 0; waited < OPEN_MS; waited += 100) {
        struct seen *seen = world_call(&world, guard);
        assert_true(seen->rejected);
        assert_int_equal(seen->retry_after_ms, OPEN_MS - waited);
        world_advance(&world, 100);
    }
    assert_false(world_call(&world, guard)->rejected);
    world_close(&world);
}

static void the_open_time_ends_by_itself(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    world_advance(&world, OPEN_MS - 1);
    assert_string_equal(world_state(&world, guard), "open");
    world_advance(&world, 1);
    assert_string_equal(world_state(&world, guard), "half_open");
    world_close(&world);
}

static void a_pushback_of_the_peer_keeps_it_open_longer(void **state) {
    ONE_GUARD;
    world.b.answer = (struct answer){.code = BW_UNAVAILABLE, .pushback_ms = 5000};
    for (int i = 0; i < TRIP; i++)
        world_call(&world, guard);
    assert_int_equal(world_call(&world, guard)->retry_after_ms, 5000);
    world_close(&world);
}

/* ---- half open ---- */

static void exactly_one_probe_goes_out(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    world_advance(&world, OPEN_MS);
    world.b.answer.after_ms = 500;
    struct seen *probe = world_start(&world, guard, NULL);
    struct seen *second = world_start(&world, guard, NULL), *third = world_start(&world, guard, NULL);
    world_settle(&world);
    assert_int_equal(world.b.received, TRIP + 1);
    assert_true(second->rejected);
    assert_true(third->rejected);
    assert_string_equal(second->state, "half_open");
    assert_true(second->retry_after_ms > 0);
    assert_int_equal(status_of(&world, guard).probes_in_flight, 1);
    world_advance(&world, 500);
    assert_int_equal(probe->code, BW_OK);
    assert_true(probe->probe);
    assert_string_equal(probe->state, "closed");
    world_close(&world);
}

static void a_probe_that_fails_opens_again(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    world_advance(&world, OPEN_MS);
    world.b.answer = (struct answer){.code = BW_UNAVAILABLE};
    struct seen *probe = world_call(&world, guard);
    assert_true(probe->probe);
    assert_string_equal(probe->state, "open");
    assert_true(world_call(&world, guard)->rejected);
    assert_int_equal(world.b.received, TRIP + 1);
    assert_int_equal(status_of(&world, guard).open_attempt, 2);
    world_close(&world);
}

static void half_open_waits_for_a_probe_as_long_as_it_takes(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    world_advance(&world, OPEN_MS + 3 * status_of(&world, guard).lease_ms);
    assert_string_equal(world_state(&world, guard), "half_open");
    struct seen *probe = world_call(&world, guard);
    assert_int_equal(probe->code, BW_OK);
    assert_string_equal(probe->state, "closed");
    assert_int_equal(status_of(&world, guard).lost_probe, 0);
    world_close(&world);
}

/* ---- time ---- */

static void a_call_that_takes_too_long_is_a_failure(void **state) {
    ONE_GUARD;
    world.b.answer.after_ms = TIMEOUT_MS + 2000;
    struct seen *seen = world_start(&world, guard, NULL);
    world_advance(&world, TIMEOUT_MS - 1);
    assert_int_equal(seen->ends, 0);
    world_advance(&world, 1);
    assert_int_equal(seen->code, BW_DEADLINE_EXCEEDED);
    assert_int_equal(seen->latency_ms, TIMEOUT_MS);
    assert_int_equal(status_of(&world, guard).failed, 1);
    assert_int_equal(status_of(&world, guard).consecutive, 1);
    world_trace(&world);
    world_advance(&world, 3000);
    assert_string_equal(world_trace(&world), ""); /* the late answer changes nothing */
    assert_int_equal(status_of(&world, guard).consecutive, 1);
    world_close(&world);
}

static void slow_calls_open_it(void **state) {
    ONE_GUARD;
    world.b.answer.never = true;
    for (int i = 0; i < TRIP; i++)
        world_start(&world, guard, NULL);
    world_advance(&world, TIMEOUT_MS);
    assert_string_equal(world_state(&world, guard), "open");
    world_close(&world);
}

static void a_good_answer_to_a_call_from_before_does_not_close(void **state) {
    ONE_GUARD;
    world_next_answer(&world, (struct answer){.after_ms = 2000});
    struct seen *slow = world_start(&world, guard, NULL);
    world_settle(&world);
    world_trip(&world, guard);
    world_advance(&world, 2000);
    assert_int_equal(slow->code, BW_OK);
    assert_string_equal(slow->state, "half_open");
    assert_int_equal(status_of(&world, guard).stale, 1);
    world_close(&world);
}

static void a_caller_with_too_little_time_says_nothing_about_the_peer(void **state) {
    ONE_GUARD;
    world.b.answer.never = true;
    for (int i = 0; i < 5; i++) {
        struct guard_request request = {.path = "/breakwire.demo.v1.DataService/GetData",
                                        .deadline_ms = world.now_ms + 50};
        struct seen *seen = world_start(&world, guard, &request);
        world_advance(&world, 50);
        assert_int_equal(seen->code, BW_DEADLINE_EXCEEDED);
        assert_string_equal(seen->state, "closed");
    }
    assert_int_equal(status_of(&world, guard).ignored, 5);
    world_close(&world);
}

static void a_caller_whose_time_is_over_says_nothing_about_the_peer(void **state) {
    ONE_GUARD;
    for (int i = 0; i < 5; i++) {
        struct guard_request request = {.path = "/breakwire.demo.v1.DataService/GetData",
                                        .deadline_ms = world.now_ms - 1};
        struct seen *seen = world_start(&world, guard, &request);
        world_settle(&world);
        assert_int_equal(seen->code, BW_DEADLINE_EXCEEDED);
        assert_string_equal(seen->state, "closed");
    }
    assert_int_equal(world.b.received, 0);
    assert_int_equal(status_of(&world, guard).ignored, 5);
    world_close(&world);
}

static void the_guards_own_timeout_holds_for_patient_callers_too(void **state) {
    ONE_GUARD;
    struct guard_request request = {.path = "/breakwire.demo.v1.DataService/GetData",
                                    .deadline_ms = world.now_ms + 60000};
    world.b.answer.never = true;
    struct seen *seen = world_start(&world, guard, &request);
    world_advance(&world, TIMEOUT_MS);
    assert_int_equal(seen->code, BW_DEADLINE_EXCEEDED);
    assert_int_equal(status_of(&world, guard).failed, 1);
    world_close(&world);
}

/* ---- hanging up ---- */

static void a_cancelled_call_is_not_heard_of_and_not_counted(void **state) {
    ONE_GUARD;
    world.b.answer.never = true;
    struct seen *seen[5];
    for (int i = 0; i < 5; i++)
        seen[i] = world_start(&world, guard, NULL);
    world_settle(&world);
    for (int i = 0; i < 5; i++)
        world_cancel(&world, seen[i]);
    world_advance(&world, 2 * TIMEOUT_MS);
    for (int i = 0; i < 5; i++)
        assert_int_equal(seen[i]->ends, 0);
    assert_int_equal(world.b.cancelled, 5);
    assert_int_equal(guard_calls(guard), 0);
    struct guard_status status = status_of(&world, guard);
    assert_int_equal(status.ignored, 5);
    assert_int_equal(status.failed + status.ok + status.twice, 0);
    assert_string_equal(status.state, "closed");
    assert_string_equal(world_trace(&world),
                        "call CANCELLED closed; call CANCELLED closed; "
                        "call CANCELLED closed; call CANCELLED closed; "
                        "call CANCELLED closed; ");
    world_close(&world);
}

static void a_cancelled_probe_gives_its_place_to_the_next_call(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    world_advance(&world, OPEN_MS);
    world_next_answer(&world, (struct answer){.never = true});
    struct seen *probe = world_start(&world, guard, NULL);
    world_settle(&world);
    assert_true(world_call(&world, guard)->rejected);
    world_cancel(&world, probe);
    struct seen *next = world_start(&world, guard, NULL); /* at once */
    world_settle(&world);
    assert_int_equal(next->code, BW_OK);
    assert_string_equal(next->state, "closed");
    assert_int_equal(probe->ends, 0);
    world_close(&world);
}

static void a_rejected_call_can_be_cancelled_before_it_is_told(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    struct seen *seen = world_start(&world, guard, NULL);
    world_cancel(&world, seen);
    world_settle(&world);
    assert_int_equal(seen->ends, 0);
    assert_int_equal(guard_calls(guard), 0);
    world_close(&world);
}

/* Only counted: the caller asks again as soon as it is rejected. */
struct stubborn {
    struct world *world;
    struct guard *guard;
    unsigned rejects;
};

static void ask_again(void *user, const struct guard_result *result) {
    struct stubborn *stubborn = user;
    struct guard_request request = {.path = "/breakwire.demo.v1.DataService/X", .deadline_ms = BW_NEVER};
    stubborn->rejects += result->rejected;
    assert_non_null(guard_start(stubborn->guard, stubborn->world->now_ms, &request, ask_again, stubborn));
}

static void who_asks_again_at_once_does_not_hold_the_loop(void **state) {
    ONE_GUARD;
    world_trip(&world, guard);
    struct stubborn stubborn = {&world, guard, 0};
    struct guard_result result = {.rejected = false};
    ask_again(&stubborn, &result);
    struct bw_clocked clocked = guard_clocked(guard);
    for (unsigned ticks = 1; ticks <= 3; ticks++) {
        clocked.ops->tick(clocked.self, world.now_ms);
        assert_int_equal(stubborn.rejects, ticks);
    }
    world_close(&world);
}

/* ---- a dead server ---- */

static void a_dead_server_fails_at_once_and_a_probe_finds_it_alive_again(void **state) {
    ONE_GUARD;
    assert_int_equal(world_call(&world, guard)->code, BW_OK);
    world_b_dies(&world);
    for (int i = 0; i < TRIP; i++) {
        struct seen *seen = world_call(&world, guard);
        assert_int_equal(seen->code, BW_UNAVAILABLE);
        assert_false(seen->rejected);
        assert_int_equal(seen->latency_ms, 0);
    }
    for (int i = 0; i < 8; i++) { /* long enough for a backoff of many seconds */
        world_advance(&world, OPEN_MS);
        struct seen *probe = world_call(&world, guard);
        assert_true(probe->probe);
        assert_string_equal(probe->state, "open");
    }
    world_b_lives(&world);
    assert_true(world_call(&world, guard)->rejected);
    assert_int_equal(world.b.received, 1);
    world_advance(&world, OPEN_MS);
    struct seen *probe = world_call(&world, guard);
    assert_int_equal(probe->code, BW_OK);
    assert_string_equal(probe->state, "closed");
    world_close(&world);
}

static void a_connection_that_breaks_fails_its_calls(void **state) {
    ONE_GUARD;
    world.b.answer.never = true;
    struct seen *first = world_start(&world, guard, NULL), *second = world_start(&world, guard, NULL);
    world_settle(&world);
    world_b_dies(&world);
    assert_int_equal(first->code, BW_UNAVAILABLE);
    assert_int_equal(second->code, BW_UNAVAILABLE);
    assert_int_equal(status_of(&world, guard).consecutive, 2);
    world_close(&world);
}

BW_TESTS(cmocka_unit_test(an_admitted_call_goes_through_as_it_is),
         cmocka_unit_test(a_failed_call_brings_everything_the_peer_said),
         cmocka_unit_test(nothing_is_delivered_inside_guard_start),
         cmocka_unit_test(three_failures_open_and_the_fourth_call_never_reaches_the_server),
         cmocka_unit_test(a_success_between_failures_keeps_it_closed),
         cmocka_unit_test(codes_that_blame_the_caller_do_not_open),
         cmocka_unit_test(rejected_calls_do_not_push_the_countdown_out),
         cmocka_unit_test(the_open_time_ends_by_itself),
         cmocka_unit_test(a_pushback_of_the_peer_keeps_it_open_longer),
         cmocka_unit_test(exactly_one_probe_goes_out), cmocka_unit_test(a_probe_that_fails_opens_again),
         cmocka_unit_test(half_open_waits_for_a_probe_as_long_as_it_takes),
         cmocka_unit_test(a_call_that_takes_too_long_is_a_failure), cmocka_unit_test(slow_calls_open_it),
         cmocka_unit_test(a_good_answer_to_a_call_from_before_does_not_close),
         cmocka_unit_test(a_caller_with_too_little_time_says_nothing_about_the_peer),
         cmocka_unit_test(a_caller_whose_time_is_over_says_nothing_about_the_peer),
         cmocka_unit_test(the_guards_own_timeout_holds_for_patient_callers_too),
         cmocka_unit_test(a_cancelled_call_is_not_heard_of_and_not_counted),
         cmocka_unit_test(a_cancelled_probe_gives_its_place_to_the_next_call),
         cmocka_unit_test(a_rejected_call_can_be_cancelled_before_it_is_told),
         cmocka_unit_test(who_asks_again_at_once_does_not_hold_the_loop),
         cmocka_unit_test(a_dead_server_fails_at_once_and_a_probe_finds_it_alive_again),
         cmocka_unit_test(a_connection_that_breaks_fails_its_calls))
