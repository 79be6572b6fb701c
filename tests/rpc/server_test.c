/* A server: its methods, its connections, its deadlines, and how it drains. */
#include "caller.h"

static struct bw_server_config config;
static struct caller caller;

static int make(void **state) {
    (void)state;
    bw_server_config_default(&config);
    caller_init(&caller, NULL);
    return 0;
}

static int end(void **state) {
    (void)state;
    caller_free(&caller);
    return 0;
}

static struct bw_conn accept_one(struct bw_server *server) {
    return bw_server_accept(server, BW_WIRE_START_MS, "peer", bw_wire_wake());
}

/* ---- methods ---- */

static void a_path_is_added_once_and_only_when_well_formed(void **state) {
    (void)state;
    static const struct bw_handler handler;
    struct bw_server *server = caller.service.server;
    struct bw_method method = {"/t.Test/Echo", BW_UNARY, &handler, NULL, 0};
    assert_int_equal(bw_server_add(server, &method), -3);
    static const char *const malformed[] = {"",         "/",      "t.Test/Echo", "/t.Test",
                                            "/t.Test/", "//Echo", "/a/b/c"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        method.path = malformed[i];
        assert_int_equal(bw_server_add(server, &method), -2);
    }
}

static void a_prefix_ends_with_a_slash_and_is_unary(void **state) {
    (void)state;
    static const struct bw_handler handler;
    struct bw_server *server = caller.service.server;
    static const struct {
        const char *path;
        enum bw_kind kind;
        int result;
    } rows[] = {
        {"/t.Proxy/", BW_UNARY, -3}, {"/t.Other", BW_UNARY, -2},           {"/", BW_UNARY, -2},
        {"t.Other/", BW_UNARY, -2},  {"/t.Other/", BW_BIDI_STREAMING, -2}, {"/t.Other/", BW_UNARY, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bw_method method = {rows[i].path, rows[i].kind, &handler, NULL, 0};
        assert_int_equal(bw_server_add_prefix(server, &method), rows[i].result);
    }
}

static void a_config_that_was_never_defaulted_is_refused(void **state) {
    (void)state;
    struct bw_server_config empty = {0};
    assert_null(bw_server_new(&empty));
}

/* ---- deadlines ---- */

static void a_deadline_that_passes_resets_the_stream_and_is_told(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "grpc-timeout=500m", "hi");
    caller_heard(&caller);
    assert_int_equal(bw_server_call_deadline(caller.service.held[0]), BW_WIRE_START_MS + 500);
    bw_wire_advance(caller.wire, 499);
    assert_string_equal(service_trace(&caller.service), "message hi\n");
    bw_wire_advance(caller.wire, 1);
    assert_string_equal(caller_heard(&caller), "1 closed CANCEL remote\n");
    assert_string_equal(service_trace(&caller.service), "end DEADLINE\n");
    caller_still_served(&caller);
}

static void an_answer_in_time_forgets_the_deadline(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "grpc-timeout=500m", "hi");
    bw_wire_advance(caller.wire, 499);
    bw_server_call_reply(caller.service.held[0], bw_span_text("just"));
    bw_wire_advance(caller.wire, 1000);
    assert_string_equal(service_trace(&caller.service), "message hi\nend FINISHED\n");
    assert_string_equal(end_trace(&caller.end),
                        "1 " OK_START "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n");
}

static void a_deadline_in_the_middle_of_a_stream_resets_it(void **state) {
    (void)state;
    caller.end.keeps_window = true;
    caller_ask(&caller, "/t.Test/Many", "grpc-timeout=1S", "3000");
    bw_wire_advance(caller.wire, 1000);
    assert_non_null(strstr(service_trace(&caller.service), "full\nend DEADLINE\n"));
    assert_non_null(strstr(caller_heard(&caller), "1 closed CANCEL remote\n"));
}

static void a_deadline_before_the_request_is_whole_resets_it_untold(void **state) {
    (void)state;
    caller_open(&caller, "/t.Test/Echo", "grpc-timeout=1S", false);
    bw_wire_advance(caller.wire, 1000);
    assert_string_equal(caller_heard(&caller), "1 closed CANCEL remote\n");
    assert_string_equal(service_trace(&caller.service), "");
}

static void a_unary_request_must_be_whole_in_its_own_time(void **state) {
    (void)state;
    caller_open(&caller, "/t.Test/Echo", "", false);
    bw_wire_advance(caller.wire, 29999);
    assert_string_equal(caller_heard(&caller), "");
    bw_wire_advance(caller.wire, 1);
    assert_string_equal(caller_heard(&caller),
                        "1 response :status=200 content-type=application/grpc grpc-status=4 "
                        "grpc-message=the request was not complete in time end\n1 closed NO_ERROR remote\n");
    assert_string_equal(service_trace(&caller.service), "");
}

static void a_whole_request_has_all_the_time_that_its_client_gave(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "hi");
    bw_wire_advance(caller.wire, 3600000);
    assert_int_equal(caller.service.held_count, 1);
    bw_server_call_reply(caller.service.held[0], bw_span_text("at last"));
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=0"));
}

static void a_chat_may_be_silent_for_long(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, "/t.Test/Chat", "", false);
    bw_wire_advance(caller.wire, 3600000);
    caller_say(stream, bw_span_text("hi"));
    bw_h2_finish(stream);
    assert_non_null(strstr(caller_heard(&caller), "1 trailers grpc-status=0 end\n"));
}

/* ---- connections ---- */

static void more_connections_than_allowed_are_refused(void **state) {
    (void)state;
    config.connections_max = 2;
    struct bw_server *server = bw_server_new(&config);
    struct bw_conn one = accept_one(server), two = accept_one(server);
    assert_non_null(one.ops);
    assert_non_null(two.ops);
    assert_null(accept_one(server).ops);
    assert_int_equal(bw_server_connections(server), 2);
    one.ops->free(one.self);
    one = accept_one(server);
    assert_non_null(one.ops);
    one.ops->free(one.self);
    two.ops->free(two.self);
    bw_server_free(server);
}

static void more_streams_than_allowed_are_refused_one_by_one(void **state) {
    (void)state;
    struct caller few;
    config.concurrent_streams_max = 2;
    caller_init(&few, &config);
    for (int i = 0; i < 3; i++)
        caller_ask(&few, "/t.Test/Later", "", "hi");
    caller_heard(&few); /* the client knows the limit and keeps the third one back */
    assert_int_equal(few.service.held_count, 2);
    bw_server_call_reply(few.service.held[0], bw_span_text(""));
    caller_heard(&few);
    assert_int_equal(few.service.held_count, 2);
    caller_free(&few);
}

static void the_callers_of_a_freed_connection_are_told(void **state) {
    (void)state;
    struct caller other;
    caller_init(&other, NULL);
    caller_ask(&other, "/t.Test/Later", "", "hi");
    caller_heard(&other);
    bw_wire_free(other.wire);
    assert_string_equal(service_trace(&other.service), "message hi\nend LOST\n");
    end_clean(&other.end);
    service_free(&other.service);
}

/* ---- drain ---- */

static void a_drain_lets_calls_finish_and_then_closes(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "hi");
    caller_heard(&caller);
    bw_server_drain(caller.service.server, BW_WIRE_START_MS);
    assert_string_equal(caller_heard(&caller), "goaway NO_ERROR\ngoaway NO_ERROR graceful_stop\n");
    assert_null(accept_one(caller.service.server).ops);
    assert_false(bw_wire_is_closed(caller.wire, BW_WIRE_B));
    bw_server_call_reply(caller.service.held[0], bw_span_text("bye"));
    assert_string_equal(caller_heard(&caller),
                        "1 " OK_START "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n");
    assert_true(bw_wire_is_closed(caller.wire, BW_WIRE_B));
}

static void a_drain_ends_what_is_still_open_after_its_grace(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "hi");
    caller_heard(&caller);
    service_trace(&caller.service);
    bw_server_drain(caller.service.server, BW_WIRE_START_MS);
    bw_wire_advance(caller.wire, 9999);
    assert_string_equal(service_trace(&caller.service), "");
    bw_wire_advance(caller.wire, 1);
    assert_string_equal(service_trace(&caller.service), "end LOST\n");
    assert_true(bw_wire_is_closed(caller.wire, BW_WIRE_B));
}

static void a_request_that_crosses_the_first_goaway_is_still_served(void **state) {
    (void)state;
    bw_wire_block(caller.wire, BW_WIRE_B, 1 << 20); /* what the server says is still on its way */
    bw_server_drain(caller.service.server, BW_WIRE_START_MS);
    bw_wire_settle(caller.wire);
    caller_ask(&caller, "/t.Test/Echo", "", "crossing");
    bw_wire_settle(caller.wire);
    bw_wire_block(caller.wire, BW_WIRE_B, SIZE_MAX);
    assert_non_null(strstr(caller_heard(&caller), "1 trailers grpc-status=0 end\n"));
    assert_string_equal(service_trace(&caller.service), "message crossing\nend FINISHED\n");
    assert_true(bw_wire_is_closed(caller.wire, BW_WIRE_B));
}

static void an_idle_connection_is_closed_by_a_drain(void **state) {
    (void)state;
    bw_server_drain(caller.service.server, BW_WIRE_START_MS);
    bw_server_drain(caller.service.server, BW_WIRE_START_MS); /* twice is once */
    caller_heard(&caller);
    assert_true(bw_wire_is_closed(caller.wire, BW_WIRE_B));
}

/* ---- the peer's limits ---- */

static void trailers_that_the_client_does_not_take_reset_the_stream(void **state) {
    (void)state;
    struct bw_h2_config client;
    struct caller small;
    bw_h2_config_default(&client, BW_H2_CLIENT);
    client.header_bytes_max = 200;
    caller_init_h2(&small, NULL, &client);
    caller_ask(&small, "/t.Test/Meta", "t-a=0123456789\nt-b=0123456789\nt-c=0123456789\nt-d=0123456789", "");
    assert_non_null(strstr(caller_heard(&small), "1 closed INTERNAL_ERROR remote\n"));
    assert_string_equal(service_trace(&small.service), "message \nend FINISHED\n");
    caller_still_served(&small);
    caller_free(&small);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(a_path_is_added_once_and_only_when_well_formed), TEST(a_prefix_ends_with_a_slash_and_is_unary),
         TEST(a_config_that_was_never_defaulted_is_refused),
         TEST(a_deadline_that_passes_resets_the_stream_and_is_told),
         TEST(an_answer_in_time_forgets_the_deadline), TEST(a_deadline_in_the_middle_of_a_stream_resets_it),
         TEST(a_deadline_before_the_request_is_whole_resets_it_untold),
         TEST(a_unary_request_must_be_whole_in_its_own_time),
         TEST(a_whole_request_has_all_the_time_that_its_client_gave), TEST(a_chat_may_be_silent_for_long),
         TEST(more_connections_than_allowed_are_refused),
         TEST(more_streams_than_allowed_are_refused_one_by_one),
         TEST(the_callers_of_a_freed_connection_are_told), TEST(a_drain_lets_calls_finish_and_then_closes),
         TEST(a_drain_ends_what_is_still_open_after_its_grace),
         TEST(a_request_that_crosses_the_first_goaway_is_still_served),
         TEST(an_idle_connection_is_closed_by_a_drain),
         TEST(trailers_that_the_client_does_not_take_reset_the_stream))
