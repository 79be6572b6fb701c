#include "fields.h"

#include "run.h"

#include <stdio.h>

static struct bw_fields fields;

static int make(void **state) {
    (void)state;
    bw_fields_init(&fields);
    return 0;
}

static int end(void **state) {
    (void)state;
    bw_fields_free(&fields);
    return 0;
}

static void expect(size_t i, const char *name, const char *value, bool secret) {
    const struct bw_h2_field *block = bw_fields_block(&fields);
    assert_non_null(block);
    assert_true(i < fields.n);
    assert_true(bw_span_is(block[i].name, name));
    assert_true(bw_span_is(block[i].value, value));
    assert_int_equal(block[i].secret, secret);
}

static void a_message_is_percent_encoded_and_not_indexed(void **state) {
    (void)state;
    bw_fields_add_message(&fields, " 100% \t\xc3\xa4\n");
    expect(0, "grpc-message", "%20100%25 %09%C3%A4%0A", true);
}

static void an_empty_message_is_left_out(void **state) {
    (void)state;
    bw_fields_add_message(&fields, "");
    bw_fields_add_message(&fields, NULL);
    assert_int_equal(fields.n, 0);
}

static void a_message_is_cut_at_1_KiB_between_characters(void **state) {
    (void)state;
    char text[2000];
    memset(text, 'a', sizeof text);
    memcpy(text + 1022, "\xe2\x82\xac", 3); /* its last byte would be the 1025th */
    text[sizeof text - 1] = '\0';
    bw_fields_add_message(&fields, text);
    assert_int_equal(bw_fields_block(&fields)[0].value.len, 1022);
}

static void a_status_is_always_decimal_and_known(void **state) {
    (void)state;
    bw_fields_add_status(&fields, BW_OK);
    bw_fields_add_status(&fields, BW_UNAUTHENTICATED);
    bw_fields_add_status(&fields, (enum bw_code)99);
    expect(0, "grpc-status", "0", false);
    expect(1, "grpc-status", "16", false);
    expect(2, "grpc-status", "2", false);
}

static void metadata_keeps_its_order_and_its_secrets(void **state) {
    (void)state;
    struct bw_metadata *metadata = bw_metadata_new();
    bw_metadata_add(metadata, bw_span_text("k"), bw_span_text("1"));
    bw_metadata_add(metadata, bw_span_text("k-bin"), bw_span_of("\0\xff", 2));
    bw_metadata_add(metadata, bw_span_text("k"), bw_span_text("2"));
    bw_metadata_add(metadata, bw_span_text("authorization"), bw_span_text("t"));
    bw_metadata_add(metadata, bw_span_text("traceparent"), bw_span_text("p"));
    bw_fields_add_metadata(&fields, metadata);
    bw_fields_add_metadata(&fields, NULL);
    expect(0, "k", "1", false);
    expect(1, "k-bin", "AP8", true); /* without padding */
    expect(2, "k", "2", false);
    expect(3, "authorization", "t", true);
    expect(4, "traceparent", "p", true);
    bw_metadata_free(metadata);
}

static void a_block_grows_beyond_its_inline_room(void **state) {
    (void)state;
    char value[16];
    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof value, "%d", i);
        bw_fields_add_copy(&fields, "k", bw_span_text(value));
    }
    expect(0, "k", "0", true);
    expect(99, "k", "99", true);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(a_message_is_percent_encoded_and_not_indexed), TEST(an_empty_message_is_left_out),
         TEST(a_message_is_cut_at_1_KiB_between_characters), TEST(a_status_is_always_decimal_and_known),
         TEST(metadata_keeps_its_order_and_its_secrets), TEST(a_block_grows_beyond_its_inline_room))
