/* "Why did it open?": what the events, the counters and the snapshot say. */
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "scene.h"

static void the_trip_event_names_policy_threshold_value_code_and_the_last_results(void **state) {
    (void)state;
    struct scene s;
    struct bw_event event;
    scene_start_at(&s, "trip_consecutive=3 open_ms=100", 1000);
    scene_play(&s,
               "1010 call ok latency=7\n"
               "1020 call fail code=4 latency=3000\n"
               "1020 call ignored\n"
               "1030 call fail code=13 latency=20\n"
               "1040 call fail code=14 latency=0\n");
    assert_int_equal(bw_breaker_events(s.breaker, 0, &event, 1), 1);
    assert_int_equal(event.seq, 1);
    assert_int_equal(event.at_ms, 1040);
    assert_int_equal(event.from, BW_CLOSED);
    assert_int_equal(event.to, BW_OPEN);
    assert_true(event.transition);
    assert_int_equal(event.generation, 2);
    assert_int_equal(event.reason, BW_REASON_CONSECUTIVE);
    assert_int_equal((int)event.value, 3);
    assert_int_equal((int)event.threshold, 3);
    assert_int_equal(event.code, 14);
    assert_int_equal(event.open_ms, 100);
    static const struct bw_event_call last[] = {{14, 0}, {13, 20}, {4, 3000}, {0, 7}};
    assert_int_equal(event.last_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(event.last[i].code, last[i].code);
        assert_int_equal(event.last[i].latency_ms, last[i].latency_ms);
    }
    scene_end(&s);
}

static void the_last_eight_results_are_kept_and_a_huge_latency_fits(void **state) {
    (void)state;
    struct scene s;
    struct bw_event event;
    scene_start(&s, "trip_consecutive=20");
    for (int i = 0; i < 20; i++)
        scene_play(&s,
                   i == 19 ? "5 call fail code=2 latency=99999999999\n" : "1 call fail code=13 latency=1\n");
    assert_int_equal(bw_breaker_events(s.breaker, 0, &event, 1), 1);
    assert_int_equal(event.last_count, 8);
    assert_int_equal(event.last[0].code, 2);
    assert_int_equal(event.last[0].latency_ms, UINT32_MAX);
    assert_int_equal(event.last[7].code, 13);
    scene_end(&s);
}

static void every_generation_has_one_transition_event_in_order(void **state) {
    (void)state;
    struct scene s;
    struct bw_event events[BW_BREAKER_EVENTS_KEPT];
    scene_start(&s, "trip_consecutive=1 open_ms=16");
    scene_play(&s,
               "0 call fail pushback=32\n32 call fail\n48 call ok\n50 reset\n51 reconfigure open_ms=32\n52 "
               "hold a\n");
    size_t count = bw_breaker_events(s.breaker, 0, events, BW_BREAKER_EVENTS_KEPT);
    uint64_t generation = 1;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(events[i].seq, i + 1);
        generation += events[i].transition;
        assert_int_equal(events[i].generation, generation);
    }
    assert_int_equal(count, 9);
    scene_play(&s, "53 generation | 8\n");
    scene_end(&s);
}

static void a_longer_open_time_asked_for_by_the_peer_is_an_event_of_its_own(void **state) {
    (void)state;
    struct scene s;
    struct bw_event events[4];
    scene_start(&s, "trip_consecutive=1 open_ms=100");
    scene_play(&s, "0 call fail pushback=300\n");
    assert_int_equal(bw_breaker_events(s.breaker, 0, events, 4), 2);
    assert_int_equal(events[0].reason, BW_REASON_CONSECUTIVE);
    assert_int_equal(events[0].open_ms, 300);
    assert_int_equal(events[1].reason, BW_REASON_PUSHBACK);
    assert_false(events[1].transition);
    assert_int_equal(events[1].generation, 2);
    assert_int_equal((int)events[1].value, 300);
    assert_int_equal((int)events[1].threshold, 100);
    scene_end(&s);
}

static void a_reader_that_falls_behind_sees_the_gap(void **state) {
    (void)state;
    struct scene s;
    struct bw_event *events = calloc(400, sizeof *events);
    assert_non_null(events);
    scene_start(&s, "");
    for (uint64_t i = 1; i <= 300; i++)
        bw_breaker_reset(s.breaker, i);
    size_t count = bw_breaker_events(s.breaker, 10, events, 400);
    assert_int_equal(count, BW_BREAKER_EVENTS_KEPT);
    assert_int_equal(events[0].seq, 300 - BW_BREAKER_EVENTS_KEPT + 1);
    assert_int_equal(events[count - 1].seq, 300);
    assert_int_equal(events[count - 1].at_ms, 300);
    assert_int_equal(bw_breaker_events(s.breaker, 297, events, 2), 2);
    assert_int_equal(events[0].seq, 298);
    assert_int_equal(bw_breaker_events(s.breaker, 300, events, 400), 0);
    assert_int_equal(bw_breaker_events(s.breaker, UINT64_MAX, events, 400), 0);
    free(events);
    scene_end(&s);
}

static void the_generation_has_64_bits_though_the_word_keeps_17(void **state) {
    (void)state;
    struct scene s;
    struct bw_event event;
    scene_start(&s, "");
    scene_play(&s, "0 acquire a\n");
    for (int i = 1; i < 300000; i++)
        bw_breaker_reset(s.breaker, 0);
    scene_play(&s, "0 generation | 300000\n");
    assert_int_equal(bw_breaker_events(s.breaker, 299998, &event, 1), 1);
    assert_int_equal(event.generation, 300000);
    assert_int_equal(bw_breaker_transitions(s.breaker, BW_CLOSED, BW_CLOSED, BW_REASON_OPERATOR), 299999);
    scene_end(&s);
}

static void a_status_page_finds_everything_in_the_snapshot(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start_at(&s, "trip_consecutive=2 open_ms=160 probe_budget=2 probe_successes=2", 1000);
    bw_breaker_snapshot(s.breaker, 1000, &p);
    assert_string_equal(p.name, "scene");
    assert_int_equal(p.generation, 1);
    assert_true(p.last_failure_ms == BW_BREAKER_NEVER);
    assert_int_equal(p.last_failure_code, -1);
    assert_int_equal(p.last_transition_ms, 1000);
    scene_play(&s, "1010 call fail code=13\n1010 failure_count | 1\n1020 call fail\n1100 call ok\n");
    bw_breaker_snapshot(s.breaker, 1100, &p);
    assert_int_equal(p.state, BW_OPEN);
    assert_int_equal(p.view, BW_OPEN);
    assert_int_equal(p.retry_after_ms, 80);
    assert_int_equal(p.consecutive, 0);
    assert_int_equal(p.failure_count, 2);
    assert_int_equal(p.trip_consecutive, 2);
    assert_int_equal(p.open_ms, 160);
    assert_int_equal(p.last_failure_ms, 1020);
    assert_int_equal(p.last_failure_code, 14);
    assert_int_equal(p.last_reason, BW_REASON_CONSECUTIVE);
    assert_int_equal(p.last_transition_ms, 1020);
    assert_int_equal(p.counters.rejected[BW_REJECT_OPEN], 1);
    scene_play(&s, "1180 acquire a\n1180 acquire b\n1190 complete a ok\n");
    bw_breaker_snapshot(s.breaker, 1200, &p);
    assert_int_equal(p.state, BW_HALF_OPEN);
    assert_int_equal(p.probe_budget, 2);
    assert_int_equal(p.probes_in_flight, 1);
    assert_int_equal(p.probes_ok, 1);
    assert_int_equal(p.probe_lease_ms, 160);
    assert_int_equal(p.failure_count, 2);
    assert_int_equal(p.retry_after_ms, 152);
    scene_end(&s);
}

static void the_failure_count_stays_what_tripped_it_until_it_closes(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "open_ms=16");
    scene_play(&s,
               "0  call fail\n0  call fail\n0  call fail\n"
               "0  failure_count | 3\n"
               "16 call fail\n"
               "16 failure_count | 3\n"
               "32 call ok\n"
               "32 failure_count | 0\n"
               "33 call fail\n"
               "33 failure_count | 1\n"
               "34 hold\n"
               "34 failure_count | 1\n");
    scene_end(&s);
    scene_start(&s, "window=count window_calls=4 window_min_calls=2 slow_call_ms=10 trip_slow_rate=0.5");
    scene_play(&s, "0 call ok\n0 call fail latency=11\n0 state | open\n0 failure_count | 1\n");
    scene_expect_reason(&s, "SLOW_RATE");
    scene_end(&s);
}

static void time_in_each_state_adds_up(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start_at(&s, "trip_consecutive=1 open_ms=100", 1000);
    scene_play(&s, "1030 call fail\n1150 acquire a\n1155 complete a ok\n1200 hold\n");
    bw_breaker_snapshot(s.breaker, 1300, &p);
    assert_int_equal(p.counters.ms_in_state[BW_CLOSED], 30 + 45);
    assert_int_equal(p.counters.ms_in_state[BW_OPEN], 120);
    assert_int_equal(p.counters.ms_in_state[BW_HALF_OPEN], 5);
    assert_int_equal(p.counters.ms_in_state[BW_FORCED_OPEN], 100);
    scene_end(&s);
}

static void transitions_are_counted_by_from_to_and_reason(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start(&s, "trip_consecutive=1 open_ms=16");
    scene_play(
        &s, "0 call fail\n16 call fail\n32 call fail\n48 call ok\n49 reset\n50 force open\n51 force open\n");
    assert_int_equal(bw_breaker_transitions(s.breaker, BW_CLOSED, BW_OPEN, BW_REASON_CONSECUTIVE), 1);
    assert_int_equal(bw_breaker_transitions(s.breaker, BW_HALF_OPEN, BW_OPEN, BW_REASON_PROBE_FAILED), 2);
    assert_int_equal(bw_breaker_transitions(s.breaker, BW_OPEN, BW_HALF_OPEN, BW_REASON_OPEN_ELAPSED), 3);
    assert_int_equal(bw_breaker_transitions(s.breaker, BW_OPEN, BW_OPEN, BW_REASON_OPERATOR), 1);
    bw_breaker_snapshot(s.breaker, 51, &p);
    assert_int_equal(p.counters.entered[BW_OPEN], 4);
    assert_int_equal(p.counters.entered[BW_HALF_OPEN], 3);
    assert_int_equal(p.counters.entered[BW_CLOSED], 1);
    scene_end(&s);
}

static void every_enum_has_its_words(void **state) {
    (void)state;
    assert_string_equal(bw_state_name(BW_HALF_OPEN), "half_open");
    assert_string_equal(bw_state_name(BW_METRICS_ONLY), "metrics_only");
    assert_string_equal(bw_state_name((enum bw_state)6), "unknown");
    assert_string_equal(bw_reason_name(BW_REASON_HALF_OPEN_TIMEOUT), "HALF_OPEN_TIMEOUT");
    assert_string_equal(bw_reason_name(BW_REASON_RESTORED), "RESTORED");
    assert_string_equal(bw_decision_name(BW_REJECT_RAMP), "reject_ramp");
    assert_string_equal(bw_verdict_name(BW_UNADMITTED), "unadmitted");
    assert_string_equal(bw_verdict_name((enum bw_verdict)99), "unknown");
}

BW_TESTS(cmocka_unit_test(the_trip_event_names_policy_threshold_value_code_and_the_last_results),
         cmocka_unit_test(the_last_eight_results_are_kept_and_a_huge_latency_fits),
         cmocka_unit_test(every_generation_has_one_transition_event_in_order),
         cmocka_unit_test(a_longer_open_time_asked_for_by_the_peer_is_an_event_of_its_own),
         cmocka_unit_test(a_reader_that_falls_behind_sees_the_gap),
         cmocka_unit_test(the_generation_has_64_bits_though_the_word_keeps_17),
         cmocka_unit_test(a_status_page_finds_everything_in_the_snapshot),
         cmocka_unit_test(the_failure_count_stays_what_tripped_it_until_it_closes),
         cmocka_unit_test(time_in_each_state_adds_up),
         cmocka_unit_test(transitions_are_counted_by_from_to_and_reason),
         cmocka_unit_test(every_enum_has_its_words))
