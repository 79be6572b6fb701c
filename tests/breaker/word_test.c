/* The packed word, field by field. It is private: this test looks inside. */
#include "run.h"

#include "../../lib/breaker/word.h"

static void a_new_generation_of_each_state_keeps_what_it_should(void **state) {
    (void)state;
    uint64_t closed = bw_word_to(0, BW_CLOSED);
    assert_int_equal(bw_word_generation(closed), 1);
    uint64_t open = bw_word_to_open(closed, 1034567890123);
    assert_int_equal(bw_word_state(open), BW_OPEN);
    assert_int_equal(bw_word_generation(open), 2);
    assert_int_equal(bw_word_attempt(open), 1);
    assert_int_equal(bw_word_deadline(open), 1034567890123);
    uint64_t half_open = bw_word_to_half_open(open, 1, 100);
    assert_int_equal(bw_word_state(half_open), BW_HALF_OPEN);
    assert_int_equal(bw_word_generation(half_open), 3);
    assert_int_equal(bw_word_attempt(half_open), 1);
    assert_int_equal(bw_word_round(half_open).in_flight, 1);
    assert_int_equal(bw_word_round(half_open).since, 7);
    assert_int_equal(bw_word_attempt(bw_word_to(half_open, BW_FORCED_OPEN)), 1);
    assert_int_equal(bw_word_attempt(bw_word_to(half_open, BW_CLOSED)), 0);
}

static void a_deadline_too_far_away_is_the_last_one(void **state) {
    (void)state;
    assert_int_equal(bw_word_deadline(bw_word_to_open(0, UINT64_MAX)), BW_WORD_DEADLINE_MAX);
}

static void the_generation_goes_round_after_17_bits_and_touches_no_neighbour(void **state) {
    (void)state;
    uint64_t word = bw_word_to_open(0, BW_WORD_DEADLINE_MAX);
    for (int i = 1; i < 1 << 17; i++)
        word = bw_word_to(word, BW_METRICS_ONLY);
    assert_int_equal(bw_word_generation(word), 0);
    assert_int_equal(bw_word_attempt(word), 1);
    assert_int_equal(bw_word_state(word), BW_METRICS_ONLY);
}

static void the_row_of_failures_stops_at_its_limit_beside_the_flag(void **state) {
    (void)state;
    uint64_t word = bw_word_with_would_trip(bw_word_to(0, BW_METRICS_ONLY));
    word = bw_word_with_streak(word, 70000);
    assert_int_equal(bw_word_streak(word), 65535);
    assert_true(bw_word_would_trip(word));
    assert_true(bw_word_would_trip(bw_word_with_streak(word, 0)));
    assert_false(bw_word_would_trip(bw_word_to(word, BW_METRICS_ONLY)));
    assert_int_equal(bw_word_streak(bw_word_to_open(word, 77)), 0);
}

static void a_round_holds_63_of_each(void **state) {
    (void)state;
    struct bw_round full = {63, 63, 63, (1 << 22) - 1}, read;
    uint64_t word = bw_word_with_round(bw_word_to_half_open(0, 0, 0), full);
    read = bw_word_round(word);
    assert_memory_equal(&read, &full, sizeof full);
    assert_int_equal(bw_word_generation(word), 1);
    assert_int_equal(bw_word_round(bw_word_to(word, BW_CLOSED)).in_flight, 0);
}

static void since_is_rounded_up_and_runs_in_a_circle(void **state) {
    (void)state;
    assert_int_equal(bw_word_since(0), 0);
    assert_int_equal(bw_word_since(1), 1);
    assert_int_equal(bw_word_since(16), 1);
    assert_int_equal(bw_word_since(17), 2);
    assert_int_equal(bw_word_elapsed(bw_word_since(17), 17), -15);
    assert_int_equal(bw_word_elapsed(bw_word_since(32), 100), 68);
    uint64_t circle_ms = UINT64_C(1) << 26;
    assert_int_equal(bw_word_elapsed(bw_word_since(circle_ms - 16), circle_ms + 84), 100);
    assert_int_equal(bw_word_elapsed(bw_word_since(0), BW_WORD_SPAN_MAX_MS), (int64_t)BW_WORD_SPAN_MAX_MS);
    assert_int_equal(bw_word_elapsed(bw_word_since(5 * circle_ms), 5 * circle_ms + 7), 7);
}

static void a_moment_before_since_is_negative_even_when_it_is_long_before(void **state) {
    (void)state;
    static const struct {
        uint64_t since_ms, ms;
        int64_t elapsed_ms;
    } rows[] = {
        {0, 0, 0},
        {0, 64800000, 64800000},
        {0, 64800001, -2308863},
        {16, 15, -1},
        {3000000, 2999999, -1},
        {3000000, 0, -3000000},
        {64000000, 63999999, -1},
        {67108848, 0, -67108848},
        {67108848, 67108847 + 64800000, 64799999},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(bw_word_elapsed(bw_word_since(rows[i].since_ms), rows[i].ms), rows[i].elapsed_ms);
}

static void a_ramp_is_as_old_as_its_rounded_start_and_new_for_a_minute_before_it(void **state) {
    (void)state;
    static const struct {
        uint64_t since_ms, ms, elapsed_ms;
    } rows[] = {
        {0, 0, 0},
        {0, 1, 1},
        {17, 17, 0},
        {17, 31, 0},
        {17, 32, 0},
        {17, 33, 1},
        {60000, 0, 0},
        {60016, 16, 0},
        {60016, 15, 134157711},
        {0, 134157711, 134157711},
        {0, 134157712, 0},
        {0, 134217712, 0},
        {0, 134217713, 1},
        {134217696, 134217712 + 84, 100},
        {134217712, 134217712 + 5, 5},
        {134217713, 134217712 + 17, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t word = bw_word_with_ramp(bw_word_to(0, BW_CLOSED), rows[i].since_ms);
        assert_true(bw_word_is_ramping(word));
        assert_int_equal(bw_word_ramp_elapsed(word, rows[i].ms), rows[i].elapsed_ms);
    }
}

BW_TESTS(cmocka_unit_test(a_new_generation_of_each_state_keeps_what_it_should),
         cmocka_unit_test(a_deadline_too_far_away_is_the_last_one),
         cmocka_unit_test(the_generation_goes_round_after_17_bits_and_touches_no_neighbour),
         cmocka_unit_test(the_row_of_failures_stops_at_its_limit_beside_the_flag),
         cmocka_unit_test(a_round_holds_63_of_each),
         cmocka_unit_test(since_is_rounded_up_and_runs_in_a_circle),
         cmocka_unit_test(a_moment_before_since_is_negative_even_when_it_is_long_before),
         cmocka_unit_test(a_ramp_is_as_old_as_its_rounded_start_and_new_for_a_minute_before_it))
