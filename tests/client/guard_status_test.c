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

/* ---- observers and status ---- */

static void the_observer_hears_each_call_and_each_change_once_in_order(void **state) {
    ONE_GUARD;
    world_call(&world, guard);
    assert_string_equal(world_trace(&world), "call OK closed; ");
    world_trip(&world, guard);
    assert_string_equal(world_trace(&world),
                        "call INTERNAL closed; call INTERNAL closed; call INTERNAL open; "
                        "closed>open CONSECUTIVE; ");
    world_call(&world, guard);
    assert_string_equal(world_trace(&world), "reject UNAVAILABLE open; ");
    world_advance(&world, OPEN_MS);
    assert_string_equal(world_trace(&world), "open>half_open OPEN_ELAPSED; ");
    world_next_answer(&world, (struct answer){.code = BW_UNAVAILABLE});
    world_call(&world, guard);
    assert_string_equal(world_trace(&world), "call UNAVAILABLE open probe; half_open>open PROBE_FAILED; ");
    world_advance(&world, OPEN_MS);
    world_call(&world, guard);
    assert_string_equal(world_trace(&world),
                        "open>half_open OPEN_ELAPSED; call OK closed probe; "
                        "half_open>closed PROBES_OK; ");
    world_close(&world);
}

static void a_change_says_what_it_was_seen_after(void **state) {
    ONE_GUARD;
    struct guard_change change;
    world_trip(&world, guard);
    assert_int_equal(guard_last_change(guard), 1);
    assert_int_equal(guard_changes(guard, 0, &change, 1), 1);
    assert_int_equal(guard_changes(guard, 1, &change, 1), 0);
    assert_string_equal(change.breaker, "ServiceB_CB");
    assert_int_equal(change.seq, 1);
    assert_int_equal(change.at_ms, world.now_ms);
    assert_string_equal(change.from, "closed");
    assert_string_equal(change.to, "open");
    assert_string_equal(change.reason, "CONSECUTIVE");
    assert_true(change.transition);
    assert_int_equal(change.generation, 2);
    assert_true(change.value == TRIP && change.threshold == TRIP);
    assert_int_equal(change.retry_after_ms, OPEN_MS);
    assert_string_equal(change.last_code, "INTERNAL");
    assert_int_equal(change.last_count, TRIP);
    assert_string_equal(change.last[0].code, "INTERNAL");
    world_close(&world);
}

static void changes_are_copied_from_any_place_on(void **state) {
    ONE_GUARD;
    struct guard_change changes[32];
    for (int i = 0; i < 7; i++) {
        world_trip(&world, guard);
        world_advance(&world, OPEN_MS);
        world_call(&world, guard);
    }
    assert_int_equal(guard_last_change(guard), 21);
    assert_int_equal(guard_changes(guard, 2, changes, 32), 19);
    for (size_t i = 0; i < 19; i++)
        assert_int_equal(changes[i].seq, 3 + i);
    assert_int_equal(guard_changes(guard, 2, changes, 12), 12);
    assert_int_equal(changes[11].seq, 14);
    world_close(&world);
}

static void the_status_of_a_fresh_guard(void **state) {
    ONE_GUARD;
    struct guard_status status = status_of(&world, guard);
    assert_string_equal(status.name, "ServiceB_CB");
    assert_string_equal(guard_name(guard), "ServiceB_CB");
    assert_string_equal(status.state, "closed");
    assert_string_equal(status.view, "closed");
    assert_string_equal(status.last_reason, "");
    assert_int_equal(status.generation, 1);
    assert_true(status.retry_known);
    assert_int_equal(status.retry_after_ms, 0);
    assert_int_equal(status.failure_threshold, TRIP);
    assert_int_equal(status.open_ms, OPEN_MS);
    assert_int_equal(status.call_timeout_ms, TIMEOUT_MS);
    assert_true(status.lease_ms > TIMEOUT_MS); /* a probe may take its whole timeout */
    assert_false(status.has_failure);
    assert_int_equal(status.last_transition_ms, START_MS);
    assert_int_equal(status.admitted + status.opened + status.closed, 0);
    world_close(&world);
}

static void the_status_tells_what_happened(void **state) {
    ONE_GUARD;
    world_call(&world, guard);
    world_advance(&world, 250);
    world_trip(&world, guard);
    world_call(&world, guard);
    world_advance(&world, 400);
    struct guard_status status = status_of(&world, guard);
    assert_string_equal(status.state, "open");
    assert_string_equal(status.last_reason, "CONSECUTIVE");
    assert_int_equal(status.generation, 2);
    assert_int_equal(status.failure_count, TRIP);
    assert_int_equal(status.open_attempt, 1);
    assert_int_equal(status.retry_after_ms, OPEN_MS - 400);
    assert_true(status.has_failure);
    assert_int_equal(status.last_failure_ms, START_MS + 250);
    assert_int_equal(status.last_transition_ms, START_MS + 250);
    assert_int_equal(status.admitted, 4);
    assert_int_equal(status.ok, 1);
    assert_int_equal(status.failed, 3);
    assert_int_equal(status.rejected_open, 1);
    assert_int_equal(status.opened, 1);
    world_close(&world);
}

static void a_guard_held_open_by_hand_knows_no_retry_time(void **state) {
    ONE_GUARD;
    world_hold(&world, guard);
    assert_string_equal(world_trace(&world), "closed>forced_open OPERATOR; ");
    struct seen *seen = world_call(&world, guard);
    assert_true(seen->rejected);
    assert_true(seen->forced);
    assert_int_equal(seen->retry_after_ms, 0);
    assert_string_equal(seen->message, "the circuit is held open by an operator");
    world_advance(&world, 100 * OPEN_MS);
    struct guard_status status = status_of(&world, guard);
    assert_string_equal(status.state, "forced_open");
    assert_false(status.retry_known);
    assert_int_equal(status.rejected_forced, 1);
    assert_int_equal(status.opened, 1);
    assert_int_equal(world.b.received, 0);
    world_close(&world);
}

static void reading_changes_nothing(void **state) {
    ONE_GUARD;
    struct guard_status status;
    world_trip(&world, guard);
    guard_status(guard, world.now_ms + OPEN_MS, &status);
    assert_string_equal(status.state, "open");
    assert_string_equal(status.view, "half_open");
    assert_int_equal(guard_last_change(guard), 1);
    world_close(&world);
}

static void two_guards_on_one_channel_know_nothing_of_each_other(void **state) {
    ONE_GUARD;
    struct guard *control = world_guard(&world, "ServiceB_Control_CB", NULL);
    world_trip(&world, guard);
    assert_int_equal(world_call(&world, control)->code, BW_OK);
    assert_string_equal(world_state(&world, control), "closed");
    assert_int_equal(world.to_b.dials, 1);
    world_close(&world);
}

static void a_states_number_is_that_of_the_protocol(void **state) {
    (void)state;
    assert_int_equal(guard_state_number("closed"), 1);
    assert_int_equal(guard_state_number("open"), 2);
    assert_int_equal(guard_state_number("half_open"), 3);
    assert_int_equal(guard_state_number("forced_open"), 4);
    assert_int_equal(guard_state_number("disabled"), 5);
    assert_int_equal(guard_state_number("metrics_only"), 6);
    assert_int_equal(guard_state_number("ajar"), 0);
}

/* ---- life ---- */

static void a_guard_can_be_freed_with_calls_open(void **state) {
    ONE_GUARD;
    struct guard *control = world_guard(&world, "ServiceB_Control_CB", NULL);
    world_trip(&world, guard);
    world.b.answer.never = true;
    world_start(&world, control, NULL);
    world_settle(&world);
    struct seen *rejected = world_start(&world, guard, NULL);
    world_cancel(&world, world_start(&world, control, NULL));
    world_close(&world); /* the sanitizer tells of leaks */
    assert_int_equal(rejected->ends, 0);
}

static void calls_that_wait_for_a_connection_are_dropped_unheard(void **state) {
    ONE_GUARD;
    world.to_b.dialling = DIAL_HANG;
    struct seen *seen = world_call(&world, guard);
    assert_int_equal(guard_calls(guard), 1);
    world_close(&world);
    assert_int_equal(seen->ends, 0);
}

static void a_configuration_that_its_check_refuses_makes_no_guard(void **state) {
    ONE_GUARD;
    (void)guard;
    struct bw_breaker_config breaker;
    world_breaker_config(&breaker);
    breaker.open_ms = 0;
    struct guard_config config = {.name = "x", .breaker = &breaker, .channel = world.to_b.channel};
    assert_null(guard_new(&config, bw_wire_wake(), world.now_ms));
    world_breaker_config(&breaker);
    config.name = "a name of more than sixty-three bytes, so that it does not fit into a status";
    assert_null(guard_new(&config, bw_wire_wake(), world.now_ms));
    guard_free(NULL);
    world_close(&world);
}

BW_TESTS(cmocka_unit_test(the_observer_hears_each_call_and_each_change_once_in_order),
         cmocka_unit_test(a_change_says_what_it_was_seen_after),
         cmocka_unit_test(changes_are_copied_from_any_place_on),
         cmocka_unit_test(the_status_of_a_fresh_guard), cmocka_unit_test(the_status_tells_what_happened),
         cmocka_unit_test(reading_changes_nothing),
         cmocka_unit_test(two_guards_on_one_channel_know_nothing_of_each_other),
         cmocka_unit_test(a_states_number_is_that_of_the_protocol),
         cmocka_unit_test(a_guard_can_be_freed_with_calls_open),
         cmocka_unit_test(calls_that_wait_for_a_connection_are_dropped_unheard),
         cmocka_unit_test(a_configuration_that_its_check_refuses_makes_no_guard),
         cmocka_unit_test(a_guard_held_open_by_hand_knows_no_retry_time))
