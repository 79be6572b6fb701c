#include "run.h"

#include <breakwire/percent.h>

typedef bool (*codec)(struct bw_buf *out, struct bw_span text);

static void assert_gives(codec run, struct bw_span in, struct bw_span expected) {
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(run(&out, in));
    assert_int_equal(bw_buf_size(&out), expected.len);
    if (expected.len)
        assert_memory_equal(out.data, expected.data, expected.len);
    bw_buf_free(&out);
}

static void assert_text(codec run, const char *in, const char *expected) {
    assert_gives(run, bw_span_text(in), bw_span_text(expected));
}

static void printable_text_stays_readable(void **state) {
    (void)state;
    assert_text(bw_percent_encode, "Service B is intentionally failing.",
                "Service B is intentionally failing.");
    assert_text(bw_percent_encode, "~!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}", "~!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}");
    assert_text(bw_percent_encode, "", "");
}

static void percent_controls_and_other_bytes_become_upper_case_hex(void **state) {
    (void)state;
    assert_text(bw_percent_encode, "100%", "100%25");
    assert_text(bw_percent_encode, "a\r\nb\x7F", "a%0D%0Ab%7F");
    assert_text(bw_percent_encode, "caf\xC3\xA9", "caf%C3%A9");
    assert_gives(bw_percent_encode, bw_span_of("\0", 1), bw_span_text("%00"));
}

static void spaces_at_the_ends_are_encoded_and_others_are_not(void **state) {
    (void)state;
    assert_text(bw_percent_encode, " a b ", "%20a b%20");
    assert_text(bw_percent_encode, " ", "%20");
    assert_text(bw_percent_encode, "  ", "%20%20");
    assert_text(bw_percent_encode, "\ta", "%09a");
}

static void decoding_takes_both_cases_of_hex(void **state) {
    (void)state;
    assert_text(bw_percent_decode, "caf%c3%A9 %2f", "caf\xC3\xA9 /");
    assert_gives(bw_percent_decode, bw_span_text("%00"), bw_span_of("\0", 1));
}

static void a_percent_without_two_hex_digits_stays(void **state) {
    (void)state;
    static const char *const odd[] = {"%",   "%4",  "a%",   "a%4", "%zz",
                                      "%4g", "%g4", "% 41", "%-1", "%\xC3\xA9"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_text(bw_percent_decode, odd[i], odd[i]);
    assert_text(bw_percent_decode, "%%41", "%A");
    assert_text(bw_percent_decode, "%4%41", "%4A");
    assert_text(bw_percent_decode, "%2541", "%41");
}

static void the_end_of_the_span_is_not_read_over(void **state) {
    (void)state;
    assert_gives(bw_percent_decode, bw_span_of("%41", 2), bw_span_text("%4"));
    assert_gives(bw_percent_decode, bw_span_of("%41", 1), bw_span_text("%"));
}

static void every_pair_of_bytes_comes_back_and_travels_as_printable_ascii(void **state) {
    (void)state;
    struct bw_buf encoded, decoded;
    bw_buf_init(&encoded, 0);
    bw_buf_init(&decoded, 0);
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t bytes[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        bw_buf_clear(&encoded);
        bw_buf_clear(&decoded);
        assert_true(bw_percent_encode(&encoded, bw_span_of(bytes, 2)));
        struct bw_span text = bw_buf_span(&encoded);
        for (size_t i = 0; i < text.len; i++)
            assert_true(text.data[i] >= 0x20 && text.data[i] <= 0x7E);
        assert_true(text.data[0] != ' ' && text.data[text.len - 1] != ' ');
        assert_true(bw_percent_decode(&decoded, text));
        assert_true(bw_span_equal(bw_buf_span(&decoded), bw_span_of(bytes, 2)));
    }
    bw_buf_free(&encoded);
    bw_buf_free(&decoded);
}

static void a_full_buffer_is_reported(void **state) {
    (void)state;
    struct bw_buf out;
    bw_buf_init(&out, 2);
    assert_false(bw_percent_encode(&out, bw_span_text("%")));
    assert_false(bw_percent_encode(&out, bw_span_text("abc")));
    bw_buf_clear(&out);
    assert_false(bw_percent_decode(&out, bw_span_text("%41%42%43")));
    bw_buf_free(&out);
}

BW_TESTS(cmocka_unit_test(printable_text_stays_readable),
         cmocka_unit_test(percent_controls_and_other_bytes_become_upper_case_hex),
         cmocka_unit_test(spaces_at_the_ends_are_encoded_and_others_are_not),
         cmocka_unit_test(decoding_takes_both_cases_of_hex),
         cmocka_unit_test(a_percent_without_two_hex_digits_stays),
         cmocka_unit_test(the_end_of_the_span_is_not_read_over),
         cmocka_unit_test(every_pair_of_bytes_comes_back_and_travels_as_printable_ascii),
         cmocka_unit_test(a_full_buffer_is_reported))
