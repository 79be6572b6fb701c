/* What a server makes of a request's header block: every rule as a row of a table. */
#include "caller.h"

#include <stdio.h>

struct row {
    const char *path, *fields;
    const char *heard; /* the response, without its stream id; NULL: the stream is reset */
};

static void check(const struct row *row, size_t piece) {
    struct caller caller;
    char expected[1024];
    caller_init(&caller, NULL);
    if (piece)
        bw_wire_pieces(caller.wire, piece);
    caller_ask(&caller, row->path, row->fields, "hi");
    const char *heard = caller_heard(&caller);
    snprintf(expected, sizeof expected, "1 response %s end\n", row->heard);
    if (strncmp(heard, expected, strlen(expected)) != 0)
        fail_msg("%s\n%s\n  gave     %s  expected %s", row->path, row->fields, heard, expected);
    assert_string_equal(service_trace(&caller.service), ""); /* no handler heard of it */
    caller_still_served(&caller);
    caller_free(&caller);
}

#define CHECK_ALL(rows)                                                                                      \
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows)[0]; i++) {                                            \
        check(&(rows)[i], 0);                                                                                \
        check(&(rows)[i], 1);                                                                                \
    }

#define ECHO   "/t.Test/Echo"
#define STATUS ":status=200 content-type=application/grpc "

static void only_grpc_content_types_are_taken(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ECHO, "content-type", ":status=415"},
        {ECHO, "content-type=", ":status=415"},
        {ECHO, "content-type=application/grpcfoo", ":status=415"},
        {ECHO, "content-type=application/grp", ":status=415"},
        {ECHO, "content-type=application/json", ":status=415"},
        {ECHO, "content-type=image/jpeg", ":status=415"},
        {ECHO, "content-type=application/grpc-web", ":status=415"},
        {"/no.Such/Method", "content-type=text/plain", ":status=415"},
    };
    CHECK_ALL(rows);
}

static void an_unknown_codec_is_unimplemented(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ECHO, "content-type=application/grpc+json",
         STATUS "grpc-status=12 grpc-message=unknown codec in content-type; known is application/grpc+proto"},
        {ECHO, "content-type=application/grpc+",
         STATUS "grpc-status=12 grpc-message=unknown codec in content-type; known is application/grpc+proto"},
        {ECHO, "content-type=application/grpc+protobuf",
         STATUS "grpc-status=12 grpc-message=unknown codec in content-type; known is application/grpc+proto"},
    };
    CHECK_ALL(rows);
}

static void another_method_than_post_is_not_allowed(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ECHO, ":method=GET", ":status=405 allow=POST"},
        {ECHO, ":method=PUT", ":status=405 allow=POST"},
        {ECHO, ":method=OPTIONS", ":status=405 allow=POST"},
        {ECHO, ":method=PUT\ncontent-type", ":status=405 allow=POST"},
        {ECHO, ":method=HEAD\ncontent-type", ":status=200 content-type=text/plain"},
    };
    CHECK_ALL(rows);
}

static void a_malformed_path_is_unimplemented(void **state) {
    (void)state;
    static const char *const paths[] = {
        "/", "/t.Test", "/t.Test/", "//Echo", "/t.Test/Echo/", "/t.Test/Echo/More", "*", "/a//"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct row row = {paths[i], *paths[i] == '*' ? ":method=OPTIONS" : "",
                          *paths[i] == '*' ? ":status=405 allow=POST"
                                           : STATUS "grpc-status=12 grpc-message=malformed method name"};
        check(&row, 0);
    }
}

static void an_unknown_service_or_method_is_unimplemented_and_says_which(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"/no.Such/Echo", "", STATUS "grpc-status=12 grpc-message=unknown service in /no.Such/Echo"},
        {"/t.Test/Nothing", "", STATUS "grpc-status=12 grpc-message=unknown method in /t.Test/Nothing"},
        {"/t.Test/echo", "", STATUS "grpc-status=12 grpc-message=unknown method in /t.Test/echo"},
        {"/t.test/Echo", "", STATUS "grpc-status=12 grpc-message=unknown service in /t.test/Echo"},
        {"/t.Tes/Echo", "", STATUS "grpc-status=12 grpc-message=unknown service in /t.Tes/Echo"},
        {"/t.Test/Echo?a=b", "", STATUS "grpc-status=12 grpc-message=unknown method in /t.Test/Echo?a=b"},
    };
    CHECK_ALL(rows);
}

static void a_malformed_timeout_is_a_bad_request(void **state) {
    (void)state;
    static const char *const values[] = {"", "m", "1", "100000000m", "-1S", "1x", "1 m", "+1m"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char fields[64];
        snprintf(fields, sizeof fields, "grpc-timeout=%s", values[i]);
        struct row row = {ECHO, fields,
                          ":status=400 content-type=application/grpc grpc-status=13 grpc-message=malformed "
                          "grpc-timeout"};
        check(&row, 0);
    }
}

static void a_timeout_of_nothing_is_over_at_once(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ECHO, "grpc-timeout=0m",
         STATUS "grpc-status=4 grpc-message=the deadline was over when the call came"},
        {ECHO, "grpc-timeout=0n",
         STATUS "grpc-status=4 grpc-message=the deadline was over when the call came"},
    };
    CHECK_ALL(rows);
}

static void an_unknown_compression_is_unimplemented_and_the_known_one_is_named(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ECHO, "grpc-encoding=gzip",
         STATUS "grpc-accept-encoding=identity grpc-status=12 grpc-message=unknown grpc-encoding; known is "
                "identity"},
        {ECHO, "grpc-encoding=",
         STATUS "grpc-accept-encoding=identity grpc-status=12 grpc-message=unknown grpc-encoding; known is "
                "identity"},
    };
    CHECK_ALL(rows);
}

static void a_binary_field_that_is_no_base64_is_internal(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ECHO, "x-bin=%%%", STATUS "grpc-status=13 grpc-message=a -bin field is no base64"},
        {ECHO, "x-bin=YQ==,a", STATUS "grpc-status=13 grpc-message=a -bin field is no base64"},
    };
    CHECK_ALL(rows);
}

static void the_subtype_that_the_client_named_is_echoed(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"/no.Such/Echo", "content-type=application/grpc+proto",
         ":status=200 content-type=application/grpc+proto grpc-status=12 grpc-message=unknown service in "
         "/no.Such/Echo"},
        {"/no.Such/Echo", "content-type=application/grpc;charset=x",
         STATUS "grpc-status=12 grpc-message=unknown service in /no.Such/Echo"},
    };
    CHECK_ALL(rows);
}

/* ---- requests that reach their handler ---- */

static void harmless_oddities_are_taken(void **state) {
    (void)state;
    static const char *const fields[] = {
        "te",                                      /* a proxy may have dropped it */
        "content-type=application/grpc;charset=x", /* a parameter */
        "content-type=Application/GRPC",           /* types are case-insensitive */
        ":authority\nhost=b",                      /* host stands in for :authority */
        "host=other",                              /* :authority counts */
        "grpc-encoding=identity",                  /* no compression */
        "grpc-accept-encoding=gzip, deflate",      /* offered, not used */
        "x-key= padded \t",                        /* spaces around a value */
        "x-key=\x80\xff",                          /* bytes that HTTP allows */
        "grpc-timeout=99999999H",                  /* does not overflow */
        "user-agent=",                             /* empty */
        "x-bin=",                                  /* empty */
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct caller caller;
        caller_init(&caller, NULL);
        caller_ask(&caller, ECHO, fields[i], "hi");
        if (strcmp(caller_heard(&caller), "1 " OK_START "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n"))
            fail_msg("%s is not taken", fields[i]);
        assert_string_equal(service_trace(&caller.service), "message hi\nend FINISHED\n");
        caller_free(&caller);
    }
}

static void a_get_of_any_path_says_what_this_is(void **state) {
    (void)state;
    struct caller caller;
    caller_init(&caller, NULL);
    caller_open(&caller, "/any", ":method=GET\ncontent-type", true);
    assert_string_equal(caller_heard(&caller),
                        "1 response :status=200 content-type=text/plain\n1 data-end\n1 closed NO_ERROR\n");
    assert_true(bw_span_is(caller_body(&caller), "This is a gRPC server.\n"));
    caller_still_served(&caller);
    caller_free(&caller);
}

static void authority_agent_and_peer_are_visible_to_the_handler(void **state) {
    (void)state;
    struct caller caller;
    caller_init(&caller, NULL);
    caller_ask(&caller, "/t.Test/Later", "user-agent=probe/1\nx-k=v", "hi");
    caller_heard(&caller);
    const struct bw_server_call *call = caller.service.held[0];
    assert_true(bw_span_is(bw_server_call_authority(call), "b"));
    assert_true(bw_span_is(bw_server_call_user_agent(call), "probe/1"));
    assert_string_equal(bw_server_call_peer(call), "10.0.0.9:77");
    assert_string_equal(bw_server_call_path(call), "/t.Test/Later");
    assert_int_equal(bw_server_call_now(call), BW_WIRE_START_MS);
    assert_true(bw_server_call_deadline(call) == BW_NEVER);
    assert_int_equal(bw_metadata_count(bw_server_call_metadata(call)), 1); /* they are no metadata */
    caller_free(&caller);
}

static void host_stands_in_for_a_missing_authority(void **state) {
    (void)state;
    struct caller caller;
    caller_init(&caller, NULL);
    caller_ask(&caller, "/t.Test/Later", ":authority\nhost=from-host", "hi");
    caller_ask(&caller, "/t.Test/Later", "host=from-host", "hi");
    caller_heard(&caller);
    assert_true(bw_span_is(bw_server_call_authority(caller.service.held[0]), "from-host"));
    assert_true(bw_span_is(bw_server_call_authority(caller.service.held[1]), "b"));
    assert_null(bw_server_call_user_agent(caller.service.held[0]).data);
    caller_free(&caller);
}

static void more_header_fields_than_allowed_are_resource_exhausted(void **state) {
    (void)state;
    struct caller caller;
    char fields[8000] = "content-type\n";
    caller_init(&caller, NULL);
    for (int i = 0; i < 110; i++)
        strcat(fields, "x-k=v\n");
    strcat(fields, "content-type=application/grpc"); /* dropped with the others over the limit */
    caller_ask(&caller, ECHO, fields, "hi");
    assert_string_equal(caller_heard(&caller),
                        "1 response " STATUS
                        "grpc-status=8 grpc-message=the request's header list is too large end\n"
                        "1 closed NO_ERROR\n");
    caller_still_served(&caller);
    caller_free(&caller);
}

static void metadata_goes_to_the_handler_and_back(void **state) {
    (void)state;
    struct caller caller;
    caller_init(&caller, NULL);
    caller_ask(&caller, "/t.Test/Meta",
               "h-a=1\nh-a=2\nt-b=3\nh-c-bin=AP8=\nt-d-bin=YQ,Yg==\ngrpc-foo=no\ntraceparent=00-1-2-01",
               "hi");
    assert_string_equal(caller_heard(&caller),
                        "1 response :status=200 content-type=application/grpc h-a=1 h-a=2 h-c-bin=AP8\n"
                        "1 trailers grpc-status=0 t-b=3 t-d-bin=YQ t-d-bin=Yg end\n1 closed NO_ERROR\n");
    caller_free(&caller);
}

static void a_prefix_answers_every_method_below_it(void **state) {
    (void)state;
    struct caller caller;
    caller_init(&caller, NULL);
    caller_ask(&caller, "/t.Proxy/Anything", "", "hi");
    caller_heard(&caller);
    assert_true(bw_span_equal(caller_body(&caller), bw_span_of("\0\0\0\0\x11/t.Proxy/Anything", 22)));
    caller_free(&caller);
}

BW_TESTS(cmocka_unit_test(only_grpc_content_types_are_taken),
         cmocka_unit_test(an_unknown_codec_is_unimplemented),
         cmocka_unit_test(another_method_than_post_is_not_allowed),
         cmocka_unit_test(a_malformed_path_is_unimplemented),
         cmocka_unit_test(an_unknown_service_or_method_is_unimplemented_and_says_which),
         cmocka_unit_test(a_malformed_timeout_is_a_bad_request),
         cmocka_unit_test(a_timeout_of_nothing_is_over_at_once),
         cmocka_unit_test(an_unknown_compression_is_unimplemented_and_the_known_one_is_named),
         cmocka_unit_test(a_binary_field_that_is_no_base64_is_internal),
         cmocka_unit_test(the_subtype_that_the_client_named_is_echoed),
         cmocka_unit_test(harmless_oddities_are_taken), cmocka_unit_test(a_get_of_any_path_says_what_this_is),
         cmocka_unit_test(authority_agent_and_peer_are_visible_to_the_handler),
         cmocka_unit_test(host_stands_in_for_a_missing_authority),
         cmocka_unit_test(more_header_fields_than_allowed_are_resource_exhausted),
         cmocka_unit_test(metadata_goes_to_the_handler_and_back),
         cmocka_unit_test(a_prefix_answers_every_method_below_it))
