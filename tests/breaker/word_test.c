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

BW_TESTS(cmocka_unit_test(a_new_generation_of_each_state_keeps_what_it_should),
         cmocka_unit_test(a_deadline_too_far_away_is_the_last_one),
         cmocka_unit_test(the_generation_goes_round_after_17_bits_and_touches_no_neighbour),
         cmocka_unit_test(the_row_of_failures_stops_at_its_limit_beside_the_flag),
         cmocka_unit_test(a_round_holds_63_of_each),
         cmocka_unit_test(since_is_rounded_up_and_runs_in_a_circle))
