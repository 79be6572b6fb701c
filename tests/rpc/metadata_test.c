#include <breakwire/metadata.h>

#include "metadata_wire.h"
#include "run.h"

#include <stdio.h>

static struct bw_metadata *list;

static int make(void **state) {
    (void)state;
    list = bw_metadata_new();
    return list ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    bw_metadata_free(list);
    return 0;
}

static enum bw_metadata_result add(const char *key, const char *value) {
    return bw_metadata_add(list, bw_span_text(key), bw_span_text(value));
}

static enum bw_metadata_result receive(const char *key, const char *value) {
    return bw_metadata_add_wire(list, bw_span_text(key), bw_span_text(value));
}

static void expect(size_t i, const char *key, const char *value, size_t value_len) {
    struct bw_metadata_entry entry = bw_metadata_get(list, i);
    assert_true(bw_span_is(entry.key, key));
    assert_true(bw_span_equal(entry.value, bw_span_of(value, value_len)));
}

static void duplicate_keys_keep_their_order(void **state) {
    (void)state;
    assert_int_equal(add("a", "1"), BW_METADATA_ADDED);
    assert_int_equal(add("b", "2"), BW_METADATA_ADDED);
    assert_int_equal(add("a", "3"), BW_METADATA_ADDED);
    assert_int_equal(bw_metadata_count(list), 3);
    expect(0, "a", "1", 1);
    expect(2, "a", "3", 1);
    assert_true(bw_span_is(bw_metadata_find(list, "a"), "1"));
    assert_null(bw_metadata_find(list, "c").data);
    assert_int_equal(bw_metadata_count(NULL), 0);
}

static void keys_are_lowered_and_checked(void **state) {
    (void)state;
    assert_int_equal(add("X-Key_1.a", "v"), BW_METADATA_ADDED);
    expect(0, "x-key_1.a", "v", 1);
    assert_int_equal(add("", "v"), BW_METADATA_BAD_KEY);
    assert_int_equal(add("a b", "v"), BW_METADATA_BAD_KEY);
    assert_int_equal(add("\xc3\xa4", "v"), BW_METADATA_BAD_KEY);
    assert_int_equal(add("a/b", "v"), BW_METADATA_BAD_KEY);
    assert_int_equal(bw_metadata_count(list), 1);
}

static void the_protocols_own_names_are_refused_both_ways(void **state) {
    (void)state;
    static const char *const names[] = {"grpc-status", "Grpc-Timeout", "grpc-foo",   "content-type",
                                        "te",          "host",         "user-agent", "connection",
                                        "keep-alive",  "upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(add(names[i], "v"), BW_METADATA_RESERVED);
        assert_int_equal(receive(names[i], "v"), BW_METADATA_RESERVED);
    }
    assert_int_equal(receive(":path", "v"), BW_METADATA_RESERVED);
    assert_int_equal(bw_metadata_count(list), 0);
}

static void names_that_travel_with_the_application_pass(void **state) {
    (void)state;
    static const char *const names[] = {
        "traceparent",           "tracestate",    "b3",
        "grpc-trace-bin",        "grpc-tags-bin", "grpc-previous-rpc-attempts",
        "grpc-retry-pushback-ms"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(receive(names[i], "abcd"), BW_METADATA_ADDED);
}

static void text_values_are_printable_ascii(void **state) {
    (void)state;
    assert_int_equal(add("a", " ~"), BW_METADATA_ADDED);
    assert_int_equal(add("a", ""), BW_METADATA_ADDED);
    assert_int_equal(add("a", "\t"), BW_METADATA_BAD_VALUE);
    assert_int_equal(add("a", "\x7f"), BW_METADATA_BAD_VALUE);
    assert_int_equal(add("a", "\xff"), BW_METADATA_BAD_VALUE);
}

static void binary_values_hold_any_byte(void **state) {
    (void)state;
    assert_int_equal(bw_metadata_add(list, bw_span_text("k-bin"), bw_span_of("\0\xff\n", 3)),
                     BW_METADATA_ADDED);
    expect(0, "k-bin", "\0\xff\n", 3);
}

static void received_base64_may_be_padded_or_not_and_empty(void **state) {
    (void)state;
    assert_int_equal(receive("k-bin", "AP8="), BW_METADATA_ADDED);
    assert_int_equal(receive("k-bin", "AP8"), BW_METADATA_ADDED);
    assert_int_equal(receive("k-bin", ""), BW_METADATA_ADDED);
    expect(0, "k-bin", "\0\xff", 2);
    expect(1, "k-bin", "\0\xff", 2);
    expect(2, "k-bin", "", 0);
}

static void received_base64_is_split_at_commas_before_decoding(void **state) {
    (void)state;
    assert_int_equal(receive("k-bin", "YQ==,Yg , Yw=="), BW_METADATA_ADDED);
    assert_int_equal(bw_metadata_count(list), 3);
    expect(0, "k-bin", "a", 1);
    expect(1, "k-bin", "b", 1);
    expect(2, "k-bin", "c", 1);
}

static void received_text_that_is_no_base64_is_a_fault(void **state) {
    (void)state;
    assert_int_equal(receive("k-bin", "a"), BW_METADATA_BAD_VALUE);
    assert_int_equal(receive("k-bin", "%%%%"), BW_METADATA_BAD_VALUE);
    assert_int_equal(receive("k-bin", "YQ==YQ=="), BW_METADATA_BAD_VALUE);
}

static void received_spaces_around_a_text_are_stripped(void **state) {
    (void)state;
    assert_int_equal(receive("k", " \t v w \t"), BW_METADATA_ADDED);
    expect(0, "k", "v w", 3);
}

static void a_copy_is_equal_and_its_own(void **state) {
    (void)state;
    add("a", "1");
    add("b-bin", "2");
    struct bw_metadata *copy = bw_metadata_copy(list);
    add("c", "3");
    assert_int_equal(bw_metadata_count(copy), 2);
    assert_true(bw_span_is(bw_metadata_find(copy, "b-bin"), "2"));
    bw_metadata_free(copy);
    copy = bw_metadata_copy(NULL);
    assert_int_equal(bw_metadata_count(copy), 0);
    bw_metadata_free(copy);
}

static void a_list_holds_a_thousand_entries(void **state) {
    (void)state;
    char value[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(value, sizeof value, "%d", i);
        assert_int_equal(add("k", value), BW_METADATA_ADDED);
    }
    expect(999, "k", "999", 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(duplicate_keys_keep_their_order), TEST(keys_are_lowered_and_checked),
         TEST(the_protocols_own_names_are_refused_both_ways),
         TEST(names_that_travel_with_the_application_pass), TEST(text_values_are_printable_ascii),
         TEST(binary_values_hold_any_byte), TEST(received_base64_may_be_padded_or_not_and_empty),
         TEST(received_base64_is_split_at_commas_before_decoding),
         TEST(received_text_that_is_no_base64_is_a_fault), TEST(received_spaces_around_a_text_are_stripped),
         TEST(a_copy_is_equal_and_its_own), TEST(a_list_holds_a_thousand_entries))
