#include <breakwire/status.h>

#include "run.h"

static void a_retry_delay_is_read_back_as_it_was_written(void **state) {
    (void)state;
    static const int64_t delays[] = {0, 1, 999, 1000, 4200, 120000, 86400000};
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        struct bw_buf out;
        bw_buf_init(&out, 0);
        assert_true(bw_status_details(&out, BW_UNAVAILABLE, "circuit is open", delays[i]));
        assert_int_equal(bw_status_details_retry_ms(bw_buf_span(&out)), delays[i]);
        bw_buf_free(&out);
    }
}

/* Made with protoc --encode=google.rpc.Status from code: 14 message: "open" and a RetryInfo of 1.5 s. */
static void the_bytes_are_those_of_google_rpc_status(void **state) {
    (void)state;
    static const char golden[] =
        "\x08\x0e\x12\x04open\x1a\x36\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
        "\x12\x0a\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01";
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(bw_status_details(&out, BW_UNAVAILABLE, "open", 1500));
    assert_int_equal(bw_buf_size(&out), sizeof golden - 1);
    assert_memory_equal(bw_buf_span(&out).data, golden, sizeof golden - 1);
    bw_buf_free(&out);
}

static void without_a_delay_there_is_no_retry_info(void **state) {
    (void)state;
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(bw_status_details(&out, BW_INTERNAL, "", -1));
    assert_int_equal(bw_status_details_retry_ms(bw_buf_span(&out)), -1);
    bw_buf_free(&out);
    assert_int_equal(bw_status_details_retry_ms(bw_span_of(NULL, 0)), -1);
}

static void details_cut_or_bent_anywhere_never_read_beyond_their_end(void **state) {
    (void)state;
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(bw_status_details(&out, BW_UNAVAILABLE, "circuit is open", 4200));
    struct bw_span whole = bw_buf_span(&out);
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *copy = test_malloc(len + 1);
        memcpy(copy, whole.data, len);
        assert_int_equal(bw_status_details_retry_ms(bw_span_of(copy, len)), -1);
        test_free(copy);
    }
    for (size_t at = 0; at < whole.len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            out.data[at] ^= (uint8_t)(1u << bit);
            bw_status_details_retry_ms(bw_buf_span(&out));
            out.data[at] ^= (uint8_t)(1u << bit);
        }
    bw_buf_free(&out);
}

static void a_negative_or_overlong_delay_is_none(void **state) {
    (void)state;
    /* seconds: -1, nanos: 1000000000, and nanos: 999999999 */
    static const char negative[] =
        "\x1a\x39\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
        "\x12\x0d\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    static const char nanos[] =
        "\x1a\x34\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
        "\x12\x08\x0a\x06\x10\x80\x94\xeb\xdc\x03";
    static const char most[] =
        "\x1a\x34\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
        "\x12\x08\x0a\x06\x10\xff\x93\xeb\xdc\x03";
    assert_int_equal(bw_status_details_retry_ms(bw_span_of(most, sizeof most - 1)), 999);
    assert_int_equal(bw_status_details_retry_ms(bw_span_of(negative, sizeof negative - 1)), -1);
    assert_int_equal(bw_status_details_retry_ms(bw_span_of(nanos, sizeof nanos - 1)), -1);
}

BW_TESTS(cmocka_unit_test(a_retry_delay_is_read_back_as_it_was_written),
         cmocka_unit_test(the_bytes_are_those_of_google_rpc_status),
         cmocka_unit_test(without_a_delay_there_is_no_retry_info),
         cmocka_unit_test(details_cut_or_bent_anywhere_never_read_beyond_their_end),
         cmocka_unit_test(a_negative_or_overlong_delay_is_none))
