/* How a half-open round is decided, and what comes after it: samples, the ramp, the limit of calls in flight.
 */
#include "run.h"
#include "scene.h"

/* ---- Samples ---- */

#define SAMPLE "trip_consecutive=1 open_ms=10 probe_decision=sample probe_budget=4 probe_sample=4 "

static void a_sample_is_decided_when_it_is_complete_and_not_before(void **state) {
    (void)state;
    scene_run(SAMPLE,
              "0  call fail\n"
              "10 call fail | admit_probe recorded\n"
              "10 call ok   | admit_probe recorded\n"
              "10 call ok   | admit_probe recorded\n"
              "10 state     | half_open\n"
              "10 call ok   | admit_probe recorded\n",
              "0 open, 10 half_open, 10 closed");
}

static void a_sample_with_the_rate_of_failures_reached_is_bad(void **state) {
    (void)state;
    scene_run_to(SAMPLE,
                 "0  call fail\n"
                 "10 call fail\n"
                 "10 call ok\n"
                 "10 call fail\n"
                 "10 call ok\n",
                 "0 open, 10 half_open, 10 open", "PROBE_FAILED");
}

static void a_sample_with_too_many_slow_probes_is_bad_though_all_succeed(void **state) {
    (void)state;
    struct scene s;
    struct bw_event event;
    scene_start(&s, SAMPLE "slow_call_ms=5 probe_slow_rate=0.75");
    scene_play(&s,
               "0  call fail\n"
               "10 call ok latency=6\n"
               "10 call ok latency=6\n"
               "10 call ok latency=5\n"
               "10 call ok latency=6\n");
    scene_expect_states(&s, "0 open, 10 half_open, 10 open");
    assert_int_equal(bw_breaker_events(s.breaker, 2, &event, 1), 1);
    assert_true(event.value >= 0.75 && event.value <= 0.75);
    assert_true(event.threshold >= 0.75 && event.threshold <= 0.75);
    scene_end(&s);
}

static void slow_probes_of_an_earlier_round_do_not_count(void **state) {
    (void)state;
    scene_run(SAMPLE "slow_call_ms=5 probe_slow_rate=0.75",
              "0  call fail\n"
              "10 call ok latency=6\n"
              "10 call ok latency=6\n"
              "10 call ok latency=6\n"
              "11 force open 9\n"
              "20 call ok\n"
              "20 call ok\n"
              "20 call ok\n"
              "20 call ok\n",
              "0 open, 10 half_open, 11 open, 20 half_open, 20 closed");
}

static void a_probe_that_is_overdue_is_slow_in_its_sample_once(void **state) {
    (void)state;
    scene_run(SAMPLE "slow_call_ms=5 probe_slow_rate=0.5 probe_lease_ms=1000",
              "0  call fail\n"
              "10 acquire a\n"
              "16 overdue a\n"
              "16 overdue a\n"
              "16 count slow       | 1\n"
              "20 complete a ok    | recorded\n"
              "20 count slow       | 1\n"
              "20 call ok\n"
              "20 call ok\n"
              "20 call ok\n",
              "0 open, 10 half_open, 20 closed");
    scene_run(SAMPLE "slow_call_ms=5 probe_slow_rate=0.5 probe_lease_ms=1000",
              "0  call fail\n"
              "10 acquire a\n"
              "10 acquire b\n"
              "16 overdue a\n"
              "16 overdue b\n"
              "20 complete a ok    | recorded\n"
              "20 complete b ok    | recorded\n"
              "20 call ok\n"
              "20 call ok\n",
              "0 open, 10 half_open, 20 open");
}

static void a_slow_probe_can_count_as_a_failed_one_in_a_sample(void **state) {
    (void)state;
    scene_run(SAMPLE "slow_call_ms=5 probe_slow_is_failure=on",
              "0  call fail\n"
              "10 call ok latency=6\n"
              "10 call ok latency=6\n"
              "10 call ok\n"
              "10 call ok\n",
              "0 open, 10 half_open, 10 open");
}

static void a_sample_smaller_than_the_budget_is_decided_by_the_first_to_finish(void **state) {
    (void)state;
    scene_run(
        "trip_consecutive=1 open_ms=10 probe_decision=sample probe_budget=2 probe_sample=2 "
        "probe_failure_rate=1 slow_call_ms=100 probe_slow_rate=0.5",
        "0 call fail\n10 call ok\n11 call ok\n", "0 open, 10 half_open, 11 closed");
    scene_run("trip_consecutive=1 open_ms=10 probe_decision=sample probe_budget=3 probe_sample=2",
              "0  call fail\n"
              "10 acquire a\n"
              "10 acquire b\n"
              "10 acquire c       | admit_probe\n"
              "10 acquire d       | reject_probing 16\n"
              "11 complete b ok   | recorded\n"
              "12 complete c ok   | recorded\n"
              "13 complete a fail | stale\n",
              "0 open, 10 half_open, 12 closed");
}

/* ---- The ramp ---- */

/* Calls of a ramp at one instant: how many of `n` pass. */
static int pass(struct scene *s, uint64_t now_ms, int n) {
    int passed = 0;
    for (int i = 0; i < n; i++) {
        struct bw_ticket ticket;
        uint64_t retry_after_ms = 7;
        enum bw_decision decision = bw_breaker_acquire(s->breaker, now_ms, &ticket, &retry_after_ms);
        assert_int_equal(retry_after_ms, 0);
        assert_true(decision == BW_ADMIT || decision == BW_REJECT_RAMP);
        passed += decision == BW_ADMIT;
    }
    return passed;
}

static void after_closing_the_share_of_calls_grows_from_10_to_100_percent(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=160 ramp_ms=1600");
    scene_play(&s,
               "0    call fail\n"
               "160  call ok  | admit_probe recorded\n");
    assert_int_equal(pass(&s, 160, 100), 10);
    assert_int_equal(pass(&s, 160 + 800, 100), 55);
    assert_int_equal(pass(&s, 160 + 1200, 100), 77);
    assert_int_equal(pass(&s, 160 + 1600, 100), 100);
    scene_expect_states(&s, "0 open, 160 half_open, 160 closed");
    scene_end(&s);
}

static void a_call_whose_clock_is_behind_the_closing_does_not_end_the_ramp(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=160 ramp_ms=1600");
    scene_play(&s,
               "1000 force open\n"
               "1000 force closed\n"
               "900  call ok | reject_ramp 0\n"
               "0    call ok | reject_ramp 0\n"
               "1008 call ok | reject_ramp 0\n");
    scene_end(&s);
}

static void a_call_of_the_ramp_passes_when_the_whole_part_of_n_times_the_share_has_grown(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 ramp_ms=1600",
              "0    call fail\n"
              "160  call ok\n"
              "960  call ok  | reject_ramp 0\n"
              "960  call ok  | admit recorded\n"
              "960  call ok  | reject_ramp 0\n"
              "960  call ok  | admit recorded\n"
              "960  call ok  | reject_ramp 0\n"
              "960  call ok  | admit recorded\n"
              "960  call ok  | reject_ramp 0\n"
              "960  call ok  | admit recorded\n"
              "960  call ok  | reject_ramp 0\n"
              "960  call ok  | admit recorded\n"
              "960  call ok  | admit recorded\n"
              "960  count reject_ramp | 5\n",
              "0 open, 160 half_open, 160 closed");
}

static void a_ramp_that_is_over_never_comes_back(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=160 ramp_ms=1600");
    scene_play(&s,
               "0    call fail\n"
               "160  call ok\n"
               "1760 call ok  | admit recorded\n");
    /* 2^23 - 1 units of 16 ms later the circle of its start has come round. */
    assert_int_equal(pass(&s, UINT64_C(160) + (UINT64_C(8388607) * 16), 10), 10);
    scene_end(&s);
}

static void the_ramp_starts_late_by_its_rounding_and_not_before(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=161 ramp_ms=1600");
    scene_play(&s,
               "0    call fail\n"
               "161  call ok\n");
    assert_int_equal(pass(&s, 161, 10), 1);
    assert_int_equal(pass(&s, 175, 10), 1);
    assert_int_equal(pass(&s, 176 + 1600, 10), 10);
    scene_end(&s);
}

static void failures_in_the_ramp_trip_as_ever(void **state) {
    (void)state;
    scene_run("trip_consecutive=2 open_ms=160 ramp_ms=160000",
              "0    call fail\n"
              "0    call fail\n"
              "160  call ok\n"
              "160  acquire a\n160  acquire a\n160  acquire a\n160  acquire a\n160  acquire a\n"
              "160  acquire a\n160  acquire a\n160  acquire a\n160  acquire a\n160  acquire a | admit\n"
              "160  acquire b\n160  acquire b\n160  acquire b\n160  acquire b\n160  acquire b\n"
              "160  acquire b\n160  acquire b\n160  acquire b\n160  acquire b\n160  acquire b | admit\n"
              "161  complete a fail | recorded\n"
              "161  streak          | 1\n"
              "162  complete b fail | recorded\n",
              "0 open, 160 half_open, 160 closed, 162 open");
}

static void every_new_generation_of_closed_has_a_ramp_but_not_the_first(void **state) {
    (void)state;
    scene_run("ramp_ms=1600",
              "0  call ok     | admit recorded\n"
              "0  reset\n"
              "0  call ok     | reject_ramp 0\n"
              "0  force open\n"
              "16 force closed\n"
              "16 call ok     | reject_ramp 0\n"
              "16 hold\n"
              "32 release_hold\n"
              "32 call ok     | reject_ramp 0\n"
              "32 force metrics_only\n"
              "32 call ok     | admit recorded\n",
              "0 closed, 0 open, 16 closed, 16 forced_open, 32 closed, 32 metrics_only");
}

static void a_ramp_that_is_configured_away_is_over(void **state) {
    (void)state;
    scene_run("ramp_ms=1600",
              "0  reset\n"
              "0  call ok               | reject_ramp 0\n"
              "0  reconfigure ramp_ms=0 | 0\n"
              "0  call ok               | admit recorded\n"
              "0  reconfigure ramp_ms=1600 | 0\n"
              "0  call ok               | admit recorded\n",
              "0 closed");
}

/* ---- The limit of calls in flight ---- */

static void no_more_calls_than_max_concurrency_are_in_flight(void **state) {
    (void)state;
    scene_run("max_concurrency=2",
              "0 acquire a           | admit\n"
              "0 acquire b           | admit\n"
              "0 acquire c           | reject_concurrency 0\n"
              "1 complete a ok       | recorded\n"
              "1 acquire c           | admit\n"
              "1 acquire d           | reject_concurrency 0\n"
              "2 release b\n"
              "2 acquire d           | admit\n"
              "2 count reject_concurrency | 2\n",
              "");
}

static void a_second_completion_gives_no_place_back(void **state) {
    (void)state;
    scene_run("max_concurrency=1",
              "0 acquire a      | admit\n"
              "1 complete a ok  | recorded\n"
              "1 acquire b      | admit\n"
              "1 complete a ok  | double\n"
              "1 acquire c      | reject_concurrency 0\n",
              "");
}

static void a_stale_completion_gives_its_place_back(void **state) {
    (void)state;
    scene_run("max_concurrency=1",
              "0 acquire a      | admit\n"
              "1 reset\n"
              "1 acquire b      | reject_concurrency 0\n"
              "2 complete a ok  | stale\n"
              "2 acquire b      | admit\n",
              "1 closed");
}

static void a_call_that_the_limit_rejects_takes_no_probe_slot(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 max_concurrency=1",
              "0   acquire a       | admit\n"
              "0   force open\n"
              "160 acquire b       | reject_concurrency 0\n"
              "160 in_flight       | 0\n"
              "160 acquire b       | reject_concurrency 0\n"
              "160 in_flight       | 0\n"
              "161 complete a ok   | stale\n"
              "161 acquire b       | admit_probe\n"
              "161 acquire c       | reject_probing 175\n"
              "162 complete b ok   | recorded\n"
              "162 acquire c       | admit\n",
              "0 open, 160 half_open, 162 closed");
}

static void a_probe_that_no_slot_is_free_for_takes_no_place(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 max_concurrency=2",
              "0   call fail\n"
              "160 acquire a       | admit_probe\n"
              "160 acquire b       | reject_probing 160\n"
              "161 complete a ok   | recorded\n"
              "161 acquire a       | admit\n"
              "161 acquire b       | admit\n"
              "161 acquire c       | reject_concurrency 0\n",
              "0 open, 160 half_open, 161 closed");
}

static void a_call_that_the_ramp_rejects_gives_its_place_back(void **state) {
    (void)state;
    scene_run("max_concurrency=1 ramp_ms=1600",
              "0   reset\n"
              "800 acquire a       | reject_ramp 0\n"
              "800 acquire a       | admit\n"
              "800 acquire b       | reject_concurrency 0\n"
              "801 complete a ok\n"
              "801 acquire a       | reject_ramp 0\n",
              "0 closed");
}

static void disabled_has_no_limit_and_its_calls_are_in_flight_all_the_same(void **state) {
    (void)state;
    scene_run("max_concurrency=1",
              "0 force disabled\n"
              "0 acquire a         | admit\n"
              "0 acquire b         | admit\n"
              "1 force closed\n"
              "1 acquire c         | reject_concurrency 0\n"
              "2 complete a ok     | stale\n"
              "2 acquire c         | reject_concurrency 0\n"
              "3 complete b ok     | stale\n"
              "3 acquire c         | admit\n",
              "0 disabled, 1 closed");
}

static void a_limit_counts_what_was_admitted_under_it(void **state) {
    (void)state;
    scene_run("",
              "0 acquire a                      | admit\n"
              "1 reconfigure max_concurrency=1  | 0\n"
              "1 acquire b                      | admit\n"
              "1 acquire c                      | reject_concurrency 0\n"
              "2 complete a ok                  | recorded\n"
              "2 acquire c                      | reject_concurrency 0\n"
              "3 reconfigure max_concurrency=0  | 0\n"
              "3 complete b ok                  | recorded\n"
              "4 reconfigure max_concurrency=1  | 0\n"
              "4 acquire d                      | admit\n"
              "4 acquire c                      | reject_concurrency 0\n",
              "");
}

BW_TESTS(cmocka_unit_test(a_sample_is_decided_when_it_is_complete_and_not_before),
         cmocka_unit_test(a_sample_with_the_rate_of_failures_reached_is_bad),
         cmocka_unit_test(a_sample_with_too_many_slow_probes_is_bad_though_all_succeed),
         cmocka_unit_test(slow_probes_of_an_earlier_round_do_not_count),
         cmocka_unit_test(a_probe_that_is_overdue_is_slow_in_its_sample_once),
         cmocka_unit_test(a_slow_probe_can_count_as_a_failed_one_in_a_sample),
         cmocka_unit_test(a_sample_smaller_than_the_budget_is_decided_by_the_first_to_finish),
         cmocka_unit_test(after_closing_the_share_of_calls_grows_from_10_to_100_percent),
         cmocka_unit_test(a_call_whose_clock_is_behind_the_closing_does_not_end_the_ramp),
         cmocka_unit_test(a_call_of_the_ramp_passes_when_the_whole_part_of_n_times_the_share_has_grown),
         cmocka_unit_test(a_ramp_that_is_over_never_comes_back),
         cmocka_unit_test(the_ramp_starts_late_by_its_rounding_and_not_before),
         cmocka_unit_test(failures_in_the_ramp_trip_as_ever),
         cmocka_unit_test(every_new_generation_of_closed_has_a_ramp_but_not_the_first),
         cmocka_unit_test(a_ramp_that_is_configured_away_is_over),
         cmocka_unit_test(no_more_calls_than_max_concurrency_are_in_flight),
         cmocka_unit_test(a_second_completion_gives_no_place_back),
         cmocka_unit_test(a_stale_completion_gives_its_place_back),
         cmocka_unit_test(a_call_that_the_limit_rejects_takes_no_probe_slot),
         cmocka_unit_test(a_probe_that_no_slot_is_free_for_takes_no_place),
         cmocka_unit_test(a_call_that_the_ramp_rejects_gives_its_place_back),
         cmocka_unit_test(disabled_has_no_limit_and_its_calls_are_in_flight_all_the_same),
         cmocka_unit_test(a_limit_counts_what_was_admitted_under_it))
