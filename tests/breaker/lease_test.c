/* A probe that never comes back loses its place; one that has not started yet loses nothing. */
#include "run.h"
#include "scene.h"

static void
a_half_open_circuit_left_alone_for_longer_than_its_lease_and_then_called_closes_on_success(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 probe_lease_ms=320",
              "0    call fail\n"
              "160  poll              | moved\n"
              "160  state             | half_open\n"
              "4000 poll              | still\n"
              "4000 acquire a         | admit_probe\n"
              "4300 acquire b         | reject_probing 20\n"
              "4319 poll              | still\n"
              "4319 complete a ok     | recorded\n",
              "0 open, 160 half_open, 4319 closed");
}

static void a_probe_that_never_returns_is_lost_after_the_lease_and_the_breaker_opens_again(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=160 probe_lease_ms=320");
    scene_play(&s,
               "0    call fail\n"
               "160  acquire a        | admit_probe\n"
               "160  due              | 480\n"
               "479  acquire b        | reject_probing 1\n"
               "480  read             | half_open/open 160\n"
               "480  acquire b        | reject_open 160\n"
               "480  attempt          | 2\n"
               "480  count lost_probe | 1\n");
    scene_expect_reason(&s, "LOST_PROBE");
    scene_play(&s,
               "500  complete a ok    | stale\n"
               "500  state            | open\n"
               "640  acquire c        | admit_probe\n"
               "650  complete c ok    | recorded\n");
    scene_expect_states(&s, "0 open, 160 half_open, 480 open, 640 half_open, 650 closed");
    scene_end(&s);
}

static void a_lost_probe_can_be_replaced_at_once_and_its_late_answer_is_stale(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 probe_lease_action=replace",
              "0    call fail\n"
              "160  acquire a        | admit_probe\n"
              "320  read             | half_open/half_open 0\n"
              "320  acquire b        | admit_probe\n"
              "320  attempt          | 1\n"
              "330  complete a fail  | stale\n"
              "330  complete b ok    | recorded\n",
              "0 open, 160 half_open, 320 half_open, 330 closed");
}

static void poll_finds_the_lost_probe_too(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160",
              "0    call fail\n"
              "160  acquire a\n"
              "319  poll  | still\n"
              "320  poll  | moved\n",
              "0 open, 160 half_open, 320 open");
}

static void completing_and_releasing_never_make_a_due_transition(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160",
              "0    call fail\n"
              "160  acquire a\n"
              "999  complete a ok    | recorded\n",
              "0 open, 160 half_open, 999 closed");
    scene_run("trip_consecutive=1 open_ms=160",
              "0    call fail\n"
              "160  acquire a\n"
              "999  release a\n"
              "999  acquire b        | admit_probe\n",
              "0 open, 160 half_open");
}

static void the_lease_is_the_open_time_or_outlasts_the_longest_call(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160",
              "0    call fail\n"
              "160  acquire a\n"
              "160  due  | 320\n",
              "0 open, 160 half_open");
    scene_run("trip_consecutive=1 open_ms=160 call_timeout_ms=3000",
              "0    call fail\n"
              "160  acquire a\n"
              "160  due  | 4160\n",
              "0 open, 160 half_open");
}

static void without_a_lease_a_probe_is_waited_for(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 probe_lease_ms=0",
              "0       call fail\n"
              "160     acquire a      | admit_probe\n"
              "160     due            | never\n"
              "9999999 poll           | still\n"
              "9999999 acquire b      | reject_probing 0\n"
              "9999999 complete a ok  | recorded\n",
              "0 open, 160 half_open, 9999999 closed");
}

static void a_lease_is_never_short_and_up_to_16_ms_long(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=101 probe_lease_ms=100",
              "0    call fail\n"
              "101  acquire a   | admit_probe\n"
              "201  acquire b   | reject_probing 11\n"
              "211  acquire b   | reject_probing 1\n"
              "212  acquire b   | reject_open 101\n",
              "0 open, 101 half_open, 212 open");
}

static void a_lost_probe_among_others_ends_the_round_for_all(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 probe_budget=3 probe_successes=3",
              "0    call fail\n"
              "160  acquire a         | admit_probe\n"
              "240  acquire b         | admit_probe\n"
              "250  complete b ok     | recorded\n"
              "256  acquire b         | admit_probe\n"
              "320  acquire c         | reject_open 160\n"
              "320  count lost_probe  | 2\n"
              "321  complete b ok     | stale\n",
              "0 open, 160 half_open, 320 open");
}

static void the_lease_starts_again_when_all_probes_were_back(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 probe_budget=2 probe_successes=2",
              "0    call fail\n"
              "160  acquire a       | admit_probe\n"
              "304  complete a ok   | recorded\n"
              "304  due             | never\n"
              "320  acquire b       | admit_probe\n"
              "479  poll            | still\n"
              "480  poll            | moved\n",
              "0 open, 160 half_open, 480 open");
}

static void an_idle_half_open_can_be_ended_by_opening(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=160 half_open_max_ms=800");
    scene_play(&s,
               "0    call fail\n"
               "160  poll      | moved\n"
               "160  due       | 960\n"
               "959  read      | half_open/half_open 0\n"
               "960  read      | half_open/open 160\n"
               "960  acquire a | reject_open 160\n"
               "960  attempt   | 2\n");
    scene_expect_reason(&s, "HALF_OPEN_TIMEOUT");
    scene_expect_states(&s, "0 open, 160 half_open, 960 open");
    scene_end(&s);
}

static void an_idle_half_open_can_be_ended_by_closing(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 half_open_max_ms=800 half_open_timeout_to=closed",
              "0    call fail\n"
              "160  poll\n"
              "960  read      | half_open/closed 0\n"
              "960  acquire a | admit\n"
              "960  attempt   | 0\n",
              "0 open, 160 half_open, 960 closed");
}

static void half_open_is_idle_again_when_its_probe_gave_the_slot_back(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160 half_open_max_ms=800 probe_lease_ms=4000",
              "0    call fail\n"
              "160  acquire a\n"
              "1600 poll      | still\n"
              "1600 release a\n"
              "2399 poll      | still\n"
              "2400 poll      | moved\n",
              "0 open, 160 half_open, 2400 open");
}

static void with_nobody_ever_answering_a_call_is_admitted_again_within_open_time_and_lease(void **state) {
    (void)state;
    struct scene s;
    struct bw_ticket ticket;
    scene_start(&s, "trip_consecutive=1 open_ms=1000 open_backoff=2 open_max_ms=4000 probe_lease_ms=2000");
    scene_play(&s, "0 call fail\n");
    uint64_t last_ms = 0;
    for (uint64_t now_ms = 0; now_ms < 200000; now_ms += 8)
        if (bw_admitted(bw_breaker_acquire(s.breaker, now_ms, &ticket, NULL))) {
            assert_true(now_ms - last_ms <= 4000 + 2000 + 16 + 8);
            last_ms = now_ms;
        }
    assert_true(last_ms > 190000);
    scene_end(&s);
}

static void the_lease_clock_runs_over_its_circle(void **state) {
    (void)state;
    scene_run("trip_consecutive=1 open_ms=160",
              "67108000  call fail\n"
              "67108840  acquire a  | admit_probe\n"
              "67108999  acquire b  | reject_probing 9\n"
              "67109008  acquire b  | reject_open 160\n",
              "67108000 open, 67108840 half_open, 67109008 open");
}

BW_TESTS(cmocka_unit_test(
             a_half_open_circuit_left_alone_for_longer_than_its_lease_and_then_called_closes_on_success),
         cmocka_unit_test(a_probe_that_never_returns_is_lost_after_the_lease_and_the_breaker_opens_again),
         cmocka_unit_test(a_lost_probe_can_be_replaced_at_once_and_its_late_answer_is_stale),
         cmocka_unit_test(poll_finds_the_lost_probe_too),
         cmocka_unit_test(completing_and_releasing_never_make_a_due_transition),
         cmocka_unit_test(the_lease_is_the_open_time_or_outlasts_the_longest_call),
         cmocka_unit_test(without_a_lease_a_probe_is_waited_for),
         cmocka_unit_test(a_lease_is_never_short_and_up_to_16_ms_long),
         cmocka_unit_test(a_lost_probe_among_others_ends_the_round_for_all),
         cmocka_unit_test(the_lease_starts_again_when_all_probes_were_back),
         cmocka_unit_test(an_idle_half_open_can_be_ended_by_opening),
         cmocka_unit_test(an_idle_half_open_can_be_ended_by_closing),
         cmocka_unit_test(half_open_is_idle_again_when_its_probe_gave_the_slot_back),
         cmocka_unit_test(with_nobody_ever_answering_a_call_is_admitted_again_within_open_time_and_lease),
         cmocka_unit_test(the_lease_clock_runs_over_its_circle))
