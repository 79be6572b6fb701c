#include "run.h"

#include <breakwire/json_writer.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct written {
    struct bw_buf buf;
    struct bw_json json;
};

static int begin(void **state) {
    struct written *w = calloc(1, sizeof *w);
    if (!w)
        return 1;
    bw_buf_init(&w->buf, 0);
    bw_json_init(&w->json, &w->buf);
    *state = w;
    return 0;
}

static int end(void **state) {
    struct written *w = *state;
    bw_buf_free(&w->buf);
    free(w);
    return 0;
}

static void commas_stand_between_items_and_nowhere_else(void **state) {
    struct written *w = *state;
    struct bw_json *json = &w->json;
    bw_json_object_begin(json);
    bw_json_put_text(json, "a", "x");
    bw_json_key(json, "list");
    bw_json_array_begin(json);
    bw_json_u64(json, 1);
    bw_json_array_begin(json);
    bw_json_array_end(json);
    bw_json_object_begin(json);
    bw_json_object_end(json);
    bw_json_i64(json, -2);
    bw_json_array_end(json);
    bw_json_put_bool(json, "yes", true);
    bw_json_put_u64(json, "n", UINT64_MAX);
    bw_json_put_text(json, "none", NULL);
    bw_json_key(json, "raw");
    bw_json_raw(json, bw_span_text("{\"k\":[1,2]}"));
    bw_json_key(json, "o");
    bw_json_object_begin(json);
    bw_json_put_bool(json, "no", false);
    bw_json_object_end(json);
    bw_json_object_end(json);
    assert_string_equal(bw_buf_text(&w->buf),
                        "{\"a\":\"x\",\"list\":[1,[],{},-2],\"yes\":true,\"n\":18446744073709551615,"
                        "\"none\":null,\"raw\":{\"k\":[1,2]},\"o\":{\"no\":false}}");
}

static void it_nests_thirty_one_deep(void **state) {
    struct written *w = *state;
    for (int i = 0; i < 31; i++)
        bw_json_array_begin(&w->json);
    bw_json_u64(&w->json, 1);
    bw_json_u64(&w->json, 2);
    for (int i = 0; i < 31; i++)
        bw_json_array_end(&w->json);
    assert_string_equal(bw_buf_text(&w->buf),
                        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1,2]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
}

static void assert_escaped(struct written *w, struct bw_span text, const char *expected) {
    bw_buf_clear(&w->buf);
    bw_json_escape(&w->buf, text);
    assert_string_equal(bw_buf_text(&w->buf), expected);
}

static void quotes_backslashes_and_controls_are_escaped(void **state) {
    struct written *w = *state;
    assert_escaped(w, bw_span_text("say \"a\\b\"/"), "say \\\"a\\\\b\\\"/");
    assert_escaped(w, bw_span_text("\b\f\n\r\t"), "\\b\\f\\n\\r\\t");
    assert_escaped(w, bw_span_of("\0\x01\x1F\x7F", 4), "\\u0000\\u0001\\u001f\\u007f");
    for (uint8_t c = 0; c < 0x20; c++) {
        bw_buf_clear(&w->buf);
        bw_json_escape(&w->buf, bw_span_of(&c, 1));
        assert_int_equal(bw_buf_text(&w->buf)[0], '\\');
    }
}

static void what_acts_on_terminals_and_in_scripts_is_escaped(void **state) {
    struct written *w = *state;
    assert_escaped(w, bw_span_text("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0"), "\\u0080\\u009b\\u009f\xC2\xA0");
    assert_escaped(w, bw_span_text("\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA"),
                   "\xE2\x80\xA7\\u2028\\u2029\xE2\x80\xAA");
}

static void well_formed_utf8_passes_as_it_is(void **state) {
    struct written *w = *state;
    static const char *const good[] = {
        "\xC3\xB1",     "\xDF\xBF",     "\xE0\xA0\x80",     "\xE2\x82\xAC",     "\xED\x9F\xBF",
        "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF0\x9F\x94\xA5", "\xF4\x8F\xBF\xBF",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_escaped(w, bw_span_text(good[i]), good[i]);
}

#define R "\xEF\xBF\xBD"

static void each_byte_that_is_not_utf8_becomes_the_replacement_character(void **state) {
    struct written *w = *state;
    static const struct {
        const char *bytes, *expected;
    } cases[] = {
        {"a\x80z", "a" R "z"},
        {"\xFF\xFE", R R},
        {"\xC0\xAF", R R}, /* overlong */
        {"\xC1\xBF", R R},
        {"\xE0\x80\xAF", R R R},
        {"\xE0\x9F\xBF", R R R},
        {"\xF0\x80\x80\xAF", R R R R},
        {"\xF0\x8F\xBF\xBF", R R R R},
        {"\xED\xA0\x80", R R R}, /* surrogates */
        {"\xED\xBF\xBF", R R R},
        {"\xF4\x90\x80\x80", R R R R}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", R R R R},
        {"\xC3", R}, /* cut off */
        {"\xE2\x82", R R},
        {"\xF0\x9F\x94", R R R},
        {"\xC3\"", R "\\\""}, /* a quote is not swallowed */
        {"\xE2\x82\n", R R "\\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_escaped(w, bw_span_text(cases[i].bytes), cases[i].expected);
}

static void keys_and_texts_are_escaped_alike(void **state) {
    struct written *w = *state;
    bw_json_object_begin(&w->json);
    bw_json_key(&w->json, "a\"b");
    bw_json_span(&w->json, bw_span_of("x\0y", 3));
    bw_json_object_end(&w->json);
    assert_string_equal(bw_buf_text(&w->buf), "{\"a\\\"b\":\"x\\u0000y\"}");
}

static void assert_double(struct written *w, double number, const char *expected) {
    bw_buf_clear(&w->buf);
    bw_json_init(&w->json, &w->buf);
    bw_json_double(&w->json, number);
    assert_string_equal(bw_buf_text(&w->buf), expected);
}

static void doubles_are_short_and_read_back_the_same(void **state) {
    struct written *w = *state;
    assert_double(w, 0.1, "0.1");
    assert_double(w, 20, "20");
    assert_double(w, 123456789, "123456789");
    assert_double(w, -0.05, "-0.05");
    assert_double(w, 1.0 / 3, "0.3333333333333333");
    assert_double(w, 1e300, "1e+300");
    assert_double(w, DBL_MAX, "1.7976931348623157e+308");
    assert_double(w, 5e-324, "5e-324");
}

static void non_finite_numbers_are_null(void **state) {
    struct written *w = *state;
    assert_double(w, NAN, "null");
    assert_double(w, INFINITY, "null");
    assert_double(w, -INFINITY, "null");
}

static void every_finite_double_reads_back_the_same(void **state) {
    struct written *w = *state;
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double number;
        memcpy(&number, &seed, sizeof number);
        if (!isfinite(number))
            continue;
        bw_buf_clear(&w->buf);
        bw_json_init(&w->json, &w->buf);
        bw_json_double(&w->json, number);
        assert_true(strtod(bw_buf_text(&w->buf), NULL) == number);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
BW_TESTS(T(commas_stand_between_items_and_nowhere_else), T(it_nests_thirty_one_deep),
         T(quotes_backslashes_and_controls_are_escaped), T(what_acts_on_terminals_and_in_scripts_is_escaped),
         T(well_formed_utf8_passes_as_it_is), T(each_byte_that_is_not_utf8_becomes_the_replacement_character),
         T(keys_and_texts_are_escaped_alike), T(doubles_are_short_and_read_back_the_same),
         T(non_finite_numbers_are_null), T(every_finite_double_reads_back_the_same))
