/* end.h: one end of an HTTP/2 connection for tests: the core, and a readable trace of its events.
 *
 * The trace is text, one event a line: "1 request :method=POST :path=/a end", "1 data-end",
 * "1 response :status=200", "1 trailers grpc-status=0 end", "1 writable", "1 closed NO_ERROR". */
#ifndef TESTS_H2_END_H
#define TESTS_H2_END_H

#include "wire.h"

#include <breakwire/buf.h>
#include <breakwire/h2.h>

struct end {
    struct bw_h2 *h2;
    struct bw_buf trace;
    struct bw_buf body;          /* all DATA received */
    struct bw_h2_stream *stream; /* the newest one */
    struct bw_h2_stream *live[64];
    size_t live_count, requests, closed;
    bool keeps_window; /* does not consume */
    bool quiet;        /* no trace */
    /* Server: called after each request's headers, and at the end of its side. May be NULL. */
    void (*on_request)(struct end *end, struct bw_h2_stream *stream);
    void (*on_request_end)(struct end *end, struct bw_h2_stream *stream);
    void (*on_writable)(struct end *end, struct bw_h2_stream *stream);
    void (*on_closed)(struct end *end, struct bw_h2_stream *stream, const struct bw_h2_close *how);
};

extern const struct bw_h2_events end_events;
struct bw_conn end_conn(struct end *end);
/* Makes the core; config NULL = the default one of the role. */
void end_init(struct end *end, enum bw_h2_role role, const struct bw_h2_config *config);
/* After the wire was freed (the core goes with it). */
void end_clean(struct end *end);
/* The trace, and forgets it. Valid until the next event. */
const char *end_trace(struct end *end);

/* POST /path; end_stream as bw_h2_request. */
struct bw_h2_stream *end_request(struct end *end, const char *path, bool end_stream);
/* :status 200. */
enum bw_h2_sent end_respond(struct bw_h2_stream *stream, bool end_stream);
enum bw_h2_sent end_send(struct bw_h2_stream *stream, const char *text);
/* grpc-status: 0. */
enum bw_h2_sent end_trailers(struct bw_h2_stream *stream);
/* 200, "hello", trailers. */
void end_answer(struct end *end, struct bw_h2_stream *stream);

/* Client A and server B on a wire. */
struct pair {
    struct end client, server;
    struct bw_wire *wire;
};
void pair_init(struct pair *pair, const struct bw_h2_config *client, const struct bw_h2_config *server);
void pair_free(struct pair *pair);

/* A server that a raw client (raw.h) talks to, after the hellos; and a client that a raw server talks to.
 * config NULL = the default. What was heard and traced so far is forgotten. */
struct raw_end {
    struct end end;
    struct bw_wire *wire;
};
void raw_server_init(struct raw_end *server, const struct bw_h2_config *config);
void raw_client_init(struct raw_end *client);
void raw_end_free(struct raw_end *end);

#define FIELD(n, v)                                                                                          \
    { .name = bw_span_text(n), .value = bw_span_text(v) }

#endif
