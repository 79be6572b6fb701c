/* The word's layout, as the drawing in word.h has it, against literal numbers. */
#include "run.h"

#include "../../lib/breaker/word.h"

static void expect(uint64_t word, uint64_t literal) {
    if (word != literal)
        fail_msg("0x%016llx instead of 0x%016llx", (unsigned long long)word, (unsigned long long)literal);
}

static void each_state_attempt_and_generation_has_its_bits(void **state) {
    (void)state;
    expect(bw_word_to(0, BW_CLOSED), UINT64_C(0x0000010000000000));
    expect(bw_word_to_open(0, 0x123456789a), UINT64_C(0x220001123456789a));
    expect(bw_word_to_half_open(UINT64_C(0x220001123456789a), 1, 100), UINT64_C(0x4200020400000007));
    expect(bw_word_to(UINT64_C(0x4200020400000007), BW_FORCED_OPEN), UINT64_C(0x6200030000000000));
    expect(bw_word_to(UINT64_C(0x6200030000000000), BW_DISABLED), UINT64_C(0x8200040000000000));
    expect(bw_word_to(UINT64_C(0x8200040000000000), BW_METRICS_ONLY), UINT64_C(0xa200050000000000));
    expect(bw_word_to(UINT64_C(0xa200050000000000), BW_CLOSED), UINT64_C(0x0000060000000000));
    expect(bw_word_to_open(UINT64_C(0x3fffff0000000000), UINT64_MAX), UINT64_C(0x3e0000ffffffffff));
    expect(bw_word_with_attempt(UINT64_C(0xa200050000000123), 15), UINT64_C(0xbe00050000000123));
    expect(bw_word_with_attempt(UINT64_C(0xbe00050000000123), 16), UINT64_C(0xa000050000000123));
}

static void streak_flag_ramp_and_round_have_their_bits(void **state) {
    (void)state;
    expect(bw_word_with_streak(UINT64_C(0xa20005000001ffff), 0x1234), UINT64_C(0xa200050000011234));
    expect(bw_word_with_streak(0, 65536), 0xffff);
    expect(bw_word_with_would_trip(UINT64_C(0xa200050000000001)), UINT64_C(0xa200050000010001));
    expect(bw_word_with_ramp(UINT64_C(0x0000010000010003), 0), UINT64_C(0x0000010000030003));
    expect(bw_word_with_ramp(UINT64_C(0x0000010000010003), 17), UINT64_C(0x0000010000070003));
    expect(bw_word_without_ramp(UINT64_C(0x000001ffffffffff)), UINT64_C(0x000001000001ffff));
    struct bw_round round = {1, 2, 3, 4};
    expect(bw_word_with_round(UINT64_C(0x420002ffffffffff), round), UINT64_C(0x4200020420c00004));
}

static void constants_and_inline_readers_are_these(void **state) {
    (void)state;
    expect(BW_WORD_DEADLINE_MAX, UINT64_C(0xffffffffff));
    expect(BW_WORD_SPAN_MAX_MS, 64800000);
    expect(BW_WORD_NOT_PLAIN, UINT64_C(0xe00000fffffe0000));
    expect(BW_WORD_ATTEMPT_MAX, 15);
    expect(BW_WORD_STREAK_MAX, 65535);
    expect(bw_word_healthy(0x1ffff), UINT64_C(0x01ffff0000000000));
    expect(bw_word_generation(UINT64_MAX), 0x1ffff);
    expect(bw_word_generation(UINT64_C(0x0100000000000000)), 0x10000);
    expect(bw_word_tag(UINT64_C(0x123456789)), 0x16789 & 0x1ffff);
    assert_false(bw_word_is_later(5, 5));
    assert_true(bw_word_is_later(6, 5));
    assert_false(bw_word_is_later(5, 6));
    assert_true(bw_word_is_later(0xffff, 0));
    assert_false(bw_word_is_later(0x10000, 0));
    assert_true(bw_word_is_later(0, 0x1ffff));
    for (uint64_t i = 0; i < BW_STATES; i++) {
        assert_int_equal(bw_word_streak(i << 61 | 9), i == BW_CLOSED || i == BW_METRICS_ONLY ? 9 : 0);
        assert_int_equal(bw_word_has_streak(i << 61), i == BW_CLOSED || i == BW_METRICS_ONLY);
        assert_int_equal(bw_word_admits_all(i << 61 | 0x1ffff), i == BW_CLOSED);
        assert_int_equal(bw_word_is_ramping(i << 61 | 0x20000), i == BW_CLOSED);
    }
    assert_false(bw_word_admits_all(0x20000));
    assert_false(bw_word_admits_all(UINT64_C(0x8000000000)));
    assert_false(bw_word_is_ramping(0x1ffff));
    assert_true(bw_word_is_ramping(UINT64_C(0x8000000000)));
}

BW_TESTS(cmocka_unit_test(each_state_attempt_and_generation_has_its_bits),
         cmocka_unit_test(streak_flag_ramp_and_round_have_their_bits),
         cmocka_unit_test(constants_and_inline_readers_are_these))
