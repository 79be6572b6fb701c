/* The rows of CLOSED, OPEN and HALF_OPEN, and what a result may do to them. */
#include <inttypes.h>
#include <stdio.h>

#include "run.h"
#include "scene.h"

static void three_failures_in_a_row_open_it_and_one_good_probe_closes_it(void **state) {
    (void)state;
    scene_run("open_ms=50",
              "10  call fail  | admit recorded\n"
              "20  call fail  | admit recorded\n"
              "30  call fail  | admit recorded\n"
              "30  call ok    | reject_open 50\n"
              "79  call ok    | reject_open 1\n"
              "80  acquire a  | admit_probe\n"
              "130 complete a ok | recorded\n"
              "130 call ok    | admit recorded\n",
              "30 open, 80 half_open, 130 closed");
}

static void the_default_is_three_failures_twenty_seconds_one_probe(void **state) {
    (void)state;
    scene_run("",
              "0     call fail\n"
              "0     call fail\n"
              "0     state      | closed\n"
              "0     call fail\n"
              "19999 acquire a  | reject_open 1\n"
              "20000 acquire a  | admit_probe\n"
              "20000 acquire b  | reject_probing 20000\n",
              "0 open, 20000 half_open");
}

static void a_success_ends_the_row_of_failures(void **state) {
    (void)state;
    scene_run("",
              "0 call fail\n"
              "1 call fail\n"
              "1 streak     | 2\n"
              "2 call ok\n"
              "2 streak     | 0\n"
              "3 call fail\n"
              "4 call fail\n"
              "4 state      | closed\n"
              "5 call fail\n"
              "5 state      | open\n",
              "5 open");
}

static void ignored_and_released_calls_do_not_touch_the_row(void **state) {
    (void)state;
    scene_run("",
              "0 call fail\n"
              "0 call fail\n"
              "1 call ignored  | admit released\n"
              "2 acquire a     | admit\n"
              "3 release a     | done\n"
              "3 count ignored | 2\n"
              "3 streak        | 2\n"
              "4 call fail\n",
              "4 open");
}

static void results_count_when_they_come_not_when_the_call_began(void **state) {
    (void)state;
    scene_run("trip_consecutive=2",
              "0 acquire a\n"
              "1 acquire b\n"
              "5 complete b fail\n"
              "9 complete a fail | recorded\n",
              "9 open");
}

static void a_failed_probe_opens_it_again_for_the_whole_time(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100",
              "0   call fail\n"
              "150 call fail    | admit_probe recorded\n"
              "150 read         | open/open 100\n"
              "249 acquire a    | reject_open 1\n"
              "250 acquire a    | admit_probe\n",
              "0 open, 150 half_open, 150 open, 250 half_open");
}

static void a_failed_probe_needs_no_second_failure(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=3 open_ms=16");
    scene_play(
        &s, "0 call fail\n0 call fail\n0 call fail\n16 call fail | admit_probe recorded\n16 state | open\n");
    scene_expect_reason(&s, "PROBE_FAILED");
    scene_end(&s);
}

static void rejected_calls_do_not_push_the_deadline_out(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100",
              "0   call fail\n"
              "50  call ok       | reject_open 50\n"
              "90  call ok       | reject_open 10\n"
              "99  call ok       | reject_open 1\n"
              "99  count reject_open | 3\n"
              "100 call ok       | admit_probe recorded\n",
              "0 open, 100 half_open, 100 closed");
}

static void at_exactly_the_deadline_the_time_is_over(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=1",
              "0 call fail\n"
              "0 read     | open/open 1\n"
              "1 read     | open/half_open 0\n"
              "1 call ok  | admit_probe recorded\n",
              "0 open, 1 half_open, 1 closed");
}

static void reading_makes_no_transition_and_view_says_what_a_call_would_meet(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100",
              "0   call fail\n"
              "500 read  | open/half_open 0\n"
              "500 due   | 100\n"
              "500 state | open\n",
              "0 open");
}

static void poll_makes_the_transition_without_a_call_and_leaves_the_probe_to_the_next(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=96",
              "0   poll      | still\n"
              "0   call fail\n"
              "95  poll      | still\n"
              "96  poll      | moved\n"
              "96  poll      | still\n"
              "96  in_flight | 0\n"
              "96  due       | never\n"
              "99  call ok   | admit_probe recorded\n",
              "0 open, 96 half_open, 99 closed");
}

static void only_one_probe_passes_and_the_others_are_rejected_at_once(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160",
              "0   call fail\n"
              "160 acquire a  | admit_probe\n"
              "160 acquire b  | reject_probing 160\n"
              "240 acquire c  | reject_probing 80\n"
              "240 count reject_probing | 2\n"
              "240 count admitted_probe | 1\n"
              "250 complete a ok\n"
              "250 acquire b  | admit\n",
              "0 open, 160 half_open, 250 closed");
}

static void an_ignored_probe_gives_its_slot_back(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16",
              "0  call fail\n"
              "16 acquire a           | admit_probe\n"
              "20 complete a ignored  | released\n"
              "20 in_flight           | 0\n"
              "21 acquire b           | admit_probe\n"
              "22 release b           | done\n"
              "22 in_flight           | 0\n"
              "23 call ok             | admit_probe recorded\n",
              "0 open, 16 half_open, 23 closed");
}

static void the_budget_counts_probes_in_flight_and_finished(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16 probe_budget=3 probe_successes=3",
              "0  call fail\n"
              "16 acquire a      | admit_probe\n"
              "16 complete a ok  | recorded\n"
              "16 acquire b      | admit_probe\n"
              "16 acquire c      | admit_probe\n"
              "16 acquire d      | reject_probing 16\n"
              "16 complete b ok\n"
              "16 acquire d      | reject_probing 16\n"
              "16 complete c ok\n"
              "16 acquire d      | admit\n",
              "0 open, 16 half_open, 16 closed");
}

static void fewer_probes_than_the_budget_may_run_at_the_same_time(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16 probe_budget=3 probe_max_inflight=1 probe_successes=2",
              "0  call fail\n"
              "16 acquire a      | admit_probe\n"
              "16 acquire b      | reject_probing 16\n"
              "17 complete a ok\n"
              "17 acquire b      | admit_probe\n"
              "17 complete b ok\n",
              "0 open, 16 half_open, 17 closed");
}

static void the_first_of_several_probes_to_decide_decides(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16 probe_budget=4 probe_successes=3 probe_failures=2",
              "0  call fail\n"
              "16 acquire a\n"
              "16 acquire b\n"
              "16 acquire c\n"
              "16 complete a fail  | recorded\n"
              "16 state            | half_open\n"
              "16 complete b ok    | recorded\n"
              "17 complete c fail  | recorded\n",
              "0 open, 16 half_open, 17 open");
}

static void a_call_from_before_the_trip_cannot_close_the_breaker(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16",
              "0  acquire a      | admit\n"
              "0  acquire c      | admit\n"
              "0  call fail\n"
              "5  complete c ok  | stale\n"
              "16 acquire b      | admit_probe\n"
              "17 complete a ok  | stale\n"
              "17 state          | half_open\n"
              "17 in_flight      | 1\n"
              "17 count ok       | 0\n"
              "17 count stale    | 2\n",
              "0 open, 16 half_open");
}

static void a_call_from_before_the_trip_cannot_reopen_what_has_healed(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16",
              "0  acquire a       | admit\n"
              "0  call fail\n"
              "16 call ok         | admit_probe recorded\n"
              "17 complete a fail | stale\n"
              "17 streak          | 0\n"
              "17 count failed    | 1\n",
              "0 open, 16 half_open, 16 closed");
}

static void a_stale_call_that_is_ignored_or_released_gives_back_no_slot(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16",
              "0  acquire a\n"
              "0  acquire b\n"
              "0  call fail\n"
              "16 acquire c          | admit_probe\n"
              "17 complete a ignored | stale\n"
              "17 release b          | done\n"
              "17 in_flight          | 1\n"
              "17 acquire d          | reject_probing 15\n"
              "17 count stale        | 2\n"
              "17 count ignored      | 0\n",
              "0 open, 16 half_open");
}

static void a_second_completion_is_counted_and_does_nothing(void **state) {
    (void)state;
    scene_run("trip_consecutive=2 open_ms=16 probe_budget=2 probe_successes=2",
              "0  acquire a\n"
              "0  complete a fail  | recorded\n"
              "0  complete a fail  | double\n"
              "0  state            | closed\n"
              "0  streak           | 1\n"
              "0  count failed     | 1\n"
              "0  call fail\n"
              "16 acquire b        | admit_probe\n"
              "16 complete b ok    | recorded\n"
              "16 complete b ok    | double\n"
              "16 release b\n"
              "16 state            | half_open\n"
              "16 count double     | 3\n",
              "0 open, 16 half_open");
}

static void a_rejected_ticket_may_be_completed_and_nothing_happens(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16",
              "0 call fail\n"
              "1 acquire a        | reject_open 15\n"
              "2 complete a ok    | unadmitted\n"
              "2 complete z fail  | unadmitted\n"
              "2 count double     | 0\n"
              "2 count stale      | 0\n",
              "0 open");
}

static void the_open_time_grows_with_every_reopening_and_starts_anew_after_closing(void **state) {
    (void)state;
    scene_run(
        "trip_consecutive=1 open_ms=100 open_backoff=2 open_max_ms=350",
        "0    call fail\n"
        "0    attempt    | 1\n"
        "0    read       | open/open 100\n"
        "100  call fail\n"
        "100  read       | open/open 200\n"
        "300  call fail\n"
        "300  attempt    | 3\n"
        "300  read       | open/open 350\n"
        "650  call ok\n"
        "650  attempt    | 0\n"
        "700  call fail\n"
        "700  attempt    | 1\n"
        "700  read       | open/open 100\n",
        "0 open, 100 half_open, 100 open, 300 half_open, 300 open, 650 half_open, 650 closed, 700 open");
}

static void the_attempt_stays_at_fifteen(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=1 open_backoff=1000 open_max_ms=3");
    scene_play(&s, "0 call fail\n");
    for (uint64_t now_ms = 100; now_ms < 3000; now_ms += 100) {
        char line[40];
        snprintf(line, sizeof line, "%d call fail | admit_probe recorded\n", (int)now_ms);
        scene_play(&s, line);
    }
    scene_play(&s, "2900 attempt | 15\n2900 read | open/open 3\n2900 generation | 60\n");
    scene_end(&s);
}

static void jitter_takes_off_up_to_its_share_and_differs_by_seed(void **state) {
    (void)state;
    uint64_t first_ms[2] = {0, 0};
    for (int seed = 0; seed < 2; seed++) {
        struct scene s;
        struct bw_breaker_snapshot p;
        scene_start(&s, seed ? "trip_consecutive=1 open_jitter=0.1 jitter_seed=7"
                             : "trip_consecutive=1 open_jitter=0.1");
        scene_play(&s, "0 call fail\n");
        bw_breaker_snapshot(s.breaker, 0, &p);
        first_ms[seed] = p.retry_after_ms;
        assert_in_range(p.retry_after_ms, 18000, 20000);
        scene_end(&s);
    }
    assert_int_not_equal(first_ms[0], first_ms[1]);
}

static void the_peer_may_ask_for_a_longer_open_time_up_to_a_limit(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100 pushback_max_ms=400",
              "0    call fail pushback=300\n"
              "0    read  | open/open 300\n"
              "300  call fail pushback=9000\n"
              "300  read  | open/open 400\n"
              "700  call fail pushback=50\n"
              "700  read  | open/open 100\n"
              "800  call fail pushback=-5\n"
              "800  read  | open/open 100\n",
              "0 open, 300 half_open, 300 open, 700 half_open, 700 open, 800 half_open, 800 open");
}

static void pushback_can_be_switched_off(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100 honour_pushback=off",
              "0 call fail pushback=300\n"
              "0 read  | open/open 100\n",
              "0 open");
}

static void nothing_trips_during_the_warm_up(void **state) {
    (void)state;
    scene_run("trip_consecutive=2 warmup_ms=100",
              "0   call fail\n"
              "50  call fail\n"
              "99  call fail\n"
              "99  state | closed\n"
              "100 call fail\n",
              "100 open");
}

static void a_code_may_weigh_more_than_one_failure(void **state) {
    (void)state;
    scene_run("trip_consecutive=4 weight=UNAVAILABLE=3",
              "0 call fail code=13\n"
              "0 streak | 1\n"
              "0 call fail code=14\n",
              "0 open");
}

static void a_code_outside_the_range_counts_as_unknown(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start(&s, "trip_consecutive=9 weight=UNKNOWN=2");
    scene_play(&s, "0 call fail code=99\n0 call fail code=-1\n0 streak | 4\n");
    bw_breaker_snapshot(s.breaker, 0, &p);
    assert_int_equal(p.counters.failed_code[2], 2);
    assert_int_equal(p.counters.failed, 2);
    assert_int_equal(p.last_failure_code, 2);
    scene_end(&s);
}

static void a_clock_a_little_behind_the_creation_is_taken_as_the_creation(void **state) {
    (void)state;
    struct scene s;
    scene_start_at(&s, "trip_consecutive=1 open_ms=100", 1000);
    scene_play(&s,
               "990 call fail\n"
               "990 read   | open/open 100\n"
               "1099 call ok | reject_open 1\n"
               "1100 call ok | admit_probe recorded\n");
    scene_expect_states(&s, "1000 open, 1100 half_open, 1100 closed");
    scene_end(&s);
}

static void slow_calls_are_counted_and_slow_means_longer_than(void **state) {
    (void)state;
    scene_run("slow_call_ms=100",
              "0   call ok latency=100\n"
              "0   count slow   | 0\n"
              "0   call ok latency=101\n"
              "0   call fail latency=500\n"
              "0   count slow   | 2\n"
              "0   acquire a\n"
              "200 complete a ok\n"
              "200 count slow   | 3\n"
              "200 count ok     | 3\n",
              "");
}

static void a_hanging_call_is_slow_now_and_not_again_when_it_ends(void **state) {
    (void)state;
    scene_run("slow_call_ms=100",
              "0   acquire a\n"
              "101 overdue a    | done\n"
              "101 overdue a    | done\n"
              "101 count slow   | 1\n"
              "500 complete a ok  | recorded\n"
              "500 count slow   | 1\n"
              "500 count ok     | 1\n",
              "");
}

static void a_slow_probe_counts_as_a_bad_one_only_if_that_is_configured(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=16 slow_call_ms=100 probe_slow_is_failure=on",
              "0  call fail\n"
              "16 call ok latency=101  | admit_probe recorded\n"
              "32 call ok latency=100  | admit_probe recorded\n",
              "0 open, 16 half_open, 16 open, 32 half_open, 32 closed");
    scene_run("trip_consecutive=1 open_ms=16 slow_call_ms=100",
              "0  call fail\n"
              "16 call ok latency=101  | admit_probe recorded\n"
              "16 count slow           | 1\n",
              "0 open, 16 half_open, 16 closed");
}

BW_TESTS(cmocka_unit_test(three_failures_in_a_row_open_it_and_one_good_probe_closes_it),
         cmocka_unit_test(the_default_is_three_failures_twenty_seconds_one_probe),
         cmocka_unit_test(a_success_ends_the_row_of_failures),
         cmocka_unit_test(ignored_and_released_calls_do_not_touch_the_row),
         cmocka_unit_test(results_count_when_they_come_not_when_the_call_began),
         cmocka_unit_test(a_failed_probe_opens_it_again_for_the_whole_time),
         cmocka_unit_test(a_failed_probe_needs_no_second_failure),
         cmocka_unit_test(rejected_calls_do_not_push_the_deadline_out),
         cmocka_unit_test(at_exactly_the_deadline_the_time_is_over),
         cmocka_unit_test(reading_makes_no_transition_and_view_says_what_a_call_would_meet),
         cmocka_unit_test(poll_makes_the_transition_without_a_call_and_leaves_the_probe_to_the_next),
         cmocka_unit_test(only_one_probe_passes_and_the_others_are_rejected_at_once),
         cmocka_unit_test(an_ignored_probe_gives_its_slot_back),
         cmocka_unit_test(the_budget_counts_probes_in_flight_and_finished),
         cmocka_unit_test(fewer_probes_than_the_budget_may_run_at_the_same_time),
         cmocka_unit_test(the_first_of_several_probes_to_decide_decides),
         cmocka_unit_test(a_call_from_before_the_trip_cannot_close_the_breaker),
         cmocka_unit_test(a_call_from_before_the_trip_cannot_reopen_what_has_healed),
         cmocka_unit_test(a_stale_call_that_is_ignored_or_released_gives_back_no_slot),
         cmocka_unit_test(a_second_completion_is_counted_and_does_nothing),
         cmocka_unit_test(a_rejected_ticket_may_be_completed_and_nothing_happens),
         cmocka_unit_test(the_open_time_grows_with_every_reopening_and_starts_anew_after_closing),
         cmocka_unit_test(the_attempt_stays_at_fifteen),
         cmocka_unit_test(jitter_takes_off_up_to_its_share_and_differs_by_seed),
         cmocka_unit_test(the_peer_may_ask_for_a_longer_open_time_up_to_a_limit),
         cmocka_unit_test(pushback_can_be_switched_off), cmocka_unit_test(nothing_trips_during_the_warm_up),
         cmocka_unit_test(a_code_may_weigh_more_than_one_failure),
         cmocka_unit_test(a_code_outside_the_range_counts_as_unknown),
         cmocka_unit_test(a_clock_a_little_behind_the_creation_is_taken_as_the_creation),
         cmocka_unit_test(slow_calls_are_counted_and_slow_means_longer_than),
         cmocka_unit_test(a_hanging_call_is_slow_now_and_not_again_when_it_ends),
         cmocka_unit_test(a_slow_probe_counts_as_a_bad_one_only_if_that_is_configured))
