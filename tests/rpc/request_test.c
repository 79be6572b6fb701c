#include "request.h"

#include "block.h"

#define GOOD ":method=POST|:scheme=http|:path=/p.S/M|:authority=h|te=trailers|content-type=application/grpc"

static struct bw_request read_block(const char *text) {
    struct bw_h2_field fields[BLOCK_MAX];
    struct bw_request request;
    bw_request_read(fields, block_of(text, fields), false, &request);
    return request;
}

static void a_request_is_taken_apart(void **state) {
    (void)state;
    struct bw_request request = read_block(GOOD "+proto|grpc-timeout=250m|user-agent=t/1|x-a=1|x-b-bin=YQ");
    assert_int_equal(request.verdict, BW_REQUEST_OK);
    assert_true(bw_span_is(request.path, "/p.S/M"));
    assert_true(bw_span_is(request.authority, "h"));
    assert_true(bw_span_is(request.user_agent, "t/1"));
    assert_true(request.is_proto_subtype);
    assert_true(request.has_timeout);
    assert_int_equal(request.timeout_ms, 250);
    assert_int_equal(bw_metadata_count(request.metadata), 2);
    bw_metadata_free(request.metadata);
    request = read_block(":method=POST|:path=/p.S/M|host=h2|content-type=application/grpc");
    assert_int_equal(request.verdict, BW_REQUEST_OK);
    assert_true(bw_span_is(request.authority, "h2"));
    assert_false(request.is_proto_subtype);
    assert_false(request.has_timeout);
    bw_metadata_free(request.metadata);
}

static void what_is_no_grpc_gets_an_http_answer(void **state) {
    (void)state;
    static const struct {
        const char *block;
        unsigned http_status;
    } rows[] = {{":method=GET|:path=/", 200},
                {":method=HEAD|:path=/x", 200},
                {":method=PUT|:path=/x", 405},
                {":method=GET|:path=/p.S/M|content-type=application/grpc", 405},
                {":method=POST|:path=/p.S/M", 415},
                {":method=POST|:path=/p.S/M|content-type=application/json", 415},
                {":method=POST|:path=/p.S/M|content-type=application/grpcfoo", 415},
                {":method=POST|:path=/p.S/M|content-type=image/jpeg", 415}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bw_request request = read_block(rows[i].block);
        if (request.verdict != BW_REQUEST_HTTP || request.http_status != rows[i].http_status)
            fail_msg("%s: %u", rows[i].block, request.http_status);
        bw_metadata_free(request.metadata);
    }
}

static void what_cannot_be_served_gets_a_status(void **state) {
    (void)state;
    static const struct {
        const char *block;
        unsigned http_status;
        enum bw_code code;
    } rows[] = {
        {GOOD "+json", 200, BW_UNIMPLEMENTED},
        {GOOD "|grpc-timeout=5", 400, BW_INTERNAL},
        {GOOD "|grpc-timeout=123456789m", 400, BW_INTERNAL},
        {GOOD "|grpc-timeout=0m", 200, BW_DEADLINE_EXCEEDED},
        {GOOD "|grpc-encoding=gzip", 200, BW_UNIMPLEMENTED},
        {GOOD "|x-a-bin=$", 200, BW_INTERNAL},
        {":method=POST|:path=p.S/M|content-type=application/grpc", 200, BW_UNIMPLEMENTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bw_request request = read_block(rows[i].block);
        if (request.verdict != BW_REQUEST_STATUS || request.code != rows[i].code ||
            request.http_status != rows[i].http_status)
            fail_msg("%s: %s", rows[i].block, bw_code_name((int)request.code));
        assert_int_equal(request.says_encodings, strstr(rows[i].block, "gzip") != NULL);
        bw_metadata_free(request.metadata);
    }
}

static void a_list_that_is_too_large_is_said_in_a_status(void **state) {
    (void)state;
    struct bw_h2_field fields[BLOCK_MAX];
    struct bw_request request;
    bw_request_read(fields, block_of(GOOD, fields), true, &request);
    assert_int_equal(request.verdict, BW_REQUEST_STATUS);
    assert_int_equal(request.code, BW_RESOURCE_EXHAUSTED);
    bw_metadata_free(request.metadata);
}

static void identity_and_a_content_type_with_parameters_are_fine(void **state) {
    (void)state;
    static const char *const blocks[] = {GOOD,
                                         GOOD "+proto",
                                         GOOD ";charset=utf-8",
                                         GOOD "+proto;x=y",
                                         GOOD "|grpc-encoding=identity",
                                         GOOD "|x-a=\xff"};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct bw_request request = read_block(blocks[i]);
        if (request.verdict != BW_REQUEST_OK)
            fail_msg("%s", blocks[i]);
        bw_metadata_free(request.metadata);
    }
}

static void a_path_is_service_and_method(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool ok;
    } rows[] = {{"/a/b", true},   {"/a.b.C/D", true}, {"", false},    {"/", false},
                {"//", false},    {"/a", false},      {"/a/", false}, {"//b", false},
                {"/a/b/", false}, {"/a/b/c", false},  {"a/b", false}, {"/a//b", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (bw_request_is_path(bw_span_text(rows[i].path)) != rows[i].ok)
            fail_msg("\"%s\"", rows[i].path);
}

BW_TESTS(cmocka_unit_test(a_request_is_taken_apart), cmocka_unit_test(what_is_no_grpc_gets_an_http_answer),
         cmocka_unit_test(what_cannot_be_served_gets_a_status),
         cmocka_unit_test(a_list_that_is_too_large_is_said_in_a_status),
         cmocka_unit_test(identity_and_a_content_type_with_parameters_are_fine),
         cmocka_unit_test(a_path_is_service_and_method))
