#include "timeout.h"

#include "run.h"

#include <string.h>

static void one_to_eight_digits_and_a_unit_are_a_timeout(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } table[] = {
        {"1H", 3600000},
        {"2M", 120000},
        {"3S", 3000},
        {"4m", 4},
        {"5u", 1},
        {"5000u", 5},
        {"5001u", 6},
        {"1n", 1},
        {"1000000n", 1},
        {"1000001n", 2},
        {"0m", 0},
        {"0n", 0},
        {"00000001S", 1000},
        {"99999999m", 99999999},
        {"99999999S", 99999999000},
        {"99999999H", 359999996400000},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t ms = 77;
        assert_true(bw_timeout_parse(bw_span_text(table[i].text), &ms));
        assert_int_equal(ms, table[i].ms);
    }
}

static void anything_else_is_malformed(void **state) {
    (void)state;
    static const char *const table[] = {"",    "m",    "1",   "100000000m", "000000001S", "1x",
                                        "1s",  "1h",   "-1m", "+1m",        " 1m",        "1m ",
                                        "1 m", "1.5S", "1mm", "0x1m"};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t ms = 77;
        assert_false(bw_timeout_parse(bw_span_text(table[i]), &ms));
        assert_int_equal(ms, 77);
    }
}

static void the_finest_unit_that_fits_eight_digits_is_sent_rounded_up(void **state) {
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } table[] = {
        {1, "1m"},
        {99999999, "99999999m"},
        {100000000, "100000S"},
        {100000001, "100001S"},
        {99999999000, "99999999S"},
        {99999999001, "1666667M"},
        {5999999940000, "99999999M"},
        {5999999940001, "1666667H"},
        {359999996400000, "99999999H"},
        {UINT64_MAX - 1, "99999999H"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[BW_TIMEOUT_TEXT_MAX];
        size_t len = bw_timeout_format(table[i].ms, text);
        assert_string_equal(text, table[i].text);
        assert_int_equal(len, strlen(text));
    }
}

static void a_peer_never_gets_less_time_than_asked_for(void **state) {
    (void)state;
    for (uint64_t ms = 1; ms < (uint64_t)1 << 48; ms = ms * 3 + 7) {
        char text[BW_TIMEOUT_TEXT_MAX];
        uint64_t read_ms;
        bw_timeout_format(ms, text);
        assert_true(bw_timeout_parse(bw_span_text(text), &read_ms));
        assert_true(read_ms >= ms);
    }
}

BW_TESTS(cmocka_unit_test(one_to_eight_digits_and_a_unit_are_a_timeout),
         cmocka_unit_test(anything_else_is_malformed),
         cmocka_unit_test(the_finest_unit_that_fits_eight_digits_is_sent_rounded_up),
         cmocka_unit_test(a_peer_never_gets_less_time_than_asked_for))
