/* Every event tells why: reason, what was seen, what was allowed, which code did it, how long it stays open.
 */
#include "run.h"
#include "scene.h"

struct expected {
    enum bw_reason reason;
    double value, threshold;
    int code;
    uint64_t open_ms;
};

/* The last event but `back` of what the script did. */
static void tells(const char *parameters, const char *script, int back, struct expected expected) {
    struct scene s;
    struct bw_event events[40];
    scene_start(&s, parameters);
    scene_play(&s, script);
    size_t count = bw_breaker_events(s.breaker, 0, events, 40);
    assert_in_range(count, 1 + (size_t)back, 39);
    const struct bw_event *event = &events[count - 1 - (size_t)back];
    assert_string_equal(bw_reason_name(event->reason), bw_reason_name(expected.reason));
    assert_memory_equal(&event->value, &expected.value, sizeof event->value);
    assert_memory_equal(&event->threshold, &expected.threshold, sizeof event->threshold);
    assert_int_equal(event->code, expected.code);
    assert_int_equal(event->open_ms, expected.open_ms);
    scene_end(&s);
}

static void a_trip_tells_its_policy(void **state) {
    (void)state;
    tells("trip_consecutive=5 open_ms=70 weight=4", "0 call fail code=13\n1 call fail code=14\n", 0,
          (struct expected){BW_REASON_CONSECUTIVE, 8, 5, 14, 70});
    tells("trip_consecutive=0 open_ms=70 window=count trip_failures=3 weight=2",
          "0 call fail\n1 call fail code=2\n", 0, (struct expected){BW_REASON_FAILURE_COUNT, 4, 3, 2, 70});
    tells("trip_consecutive=0 open_ms=70 window=count window_min_calls=4 trip_failure_rate=0.5",
          "0 call fail\n1 call fail\n1 call fail\n1 call ok code=5\n", 0,
          (struct expected){BW_REASON_FAILURE_RATE, 0.75, 0.5, 5, 70});
    tells("trip_consecutive=0 open_ms=70 window=time window_min_calls=2 slow_call_ms=5 trip_slow_rate=0.25",
          "0 call ok\n1 call ok latency=6\n", 0, (struct expected){BW_REASON_SLOW_RATE, 0.5, 0.25, 0, 70});
}

static void a_call_that_is_overdue_trips_without_a_code(void **state) {
    (void)state;
    tells("trip_consecutive=0 open_ms=70 window=time slow_call_ms=5 trip_slow_rate=0.5",
          "0 acquire a\n6 overdue a\n", 0, (struct expected){BW_REASON_SLOW_RATE, 1, 0.5, -1, 70});
}

static void what_would_have_tripped_tells_the_same(void **state) {
    (void)state;
    tells("trip_consecutive=2", "0 force metrics_only\n0 call fail\n0 call fail code=8\n", 0,
          (struct expected){BW_REASON_WOULD_TRIP, 2, 2, 8, 0});
}

#define OPENED "trip_consecutive=1 open_ms=160 open_backoff=2 "

static void the_end_of_a_round_tells_its_probes(void **state) {
    (void)state;
    tells(OPENED "probe_budget=5 probe_failures=2 probe_successes=4",
          "0 call fail\n160 call ok\n160 call fail\n160 call ok\n160 call fail code=4\n", 0,
          (struct expected){BW_REASON_PROBE_FAILED, 2, 2, 4, 320});
    tells(OPENED "probe_budget=6 probe_failures=3 probe_successes=4",
          "0 call fail\n160 call ok\n160 call fail\n160 call ok\n160 call ok\n160 call ok code=5\n", 0,
          (struct expected){BW_REASON_PROBES_OK, 4, 4, 5, 0});
}

#define SAMPLED OPENED "probe_decision=sample probe_budget=4 probe_sample=4 slow_call_ms=5 "

static void the_end_of_a_sample_tells_its_share(void **state) {
    (void)state;
    tells(SAMPLED "probe_failure_rate=0.5",
          "0 call fail\n160 call fail\n160 call fail\n160 call fail\n160 call ok\n", 0,
          (struct expected){BW_REASON_PROBE_FAILED, 0.75, 0.5, 0, 320});
    tells(SAMPLED "probe_failure_rate=0.5 probe_slow_rate=0.25",
          "0 call fail\n160 call fail\n160 call ok\n160 call ok latency=6\n160 call ok latency=6\n", 0,
          (struct expected){BW_REASON_PROBE_FAILED, 0.5, 0.25, 0, 320});
    tells(SAMPLED "probe_failure_rate=0.5 probe_slow_rate=0.5",
          "0 call fail\n160 call fail\n160 call ok\n160 call ok\n160 call ok latency=6\n", 0,
          (struct expected){BW_REASON_PROBES_OK, 0.25, 0.5, 0, 0});
    tells(SAMPLED "probe_failure_rate=0.5 probe_slow_rate=0.25",
          "0 call fail\n160 call fail\n160 call fail latency=6\n160 call fail\n160 call ok\n", 0,
          (struct expected){BW_REASON_PROBE_FAILED, 0.75, 0.5, 0, 320});
    tells(SAMPLED "probe_failure_rate=0.5",
          "0 call fail\n160 call ok latency=6\n160 call ok latency=6\n160 call ok latency=6\n160 call ok "
          "latency=6\n",
          0, (struct expected){BW_REASON_PROBES_OK, 0, 0.5, 0, 0});
}

static void what_time_did_tells_the_time(void **state) {
    (void)state;
    tells(OPENED, "0 call fail\n177 poll\n", 0, (struct expected){BW_REASON_OPEN_ELAPSED, 17, 0, -1, 0});
    tells(OPENED "probe_budget=2 probe_lease_ms=32", "0 call fail\n160 acquire a\n160 acquire b\n192 poll\n",
          0, (struct expected){BW_REASON_LOST_PROBE, 2, 32, -1, 320});
    tells(OPENED "probe_lease_ms=32 probe_lease_action=replace", "0 call fail\n160 acquire a\n192 poll\n", 0,
          (struct expected){BW_REASON_LOST_PROBE, 1, 32, -1, 0});
    tells(OPENED "half_open_max_ms=48", "0 call fail\n160 poll\n208 poll\n", 0,
          (struct expected){BW_REASON_HALF_OPEN_TIMEOUT, 0, 48, -1, 320});
    tells(OPENED "half_open_max_ms=48 half_open_timeout_to=closed", "0 call fail\n160 poll\n208 poll\n", 0,
          (struct expected){BW_REASON_HALF_OPEN_TIMEOUT, 0, 48, -1, 0});
}

static void a_pushback_is_an_event_after_the_opening_that_it_made_longer(void **state) {
    (void)state;
    tells(OPENED, "0 call fail code=8 pushback=200\n", 0,
          (struct expected){BW_REASON_PUSHBACK, 200, 160, 8, 0});
    tells(OPENED, "0 call fail code=8 pushback=200\n", 1,
          (struct expected){BW_REASON_CONSECUTIVE, 1, 1, 8, 200});
}

static void what_people_did_has_no_numbers(void **state) {
    (void)state;
    tells(OPENED, "0 force open 33\n", 0, (struct expected){BW_REASON_OPERATOR, 0, 0, -1, 33});
    tells(OPENED, "0 force half_open\n", 0, (struct expected){BW_REASON_OPERATOR, 0, 0, -1, 0});
    tells(OPENED, "0 hold me\n", 0, (struct expected){BW_REASON_OPERATOR, 0, 0, -1, 0});
    tells(OPENED, "0 reconfigure open_ms=5\n", 0, (struct expected){BW_REASON_RECONFIGURED, 0, 0, -1, 0});
}

static void the_count_at_which_closed_was_left_includes_the_last_failure(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=9 window=count window_min_calls=3 trip_failure_rate=0.9");
    scene_play(&s,
               "0 call fail\n0 call fail\n0 call fail\n0 state | open\n0 failure_count | 3\n0 streak | 0\n");
    scene_end(&s);
    scene_start(&s, "trip_consecutive=9");
    scene_play(&s, "0 call fail\n0 call fail\n0 force open\n0 failure_count | 2\n");
    scene_end(&s);
}

BW_TESTS(cmocka_unit_test(a_trip_tells_its_policy),
         cmocka_unit_test(a_call_that_is_overdue_trips_without_a_code),
         cmocka_unit_test(what_would_have_tripped_tells_the_same),
         cmocka_unit_test(the_end_of_a_round_tells_its_probes),
         cmocka_unit_test(the_end_of_a_sample_tells_its_share),
         cmocka_unit_test(what_time_did_tells_the_time),
         cmocka_unit_test(a_pushback_is_an_event_after_the_opening_that_it_made_longer),
         cmocka_unit_test(what_people_did_has_no_numbers),
         cmocka_unit_test(the_count_at_which_closed_was_left_includes_the_last_failure))
