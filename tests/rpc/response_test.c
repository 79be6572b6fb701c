#include "response.h"

#include "block.h"

static struct bw_response read_block(const char *text) {
    struct bw_h2_field fields[BLOCK_MAX];
    struct bw_response response;
    bw_response_read(fields, block_of(text, fields), &response);
    return response;
}

static void a_content_type_is_grpc_with_proto_or_with_another_codec(void **state) {
    (void)state;
    static const struct {
        const char *type;
        bool is_grpc, is_other;
    } rows[] = {{"application/grpc", true, false},
                {"application/grpc+proto", true, false},
                {"APPLICATION/GRPC", true, false},
                {"application/grpc;charset=utf-8", true, false},
                {"application/grpc+proto;charset=utf-8", true, false},
                {"application/grpc+json", true, true},
                {"application/grpc+protobuf", true, true},
                {"application/grpc+", true, true},
                {"application/grpc-web", false, false},
                {"application/grpcfoo", false, false},
                {"application/json", false, false},
                {"text/html", false, false},
                {"", false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct bw_h2_field field = {.name = bw_span_text("content-type"),
                                          .value = bw_span_text(rows[i].type)};
        struct bw_response response;
        bw_response_read(&field, 1, &response);
        if (response.is_grpc != rows[i].is_grpc || response.is_other_codec != rows[i].is_other)
            fail_msg("%s", rows[i].type);
        bw_response_free(&response);
    }
}

static void a_block_is_taken_apart(void **state) {
    (void)state;
    struct bw_response response = read_block(
        ":status=200|content-type=application/grpc|grpc-status=8|grpc-message=a%20b%zz|"
        "grpc-status-details-bin=CAg=|grpc-retry-pushback-ms=25|grpc-encoding=gzip|x-a=1|x-b-bin=YQ");
    assert_int_equal(response.http_status, 200);
    assert_true(response.has_status);
    assert_true(bw_span_is(response.status, "8"));
    assert_string_equal(bw_buf_text(&response.message), "a b%zz");
    assert_true(bw_span_is(bw_buf_span(&response.details), "\x08\x08"));
    assert_true(response.has_pushback);
    assert_int_equal(response.pushback_ms, 25);
    assert_int_equal(bw_metadata_count(response.metadata), 2);
    assert_true(bw_span_is(bw_metadata_find(response.metadata, "x-b-bin"), "a"));
    assert_false(response.is_bad);
    bw_response_free(&response);
}

static void of_a_repeated_field_the_last_one_counts(void **state) {
    (void)state;
    struct bw_response response = read_block(
        "grpc-status=1|grpc-message=one|grpc-status-details-bin=YQ|grpc-status=2|grpc-message=two|"
        "grpc-status-details-bin=Yg");
    assert_true(bw_span_is(response.status, "2"));
    assert_string_equal(bw_buf_text(&response.message), "two");
    assert_true(bw_span_is(bw_buf_span(&response.details), "b"));
    bw_response_free(&response);
}

static void bad_base64_is_bad_and_odd_text_is_not(void **state) {
    (void)state;
    static const struct {
        const char *block;
        bool is_bad;
    } rows[] = {{"x-a-bin=$", true},          {"grpc-status-details-bin=%%%", true},
                {"x-a-bin=YQ,$", true},       {"x-a=\xff", false},
                {"grpc-message=\xff", false}, {"grpc-unknown-bin=$", false}}; /* reserved: not looked at */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bw_response response = read_block(rows[i].block);
        if (response.is_bad != rows[i].is_bad)
            fail_msg("%s", rows[i].block);
        bw_response_free(&response);
    }
}

static void the_last_block_means_a_status(void **state) {
    (void)state;
    static const struct {
        const char *block;
        unsigned http_status;
        enum bw_code code;
        const char *message;
    } rows[] = {
        {"grpc-status=0", 200, BW_OK, ""},
        {"grpc-status=0", 503, BW_OK, ""},
        {"grpc-status=5|grpc-message=gone", 200, BW_NOT_FOUND, "gone"},
        {"grpc-status=16", 200, BW_UNAUTHENTICATED, ""},
        {"grpc-status=2|grpc-message=m", 200, BW_UNKNOWN, "m"},
        {"grpc-status=17|grpc-message=m", 200, BW_UNKNOWN, "m (grpc-status was 17)"},
        {"grpc-status=x", 200, BW_UNKNOWN, " (grpc-status was x)"},
        {"x-a=1", 200, BW_UNKNOWN, "no grpc-status in the response (HTTP status 200)"},
        {"grpc-message=m", 502, BW_UNAVAILABLE, "no grpc-status in the response (HTTP status 502)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bw_response response = read_block(rows[i].block);
        assert_int_equal(bw_response_status(&response, rows[i].http_status), rows[i].code);
        assert_string_equal(bw_buf_text(&response.message), rows[i].message);
        bw_response_free(&response);
    }
}

BW_TESTS(cmocka_unit_test(a_content_type_is_grpc_with_proto_or_with_another_codec),
         cmocka_unit_test(a_block_is_taken_apart), cmocka_unit_test(of_a_repeated_field_the_last_one_counts),
         cmocka_unit_test(bad_base64_is_bad_and_odd_text_is_not),
         cmocka_unit_test(the_last_block_means_a_status))
