/* What a result is taken for: its latency, its code, and tickets that only seem to be of this generation. */
#include "run.h"
#include "scene.h"

/* The latency that the last event remembers of the last result. */
static uint32_t remembered(struct scene *s, uint64_t started_ms, uint64_t ended_ms, struct bw_result result) {
    struct bw_ticket ticket;
    struct bw_event events[BW_BREAKER_EVENTS_KEPT];
    assert_true(bw_admitted(bw_breaker_acquire(s->breaker, started_ms, &ticket, NULL)));
    assert_int_equal(bw_breaker_complete(s->breaker, &ticket, ended_ms, &result), BW_RECORDED);
    bw_breaker_reset(s->breaker, ended_ms);
    size_t count = bw_breaker_events(s->breaker, 0, events, BW_BREAKER_EVENTS_KEPT);
    assert_int_equal(events[count - 1].last[0].code, result.code);
    return events[count - 1].last[0].latency_ms;
}

static void a_latency_is_measured_unless_it_is_given(void **state) {
    (void)state;
    static const char *const parameters[] = {"", "slow_call_ms=1000", "window=time"};
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
        for (int outcome = BW_SUCCESS; outcome <= BW_FAILURE; outcome++) {
            struct scene s;
            struct bw_result result = {
                .outcome = (enum bw_outcome)outcome, .latency_ms = -1, .pushback_ms = -1};
            scene_start(&s, parameters[i]);
            assert_int_equal(remembered(&s, 5, 12, result), 7);
            assert_int_equal(remembered(&s, 20, 20, result), 0);
            assert_int_equal(remembered(&s, 40, 30, result), 0); /* a thread whose clock is behind */
            result.code = 5;
            assert_int_equal(remembered(&s, 50, 53, result), 3);
            result.latency_ms = 0;
            assert_int_equal(remembered(&s, 50, 60, result), 0);
            result.latency_ms = 99;
            assert_int_equal(remembered(&s, 60, 61, result), 99);
            result.latency_ms = INT64_C(5000000000); /* more than the list has room for */
            assert_int_equal(remembered(&s, 62, 63, result), UINT32_MAX);
            scene_end(&s);
        }
}

static void a_measured_latency_can_be_slow(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "slow_call_ms=10");
    scene_play(&s,
               "5  acquire a\n"
               "15 complete a ok\n"
               "15 count slow | 0\n"
               "20 acquire a\n"
               "31 complete a ok\n"
               "31 count slow | 1\n"
               "40 acquire a\n"
               "90 complete a ok latency=0\n"
               "90 count slow | 1\n");
    scene_end(&s);
}

static void a_code_that_grpc_does_not_have_is_UNKNOWN(void **state) {
    (void)state;
    static const int codes[] = {-1, 17, 99};
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start(&s, "trip_consecutive=99 weight=UNKNOWN=2");
    for (int i = 0; i < 3; i++) {
        struct bw_ticket ticket;
        struct bw_result result = {BW_FAILURE, codes[i], -1, -1};
        bw_breaker_acquire(s.breaker, 0, &ticket, NULL);
        bw_breaker_complete(s.breaker, &ticket, 0, &result);
    }
    bw_breaker_snapshot(s.breaker, 0, &p);
    assert_int_equal(p.counters.failed_code[2], 3);
    assert_int_equal(p.counters.failed, 3);
    assert_int_equal(p.consecutive, 6);
    scene_play(&s, "0 call fail code=16\n0 streak | 7\n");
    bw_breaker_snapshot(s.breaker, 0, &p);
    assert_int_equal(p.counters.failed_code[16], 1);
    assert_int_equal(p.last_failure_code, 16);
    scene_end(&s);
}

static void a_state_that_admits_nobody_takes_no_result_though_the_generation_seems_right(void **state) {
    (void)state;
    static const char *const scripts[] = {"0 force open\n", "0 hold\n", "0 force half_open\n"};
    for (int i = 0; i < 3; i++)
        for (int outcome = BW_SUCCESS; outcome <= BW_IGNORED; outcome++) {
            struct scene s;
            struct bw_breaker_snapshot p;
            struct bw_result result = {(enum bw_outcome)outcome, 0, -1, -1};
            scene_start(&s, "slow_call_ms=5");
            scene_play(&s, "0 acquire a\n");
            scene_play(&s, scripts[i]);
            bw_breaker_snapshot(s.breaker, 0, &p);
            /* As after 131072 generations, when the 17 bits have come round. */
            s.tickets[0].generation = (uint32_t)p.generation;
            scene_play(&s, "6 overdue a\n6 count slow | 0\n");
            assert_int_equal(bw_breaker_complete(s.breaker, &s.tickets[0], 7, &result), BW_STALE);
            bw_breaker_snapshot(s.breaker, 7, &p);
            assert_int_equal(p.counters.stale, 1);
            assert_int_equal(p.generation, 2);
            scene_end(&s);
        }
}

static void a_ticket_is_out_until_it_is_completed(void **state) {
    (void)state;
    struct scene s;
    struct bw_ticket none = {0};
    scene_start(&s, "");
    assert_false(bw_ticket_is_out(&none));
    scene_play(&s, "0 acquire a\n");
    assert_true(bw_ticket_is_out(&s.tickets[0]));
    scene_play(&s, "0 complete a ok\n");
    assert_false(bw_ticket_is_out(&s.tickets[0]));
    scene_play(&s, "0 hold\n0 acquire b\n");
    assert_false(bw_ticket_is_out(&s.tickets[1]));
    scene_end(&s);
}

BW_TESTS(cmocka_unit_test(a_latency_is_measured_unless_it_is_given),
         cmocka_unit_test(a_measured_latency_can_be_slow),
         cmocka_unit_test(a_code_that_grpc_does_not_have_is_UNKNOWN),
         cmocka_unit_test(a_state_that_admits_nobody_takes_no_result_though_the_generation_seems_right),
         cmocka_unit_test(a_ticket_is_out_until_it_is_completed))
