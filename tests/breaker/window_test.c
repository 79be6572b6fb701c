/* What trips by a window: counts, rates, slow calls; and how long a window remembers. */
#include <stdio.h>

#include "run.h"
#include "scene.h"

/* ---- Counts of calls ---- */

static void a_count_window_holds_the_last_calls_and_no_more(void **state) {
    (void)state;
    scene_run("window=count window_calls=3 trip_failures=3",
              "0  call fail\n"
              "1  call fail\n"
              "1  window | 2 2 0\n"
              "2  call ok\n"
              "2  window | 3 2 0\n"
              "3  call ok\n"
              "3  window | 3 1 0\n"
              "4  call ok\n"
              "4  window | 3 0 0\n",
              "");
}

static void failures_in_a_count_window_trip_though_successes_lie_between(void **state) {
    (void)state;
    scene_run_to("trip_consecutive=0 window=count window_calls=5 trip_failures=3",
                 "0 call fail\n"
                 "1 call ok\n"
                 "2 call fail\n"
                 "3 call ok\n"
                 "4 call fail  | admit recorded\n"
                 "4 window     | 0 0 0\n",
                 "4 open", "FAILURE_COUNT");
}

/* After `first`, `other` again and again until there are `calls`: it trips when the first has left for one
 * more. */
static void trips_once_the_first_has_left(const char *parameters, const char *first, const char *other,
                                          int calls, const char *full, const char *reason) {
    struct scene s;
    scene_start(&s, parameters);
    scene_play(&s, first);
    for (int i = 1; i < calls; i++)
        scene_play(&s, other);
    scene_play(&s, full);
    scene_play(&s, other);
    scene_expect_states(&s, "2 open");
    scene_expect_reason(&s, reason);
    scene_end(&s);
}

static void a_window_of_many_calls_counts_as_one_of_few_does(void **state) {
    (void)state;
    scene_run("trip_consecutive=0 window=count window_calls=47 trip_failure_rate=1",
              "0  call ok\n"
              "1  call fail\n"
              "1  window | 2 1 0\n",
              "");
    trips_once_the_first_has_left(
        "trip_consecutive=0 window=count window_calls=47 window_min_calls=47 trip_failure_rate=1",
        "0 call ok\n", "2 call fail | admit recorded\n", 47, "2 window | 47 46 0\n", "FAILURE_RATE");
}

static void the_largest_register_holds_46_calls(void **state) {
    (void)state;
    trips_once_the_first_has_left(
        "trip_consecutive=0 window=count window_calls=46 window_min_calls=46 trip_failure_rate=1",
        "0 call ok\n", "2 call fail | admit recorded\n", 46, "2 window | 46 45 0\n", "FAILURE_RATE");
}

static void a_register_with_slow_calls_holds_23_of_them(void **state) {
    (void)state;
    trips_once_the_first_has_left(
        "trip_consecutive=0 window=count window_calls=23 slow_call_ms=10 trip_slow_rate=1",
        "0 call ok latency=10\n", "2 call ok latency=11 | admit recorded\n", 23, "2 window | 23 0 22\n",
        "SLOW_RATE");
}

static void a_ring_with_slow_calls_forgets_them_one_by_one(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "window=count window_calls=24 slow_call_ms=10");
    for (int i = 0; i < 2; i++)
        scene_play(&s, "0 call ok latency=11\n");
    for (int i = 0; i < 22; i++)
        scene_play(&s, "0 call ok\n");
    scene_play(&s,
               "0 window   | 24 0 2\n"
               "0 call ok\n"
               "0 window   | 24 0 1\n"
               "0 call ok\n"
               "0 window   | 24 0 0\n");
    scene_end(&s);
}

/* ---- Weights ---- */

static void weights_add_to_the_count_of_failures_and_not_to_the_rate(void **state) {
    (void)state;
    scene_run_to("trip_consecutive=0 window=count window_calls=10 trip_failures=7 weight=UNAVAILABLE=3",
                 "0 call fail code=14\n"
                 "1 call ok\n"
                 "2 call fail code=2\n"
                 "2 window | 3 2 0\n"
                 "3 call fail code=14 | admit recorded\n",
                 "3 open", "FAILURE_COUNT");
    scene_run(
        "trip_consecutive=0 window=count window_calls=10 window_min_calls=3 trip_failure_rate=0.5 weight=16",
        "0 call fail\n"
        "1 call ok\n"
        "2 call ok\n",
        "");
}

static void weights_leave_the_window_with_their_calls(void **state) {
    (void)state;
    scene_run("trip_consecutive=0 window=count window_calls=2 trip_failures=6 weight=UNAVAILABLE=5",
              "0 call fail code=14\n"
              "1 call ok\n"
              "2 call fail code=2\n"
              "3 call ok\n"
              "4 call fail code=14\n"
              "5 call fail code=2 | admit recorded\n",
              "5 open");
}

static void weights_count_in_a_time_window_too(void **state) {
    (void)state;
    scene_run(
        "trip_consecutive=0 window=time window_ms=100 window_buckets=2 trip_failures=6 weight=UNAVAILABLE=5",
        "0   call fail code=14\n"
        "120 call fail code=14\n"
        "130 call fail code=2 | admit recorded\n",
        "130 open");
}

/* ---- Rates ---- */

static void a_rate_is_reached_up_to_a_billionth_of_a_call_and_never_by_none(void **state) {
    (void)state;
    static const struct {
        const char *rate;
        bool trips;
    } cases[] = {{"0.5", true}, {"0.5000000005", true}, {"0.5000000006", false}};
    for (int i = 0; i < 3; i++) {
        char settings[120];
        struct scene s;
        snprintf(settings, sizeof settings,
                 "trip_consecutive=0 window=count window_calls=2 window_min_calls=2 trip_failure_rate=%s",
                 cases[i].rate);
        scene_start(&s, settings);
        scene_play(&s, "0 call ok\n1 call fail\n");
        scene_expect_states(&s, cases[i].trips ? "1 open" : "");
        scene_end(&s);
    }
    struct scene s;
    scene_start(&s,
                "trip_consecutive=2 window=count window_min_calls=1 trip_failure_rate=0.000000000001 "
                "slow_call_ms=9 trip_slow_rate=0.000000000001");
    scene_play(&s, "0 force metrics_only\n1 call ok\n");
    scene_expect_states(&s, "0 metrics_only");
    struct bw_event would_trip[2];
    assert_int_equal(bw_breaker_events(s.breaker, 1, would_trip, 2), 0);
    scene_end(&s);
}

static void a_rate_trips_when_it_is_reached(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s,
                "trip_consecutive=0 window=count window_calls=10 window_min_calls=10 trip_failure_rate=0.7");
    for (int i = 0; i < 3; i++)
        scene_play(&s, "0 call ok\n");
    for (int i = 0; i < 6; i++)
        scene_play(&s, "1 call fail\n");
    scene_play(&s,
               "2 state      | closed\n"
               "2 call fail  | admit recorded\n");
    scene_expect_states(&s, "2 open");
    scene_expect_reason(&s, "FAILURE_RATE");
    scene_end(&s);
}

static void a_rate_waits_for_the_minimum_of_calls(void **state) {
    (void)state;
    scene_run("trip_consecutive=0 window=count window_calls=10 window_min_calls=4 trip_failure_rate=0.5",
              "0 call fail\n"
              "1 call fail\n"
              "2 call fail\n"
              "2 state | closed\n"
              "3 call fail\n",
              "3 open");
}

static void a_success_trips_too_when_it_makes_the_minimum_full(void **state) {
    (void)state;
    scene_run("trip_consecutive=0 window=count window_calls=10 window_min_calls=4 trip_failure_rate=0.5",
              "0 call fail\n"
              "1 call fail\n"
              "2 call ok\n"
              "3 call ok | admit recorded\n",
              "3 open");
}

static void slow_successes_alone_trip_by_the_slow_rate(void **state) {
    (void)state;
    scene_run_to(
        "trip_consecutive=0 window=time window_ms=1000 window_min_calls=2 slow_call_ms=50 "
        "trip_slow_rate=0.5",
        "0 call ok latency=50\n"
        "1 call ok latency=51 | admit recorded\n",
        "1 open", "SLOW_RATE");
}

static void of_several_policies_that_trip_the_first_is_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *parameters, *reason;
    } cases[] = {
        {"trip_consecutive=1 trip_failures=1 trip_failure_rate=1 trip_slow_rate=1", "CONSECUTIVE"},
        {"trip_consecutive=2 trip_failures=1 trip_failure_rate=1 trip_slow_rate=1", "FAILURE_COUNT"},
        {"trip_consecutive=2 trip_failures=2 trip_failure_rate=1 trip_slow_rate=1", "FAILURE_RATE"},
        {"trip_consecutive=2 trip_failures=2 trip_failure_rate=0 trip_slow_rate=1", "SLOW_RATE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char parameters[300];
        struct scene s;
        snprintf(parameters, sizeof parameters, "window=count window_calls=4 slow_call_ms=1 %s",
                 cases[i].parameters);
        scene_start(&s, parameters);
        scene_play(&s, "0 call fail latency=2\n");
        scene_expect_states(&s, "0 open");
        scene_expect_reason(&s, cases[i].reason);
        scene_end(&s);
    }
}

static void the_event_of_a_trip_tells_what_was_seen_and_what_was_allowed(void **state) {
    (void)state;
    struct scene s;
    struct bw_event event;
    scene_start(&s,
                "trip_consecutive=0 window=count window_calls=4 window_min_calls=4 trip_failure_rate=0.5");
    scene_play(&s, "0 call ok\n0 call ok\n0 call ok\n0 call fail\n1 call fail code=13\n");
    assert_int_equal(bw_breaker_events(s.breaker, 0, &event, 1), 1);
    assert_int_equal(event.reason, BW_REASON_FAILURE_RATE);
    assert_int_equal(event.cause, BW_REASON_FAILURE_RATE);
    assert_true(event.value >= 0.5 && event.value <= 0.5);
    assert_true(event.threshold >= 0.5 && event.threshold <= 0.5);
    assert_int_equal(event.code, 13);
    assert_int_equal(event.last_count, 5);
    scene_end(&s);
}

static void nothing_trips_by_its_window_during_the_warm_up(void **state) {
    (void)state;
    scene_run("trip_consecutive=0 window=count window_calls=5 trip_failure_rate=0.5 warmup_ms=100",
              "0   call fail\n"
              "99  call fail\n"
              "99  window     | 2 2 0\n"
              "100 call ok    | admit recorded\n",
              "100 open");
}

static void metrics_only_says_once_which_policy_would_have_tripped(void **state) {
    (void)state;
    struct scene s;
    struct bw_event events[4];
    scene_start(&s, "trip_consecutive=0 window=count window_calls=5 trip_failure_rate=0.5");
    scene_play(&s,
               "0 force metrics_only\n"
               "1 call fail\n"
               "2 call fail\n"
               "2 window | 2 2 0\n");
    scene_expect_states(&s, "0 metrics_only");
    assert_int_equal(bw_breaker_events(s.breaker, 1, events, 4), 1);
    assert_int_equal(events[0].reason, BW_REASON_WOULD_TRIP);
    assert_int_equal(events[0].cause, BW_REASON_FAILURE_RATE);
    assert_false(events[0].transition);
    scene_end(&s);
}

/* ---- Time ---- */

static void a_time_window_holds_its_buckets_from_the_start_of_the_generation(void **state) {
    (void)state;
    scene_run("window=time window_ms=100 window_buckets=4",
              "0   call fail\n"
              "24  call ok\n"
              "25  call ok\n"
              "99  window | 3 1 0\n"
              "100 window | 1 0 0\n"
              "124 window | 1 0 0\n"
              "125 window | 0 0 0\n",
              "");
}

static void the_buckets_of_a_later_generation_begin_when_it_begins(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=10 window=time window_ms=100 window_buckets=2",
              "0   call fail\n"
              "17  call ok    | admit_probe recorded\n"
              "17  window     | 0 0 0\n"
              "66  call ok\n"
              "67  call ok\n"
              "116 window     | 2 0 0\n"
              "117 window     | 1 0 0\n"
              "166 window     | 1 0 0\n"
              "167 window     | 0 0 0\n",
              "0 open, 17 half_open, 17 closed");
}

static void a_generation_sees_nothing_that_another_one_recorded(void **state) {
    (void)state;
    static const char *const windows[] = {"window=time window_ms=1000", "window=count window_calls=5",
                                          "window=count window_calls=50"};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        scene_run(windows[i],
                  "0 call fail\n"
                  "0 acquire a\n"
                  "0 window            | 1 1 0\n"
                  "1 reset\n"
                  "1 window            | 0 0 0\n"
                  "1 complete a fail   | stale\n"
                  "1 window            | 0 0 0\n"
                  "2 call ok\n"
                  "2 window            | 1 0 0\n",
                  "1 closed");
}

static void a_time_window_that_nobody_used_for_long_is_empty(void **state) {
    (void)state;
    /* Numbers of buckets have 16 bits: 65536 buckets later, and a whole number of turns, they look the same.
     */
    static const char *const later[] = {"64", "655350", "655360", "655361", "6553600", "655360640"};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        char script[200];
        struct scene s;
        scene_start(&s, "window=time window_ms=20 window_buckets=2");
        snprintf(script, sizeof script,
                 "0 call fail\n0 call fail\n0 window | 2 2 0\n"
                 "%s window | 0 0 0\n%s call ok\n%s window | 1 0 0\n",
                 later[i], later[i], later[i]);
        scene_play(&s, script);
        scene_end(&s);
    }
}

static void a_bucket_of_very_many_calls_keeps_its_rates(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s,
                "trip_consecutive=0 window=time window_ms=1000 window_buckets=1 window_min_calls=100 "
                "trip_failure_rate=0.6");
    struct bw_result ok = {.outcome = BW_SUCCESS, .latency_ms = -1, .pushback_ms = -1};
    struct bw_result failed = {.outcome = BW_FAILURE, .code = 14, .latency_ms = -1, .pushback_ms = -1};
    for (int i = 0; i < 100000; i++) {
        struct bw_ticket ticket;
        assert_int_equal(bw_breaker_acquire(s.breaker, 0, &ticket, NULL), BW_ADMIT);
        bw_breaker_complete(s.breaker, &ticket, 0, i % 2 ? &failed : &ok);
    }
    struct bw_breaker_snapshot p;
    bw_breaker_snapshot(s.breaker, 0, &p);
    assert_in_range(p.window_calls, 16384, 32767);
    assert_in_range(p.window_failed, p.window_calls / 2 - 16, p.window_calls / 2 + 16);
    scene_end(&s);
}

/* ---- Another configuration ---- */

static void a_window_is_kept_when_other_things_are_configured_anew(void **state) {
    (void)state;
    static const char *const windows[] = {"window=time window_ms=1000", "window=count window_calls=5",
                                          "window=count window_calls=50"};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        scene_run(windows[i],
                  "0 call fail\n"
                  "1 reconfigure open_ms=10 trip_failures=3 trip_failure_rate=0.9 | 0\n"
                  "1 window           | 1 1 0\n"
                  "1 call fail\n"
                  "1 call fail\n",
                  "1 open");
}

static void a_window_of_another_size_or_kind_starts_empty(void **state) {
    (void)state;
    static const char *const windows[] = {
        "window=time window_ms=1000 window_buckets=10",
        "window=count window_calls=5",
        "window=count window_calls=6",
        "window=time window_ms=1000 window_buckets=5",
        "window=count window_calls=50",
        "window=count window_calls=1024",
        "window=time window_ms=2000 window_buckets=10",
        "window=count window_calls=50",
    };
    struct scene s;
    scene_start(&s, "trip_consecutive=9");
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        char script[200];
        snprintf(script, sizeof script, "0 reconfigure %s | 0\n0 window | 0 0 0\n", windows[i]);
        scene_play(&s, script);
        scene_play(&s, "0 call ok\n0 call fail\n0 call ok\n0 window | 3 1 0\n");
    }
    scene_end(&s);
}

static void a_new_time_window_counts_from_the_start_of_the_generation(void **state) {
    (void)state;
    scene_run("window=none",
              "0   reset\n"
              "150 reconfigure window=time window_ms=200 window_buckets=2 | 0\n"
              "199 call ok\n"
              "299 window  | 1 0 0\n"
              "300 window  | 0 0 0\n",
              "0 closed");
}

static void a_count_window_that_has_no_memory_is_refused(void **state) {
    (void)state;
    scene_run("window=count window_calls=20",
              "0 call ok\n"
              "0 reconfigure window_calls=1025 | -7\n"
              "0 window                        | 1 0 0\n",
              "");
    scene_run("window=count window_calls=2000",
              "0 call ok\n"
              "0 reconfigure window_calls=2000 open_ms=5 | 0\n"
              "0 window                                  | 1 0 0\n"
              "0 reconfigure window_calls=2001           | -7\n",
              "");
}

BW_TESTS(cmocka_unit_test(a_count_window_holds_the_last_calls_and_no_more),
         cmocka_unit_test(failures_in_a_count_window_trip_though_successes_lie_between),
         cmocka_unit_test(a_window_of_many_calls_counts_as_one_of_few_does),
         cmocka_unit_test(the_largest_register_holds_46_calls),
         cmocka_unit_test(a_register_with_slow_calls_holds_23_of_them),
         cmocka_unit_test(a_ring_with_slow_calls_forgets_them_one_by_one),
         cmocka_unit_test(weights_add_to_the_count_of_failures_and_not_to_the_rate),
         cmocka_unit_test(weights_leave_the_window_with_their_calls),
         cmocka_unit_test(weights_count_in_a_time_window_too),
         cmocka_unit_test(a_rate_is_reached_up_to_a_billionth_of_a_call_and_never_by_none),
         cmocka_unit_test(a_rate_trips_when_it_is_reached),
         cmocka_unit_test(a_rate_waits_for_the_minimum_of_calls),
         cmocka_unit_test(a_success_trips_too_when_it_makes_the_minimum_full),
         cmocka_unit_test(slow_successes_alone_trip_by_the_slow_rate),
         cmocka_unit_test(of_several_policies_that_trip_the_first_is_the_reason),
         cmocka_unit_test(the_event_of_a_trip_tells_what_was_seen_and_what_was_allowed),
         cmocka_unit_test(nothing_trips_by_its_window_during_the_warm_up),
         cmocka_unit_test(metrics_only_says_once_which_policy_would_have_tripped),
         cmocka_unit_test(a_time_window_holds_its_buckets_from_the_start_of_the_generation),
         cmocka_unit_test(the_buckets_of_a_later_generation_begin_when_it_begins),
         cmocka_unit_test(a_generation_sees_nothing_that_another_one_recorded),
         cmocka_unit_test(a_time_window_that_nobody_used_for_long_is_empty),
         cmocka_unit_test(a_bucket_of_very_many_calls_keeps_its_rates),
         cmocka_unit_test(a_window_is_kept_when_other_things_are_configured_anew),
         cmocka_unit_test(a_window_of_another_size_or_kind_starts_empty),
         cmocka_unit_test(a_new_time_window_counts_from_the_start_of_the_generation),
         cmocka_unit_test(a_count_window_that_has_no_memory_is_refused))
