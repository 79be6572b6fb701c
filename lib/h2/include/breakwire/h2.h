/* h2.h: one HTTP/2 connection (RFC 9113), either end: bytes in, bytes out, streams and their events.
 *
 * The only module that knows nghttp2. It is a core (core.h): no socket, no clock, not thread-safe, one owner.
 * It knows nothing of gRPC: fields, DATA and resets are its words. What it takes care of itself: preface and
 * SETTINGS, flow control (connection window given back on receipt, stream window when the owner consumed),
 * the peer's MAX_CONCURRENT_STREAMS, limits of header blocks, the bucket against floods, two-step GOAWAY, and
 * absolute timers against peers that stall.
 *
 * Events are delivered from inside feed and tick only - never from inside the call that caused them - and the
 * owner may call every function below from an event. After on_stream_closed the stream's memory is gone. */
#ifndef BREAKWIRE_H2_H
#define BREAKWIRE_H2_H

#include <breakwire/core.h>
#include <breakwire/span.h>

#ifdef __cplusplus
extern "C" {
#endif

/* RFC 9113 section 7. */
enum bw_h2_error {
    BW_H2_NO_ERROR = 0,
    BW_H2_PROTOCOL_ERROR = 1,
    BW_H2_INTERNAL_ERROR = 2,
    BW_H2_FLOW_CONTROL_ERROR = 3,
    BW_H2_SETTINGS_TIMEOUT = 4,
    BW_H2_STREAM_CLOSED = 5,
    BW_H2_FRAME_SIZE_ERROR = 6,
    BW_H2_REFUSED_STREAM = 7,
    BW_H2_CANCEL = 8,
    BW_H2_COMPRESSION_ERROR = 9,
    BW_H2_CONNECT_ERROR = 10,
    BW_H2_ENHANCE_YOUR_CALM = 11,
    BW_H2_INADEQUATE_SECURITY = 12,
    BW_H2_HTTP_1_1_REQUIRED = 13,
};

/* "NO_ERROR", ...; "UNKNOWN" for any other number. Static text. */
const char *bw_h2_error_name(uint32_t code);

enum bw_h2_role { BW_H2_SERVER, BW_H2_CLIENT };

struct bw_h2_config {
    size_t size; /* set by bw_h2_config_default */
    enum bw_h2_role role;
    uint32_t concurrent_streams_max; /* what we allow the peer (server); 256 */
    uint32_t stream_window;          /* bytes, 65535..2^31-1; 1 MiB */
    uint32_t connection_window;      /* bytes; 4 MiB */
    uint32_t header_bytes_max;       /* header list we take, +32 a field; 16 KiB (advertised) */
    uint32_t header_fields_max;      /* 100 */
    uint32_t send_queue_max;         /* bytes queued per stream before bw_h2_send says FULL; 256 KiB */
    uint64_t preface_timeout_ms;     /* from creation to the peer's preface and SETTINGS; 5000 */
    uint64_t settings_timeout_ms;    /* until our SETTINGS are acknowledged; 10000 */
    uint64_t header_timeout_ms;      /* a begun header block must be complete; 5000 */
    uint64_t write_timeout_ms;       /* output that makes no progress ends the connection, a server's stream
                                        whose queue makes none is reset (looked at this often); 10000 */
    uint64_t drain_timeout_ms;       /* step one of a drain waits this long for its PING; 5000 */
    uint64_t ping_interval_ms;       /* server: PINGs of the peer closer than this are strikes; 300000 */
    uint64_t ping_idle_interval_ms;  /* ... while no stream is open; 7200000 (gRFC A8) */
};

void bw_h2_config_default(struct bw_h2_config *config, enum bw_h2_role role);

/* A header field. Sending: lent for the call, names in lower case. Receiving: lent for the event. */
struct bw_h2_field {
    struct bw_span name, value;
    bool secret; /* sending: never indexed by HPACK (tokens, and values that change with each call) */
};

struct bw_h2;
struct bw_h2_stream;

enum bw_h2_block {
    BW_H2_REQUEST,       /* server: a new stream */
    BW_H2_INFORMATIONAL, /* client: 1xx */
    BW_H2_RESPONSE,      /* client: the final response headers */
    BW_H2_TRAILERS,      /* both */
};

/* How a header block was, a set. */
enum {
    BW_H2_END_STREAM = 1,
    BW_H2_TOO_LARGE =
        2, /* over header_bytes_max or header_fields_max: the rest was dropped, answer and go on */
};

/* Why a stream closed. */
struct bw_h2_close {
    uint32_t code; /* enum bw_h2_error, or any number the peer sent */
    bool remote;   /* the peer reset it (else: both sides ended, we reset it, or the connection is gone) */
    bool not_processed; /* REFUSED_STREAM, above the last id of GOAWAY, or never sent: safe to try again */
    bool lost;          /* the connection is gone */
};

struct bw_h2_events {
    /* A whole header block. `fields` in wire order, pseudo-fields first, lent. */
    void (*on_headers)(void *owner, struct bw_h2_stream *stream, enum bw_h2_block block,
                       const struct bw_h2_field *fields, size_t n, unsigned flags);
    /* DATA bytes, lent. They count against the stream's window until bw_h2_consume. */
    void (*on_data)(void *owner, struct bw_h2_stream *stream, struct bw_span bytes);
    /* The peer's side of the stream ended with DATA (a header block says it with BW_H2_END_STREAM instead).
     */
    void (*on_data_end)(void *owner, struct bw_h2_stream *stream);
    /* Room again after bw_h2_send said FULL. */
    void (*on_writable)(void *owner, struct bw_h2_stream *stream);
    /* The last event of a stream, exactly once for every stream that on_headers or bw_h2_request made known.
     */
    void (*on_stream_closed)(void *owner, struct bw_h2_stream *stream, const struct bw_h2_close *how);
    /* The peer's first SETTINGS arrived: the connection works. May be NULL. */
    void (*on_ready)(void *owner);
    /* The peer sent GOAWAY: open no more streams here. `debug` lent. May come twice. May be NULL. */
    void (*on_goaway)(void *owner, uint32_t code, struct bw_span debug);
};

/* `events` and `owner` are kept; all event functions but the two last must be given. NULL: no memory. */
struct bw_h2 *bw_h2_new(const struct bw_h2_config *config, const struct bw_h2_events *events, void *owner,
                        struct bw_wake wake, uint64_t now_ms);
/* Ends it without a word to the peer; open streams are reported closed (lost) first. */
void bw_h2_free(struct bw_h2 *h2);

/* The shape of core.h, to be wrapped by the owner: see there. lost reports every open stream closed (lost).
 */
size_t bw_h2_feed(struct bw_h2 *h2, uint64_t now_ms, const uint8_t *bytes, size_t len);
size_t bw_h2_drain(struct bw_h2 *h2, uint64_t now_ms, uint8_t *out, size_t cap);
void bw_h2_written(struct bw_h2 *h2, uint64_t now_ms, size_t len);
void bw_h2_tick(struct bw_h2 *h2, uint64_t now_ms);
uint64_t bw_h2_next_deadline(const struct bw_h2 *h2);
unsigned bw_h2_wants(const struct bw_h2 *h2);
void bw_h2_lost(struct bw_h2 *h2, uint64_t now_ms, enum bw_lost reason);

/* Client: opens a stream. More than the peer allows at once are queued. `user` as bw_h2_stream_user.
 * With end_stream no DATA follows. NULL: no memory, fields that do not fit (bw_h2_fits), the peer said
 * GOAWAY, or the connection is closing. */
struct bw_h2_stream *bw_h2_request(struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n,
                                   bool end_stream, void *user);

enum bw_h2_sent {
    BW_H2_SENT,   /* taken */
    BW_H2_FULL,   /* nothing taken: wait for on_writable */
    BW_H2_CLOSED, /* nothing taken: the stream is over (no memory also resets it), or our side has ended */
};

/* Server: the response headers, once per stream. With end_stream they are the whole answer, in one frame. */
enum bw_h2_sent bw_h2_respond(struct bw_h2_stream *stream, const struct bw_h2_field *fields, size_t n,
                              bool end_stream);
/* Queues DATA; the bytes are copied. Taken whole, or not at all: FULL only when something is queued already
 * and the bytes do not fit below send_queue_max, so one message of any size passes an empty queue. */
enum bw_h2_sent bw_h2_send(struct bw_h2_stream *stream, struct bw_span head, struct bw_span body);
/* Ends our side: END_STREAM on the last queued DATA, or on an empty one when there is none. */
enum bw_h2_sent bw_h2_finish(struct bw_h2_stream *stream);
/* Ends our side with trailers after the queued DATA. If the peer's side is still open then,
 * RST_STREAM(NO_ERROR) follows them (RFC 9113 section 8.1). */
enum bw_h2_sent bw_h2_finish_with_trailers(struct bw_h2_stream *stream, const struct bw_h2_field *fields,
                                           size_t n);
/* RST_STREAM; queued DATA is dropped. on_stream_closed follows from the next feed or tick. A queued request
 * that never went out is dropped without a frame. */
void bw_h2_reset(struct bw_h2_stream *stream, uint32_t code);
/* Gives `len` received bytes of window back to the peer: the owner has used them. */
void bw_h2_consume(struct bw_h2_stream *stream, size_t len);

/* Server: the owner has begun to work on the stream; timeout_ms is what the client allowed for all of it, and
 * deadline_ms when that is over (BW_NEVER: no limit). Resets of such work before its deadline are what a
 * flood of resets is made of, and cost more (CVE-2023-44487); resets at the deadline are free. */
void bw_h2_stream_started(struct bw_h2_stream *stream, uint64_t timeout_ms, uint64_t deadline_ms);

void bw_h2_stream_set_user(struct bw_h2_stream *stream, void *user);
void *bw_h2_stream_user(const struct bw_h2_stream *stream);
int32_t bw_h2_stream_id(const struct bw_h2_stream *stream); /* -1 while a request is queued */
/* Bytes queued by bw_h2_send that have not left. */
size_t bw_h2_stream_queued(const struct bw_h2_stream *stream);

/* Server: a handler that still runs after its stream was closed stays charged against concurrent_streams_max
 * (rapid reset, GHSA-m425-mq94-257g): the owner calls hold from on_stream_closed and release when it ended.
 */
void bw_h2_hold(struct bw_h2 *h2);
void bw_h2_release(struct bw_h2 *h2);

/* Drain in two steps: GOAWAY(2^31-1) and PING; on its answer (or drain_timeout_ms) GOAWAY(last id); when the
 * last stream is closed, CLOSE is wanted. `debug` goes into GOAWAY ("graceful_stop", "max_age"); lent. Twice
 * is once. */
void bw_h2_shutdown(struct bw_h2 *h2, uint64_t now_ms, const char *debug);
/* GOAWAY with a code at once, then CLOSE. */
void bw_h2_terminate(struct bw_h2 *h2, uint32_t code, const char *debug);

/* Will the peer take a header list of this size (its SETTINGS_MAX_HEADER_LIST_SIZE)? If not, bw_h2_request
 * says NULL, and on the server respond and trailers reset the stream with INTERNAL_ERROR. */
bool bw_h2_fits(const struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n);

size_t bw_h2_streams(const struct bw_h2 *h2); /* open now, queued ones included */
/* Client: may a request be opened? (no GOAWAY seen, not closing) */
bool bw_h2_accepts_requests(const struct bw_h2 *h2);
/* "1.52.0", of the library that is loaded. */
const char *bw_h2_library_version(void);

#ifdef __cplusplus
}
#endif
#endif
