/* Answers of every kind, and the status that each of them means. */
#include "world.h"

struct row {
    const char *script, *trace, *message; /* message NULL: any */
};

static void check(const struct row *row, bool streaming) {
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = row->script;
    struct call *call = streaming ? world_stream(&world) : world_call(&world, NULL);
    world_settle(&world);
    if (strcmp(call_trace(call), row->trace) != 0 ||
        (row->message && strcmp(call_message(call), row->message) != 0))
        fail_msg("%s\n  gave     %s (%s)\n  expected %s (%s)", row->script, call_trace(call),
                 call_message(call), row->trace, row->message ? row->message : "any");
    world.answer = ANSWER; /* whatever it was, the connection lives */
    struct call *next = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(next), "headers; message pong; end OK SERVER");
    assert_int_equal(world.links_count, 1);
    world_close(&world);
}

#define CHECK_ALL(rows)                                                                                      \
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows)[0]; i++)                                              \
    check(&(rows)[i], false)

static void a_status_in_trailers_is_the_end(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"H " GRPC "|M x|T grpc-status=0", "headers; message x; end OK SERVER", ""},
        {"H " GRPC "|T grpc-status=5 grpc-message=no%20such%20%C3%A9", "headers; end NOT_FOUND SERVER",
         "no such \xC3\xA9"},
        {"H " GRPC "|M x|T grpc-status=14", "headers; end UNAVAILABLE SERVER", ""},
        {"H " GRPC "|T grpc-status=3 grpc-message=50%+%zz%4", "headers; end INVALID_ARGUMENT SERVER",
         "50%+%zz%4"},
        {"HE " GRPC " grpc-status=7 grpc-message=no", "end PERMISSION_DENIED SERVER", "no"},
        {"HE " GRPC " grpc-status=0", "end UNIMPLEMENTED TRANSPORT",
         "the call was answered with 0 messages, not one"},
        {"H content-type=application/grpc;charset=x|M x|T grpc-status=0", "headers; message x; end OK SERVER",
         ""},
    };
    CHECK_ALL(rows);
}

static void a_missing_or_strange_status_becomes_a_known_one(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"H " GRPC "|M x|T x-a=1", "headers; end UNKNOWN TRANSPORT",
         "no grpc-status in the response (HTTP status 200)"},
        {"H :status=503 " GRPC "|T x-a=1", "headers; end UNAVAILABLE SERVER",
         "no grpc-status in the response (HTTP status 503)"},
        {"H " GRPC "|T grpc-status=abc", "headers; end UNKNOWN SERVER", " (grpc-status was abc)"},
        {"H " GRPC "|T grpc-status=-1 grpc-message=m", "headers; end UNKNOWN SERVER",
         "m (grpc-status was -1)"},
        {"H " GRPC "|T grpc-status=17 grpc-message=odd", "headers; end UNKNOWN SERVER",
         "odd (grpc-status was 17)"},
        {"H " GRPC "|T grpc-status=2 grpc-message=odd", "headers; end UNKNOWN SERVER", "odd"},
        {"H " GRPC " grpc-status=0|M x|T grpc-status=13", "headers; end INTERNAL SERVER", ""},
        {"H " GRPC " grpc-status=9|M x|T grpc-status=0", "headers; message x; end OK SERVER", ""},
    };
    CHECK_ALL(rows);
}

static void an_answer_that_is_no_grpc_gets_its_code_from_the_http_status(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"H content-type=text/html|D 3c68|E", "end UNKNOWN TRANSPORT",
         "the response is no gRPC (HTTP status 200)"},
        {"H x-a=1|E", "end UNKNOWN TRANSPORT", NULL},
        {"H content-type=application/grpcfoo|E", "end UNKNOWN TRANSPORT", NULL},
        {"HE :status=400", "end INTERNAL SERVER", NULL},
        {"HE :status=401", "end UNAUTHENTICATED SERVER", NULL},
        {"HE :status=403", "end PERMISSION_DENIED SERVER", NULL},
        {"HE :status=404", "end UNIMPLEMENTED SERVER", NULL},
        {"HE :status=429", "end UNAVAILABLE SERVER", NULL},
        {"HE :status=502", "end UNAVAILABLE SERVER", NULL},
        {"HE :status=503", "end UNAVAILABLE SERVER", NULL},
        {"HE :status=504 content-type=text/plain", "end UNAVAILABLE SERVER", NULL},
        {"HE :status=418", "end UNKNOWN SERVER", NULL},
        {"HE :status=431", "end UNKNOWN SERVER", NULL},
        {"HE :status=500", "end UNKNOWN SERVER", NULL},
        {"HE :status=503 grpc-status=8", "end RESOURCE_EXHAUSTED SERVER", NULL},
        {"H content-type=text/html grpc-status=0|D 3c68|E", "end UNKNOWN TRANSPORT", NULL},
        {"H content-type=application/grpc+json|D 0000000000|T grpc-status=0", "end INTERNAL TRANSPORT", NULL},
        {"H content-type=application/grpc+protox|D 0000000000|T grpc-status=0", "end INTERNAL TRANSPORT",
         NULL},
    };
    CHECK_ALL(rows);
}

static void an_answer_that_breaks_the_protocol_is_internal(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"H " GRPC "|M x|E", "headers; end INTERNAL TRANSPORT", "the response ends without trailers"},
        {"H " GRPC "|E", "headers; end INTERNAL TRANSPORT", "the response ends without trailers"},
        {"H " GRPC "|D 0000|T grpc-status=0", "headers; end INTERNAL TRANSPORT",
         "the response ends within a message"},
        {"H " GRPC "|D 000000000541|T grpc-status=0", "headers; end INTERNAL TRANSPORT",
         "the response ends within a message"},
        {"H " GRPC "|D 0200000000|T grpc-status=0", "headers; end INTERNAL TRANSPORT",
         "a message's compressed flag is neither 0 nor 1"},
        {"H " GRPC "|D 0100000000|T grpc-status=0", "headers; end INTERNAL TRANSPORT",
         "a message is compressed, but no algorithm was agreed on"},
        {"H " GRPC " grpc-encoding=gzip|D 0100000000|T grpc-status=0", "headers; end INTERNAL TRANSPORT",
         NULL},
        {"H " GRPC " grpc-encoding=gzip|M plain|T grpc-status=0", "headers; message plain; end OK SERVER",
         ""},
        {"H " GRPC " x-a-bin=$$$|M x|T grpc-status=0", "end INTERNAL TRANSPORT",
         "a -bin field of the response is no base64"},
        {"H " GRPC "|M x|T grpc-status=0 x-a-bin=$$$", "headers; end INTERNAL TRANSPORT", NULL},
        {"HE " GRPC " grpc-status=5 grpc-status-details-bin=$", "end INTERNAL TRANSPORT", NULL},
    };
    CHECK_ALL(rows);
}

static void a_unary_call_needs_exactly_one_message_with_ok(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"H " GRPC "|T grpc-status=0", "headers; end UNIMPLEMENTED TRANSPORT",
         "the call was answered with 0 messages, not one"},
        {"H " GRPC "|M x|M y|T grpc-status=0", "headers; end UNIMPLEMENTED TRANSPORT",
         "the call was answered with 2 messages, not one"},
        {"H " GRPC "|M x|M y|T grpc-status=8", "headers; end RESOURCE_EXHAUSTED SERVER", ""},
    };
    CHECK_ALL(rows);
}

static void a_reset_gets_the_code_of_its_error(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"R 0", "end INTERNAL TRANSPORT", "the stream was reset with NO_ERROR"},
        {"R 1", "end INTERNAL TRANSPORT", NULL},
        {"R 2", "end INTERNAL TRANSPORT", "the stream was reset with INTERNAL_ERROR"},
        {"R 3", "end INTERNAL TRANSPORT", NULL},
        {"R 4", "end INTERNAL TRANSPORT", NULL},
        {"R 6", "end INTERNAL TRANSPORT", NULL},
        {"R 8", "end CANCELLED TRANSPORT", "the stream was reset with CANCEL"},
        {"R 9", "end INTERNAL TRANSPORT", NULL},
        {"R 10", "end INTERNAL TRANSPORT", NULL},
        {"R 11", "end RESOURCE_EXHAUSTED TRANSPORT", NULL},
        {"R 12", "end PERMISSION_DENIED TRANSPORT", NULL},
        {"R 99", "end UNKNOWN TRANSPORT", NULL},
        {"R 7", "end UNAVAILABLE TRANSPORT", "the stream was reset with REFUSED_STREAM"},
    };
    CHECK_ALL(rows);
}

static void limits_of_ours_are_local(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Call";
    options.message_size_max = 4;
    struct call *fits = world_call(&world, &options);
    world_settle(&world);
    world.answer = NULL;
    options.message_size_max = 3;
    struct call *call = world_call(&world, &options);
    world_settle(&world);
    world_play(world.held[0], "H " GRPC "|D 0000000004"); /* said as soon as the length is known */
    world_settle(&world);
    assert_string_equal(call_trace(fits), "headers; message pong; end OK SERVER");
    assert_string_equal(call_trace(call), "headers; end RESOURCE_EXHAUSTED LOCAL");
    assert_string_equal(bw_buf_text(&world.resets), "CANCEL ");
    world_close(&world);
}

static void a_header_list_over_our_limit_is_refused(void **state) {
    (void)state;
    struct world world;
    char script[8000] = "H " GRPC;
    for (size_t i = 0; i < 120; i++)
        strcat(script, " x-field=v");
    strcat(script, "|T grpc-status=0");
    world_open(&world, "127.0.0.1:5001");
    world.answer = script;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end RESOURCE_EXHAUSTED LOCAL");
    world_close(&world);
}

static void metadata_that_the_server_does_not_take_is_not_sent(void **state) {
    (void)state;
    struct world world;
    static char value[17000];
    world_open(&world, "127.0.0.1:5001");
    world_call(&world, NULL);
    world_settle(&world); /* its SETTINGS are known: 16 KiB */
    memset(value, 'x', sizeof value - 1);
    struct bw_metadata *metadata = bw_metadata_new();
    bw_metadata_add(metadata, bw_span_text("x-large"), bw_span_text(value));
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Call";
    options.metadata = metadata;
    struct call *call = world_call(&world, &options);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end INTERNAL LOCAL");
    assert_false(call->result.sent);
    assert_int_equal(world.links[0].streams, 1);
    bw_metadata_free(metadata);
    world_close(&world);
}

static void details_are_decoded(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = "HE " GRPC " grpc-status=14 grpc-status-details-bin=CA4SAmhp";
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end UNAVAILABLE SERVER");
    assert_true(bw_span_equal(bw_buf_span(&call->details), bw_span_text("\x08\x0e\x12\x02hi")));
    assert_int_equal(bw_metadata_count(call->trailers), 0);
    world_close(&world);
}

static void a_pushback_is_read_and_is_no_metadata(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"0", 0}, {"1500", 1500}, {"-5", -1}, {"soon", -1}, {"9999999999999", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        char script[128] = "HE " GRPC " grpc-status=14 x-a=1 grpc-retry-pushback-ms=";
        strcat(script, rows[i].text);
        world_open(&world, "127.0.0.1:5001");
        world.answer = script;
        struct call *call = world_call(&world, NULL);
        world_settle(&world);
        assert_true(call->result.has_pushback);
        assert_int_equal(call->result.pushback_ms, rows[i].ms);
        assert_int_equal(bw_metadata_count(call->trailers), 1);
        world_close(&world);
    }
}

/* ---- what no honest library sends ---- */

enum { END_STREAM = 1, DATA = 0, RST_STREAM = 3 };

static struct link *open_raw(struct world *world) {
    world_open(world, "127.0.0.1:5001");
    world->dialling = DIAL_RAW;
    world_stream(world);
    world_settle(world);
    struct link *link = world_link(world);
    link_say_settings(link);
    world_settle(world);
    assert_int_equal(bw_channel_state(world->channel), BW_CHANNEL_READY);
    return link;
}

static void informational_answers_are_skipped(void **state) {
    (void)state;
    struct world world;
    struct link *link = open_raw(&world);
    link_say_headers(link, 0, 1, ":status=103 x-early=1");
    link_say_headers(link, 0, 1, ":status=100");
    link_say_headers(link, 0, 1, ":status=200 " GRPC);
    link_say_frame(link, DATA, 0, 1, "\0\0\0\0\1x", 6);
    link_say_headers(link, END_STREAM, 1, "grpc-status=0");
    world_settle(&world);
    assert_string_equal(call_trace(world.calls[0]), "headers; message x; end OK SERVER");
    assert_int_equal(bw_metadata_count(world.calls[0]->headers), 0);
    world_close(&world);
}

static void an_informational_answer_cannot_be_the_last(void **state) {
    (void)state;
    struct world world;
    struct link *link = open_raw(&world);
    link_say_headers(link, END_STREAM, 1, ":status=103");
    world_settle(&world);
    assert_string_equal(call_trace(world.calls[0]), "end INTERNAL TRANSPORT");
    world_close(&world);
}

static void a_second_block_must_end_the_answer(void **state) {
    (void)state;
    struct world world;
    struct link *link = open_raw(&world);
    link_say_headers(link, 0, 1, ":status=200 " GRPC);
    link_say_headers(link, 0, 1, "grpc-status=0");
    world_settle(&world);
    assert_string_equal(call_trace(world.calls[0]), "headers; end INTERNAL TRANSPORT");
    struct bw_span heard = bw_buf_span(&link->heard);
    const uint8_t reset[] = {0, 0, 4, RST_STREAM, 0, 0, 0, 0, 1, 0, 0, 0, 1}; /* PROTOCOL_ERROR */
    assert_true(heard.len > sizeof reset);
    assert_memory_equal(heard.data + heard.len - sizeof reset, reset, sizeof reset);
    world_close(&world);
}

static void a_reset_after_the_trailers_changes_nothing(void **state) {
    (void)state;
    struct world world;
    struct link *link = open_raw(&world);
    link_say_headers(link, 0, 1, ":status=200 " GRPC);
    bw_buf_clear(&link->heard);
    link_say_headers(link, END_STREAM, 1, "grpc-status=0");
    link_say_frame(link, RST_STREAM, 0, 1, "\0\0\0\0", 4);
    world_settle(&world);
    assert_int_equal(bw_buf_size(&link->heard), 0); /* the client has nothing to say to it */
    assert_string_equal(call_trace(world.calls[0]), "headers; end OK SERVER");
    world_close(&world);
}

static void padded_and_empty_data_make_no_difference(void **state) {
    (void)state;
    struct world world;
    struct link *link = open_raw(&world);
    link_say_headers(link, 0, 1, ":status=200 " GRPC);
    link_say_frame(link, DATA, 8, 1, "\3\0\0\0\0\0\0", 7); /* PADDED: 00 00 00, and 3 bytes of padding */
    link_say_frame(link, DATA, 0, 1, "", 0);
    link_say_frame(link, DATA, 0, 1, "\0\1x\0\0\0\0\1", 8);
    link_say_frame(link, DATA, 0, 1, "y", 1);
    link_say_headers(link, END_STREAM, 1, "grpc-status=0");
    world_settle(&world);
    assert_string_equal(call_trace(world.calls[0]), "headers; message x; message y; end OK SERVER");
    world_close(&world);
}

/* The server's windows are 65535 bytes, and it opens them no further. */
static void an_answer_before_the_request_is_sent_stops_the_request(void **state) {
    (void)state;
    struct world world;
    static uint8_t large[200000];
    struct link *link = open_raw(&world);
    struct call *call = world_call_with(&world, NULL, bw_span_of(large, sizeof large));
    world_settle(&world);
    bw_buf_clear(&link->heard);
    link_say_headers(link, END_STREAM, 3, ":status=200 " GRPC " grpc-status=8");
    world_settle(&world);
    assert_string_equal(call_trace(call), "end RESOURCE_EXHAUSTED SERVER");
    const uint8_t reset[] = {0, 0, 4, RST_STREAM, 0, 0, 0, 0, 3, 0, 0, 0, 0}; /* NO_ERROR */
    assert_true(bw_span_equal(bw_buf_span(&link->heard), bw_span_of(reset, sizeof reset)));
    world_close(&world);
}

BW_TESTS(cmocka_unit_test(a_status_in_trailers_is_the_end),
         cmocka_unit_test(a_missing_or_strange_status_becomes_a_known_one),
         cmocka_unit_test(an_answer_that_is_no_grpc_gets_its_code_from_the_http_status),
         cmocka_unit_test(an_answer_that_breaks_the_protocol_is_internal),
         cmocka_unit_test(a_unary_call_needs_exactly_one_message_with_ok),
         cmocka_unit_test(a_reset_gets_the_code_of_its_error), cmocka_unit_test(limits_of_ours_are_local),
         cmocka_unit_test(a_header_list_over_our_limit_is_refused),
         cmocka_unit_test(metadata_that_the_server_does_not_take_is_not_sent),
         cmocka_unit_test(details_are_decoded), cmocka_unit_test(a_pushback_is_read_and_is_no_metadata),
         cmocka_unit_test(informational_answers_are_skipped),
         cmocka_unit_test(an_informational_answer_cannot_be_the_last),
         cmocka_unit_test(a_second_block_must_end_the_answer),
         cmocka_unit_test(a_reset_after_the_trailers_changes_nothing),
         cmocka_unit_test(padded_and_empty_data_make_no_difference),
         cmocka_unit_test(an_answer_before_the_request_is_sent_stops_the_request))
