/* What is a value in text and what is not, at each edge of what the readers take. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/breaker/text.h"

static const char *const codes[BW_BREAKER_CODES] = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

static void every_code_is_read_and_written_by_its_name(void **state) {
    (void)state;
    for (int i = 0; i < BW_BREAKER_CODES; i++) {
        uint32_t mask = 0;
        char text[40];
        assert_true(bw_text_read_codes(codes[i], &mask));
        assert_int_equal(mask, 1u << i);
        assert_int_equal(bw_text_write_codes(mask, text, sizeof text), strlen(codes[i]));
        assert_string_equal(text, codes[i]);
    }
}

static void every_weight_is_read_and_written_by_its_name(void **state) {
    (void)state;
    for (int i = 0; i < BW_BREAKER_CODES; i++) {
        uint8_t weight[BW_BREAKER_CODES], expected[BW_BREAKER_CODES];
        char text[40], written[40];
        memset(expected, 1, sizeof expected);
        expected[i] = 9;
        snprintf(text, sizeof text, "%s=9", codes[i]);
        assert_true(bw_text_read_weights(text, weight));
        assert_memory_equal(weight, expected, sizeof weight);
        assert_int_equal(bw_text_write_weights(weight, written, sizeof written), strlen(text));
        assert_string_equal(written, text);
    }
}

static void a_weight_of_zero_is_written_as_it_is(void **state) {
    (void)state;
    uint8_t weight[BW_BREAKER_CODES];
    char text[40];
    memset(weight, 1, sizeof weight);
    weight[0] = 0;
    assert_int_equal(bw_text_write_weights(weight, text, sizeof text), 4);
    assert_string_equal(text, "OK=0");
}

static void lists_are_cut_where_there_is_no_room(void **state) {
    (void)state;
    char text[8] = "-------";
    assert_int_equal(bw_text_write_codes(1 << 10 | 1 << 13, text, 7), 16);
    assert_string_equal(text, "ABORTE");
    assert_int_equal(bw_text_write_codes(1 << 10 | 1 << 13, text, 8), 16);
    assert_string_equal(text, "ABORTED");
    assert_int_equal(bw_text_write_codes(1 << 10 | 1 << 13, NULL, 0), 16);
}

static void a_mask_may_be_decimal_or_hexadecimal_and_has_17_bits(void **state) {
    (void)state;
    static const char *const bad[] = {"131072",
                                      "0x20000",
                                      "0x",
                                      "0x1g",
                                      "1x10",
                                      "x10",
                                      "0X1",
                                      "",
                                      "99999999999999999999",
                                      "0x10000000000000000",
                                      "OK,",
                                      ",OK",
                                      "nonee",
                                      "CANCELLED,none"};
    uint32_t mask = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bw_text_read_codes(bad[i], &mask));
    assert_int_equal(mask, 7);
    assert_true(bw_text_read_codes("131071", &mask));
    assert_int_equal(mask, 131071);
    assert_true(bw_text_read_codes("0x1fFFf", &mask));
    assert_int_equal(mask, 131071);
    assert_true(bw_text_read_codes("0x9", &mask));
    assert_int_equal(mask, 9);
    assert_true(bw_text_read_codes("OK,UNAUTHENTICATED", &mask));
    assert_int_equal(mask, 65537);
    assert_true(bw_text_read_codes("none", &mask));
    assert_int_equal(mask, 0);
}

static void a_weight_has_one_or_two_digits_and_nothing_else(void **state) {
    (void)state;
    static const char *const bad[] = {"OK=",
                                      "OK=100",
                                      "OK=/",
                                      "OK=:",
                                      "OK=1:",
                                      "OK=-1",
                                      "OK=/1",
                                      "NO=1",
                                      "=1",
                                      "1,OK=2",
                                      "OK=2,1",
                                      "1,",
                                      "1,1",
                                      "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
                                      "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"};
    uint8_t weight[BW_BREAKER_CODES] = {7};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bw_text_read_weights(bad[i], weight));
    assert_int_equal(weight[0], 7);
    assert_true(bw_text_read_weights("OK=90,CANCELLED=0", weight));
    assert_int_equal(weight[0], 90);
    assert_int_equal(weight[1], 0);
    assert_int_equal(weight[2], 1);
    assert_true(bw_text_read_weights("9", weight));
    assert_int_equal(weight[16], 9);
}

static void integers_are_digits_up_to_64_bits(void **state) {
    (void)state;
    uint64_t value = 7;
    assert_false(bw_text_read_integer("18446744073709551616", &value));
    assert_false(bw_text_read_integer("", &value));
    assert_false(bw_text_read_integer("1e3", &value));
    assert_int_equal(value, 7);
    assert_true(bw_text_read_integer("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    errno = ERANGE;
    assert_true(bw_text_read_integer("0", &value));
    assert_int_equal(value, 0);
}

static void numbers_are_whole_numbers_or_nothing(void **state) {
    (void)state;
    static const char *const bad[] = {"", ".", "e", "-", "+-1", "1e", "1-", "1.2.3", "1 ", "0x1", "inf"};
    double value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bw_text_read_number(bad[i], &value));
    assert_true(value >= 7 && value <= 7);
    assert_true(bw_text_read_number("-2.5e+1", &value));
    assert_true(value >= -25 && value <= -25);
}

static void a_switch_has_six_words(void **state) {
    (void)state;
    static const char *const words[] = {"off", "on", "false", "true", "0", "1"};
    for (int i = 0; i < 6; i++) {
        bool value = i % 2 == 0;
        assert_true(bw_text_read_switch(words[i], &value));
        assert_int_equal(value, i % 2);
    }
    bool value = true;
    assert_false(bw_text_read_switch("", &value));
    assert_false(bw_text_read_switch("On", &value));
    assert_true(value);
}

static void a_choice_is_one_whole_word_of_the_list(void **state) {
    (void)state;
    int index = 7, length;
    static const char *const bad[] = {"", "early ", "earl", "early sample", "xample", "samplf", " "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bw_text_read_choice(bad[i], "early  sample", &index));
    assert_int_equal(index, 7);
    assert_true(bw_text_read_choice("early", "early  sample", &index));
    assert_int_equal(index, 0);
    assert_true(bw_text_read_choice("sample", "early  sample", &index));
    assert_int_equal(index, 1);
    assert_true(bw_text_read_choice("b", "a b", &index));
    assert_int_equal(index, 1);
    assert_string_equal(bw_text_choice("early  sample", 1, &length), "sample");
    assert_int_equal(length, 6);
    bw_text_choice("early  sample", 2, &length);
    assert_int_equal(length, 0);
    bw_text_choice("early  sample", -1, &length);
    assert_int_equal(length, 0);
}

BW_TESTS(cmocka_unit_test(every_code_is_read_and_written_by_its_name),
         cmocka_unit_test(every_weight_is_read_and_written_by_its_name),
         cmocka_unit_test(a_weight_of_zero_is_written_as_it_is),
         cmocka_unit_test(lists_are_cut_where_there_is_no_room),
         cmocka_unit_test(a_mask_may_be_decimal_or_hexadecimal_and_has_17_bits),
         cmocka_unit_test(a_weight_has_one_or_two_digits_and_nothing_else),
         cmocka_unit_test(integers_are_digits_up_to_64_bits),
         cmocka_unit_test(numbers_are_whole_numbers_or_nothing), cmocka_unit_test(a_switch_has_six_words),
         cmocka_unit_test(a_choice_is_one_whole_word_of_the_list))
