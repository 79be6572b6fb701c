#include "backoff.h"

#include "run.h"

#include <stdbool.h>

static void without_jitter_waits_grow_by_the_multiplier_up_to_the_limit(void **state) {
    (void)state;
    static const unsigned expected[] = {1000,  1600,  2560,  4096,   6553,   10485, 16777,
                                        26843, 42949, 68719, 109951, 120000, 120000};
    struct bw_backoff backoff;
    bw_backoff_init(&backoff, 1000, 1.6, 120000, 0, 1);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(bw_backoff_peek(&backoff), expected[i]);
        assert_int_equal(bw_backoff_take(&backoff), expected[i]);
    }
    bw_backoff_reset(&backoff);
    assert_int_equal(bw_backoff_take(&backoff), 1000);
}

static void jitter_spreads_waits_over_a_fifth_either_way(void **state) {
    (void)state;
    struct bw_backoff backoff;
    uint64_t least = UINT64_MAX, most = 0;
    bw_backoff_init(&backoff, 1000, 1, 1000, 0.2, 42);
    for (int i = 0; i < 10000; i++) {
        uint64_t ms = bw_backoff_take(&backoff);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    assert_in_range(least, 800, 805);
    assert_in_range(most, 1195, 1200);
}

static void the_same_seed_gives_the_same_waits(void **state) {
    (void)state;
    struct bw_backoff a, b, c;
    bw_backoff_init(&a, 1000, 1.6, 120000, 0.2, 7);
    bw_backoff_init(&b, 1000, 1.6, 120000, 0.2, 7);
    bw_backoff_init(&c, 1000, 1.6, 120000, 0.2, 8);
    bool differs = false;
    for (int i = 0; i < 10; i++) {
        uint64_t ms = bw_backoff_take(&a);
        assert_int_equal(bw_backoff_take(&b), ms);
        differs |= bw_backoff_take(&c) != ms;
    }
    assert_true(differs);
}

static void an_initial_wait_above_the_limit_is_the_limit(void **state) {
    (void)state;
    struct bw_backoff backoff;
    bw_backoff_init(&backoff, 5000, 1.6, 300, 0, 1);
    assert_int_equal(bw_backoff_take(&backoff), 300);
    assert_int_equal(bw_backoff_take(&backoff), 300);
}

BW_TESTS(cmocka_unit_test(without_jitter_waits_grow_by_the_multiplier_up_to_the_limit),
         cmocka_unit_test(jitter_spreads_waits_over_a_fifth_either_way),
         cmocka_unit_test(the_same_seed_gives_the_same_waits),
         cmocka_unit_test(an_initial_wait_above_the_limit_is_the_limit))
