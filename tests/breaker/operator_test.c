/* What an operator can do by hand, and what it leaves alone. */
#include <stdio.h>
#include <string.h>

#include "run.h"
#include "scene.h"

static void forcing_open_takes_the_policys_time_or_a_given_one_that_no_limit_cuts(void **state) {
    (void)state;
    scene_run("open_ms=100 open_max_ms=200",
              "0   force open         | 0\n"
              "0   read               | open/open 100\n"
              "0   attempt            | 1\n"
              "10  force open 5000    | 0\n"
              "10  read               | open/open 5000\n"
              "10  attempt            | 2\n"
              "5010 acquire a         | admit_probe\n",
              "0 open, 10 open, 5010 half_open");
}

static void forcing_the_state_it_is_in_changes_nothing_but_starts_open_again(void **state) {
    (void)state;
    scene_run("trip_consecutive=1",
              "0 force closed        | 0\n"
              "0 generation          | 1\n"
              "1 force half_open     | 0\n"
              "1 acquire a           | admit_probe\n"
              "2 force half_open     | 0\n"
              "2 in_flight           | 1\n"
              "3 force disabled      | 0\n"
              "3 force disabled      | 0\n"
              "4 force metrics_only  | 0\n"
              "4 force metrics_only  | 0\n"
              "4 generation          | 4\n",
              "1 half_open, 3 disabled, 4 metrics_only");
}

static void forcing_half_open_starts_a_round_with_nothing_in_flight(void **state) {
    (void)state;
    scene_run("trip_consecutive=1",
              "0 acquire a\n"
              "1 force half_open\n"
              "1 in_flight         | 0\n"
              "2 complete a fail   | stale\n"
              "3 call ok           | admit_probe recorded\n",
              "1 half_open, 3 closed");
}

static void forcing_closed_forgets_the_attempt(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100",
              "0   call fail\n"
              "100 call fail\n"
              "100 attempt         | 2\n"
              "101 force closed\n"
              "101 attempt         | 0\n"
              "101 streak          | 0\n"
              "101 call ok         | admit recorded\n",
              "0 open, 100 half_open, 100 open, 101 closed");
}

static void reset_is_a_new_generation_of_closed_always(void **state) {
    (void)state;
    scene_run("",
              "0 call fail\n"
              "0 call fail\n"
              "0 acquire a\n"
              "1 reset            | 0\n"
              "1 streak           | 0\n"
              "1 generation       | 2\n"
              "2 complete a fail  | stale\n"
              "3 force open\n"
              "4 reset            | 0\n",
              "1 closed, 3 open, 4 closed");
}

static void forced_open_is_held_and_not_forced(void **state) {
    (void)state;
    scene_run("",
              "0 force forced_open  | -1\n"
              "0 state              | closed\n",
              "");
}

static void a_held_breaker_rejects_until_the_last_holder_lets_go(void **state) {
    (void)state;
    scene_run("",
              "0 acquire a\n"
              "1 hold ann              | 0\n"
              "1 call ok               | reject_forced never\n"
              "1 complete a fail       | stale\n"
              "2 hold bob              | 0\n"
              "2 hold ann              | 0\n"
              "2 holders               | 2\n"
              "2 generation            | 2\n"
              "3 release_hold ann      | 0\n"
              "3 release_hold ann      | -3\n"
              "3 state                 | forced_open\n"
              "999999 poll             | still\n"
              "999999 read             | forced_open/forced_open never\n"
              "999999 due              | never\n"
              "999999 release_hold bob | 0\n"
              "999999 call ok          | admit recorded\n",
              "1 forced_open, 999999 closed");
}

static void a_holder_without_a_name_is_one_holder(void **state) {
    (void)state;
    scene_run("",
              "0 hold          | 0\n"
              "0 hold          | 0\n"
              "0 holders       | 1\n"
              "1 release_hold  | 0\n"
              "1 release_hold  | -3\n",
              "0 forced_open, 1 closed");
}

static void any_other_force_or_reset_ends_a_hold_and_forgets_the_holders(void **state) {
    (void)state;
    scene_run("",
              "0 hold ann\n"
              "0 hold bob\n"
              "1 force half_open   | 0\n"
              "1 holders           | 0\n"
              "1 release_hold ann  | -3\n"
              "2 hold ann          | 0\n"
              "3 reset             | 0\n"
              "3 release_hold ann  | -3\n"
              "3 state             | closed\n",
              "0 forced_open, 1 half_open, 2 forced_open, 3 closed");
}

static void thirty_two_may_hold_and_a_name_has_a_limit(void **state) {
    (void)state;
    struct scene s;
    char line[120];
    scene_start(&s, "");
    for (int i = 0; i < BW_BREAKER_HOLDERS_MAX; i++) {
        snprintf(line, sizeof line, "0 hold holder%d | 0\n", i);
        scene_play(&s, line);
    }
    scene_play(&s, "0 hold one_more | -2\n0 hold holder7 | 0\n0 holders | 32\n");
    char name[BW_BREAKER_NAME_MAX + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(bw_breaker_hold(s.breaker, 0, name), BW_BREAKER_NAME);
    scene_end(&s);
}

static void the_attempt_survives_half_open_disabled_and_a_hold(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100",
              "0 call fail\n"
              "1 force half_open\n"
              "1 attempt            | 1\n"
              "2 force disabled\n"
              "2 attempt            | 1\n"
              "3 force metrics_only\n"
              "3 attempt            | 1\n"
              "4 force open\n"
              "4 attempt            | 2\n"
              "5 hold ann\n"
              "5 attempt            | 2\n"
              "6 release_hold ann\n"
              "6 attempt            | 0\n",
              "0 open, 1 half_open, 2 disabled, 3 metrics_only, 4 open, 5 forced_open, 6 closed");
}

static void a_disabled_breaker_admits_everything_and_only_counts(void **state) {
    (void)state;
    scene_run("trip_consecutive=1",
              "0 force disabled\n"
              "0 call fail      | admit recorded\n"
              "0 call fail      | admit recorded\n"
              "0 call ok        | admit recorded\n"
              "0 call ignored   | admit released\n"
              "0 streak         | 0\n"
              "0 count failed   | 2\n"
              "0 count ok       | 1\n"
              "0 poll           | still\n",
              "0 disabled");
}

static void metrics_only_says_once_in_a_generation_that_it_would_have_tripped(void **state) {
    (void)state;
    struct scene s;
    struct bw_event events[8];
    scene_start(&s, "trip_consecutive=2");
    scene_play(&s,
               "0 force metrics_only\n"
               "1 call fail  | admit recorded\n"
               "2 call fail  | admit recorded\n"
               "3 call fail  | admit recorded\n"
               "3 streak     | 3\n"
               "4 call ok\n"
               "4 streak     | 0\n"
               "5 call fail\n"
               "6 call fail\n");
    scene_expect_states(&s, "0 metrics_only");
    assert_int_equal(bw_breaker_events(s.breaker, 0, events, 8), 2);
    assert_int_equal(events[1].reason, BW_REASON_WOULD_TRIP);
    assert_int_equal(events[1].at_ms, 2);
    assert_int_equal(events[1].generation, 2);
    assert_false(events[1].transition);
    scene_play(&s, "7 force closed\n7 force metrics_only\n8 call fail\n9 call fail\n");
    assert_int_equal(bw_breaker_events(s.breaker, 2, events, 8), 3);
    assert_int_equal(events[2].reason, BW_REASON_WOULD_TRIP);
    scene_end(&s);
}

static void a_new_configuration_holds_at_once_and_keeps_the_row_of_failures(void **state) {
    (void)state;
    scene_run("trip_consecutive=5",
              "0 call fail\n"
              "0 call fail\n"
              "1 reconfigure trip_consecutive=3 open_ms=77 | 0\n"
              "1 generation   | 1\n"
              "1 streak       | 2\n"
              "2 call fail\n"
              "2 read         | open/open 77\n",
              "2 open");
}

static void a_new_configuration_keeps_a_running_deadline(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=100",
              "0   call fail\n"
              "50  reconfigure open_ms=1000 | 0\n"
              "50  read       | open/open 50\n"
              "100 acquire a  | admit_probe\n"
              "100 due        | 1112\n",
              "0 open, 100 half_open");
}

static void a_new_configuration_starts_a_new_round_of_half_open(void **state) {
    (void)state;
    scene_run_to("trip_consecutive=1 open_ms=16",
                 "0  call fail\n"
                 "16 acquire a                    | admit_probe\n"
                 "17 reconfigure probe_budget=2   | 0\n"
                 "17 in_flight                    | 0\n"
                 "18 complete a ok                | stale\n"
                 "18 acquire b                    | admit_probe\n"
                 "18 acquire c                    | admit_probe\n",
                 "0 open, 16 half_open, 17 half_open", "RECONFIGURED");
}

static void a_configuration_that_does_not_fit_is_refused_and_changes_nothing(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_config config;
    scene_start(&s, "trip_consecutive=2");
    bw_breaker_configured(s.breaker, &config);
    config.open_ms = 0;
    assert_int_equal(bw_breaker_reconfigure(s.breaker, &config, 0), BW_BREAKER_CONFIGURATION);
    bw_breaker_configured(s.breaker, &config);
    assert_int_equal(config.open_ms, 20000);
    assert_int_equal(config.trip_consecutive, 2);
    scene_end(&s);
}

BW_TESTS(cmocka_unit_test(forcing_open_takes_the_policys_time_or_a_given_one_that_no_limit_cuts),
         cmocka_unit_test(forcing_the_state_it_is_in_changes_nothing_but_starts_open_again),
         cmocka_unit_test(forcing_half_open_starts_a_round_with_nothing_in_flight),
         cmocka_unit_test(forcing_closed_forgets_the_attempt),
         cmocka_unit_test(reset_is_a_new_generation_of_closed_always),
         cmocka_unit_test(forced_open_is_held_and_not_forced),
         cmocka_unit_test(a_held_breaker_rejects_until_the_last_holder_lets_go),
         cmocka_unit_test(a_holder_without_a_name_is_one_holder),
         cmocka_unit_test(any_other_force_or_reset_ends_a_hold_and_forgets_the_holders),
         cmocka_unit_test(thirty_two_may_hold_and_a_name_has_a_limit),
         cmocka_unit_test(the_attempt_survives_half_open_disabled_and_a_hold),
         cmocka_unit_test(a_disabled_breaker_admits_everything_and_only_counts),
         cmocka_unit_test(metrics_only_says_once_in_a_generation_that_it_would_have_tripped),
         cmocka_unit_test(a_new_configuration_holds_at_once_and_keeps_the_row_of_failures),
         cmocka_unit_test(a_new_configuration_keeps_a_running_deadline),
         cmocka_unit_test(a_new_configuration_starts_a_new_round_of_half_open),
         cmocka_unit_test(a_configuration_that_does_not_fit_is_refused_and_changes_nothing))
