/* http.h: a strict HTTP/1.1 server: requests in, routes, answers and server-sent events out.
 *
 *     static const struct bw_http_route routes[] = {
 *         {BW_HTTP_GET, "/health", on_health, app, 0},
 *         {BW_HTTP_GET | BW_HTTP_POST, "/call", on_call, app, BW_HTTP_NO_HEAD},
 *     };
 *     bw_http_config_default(&config);
 *     config.routes = routes;
 *     config.routes_count = 2;
 *     server = bw_http_server_new(&config);
 *     ... give bw_http_accept and the server to a listener ...
 *
 * An exchange is one request and its one answer. Its handler answers at once, or keeps the pointer, calls
 * bw_http_on_gone and answers from any later event of the same loop. Answering ends the exchange: forget the
 * pointer. A connection works on one exchange at a time, so pipelined requests are answered in order.
 *
 * Rules for all of it:
 *  - A core (core.h): bytes and now_ms come from connections made by bw_http_accept. No clock is known, so no
 *    answer has a Date (RFC 9110 section 6.6.1 asks it only of servers with a clock).
 *  - Not thread-safe: a server and all its connections belong to one loop. Nothing blocks.
 *  - Handlers and the filter are called from feed and tick, on_gone from tick and lost; never from inside a
 *    function of this header. They must not free the server or a connection.
 *  - Every request that reaches a handler has been checked: GET, HEAD, POST or OPTIONS; exactly one
 *    well-formed Host; path and query of 0x21-0x7E; no Transfer-Encoding; the whole body is there. Everything
 *    else was answered by the library (README.md has the table). HTTP/1.0 is answered, then closed.
 *  - Paths are compared as bytes; nothing is percent-decoded. */
#ifndef BREAKWIRE_HTTP_H
#define BREAKWIRE_HTTP_H

#include <breakwire/core.h>
#include <breakwire/span.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_http_server;
struct bw_http_exchange;
struct bw_http_stream;

/* ---- Routes --------------------------------------------------------------------------------- */

/* Methods, as a set in routes, alone in bw_http_method. */
enum {
    BW_HTTP_GET = 1, /* in a route: HEAD too, unless BW_HTTP_NO_HEAD */
    BW_HTTP_HEAD = 2,
    BW_HTTP_POST = 4,
    BW_HTTP_OPTIONS = 8, /* in a route: the handler answers it, not the library */
};

/* Flags of a route, a set. */
enum {
    BW_HTTP_NO_HEAD = 1,    /* HEAD is answered 405: for a GET that acts */
    BW_HTTP_NEEDS_BODY = 2, /* POST without Content-Length is answered 411, and the connection closed */
};

/* Answers the exchange, or calls bw_http_on_gone and answers later. Doing neither is a programming mistake
 * and asserted. HEAD arrives as HEAD; answer as for GET, the body is left out for you. */
typedef void (*bw_http_handler_fn)(void *user, struct bw_http_exchange *exchange);

/* Several routes may share a path; the first whose methods fit is called. A path with no fitting method is
 * answered 405 with Allow, OPTIONS 204 with Allow, an unknown path 404. */
struct bw_http_route {
    unsigned methods;
    const char *path; /* whole path, "/health"; lent for the server's life */
    bw_http_handler_fn handler;
    void *user;     /* handed to the handler */
    unsigned flags; /* BW_HTTP_NO_HEAD ... */
};

/* Sees every well-formed request before the routes do (Host, Origin, Sec-Fetch-*). True: go on. False: the
 * filter has answered. It must answer at once or not at all. */
typedef bool (*bw_http_filter_fn)(void *user, struct bw_http_exchange *exchange);

struct bw_http_field {
    const char *name, *value;
};

/* ---- The server ----------------------------------------------------------------------------- */

enum { BW_HTTP_FIELDS_MAX = 32, BW_HTTP_HEAD_MAX = 32768 };

struct bw_http_config {
    size_t size;                        /* set by bw_http_config_default */
    const struct bw_http_route *routes; /* lent for the server's life */
    size_t routes_count;
    bw_http_filter_fn filter; /* NULL: none */
    void *filter_user;
    const struct bw_http_field *fields; /* sent with every final answer; lent for the server's life */
    size_t fields_count;

    /* Requests. Sizes are bytes. */
    size_t target_size_max; /* path and query; above: 414; 1024 */
    size_t fields_max;      /* above: 431; 32, at most BW_HTTP_FIELDS_MAX */
    size_t
        head_size_max; /* request line, fields and empty line; above: 431; 8192, at most BW_HTTP_HEAD_MAX */
    size_t body_size_max;  /* above: 413; 16384 */
    size_t input_held_max; /* reading stops while this much waits behind an exchange in work; 8192 */

    /* Answers */
    size_t output_held_max; /* reading and new requests wait while more than this has not left; 65536 */
    size_t answer_size_max; /* of a copied body; a larger one is answered 500; of an event's data; 1 MiB */

    /* Absolute deadlines: no byte moves them. Milliseconds. */
    uint64_t head_timeout_ms; /* connect, or a request's first byte, to the end of its head; then 408; 5000 */
    uint64_t body_timeout_ms; /* end of the head to the end of the body; then 408; 10000 */
    uint64_t idle_timeout_ms; /* an answer that left to the next request's first byte; then close; 60000 */
    uint64_t write_timeout_ms; /* output waits, and nothing left for so long: close; 10000 */

    size_t connections_max; /* above: refused; 512 */

    /* Server-sent events */
    size_t streams_max;            /* above: 503 with Retry-After; 16 */
    size_t stream_queue_size_max;  /* bytes that wait for a slow client before the newest event; 32768 */
    uint64_t stream_heartbeat_ms;  /* a comment after so long without an event; 15000 */
    unsigned stream_retry_after_s; /* what Retry-After says when streams_max is reached; 5 */
};

void bw_http_config_default(struct bw_http_config *config);

/* The config is copied. NULL: no memory; a config that was never defaulted; a limit over its own maximum. */
struct bw_http_server *bw_http_server_new(const struct bw_http_config *config);
/* Its connections must be gone (the driver frees them first; asserted). NULL is allowed. */
void bw_http_server_free(struct bw_http_server *server);

/* A bw_accept_fn; owner is the struct bw_http_server. Refuses (ops == NULL) over connections_max, while
 * draining, or without memory. `peer` is copied, cut at 63 bytes. */
struct bw_conn bw_http_accept(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake);

/* Stops: new connections are refused; idle ones close; requests that have begun are answered with
 * "Connection: close"; event streams end after what is queued (their on_gone is called from the next tick).
 * Again: nothing happens. Finished when counts.connections is 0. */
void bw_http_server_drain(struct bw_http_server *server, uint64_t now_ms);

/* Everything since the start, but what says "now". */
struct bw_http_counts {
    uint64_t connections; /* now */
    uint64_t exchanges;   /* now: waiting for their answer, event streams not counted */
    uint64_t streams;     /* now */
    uint64_t connections_accepted, connections_refused;
    uint64_t requests;   /* that were well-formed */
    uint64_t malformed;  /* answered by the parser: 400, 413, 414, 417, 431, 501, 505 */
    uint64_t timeouts;   /* of any of the four */
    uint64_t gone;       /* exchanges whose client left before the answer */
    uint64_t answers[6]; /* final answers by the first digit of their status; [0] unused */
    uint64_t streams_started, streams_refused;
    uint64_t events_sent, events_lost; /* per client: one event to three streams counts three */
    uint64_t bytes_in, bytes_out;
};
void bw_http_server_counts(const struct bw_http_server *server, struct bw_http_counts *out);

/* ---- The request ---------------------------------------------------------------------------- */

/* Spans are lent and stay valid until the exchange ends. */

/* One of BW_HTTP_GET, _HEAD, _POST, _OPTIONS. */
unsigned bw_http_method(const struct bw_http_exchange *exchange);
/* "GET" ... */
const char *bw_http_method_text(const struct bw_http_exchange *exchange);
/* The path, '/' first, without the query. */
struct bw_span bw_http_path(const struct bw_http_exchange *exchange);
/* What follows the first '?'; empty when there is none. */
struct bw_span bw_http_query(const struct bw_http_exchange *exchange);
/* The raw value of `name` in "a=1&b=2"; false: not there. "a" alone and "a=" give an empty value. */
bool bw_http_query_value(const struct bw_http_exchange *exchange, const char *name, struct bw_span *out);
/* The value of the Host field as sent, "localhost:5000"; an absolute-form target agreed with it. */
struct bw_span bw_http_authority(const struct bw_http_exchange *exchange);
/* The same without port and without one trailing dot: "localhost", "[::1]". Case as sent. */
struct bw_span bw_http_host(const struct bw_http_exchange *exchange);
/* The first field of that name (case ignored), spaces around its value stripped; false: not there. An empty
 * value is there. */
bool bw_http_field(const struct bw_http_exchange *exchange, const char *name, struct bw_span *out);
/* How many fields of that name there are. */
size_t bw_http_field_count(const struct bw_http_exchange *exchange, const char *name);
struct bw_span bw_http_body(const struct bw_http_exchange *exchange);
/* The address the connection came from, as accept got it. */
const char *bw_http_peer(const struct bw_http_exchange *exchange);

/* ---- The answer ----------------------------------------------------------------------------- */

/* Adds a field to the answer that is to come. Copied. The name is a token (asserted) and none of
 * Content-Length, Content-Type, Connection, Transfer-Encoding (asserted). Control characters in the value
 * become spaces, so text from outside cannot make a new field. Without memory the answer becomes 500. */
void bw_http_add_field(struct bw_http_exchange *exchange, const char *name, const char *value);

/* Answers, and ends the exchange. status 200..599. content_type NULL: no such field. The body is copied; for
 * HEAD, 204 and 304 it is not sent. A body over answer_size_max is answered 500; without memory the
 * connection closes. */
void bw_http_reply(struct bw_http_exchange *exchange, int status, const char *content_type,
                   struct bw_span body);
/* The same with a body that is lent: valid and unchanged until the server is freed (embedded files). Any
 * size. */
void bw_http_reply_static(struct bw_http_exchange *exchange, int status, const char *content_type,
                          struct bw_span body);
/* Answers application/problem+json (RFC 9457) with type about:blank, title, status and, unless NULL, detail.
 * title NULL: the status's phrase. Ends the exchange. */
void bw_http_problem(struct bw_http_exchange *exchange, int status, const char *title, const char *detail);

/* Called once if the client leaves, or the connection has to be closed, before the answer: exchange is what
 * it was set for, still readable inside fn, gone after it. Set again: replaced. */
typedef void (*bw_http_gone_fn)(void *user, struct bw_http_exchange *exchange);
void bw_http_on_gone(struct bw_http_exchange *exchange, bw_http_gone_fn fn, void *user);

/* ---- Server-sent events (WHATWG HTML, 9.2) -------------------------------------------------- */

typedef void (*bw_http_stream_gone_fn)(void *user, struct bw_http_stream *stream);

/* Answers 200 text/event-stream with no-store and the fields added so far, and ends the exchange; the stream
 * lives until on_gone was called or bw_http_stream_end. NULL: it was answered otherwise: 503 with Retry-After
 * over streams_max or while draining, fields alone for HEAD, 500 without memory. on_gone may be NULL only
 * if nobody keeps the pointer; it is called once when the client left, did not read for write_timeout_ms, or
 * the server drains; after it the stream is gone. Read Last-Event-ID and the rest of the request before. */
struct bw_http_stream *bw_http_stream_start(struct bw_http_exchange *exchange, bw_http_stream_gone_fn on_gone,
                                            void *user);

/* Queues one event. id and event may be NULL (left out); line breaks in them become spaces. data may have
 * several lines. When the client is slow and more than stream_queue_size_max waits before it, the oldest
 * events are dropped; before the next one the client then gets an event named "lost" with data such as
 * {"lost":12} and no id. Who has taken everything so far is not slow: then answer_size_max may wait. False:
 * this event itself was dropped (data over answer_size_max, no memory); it counts as lost. */
bool bw_http_stream_send(struct bw_http_stream *stream, const char *id, const char *event,
                         struct bw_span data);

/* Ends the stream after what is queued, and closes the connection; on_gone is not called any more. */
void bw_http_stream_end(struct bw_http_stream *stream);

/* Bytes of events that wait; 0 means that the client keeps up. */
size_t bw_http_stream_waiting(const struct bw_http_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
