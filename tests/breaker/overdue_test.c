/* A call that hangs counts as slow while it hangs. */
#include "run.h"
#include "scene.h"

static void calls_that_hang_trip_before_they_end(void **state) {
    (void)state;
    scene_run(
        "trip_consecutive=0 window=time window_ms=1000 window_min_calls=2 slow_call_ms=50 trip_slow_rate=1",
        "0   acquire a\n"
        "0   acquire b\n"
        "51  overdue a\n"
        "51  window           | 1 0 1\n"
        "51  count slow       | 1\n"
        "52  overdue b\n"
        "90  complete a ok    | stale\n",
        "52 open");
}

/* In each kind of window. */
static void each(const char *script, const char *states) {
    static const char *const windows[] = {
        "window=time window_ms=1000 slow_call_ms=50 trip_consecutive=2",
        "window=count window_calls=5 slow_call_ms=50 trip_consecutive=2",
        "window=count window_calls=50 slow_call_ms=50 trip_consecutive=2",
        "window=count window_calls=5 slow_call_ms=50 trip_consecutive=3 trip_failures=99 "
        "weight=UNAVAILABLE=2",
    };
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        scene_run(windows[i], script, states);
}

static void an_overdue_call_that_ends_well_is_neither_counted_nor_slow_again(void **state) {
    (void)state;
    each(
        "0   acquire a\n"
        "51  overdue a\n"
        "51  overdue a\n"
        "51  window           | 1 0 1\n"
        "60  complete a ok    | recorded\n"
        "60  window           | 1 0 1\n"
        "60  count slow       | 1\n"
        "60  count ok         | 1\n",
        "");
}

static void an_overdue_call_that_fails_in_the_end_fails_in_the_window_too(void **state) {
    (void)state;
    each(
        "0   acquire a\n"
        "51  overdue a\n"
        "51  call ok\n"
        "60  complete a fail  | recorded\n"
        "60  window           | 2 1 1\n"
        "60  count slow       | 1\n"
        "60  count failed     | 1\n"
        "60  call fail\n",
        "60 open");
}

static void two_overdue_calls_fail_each_for_itself(void **state) {
    (void)state;
    scene_run("window=count window_calls=5 slow_call_ms=50",
              "0   acquire a\n0   acquire b\n"
              "51  overdue a\n51  overdue b\n"
              "60  complete a fail\n60  complete b fail\n"
              "60  window           | 2 2 2\n",
              "");
    scene_run("window=count window_calls=50 slow_call_ms=50",
              "0   acquire a\n0   acquire b\n"
              "51  overdue a\n51  overdue b\n"
              "60  complete a fail\n60  complete b fail\n"
              "60  window           | 2 2 2\n",
              "");
}

static void a_late_failure_whose_call_has_left_the_window_adds_none(void **state) {
    (void)state;
    scene_run("window=count window_calls=1 slow_call_ms=50",
              "0   acquire a\n"
              "51  overdue a\n"
              "52  call ok\n"
              "52  window           | 1 0 0\n"
              "60  complete a fail  | recorded\n"
              "60  window           | 1 0 0\n",
              "");
    scene_run("window=count window_calls=1 slow_call_ms=50 trip_failures=99 weight=2",
              "0   acquire a\n"
              "51  overdue a\n"
              "52  call ok\n"
              "60  complete a fail  | recorded\n"
              "60  window           | 1 0 0\n",
              "");
    scene_run("window=time window_ms=100 window_buckets=10 slow_call_ms=50",
              "0   acquire a\n"
              "51  overdue a\n"
              "990 complete a fail  | recorded\n"
              "990 window           | 0 0 0\n",
              "");
}

static void a_streak_is_not_touched_by_a_call_that_is_only_overdue(void **state) {
    (void)state;
    scene_run("slow_call_ms=50",
              "0   acquire a\n"
              "0   call fail\n"
              "0   streak           | 1\n"
              "51  overdue a\n"
              "51  streak           | 1\n"
              "60  complete a ok\n"
              "60  streak           | 0\n",
              "");
}

static void an_overdue_call_of_another_generation_changes_nothing(void **state) {
    (void)state;
    scene_run("window=count window_calls=5 slow_call_ms=50",
              "0   acquire a\n"
              "1   reset\n"
              "51  overdue a\n"
              "51  window           | 0 0 0\n"
              "51  count slow       | 0\n",
              "1 closed");
}

static void what_is_not_out_or_cannot_be_slow_is_not_overdue(void **state) {
    (void)state;
    scene_run("slow_call_ms=50",
              "0   overdue a\n"
              "0   acquire b\n"
              "0   complete b ok\n"
              "51  overdue b\n"
              "51  count slow       | 0\n",
              "");
    scene_run("",
              "0   acquire a\n"
              "51  overdue a\n"
              "51  count slow       | 0\n",
              "");
}

static void disabled_counts_an_overdue_call_in_the_totals_only(void **state) {
    (void)state;
    scene_run("window=count window_calls=5 slow_call_ms=50",
              "0   force disabled\n"
              "0   acquire a\n"
              "51  overdue a\n"
              "51  window           | 0 0 0\n"
              "51  count slow       | 1\n"
              "60  complete a fail  | recorded\n"
              "60  window           | 0 0 0\n"
              "60  count failed     | 1\n",
              "0 disabled");
}

BW_TESTS(cmocka_unit_test(calls_that_hang_trip_before_they_end),
         cmocka_unit_test(an_overdue_call_that_ends_well_is_neither_counted_nor_slow_again),
         cmocka_unit_test(an_overdue_call_that_fails_in_the_end_fails_in_the_window_too),
         cmocka_unit_test(two_overdue_calls_fail_each_for_itself),
         cmocka_unit_test(a_late_failure_whose_call_has_left_the_window_adds_none),
         cmocka_unit_test(a_streak_is_not_touched_by_a_call_that_is_only_overdue),
         cmocka_unit_test(an_overdue_call_of_another_generation_changes_nothing),
         cmocka_unit_test(what_is_not_out_or_cannot_be_slow_is_not_overdue),
         cmocka_unit_test(disabled_counts_an_overdue_call_in_the_totals_only))
