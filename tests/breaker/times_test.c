/* Times to the millisecond: the jitter's very numbers, each deadline a step before, at, and after it. */
#include <stdio.h>

#include "run.h"
#include "scene.h"

static uint64_t jittered_of(uint64_t open_ms, uint64_t seed, int opening) {
    struct scene s;
    char parameters[200];
    snprintf(parameters, sizeof parameters, "trip_consecutive=1 open_ms=%llu open_jitter=1 jitter_seed=%llu",
             (unsigned long long)open_ms, (unsigned long long)seed);
    scene_start(&s, parameters);
    for (int i = 0; i < opening; i++)
        scene_play(&s, "0 force open\n");
    uint64_t due_ms = bw_breaker_next_due(s.breaker, 0);
    scene_end(&s);
    return due_ms;
}

static uint64_t jittered(uint64_t seed, int opening) {
    return jittered_of(1000000, seed, opening);
}

/* splitmix64 of seed and generation, calculated by another program. */
static void the_jitter_of_a_seed_is_the_same_everywhere(void **state) {
    (void)state;
    assert_int_equal(jittered(UINT64_C(0), 1), 568473);
    assert_int_equal(jittered(UINT64_C(0), 2), 973567);
    assert_int_equal(jittered(UINT64_C(0), 3), 29119);
    assert_int_equal(jittered(UINT64_C(1), 1), 254219);
    assert_int_equal(jittered(UINT64_C(1), 2), 28998);
    assert_int_equal(jittered(UINT64_C(1), 3), 555641);
    assert_int_equal(jittered(UINT64_C(7), 1), 983212);
    assert_int_equal(jittered(UINT64_C(7), 2), 99240);
    assert_int_equal(jittered(UINT64_C(7), 3), 417070);
    assert_int_equal(jittered(UINT64_C(12345), 1), 795184);
    assert_int_equal(jittered(UINT64_C(12345), 2), 880458);
    assert_int_equal(jittered(UINT64_C(12345), 3), 823883);
    assert_int_equal(jittered(UINT64_C(18446744073709551615), 1), 87403);
    assert_int_equal(jittered(UINT64_C(18446744073709551615), 2), 780519);
    assert_int_equal(jittered(UINT64_C(18446744073709551615), 3), 573766);
    assert_int_equal(jittered_of(86400000, UINT64_C(168), 1), 13374468);
    assert_int_equal(jittered_of(86400000, UINT64_C(203), 1), 36577964);
    assert_int_equal(jittered_of(86400000, UINT64_C(492), 1), 2931587);
}

static void a_jitter_takes_its_share_and_no_more(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct scene s;
        char parameters[200];
        snprintf(parameters, sizeof parameters, "open_ms=1000 open_jitter=0.1 jitter_seed=%d", (int)seed);
        scene_start(&s, parameters);
        scene_play(&s, "0 force open\n");
        assert_in_range(bw_breaker_next_due(s.breaker, 0), 900, 1000);
        scene_end(&s);
    }
}

static void an_open_time_that_jitter_takes_whole_is_a_millisecond(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=1 open_jitter=1");
    scene_play(&s, "0 call fail\n0 due | 1\n0 acquire a | reject_open 1\n1 acquire a | admit_probe\n");
    scene_end(&s);
}

static void the_open_time_stops_growing_at_its_limit_and_after_fifteen_openings(void **state) {
    (void)state;
    static const uint64_t open_ms[] = {10, 15, 22, 33, 50, 75, 100, 100};
    struct scene s;
    scene_start(&s, "open_ms=10 open_backoff=1.5 open_max_ms=100");
    for (size_t i = 0; i < sizeof open_ms / sizeof open_ms[0]; i++) {
        scene_play(&s, "0 force open\n");
        assert_int_equal(bw_breaker_next_due(s.breaker, 0), open_ms[i]);
    }
    scene_end(&s);
    scene_start(&s, "open_ms=1 open_backoff=2 open_max_ms=86400000");
    for (int i = 0; i < 17; i++)
        scene_play(&s, "0 force open\n");
    scene_play(&s, "0 attempt | 15\n0 due | 16384\n");
    scene_end(&s);
    scene_start(&s, "open_ms=200 open_backoff=2 open_max_ms=100");
    scene_play(&s, "0 force open\n0 due | 200\n0 force open\n0 due | 200\n");
    scene_end(&s);
}

static void what_is_due_next_is_told_in_every_state(void **state) {
    (void)state;
    struct scene s;
    scene_start_at(&s, "trip_consecutive=1 open_ms=160 probe_lease_ms=320 half_open_max_ms=480", 1000);
    scene_play(&s,
               "1000 due         | never\n"
               "1016 call fail\n"
               "1016 due         | 1176\n"
               "1175 poll        | still\n"
               "1176 poll        | moved\n"
               "1176 due         | 1656\n"
               "1655 view        | half_open\n"
               "1656 view        | open\n"
               "1240 acquire a   | admit_probe\n"
               "1240 due         | 1560\n"
               "1559 view        | half_open\n"
               "1560 view        | open\n"
               "1304 release a\n"
               "1304 due         | 1784\n"
               "1784 poll        | moved\n"
               "1784 state       | open\n"
               "1784 hold\n"
               "1784 due         | never\n"
               "1784 force disabled\n"
               "1784 due         | never\n"
               "1784 force metrics_only\n"
               "1784 due         | never\n");
    scene_end(&s);
}

static void what_is_overdue_was_due_at_its_time(void **state) {
    (void)state;
    struct scene s;
    scene_start_at(&s, "trip_consecutive=1 open_ms=160 probe_lease_ms=320 half_open_max_ms=480", 1000);
    scene_play(&s,
               "1000 force half_open\n"
               "9999 due         | 1480\n"
               "1016 acquire a   | admit_probe\n"
               "9999 due         | 1336\n"
               "1017 force open\n"
               "9999 due         | 1177\n"
               "3001000 force half_open\n"
               "1000 due         | 3001480\n"
               "1000 view        | half_open\n");
    scene_end(&s);
}

static void a_forced_open_time_without_end_ends_at_the_last_deadline(void **state) {
    (void)state;
    struct scene s;
    struct bw_event event;
    scene_start_at(&s, "pushback_max_ms=500", 1000);
    scene_play(&s, "1007 force open 18446744073709551615\n1007 due | 1099511628775\n1007 attempt | 1\n");
    assert_int_equal(bw_breaker_events(s.breaker, 0, &event, 1), 1);
    assert_int_equal(event.open_ms, UINT64_C(1099511627775));
    scene_end(&s);
}

static void the_buckets_of_a_window_begin_with_the_breaker(void **state) {
    (void)state;
    struct scene s;
    scene_start_at(&s, "window=time window_ms=1000 window_buckets=10", 1030);
    scene_play(&s,
               "1129 call ok\n"
               "1130 call ok\n"
               "2029 window | 2 0 0\n"
               "2030 window | 1 0 0\n"
               "2129 window | 1 0 0\n"
               "2130 window | 0 0 0\n");
    scene_end(&s);
}

static void a_lease_of_zero_waits_for_ever(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=160 probe_lease_ms=0");
    scene_play(&s,
               "0    call fail\n"
               "160  due           | 160\n"
               "160  poll          | moved\n"
               "160  due           | never\n"
               "160  acquire a     | admit_probe\n"
               "160  due           | never\n"
               "9999 acquire b     | reject_probing 0\n"
               "9999 view          | half_open\n");
    scene_end(&s);
}

static void an_answer_may_ask_for_more_time_than_the_policy_and_not_for_less(void **state) {
    (void)state;
    static const struct {
        const char *script, *due;
    } cases[] = {
        {"0 call fail pushback=159\n", "0 due | 160\n"}, {"0 call fail pushback=160\n", "0 due | 160\n"},
        {"0 call fail pushback=161\n", "0 due | 161\n"}, {"0 call fail pushback=500\n", "0 due | 500\n"},
        {"0 call fail pushback=501\n", "0 due | 500\n"}, {"0 call fail pushback=-1\n", "0 due | 160\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_start(&s, "trip_consecutive=1 open_ms=160 pushback_max_ms=500");
        scene_play(&s, cases[i].script);
        scene_play(&s, cases[i].due);
        scene_end(&s);
    }
}

BW_TESTS(cmocka_unit_test(the_jitter_of_a_seed_is_the_same_everywhere),
         cmocka_unit_test(a_jitter_takes_its_share_and_no_more),
         cmocka_unit_test(an_open_time_that_jitter_takes_whole_is_a_millisecond),
         cmocka_unit_test(the_open_time_stops_growing_at_its_limit_and_after_fifteen_openings),
         cmocka_unit_test(what_is_due_next_is_told_in_every_state),
         cmocka_unit_test(what_is_overdue_was_due_at_its_time),
         cmocka_unit_test(a_forced_open_time_without_end_ends_at_the_last_deadline),
         cmocka_unit_test(the_buckets_of_a_window_begin_with_the_breaker),
         cmocka_unit_test(a_lease_of_zero_waits_for_ever),
         cmocka_unit_test(an_answer_may_ask_for_more_time_than_the_policy_and_not_for_less))
