/* Requests and answers of a client and a server in memory. */
#include "end.h"

#include "run.h"

#include <stdlib.h>

static void exchange(size_t piece) {
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    bw_wire_pieces(pair.wire, piece);
    pair.server.on_request_end = end_answer;
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    assert_int_equal(bw_h2_stream_id(stream), -1);
    assert_int_equal(end_send(stream, "question"), BW_H2_SENT);
    assert_int_equal(bw_h2_finish(stream), BW_H2_SENT);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.server),
                        "ready\n"
                        "1 request :method=POST :scheme=http :path=/a :authority=b\n"
                        "1 data-end\n"
                        "1 closed NO_ERROR\n");
    assert_string_equal(end_trace(&pair.client),
                        "ready\n"
                        "1 response :status=200\n"
                        "1 trailers grpc-status=0 end\n"
                        "1 closed NO_ERROR\n");
    assert_string_equal(bw_buf_text(&pair.server.body), "question");
    assert_string_equal(bw_buf_text(&pair.client.body), "hello");
    assert_int_equal(bw_h2_streams(pair.client.h2), 0);
    assert_int_equal(bw_h2_streams(pair.server.h2), 0);
    pair_free(&pair);
}

static void a_request_is_answered(void **state) {
    (void)state;
    exchange(SIZE_MAX);
}

static void a_request_that_comes_byte_by_byte_is_answered(void **state) {
    (void)state;
    exchange(1);
    exchange(7);
}

BW_TESTS(cmocka_unit_test(a_request_is_answered),
         cmocka_unit_test(a_request_that_comes_byte_by_byte_is_answered))
