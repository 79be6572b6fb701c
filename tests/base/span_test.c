#include "run.h"

#include <breakwire/span.h>

static void equal_spans_have_equal_bytes(void **state) {
    (void)state;
    assert_true(bw_span_equal(bw_span_text("abc"), bw_span_of("abcd", 3)));
    assert_false(bw_span_equal(bw_span_text("abc"), bw_span_text("abd")));
    assert_true(bw_span_equal(bw_span_of(NULL, 0), bw_span_text("")));
    assert_true(bw_span_starts(bw_span_text("content-type"), "content-"));
    assert_false(bw_span_starts(bw_span_text("con"), "content-"));
}

static void case_does_not_matter_for_ascii_letters_only(void **state) {
    (void)state;
    assert_true(bw_span_is_nocase(bw_span_text("Content-TYPE"), "content-type"));
    assert_false(bw_span_is_nocase(bw_span_text("content-typ"), "content-type"));
    assert_false(bw_span_is_nocase(bw_span_text("@["), "`{"));
    assert_false(bw_span_is_nocase(bw_span_text("\xC4"), "\xE4"));
}

static void trim_takes_spaces_and_tabs_from_both_ends(void **state) {
    (void)state;
    assert_true(bw_span_is(bw_span_trim(bw_span_text(" \ta b\t ")), "a b"));
    assert_true(bw_span_is(bw_span_trim(bw_span_text("\r\n")), "\r\n"));
    assert_int_equal(bw_span_trim(bw_span_text(" \t ")).len, 0);
    assert_int_equal(bw_span_trim(bw_span_of(NULL, 0)).len, 0);
}

static void numbers_are_digits_up_to_their_maximum(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t max, number;
    } good[] = {
        {"0", 0, 0},
        {"007", 7, 7},
        {"65535", 65535, 65535},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX},
        {"00000000000000000001", 1, 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t number = 99;
        assert_true(bw_span_to_u64(bw_span_text(good[i].text), good[i].max, &number));
        assert_true(number == good[i].number);
    }
}

static void what_is_no_number_leaves_the_result_alone(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
    } bad[] = {
        {"", 10},
        {" 1", 10},
        {"1 ", 10},
        {"+1", 10},
        {"-1", 10},
        {"1a", 10},
        {"5", 4},
        {"11", 10},
        {"65536", 65535},
        {"18446744073709551616", UINT64_MAX},
        {"99999999999999999999", UINT64_MAX},
        {"000000000000000000001", 1},
        {"1", 0},
        {"1:", 20},
        {"1/", 20},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t number = 99;
        assert_false(bw_span_to_u64(bw_span_text(bad[i].text), bad[i].max, &number));
        assert_true(number == 99);
    }
}

static void copied_text_is_cut_and_ends_with_a_nul(void **state) {
    (void)state;
    char out[4] = "zzz";
    assert_int_equal(bw_span_copy_text(bw_span_text("abcdef"), out, sizeof out), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(bw_span_copy_text(bw_span_text("ab"), out, sizeof out), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(bw_span_copy_text(bw_span_of(NULL, 0), out, sizeof out), 0);
    assert_string_equal(out, "");
    assert_int_equal(bw_span_copy_text(bw_span_text("x"), out, 1), 0);
    assert_string_equal(out, "");
}

static void case_does_not_matter_between_spans_of_one_length(void **state) {
    (void)state;
    assert_true(bw_span_equal_nocase(bw_span_text("Demo.Example"), bw_span_text("dEMO.eXAMPLE")));
    assert_true(bw_span_equal_nocase(bw_span_of(NULL, 0), bw_span_text("")));
    assert_false(bw_span_equal_nocase(bw_span_text("a"), bw_span_text("ab")));
    assert_false(bw_span_equal_nocase(bw_span_text("@"), bw_span_text("`")));
    assert_false(bw_span_equal_nocase(bw_span_text("["), bw_span_text("{")));
}

static void spans_are_ordered_by_bytes_a_prefix_first(void **state) {
    (void)state;
    static const char *const ordered[] = {"", "/a", "/a/B", "/a/b", "/ab", "/b", "\xff"};
    enum { N = sizeof ordered / sizeof ordered[0] };
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            int order = bw_span_compare(bw_span_text(ordered[i]), bw_span_text(ordered[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(bw_span_compare(bw_span_of(NULL, 0), bw_span_of(NULL, 0)), 0);
}

BW_TESTS(cmocka_unit_test(case_does_not_matter_between_spans_of_one_length),
         cmocka_unit_test(spans_are_ordered_by_bytes_a_prefix_first),
         cmocka_unit_test(equal_spans_have_equal_bytes),
         cmocka_unit_test(case_does_not_matter_for_ascii_letters_only),
         cmocka_unit_test(trim_takes_spaces_and_tabs_from_both_ends),
         cmocka_unit_test(numbers_are_digits_up_to_their_maximum),
         cmocka_unit_test(what_is_no_number_leaves_the_result_alone),
         cmocka_unit_test(copied_text_is_cut_and_ends_with_a_nul))
