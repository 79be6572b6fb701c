/* The shards with numbers set by hand. It looks inside the library. */
#include <string.h>

#include "run.h"

#include "../../lib/breaker/shards.h"

static void every_counter_is_summed_into_its_own_and_old_numbers_are_forgotten(void **state) {
    (void)state;
    static struct bw_shard shards[BW_SHARDS];
    struct bw_breaker_counters sum;
    memset(shards, 0, sizeof shards);
    memset(&sum, 0xee, sizeof sum);
    uint64_t base = 1000;
    for (int i = 0; i < 2; i++, base += 1000) {
        struct bw_shard *s = &shards[i * BW_SHARDS_OWNED]; /* the first and the shared one */
        s->admitted = base + 1;
        s->admitted_probe = base + 2;
        s->results = 17 * (base + 20) + 136 + base + 3; /* the failures below, and the ok ones */
        s->slow = base + 4;
        s->ignored = base + 5;
        s->stale = base + 6;
        s->twice = base + 7;
        for (uint64_t j = 0; j < BW_DECISIONS; j++)
            s->rejected[j] = base + 10 + j;
        for (uint64_t j = 0; j < BW_BREAKER_CODES; j++)
            s->failed_code[j] = base + 20 + j;
    }
    bw_shards_sum(shards, &sum);
    assert_int_equal(sum.admitted, 3002);
    assert_int_equal(sum.admitted_probe, 3004);
    assert_int_equal(sum.ok, 3006);
    assert_int_equal(sum.slow, 3008);
    assert_int_equal(sum.ignored, 3010);
    assert_int_equal(sum.stale, 3012);
    assert_int_equal(sum.twice, 3014);
    for (uint64_t j = 0; j < BW_DECISIONS; j++)
        assert_int_equal(sum.rejected[j], 3020 + 2 * j);
    for (uint64_t j = 0; j < BW_BREAKER_CODES; j++)
        assert_int_equal(sum.failed_code[j], 3040 + 2 * j);
    assert_int_equal(sum.failed, 17 * 3040 + 2 * 136);
}

static void a_thread_looks_at_its_home_then_at_the_shards_after_it(void **state) {
    (void)state;
    static struct bw_shard shards[BW_SHARDS];
    memset(shards, 0, sizeof shards);
    uintptr_t me = (uintptr_t)&bw_shards_here;
    unsigned home = bw_shards_home(me);
    bw_shards_here.home = 0;
    assert_null(bw_shards_at_home(shards));
    for (unsigned i = 0; i < 16; i++) {
        struct bw_shard *expected = &shards[(home + i) % 16];
        assert_ptr_equal(bw_shards_take(shards), expected);
        assert_ptr_equal(bw_shards_take(shards), expected);
        assert_int_equal(atomic_load(&expected->owner), me);
        assert_int_equal(bw_shards_at_home(shards) == expected, i == 0);
        atomic_store(&expected->owner, 1); /* another thread's */
    }
    assert_ptr_equal(bw_shards_mine(shards), &shards[16]);
    assert_int_equal(atomic_load(&shards[16].owner), 0);
}

static void homes_are_the_four_high_bits_of_a_product(void **state) {
    (void)state;
    assert_int_equal(bw_shards_home(0), 0);
    assert_int_equal(bw_shards_home(1), 9);
    assert_int_equal(bw_shards_home(2), 3);
    assert_int_equal(bw_shards_home(3), 13);
    assert_int_equal(bw_shards_home(16), 14);
    assert_int_equal(bw_shards_home((uintptr_t)1 << 60), 5);
}

static void a_result_is_told_as_it_was_and_no_code_as_unknown(void **state) {
    (void)state;
    static struct bw_shard shards[BW_SHARDS];
    struct bw_event_call last[BW_SHARD_RECENT];
    memset(shards, 0, sizeof shards);
    bw_shards_remember(&shards[0], 3, 16, UINT32_MAX - 1);
    bw_shards_remember(&shards[0], 3, 17, UINT64_C(1) << 40);
    bw_shards_remember_own(&shards[0], 3, -1, 2);
    bw_shards_remember_own(&shards[0], 3, 0, 1);
    /* Of two at one instant, that of the lower shard comes first. */
    bw_shards_remember(&shards[1], 3, 9, 9);
    assert_int_equal(bw_shards_last(shards, last), 5);
    static const int codes[] = {0, 2, 2, 16, 9};
    static const uint32_t latencies[] = {1, 2, UINT32_MAX, UINT32_MAX - 1, 9};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(last[i].code, codes[i]);
        assert_int_equal(last[i].latency_ms, latencies[i]);
    }
}

static void eight_of_one_shard_are_kept_and_a_ninth_is_not_read(void **state) {
    (void)state;
    static struct bw_shard shards[BW_SHARDS];
    struct bw_event_call last[BW_SHARD_RECENT];
    memset(shards, 0, sizeof shards);
    for (int i = 1; i <= 9; i++)
        bw_shards_remember(&shards[16], (uint64_t)i, i, (uint64_t)i);
    assert_int_equal(shards[16].results, 9);
    assert_int_equal(bw_shards_last(shards, last), 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(last[i].code, 9 - i);
}

BW_TESTS(cmocka_unit_test(every_counter_is_summed_into_its_own_and_old_numbers_are_forgotten),
         cmocka_unit_test(a_thread_looks_at_its_home_then_at_the_shards_after_it),
         cmocka_unit_test(homes_are_the_four_high_bits_of_a_product),
         cmocka_unit_test(a_result_is_told_as_it_was_and_no_code_as_unknown),
         cmocka_unit_test(eight_of_one_shard_are_kept_and_a_ninth_is_not_read))
