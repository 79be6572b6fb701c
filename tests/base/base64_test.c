#include "run.h"

#include <breakwire/base64.h>

static const struct {
    const char *bytes, *padded, *bare;
} vectors[] = {
    /* RFC 4648 section 10 */
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xFB\xEF\xBE\xFF\xFF\xFF", "++++////", "++++////"},
};

static void assert_decodes(const char *text, const char *bytes) {
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(bw_base64_decode(&out, bw_span_text(text)));
    assert_true(bw_span_is(bw_buf_span(&out), bytes));
    bw_buf_free(&out);
}

static void the_vectors_of_the_rfc_hold_without_padding(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct bw_buf out;
        bw_buf_init(&out, 0);
        assert_true(bw_base64_encode(&out, bw_span_text(vectors[i].bytes)));
        assert_true(bw_span_is(bw_buf_span(&out), vectors[i].bare));
        bw_buf_free(&out);
    }
}

static void padded_and_unpadded_text_decode_alike(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_decodes(vectors[i].padded, vectors[i].bytes);
        assert_decodes(vectors[i].bare, vectors[i].bytes);
    }
}

static void unused_trailing_bits_are_ignored(void **state) {
    (void)state;
    assert_decodes("Zh", "f");
    assert_decodes("Zm9=", "fo");
}

static void what_is_not_base64_leaves_the_buffer_as_before(void **state) {
    (void)state;
    static const char *const bad[] = {
        "Z",    "Zg=",     "Zg===",    "=",    "==",   "====",   "Zm9v=", "Zm9v==", "Zm9vZ",
        "Z===", "Zm9vYg=", "Zg==Zg==", "Z=g=", "Zm 9", "Zm9v\n", "Zm9-",  "Zm9_",   "Zm9\xC3",
        "Zm,v", "Zm8=Zg",  " Zm9v",    "Zm9@", "Zm9[", "Zm9`",   "Zm9{",  "Zm9:",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bw_buf out;
        bw_buf_init(&out, 0);
        assert_true(bw_buf_append_text(&out, "kept"));
        assert_false(bw_base64_decode(&out, bw_span_text(bad[i])));
        assert_true(bw_span_is(bw_buf_span(&out), "kept"));
        bw_buf_free(&out);
    }
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_false(bw_base64_decode(&out, bw_span_of("Zm\0v", 4)));
    bw_buf_free(&out);
}

static void any_bytes_come_back(void **state) {
    (void)state;
    struct bw_buf text, back;
    uint8_t bytes[70];
    uint32_t seed = 7;
    bw_buf_init(&text, 0);
    bw_buf_init(&back, 0);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        bw_buf_clear(&text);
        bw_buf_clear(&back);
        assert_true(bw_base64_encode(&text, bw_span_of(bytes, n)));
        assert_int_equal(bw_buf_size(&text), (n * 8 + 5) / 6);
        assert_true(bw_base64_decode(&back, bw_buf_span(&text)));
        assert_true(bw_span_equal(bw_buf_span(&back), bw_span_of(bytes, n)));
    }
    bw_buf_free(&text);
    bw_buf_free(&back);
}

static void results_are_appended_and_the_limit_counts_the_decoded_bytes(void **state) {
    (void)state;
    struct bw_buf out;
    bw_buf_init(&out, 6);
    assert_true(bw_buf_append_text(&out, "foo"));
    assert_true(bw_base64_decode(&out, bw_span_text("YmFy")));
    assert_true(bw_span_is(bw_buf_span(&out), "foobar"));
    assert_false(bw_base64_decode(&out, bw_span_text("Zg")));
    assert_false(bw_base64_encode(&out, bw_span_text("f")));
    assert_true(bw_span_is(bw_buf_span(&out), "foobar"));
    bw_buf_free(&out);
}

BW_TESTS(cmocka_unit_test(the_vectors_of_the_rfc_hold_without_padding),
         cmocka_unit_test(padded_and_unpadded_text_decode_alike),
         cmocka_unit_test(unused_trailing_bits_are_ignored),
         cmocka_unit_test(what_is_not_base64_leaves_the_buffer_as_before),
         cmocka_unit_test(any_bytes_come_back),
         cmocka_unit_test(results_are_appended_and_the_limit_counts_the_decoded_bytes))
