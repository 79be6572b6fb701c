/* h2_internal.h: what the files of this folder share: the connection, its streams, and who may touch them.
 *
 * Two rules hold everything together. nghttp2's feed and send functions are called from h2.c only, and never
 * from inside one of its callbacks. And a stream that nghttp2 no longer knows (closed, or detached by a
 * reset) waits in the event queue until the owner was told; only then its memory goes. */
#ifndef BREAKWIRE_H2_INTERNAL_H
#define BREAKWIRE_H2_INTERNAL_H

#include "bucket.h"
#include "frames.h"
#include "memory.h"

#include <breakwire/h2.h>

#include <nghttp2/nghttp2.h>

enum {
    BW_H2_MEMORY_MAX = 8 << 20,  /* bytes nghttp2 and our streams may hold, per connection */
    BW_H2_OUTBOUND_MAX = 1000,   /* frames waiting to be sent; more is a flood */
    BW_H2_OUTBOUND_BLOCKED = 64, /* more than this while the socket is blocked: stop reading */
    BW_H2_FEED_MAX = 16 * 1024,  /* bytes nghttp2 gets at once: the rules are checked in between */
    BW_H2_HARD_LIMIT_FACTOR = 4, /* header blocks this many times over the limits are not read to the end */
    BW_H2_SEND_HEADERS_MAX = 60000, /* bytes, +32 a field: below nghttp2's own limit of 64 KiB */
    BW_H2_CHUNK_SMALL = 1024,       /* capacity of the chunks that are kept for the next message */
    BW_H2_CHUNKS_KEPT = 16,
    BW_H2_DEBUG_MAX = 64, /* bytes of debug data in a GOAWAY of ours */
    BW_H2_HELLO_MAX = 128,
    BW_H2_FAREWELL_MAX = 256,
    BW_H2_PING_STRIKES_MAX = 2,
};

enum bw_h2_state {
    BW_H2_OPEN,     /* as usual */
    BW_H2_NOTICED,  /* draining, step one: GOAWAY(2^31-1) and a PING are out */
    BW_H2_LEAVING,  /* draining, step two: GOAWAY(last id) is out, the open streams finish */
    BW_H2_FAREWELL, /* a last word is being sent; nothing is read, no stream is left */
    BW_H2_GONE,     /* nothing is read or sent any more */
};

/* How our side of a stream stands. */
enum bw_h2_sending {
    BW_H2_SENDING_OPEN,     /* more may come */
    BW_H2_SENDING_LAST,     /* END_STREAM goes with the last queued byte */
    BW_H2_SENDING_TRAILERS, /* trailers follow the last queued byte */
    BW_H2_SENDING_DONE,     /* END_STREAM was handed to nghttp2 */
};

struct bw_h2_chunk {
    struct bw_h2_chunk *next;
    size_t start, end, cap; /* of bytes */
    uint8_t bytes[];
};

/* Bytes to be sent on a stream. */
struct bw_h2_queue {
    struct bw_h2_chunk *first, *last;
    size_t size;
};

/* Copied header fields, one block of memory. */
struct bw_h2_saved_fields;

struct bw_h2_stream {
    struct bw_h2 *h2;
    void *user;
    int32_t id;
    struct bw_h2_stream *prev, *next; /* all streams of the connection */
    struct bw_h2_stream *next_event;

    struct bw_h2_queue queue;
    enum bw_h2_sending sending;
    struct bw_h2_saved_fields *trailers;
    size_t full_len;   /* what bw_h2_send could not take; 0 = nobody waits */
    size_t unconsumed; /* received bytes the owner has not given back */

    uint64_t timeout_ms, deadline_ms; /* bw_h2_stream_started; BW_NEVER */
    struct bw_h2_close how;           /* once closed */

    bool opened;       /* its first HEADERS are on the wire */
    bool headers_out;  /* ... and so are ours */
    bool known;        /* the owner heard of it */
    bool attached;     /* nghttp2 knows it */
    bool closed;       /* waits for on_stream_closed */
    bool in_events;    /* is in the event queue */
    bool writable_due; /* ... for on_writable */
    bool started;      /* the owner works on it */
    bool responded;    /* server: bw_h2_respond was called */
    bool final_seen;   /* client: the final response headers came */
    bool deferred;     /* nghttp2 waits for more to send */
    bool moved;        /* something was sent since the last look of the stall timer */
    bool remote_reset; /* the peer sent RST_STREAM */
};

/* What owns the bytes of a received field. */
struct bw_h2_buffers {
    nghttp2_rcbuf *name, *value;
};

/* The header block that is being received; there is at most one (RFC 9113 section 4.3). */
struct bw_h2_block_in {
    struct bw_h2_field *fields;
    struct bw_h2_buffers *buffers;
    size_t count, cap;
    size_t fields_seen, bytes_seen; /* dropped ones included, +32 a field (RFC 9113 section 6.5.2) */
    bool too_large;
};

struct bw_h2_clock {
    uint64_t preface_ms, settings_ms, header_ms, write_ms, drain_ms,
        stall_ms;   /* due; BW_NEVER = not running */
    uint64_t block; /* the header block that header_ms belongs to */
};

struct bw_h2 {
    struct bw_h2_config config;
    const struct bw_h2_events *events;
    void *owner;
    struct bw_wake wake;
    uint64_t now_ms; /* of the last call that brought one */

    nghttp2_session *session;
    struct bw_h2_memory memory;
    enum bw_h2_state state;
    bool receiving;        /* inside nghttp2_session_mem_recv */
    bool ready;            /* the peer's SETTINGS came */
    bool settings_awaited; /* ours went out */
    bool settings_acked;
    bool goaway_received;

    struct bw_h2_frames frames;
    struct bw_h2_bucket bucket;
    struct bw_h2_clock clock;
    uint32_t ping_strikes;
    uint64_t last_ping_ms; /* BW_NEVER = none since we sent HEADERS or DATA */

    struct bw_h2_stream *streams;
    size_t stream_count;
    size_t charged; /* peer's streams that count against concurrent_streams_max; held ones are in `held` */
    size_t held;
    size_t requests_queued; /* client: in nghttp2's queue, not on the wire */
    struct bw_h2_stream *events_first, *events_last;

    struct bw_h2_block_in block;
    nghttp2_nv *nv; /* scratch for sending fields */
    size_t nv_cap;
    struct bw_h2_chunk *chunks_kept;
    size_t chunks_kept_count;

    const uint8_t *piece; /* a frame from nghttp2 that did not fit into the last drain */
    size_t piece_len;
    size_t unwritten;               /* drained, not yet written */
    uint8_t first_byte;             /* that the peer sent */
    uint8_t hello[BW_H2_HELLO_MAX]; /* our preface, SETTINGS and WINDOW_UPDATE */
    size_t hello_at, hello_len;

    char drain_debug[BW_H2_DEBUG_MAX];
    uint8_t farewell[BW_H2_FAREWELL_MAX]; /* what is still said in BW_H2_FAREWELL */
    size_t farewell_at, farewell_len;
};

/* h2.c: bw_h2_new with memory that fails (tests); fail_at and fail_on as in memory.h. */
struct bw_h2 *bw_h2_new_failing(const struct bw_h2_config *config, const struct bw_h2_events *events,
                                void *owner, struct bw_wake wake, uint64_t now_ms, size_t fail_at,
                                bool fail_on);

/* callbacks.c. NULL: no memory. */
nghttp2_session_callbacks *bw_h2_callbacks_new(void);
/* Charges the bucket; ends the connection when it is empty. */
void bw_h2_charge(struct bw_h2 *h2, uint32_t cost, const char *why);

/* ending.c */
/* Ends the connection for a fault: GOAWAY with code and debug (cut to BW_H2_DEBUG_MAX), no stream survives.
 * Safe inside callbacks; the first call counts. */
void bw_h2_ending_fail(struct bw_h2 *h2, uint32_t code, const char *debug);
/* Ends it without a word. */
void bw_h2_ending_drop(struct bw_h2 *h2);
/* The first bytes were not HTTP/2: says so in plain HTTP/1.1 if they look like that. */
void bw_h2_ending_not_http2(struct bw_h2 *h2);
/* nghttp2 itself has sent a GOAWAY with an error: nothing follows it. */
void bw_h2_ending_terminated(struct bw_h2 *h2);
/* Step two of a drain, when the PING of step one was answered or its time is over. */
void bw_h2_ending_second_step(struct bw_h2 *h2);
/* Looks whether everything is said and done, and then wants CLOSE. */
void bw_h2_ending_check(struct bw_h2 *h2);
static inline bool bw_h2_is_over(const struct bw_h2 *h2) {
    return h2->state >= BW_H2_FAREWELL;
}

/* clock.c */
void bw_h2_clock_init(struct bw_h2 *h2);
void bw_h2_clock_stop(struct bw_h2 *h2);
/* After bytes came in: does the header-block timer run? */
void bw_h2_clock_fed(struct bw_h2 *h2);
/* After bytes were drained. */
void bw_h2_clock_drained(struct bw_h2 *h2);
void bw_h2_clock_tick(struct bw_h2 *h2);
uint64_t bw_h2_clock_next(const struct bw_h2 *h2);

/* headers.c */
/* A block begins; the last one is forgotten. */
void bw_h2_block_begin(struct bw_h2_block_in *block);
/* Takes a field. Returns what the nghttp2 callback must return. */
int bw_h2_block_add(struct bw_h2 *h2, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
/* Counts a field that is not kept. */
int bw_h2_block_count(struct bw_h2 *h2, size_t name_len, size_t value_len);
void bw_h2_block_free(struct bw_h2 *h2);
/* Fills h2->nv with fields that nghttp2 copies. False: more than the peer takes, or no memory. */
bool bw_h2_fields_to_nv(struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n);
/* NULL: no memory. */
struct bw_h2_saved_fields *bw_h2_fields_save(struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n);
void bw_h2_fields_discard(struct bw_h2 *h2, struct bw_h2_saved_fields *saved);
int bw_h2_fields_submit_trailers(struct bw_h2_stream *stream);

/* queue.c */
/* False: no memory, nothing taken. */
bool bw_h2_queue_push(struct bw_h2 *h2, struct bw_h2_queue *queue, struct bw_span head, struct bw_span body);
void bw_h2_queue_clear(struct bw_h2 *h2, struct bw_h2_queue *queue);
void bw_h2_queue_free_kept(struct bw_h2 *h2);
/* nghttp2's data source of every stream. */
ssize_t bw_h2_queue_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t cap, uint32_t *flags,
                         nghttp2_data_source *source, void *user);

/* stream.c */
struct bw_h2_stream *bw_h2_stream_new(struct bw_h2 *h2, void *user);
/* A stream nobody was told of. */
void bw_h2_stream_forget(struct bw_h2_stream *stream);
/* Hands the saved trailers to nghttp2; a stream whose trailers cannot be sent is reset. */
void bw_h2_stream_submit_trailers(struct bw_h2_stream *stream);
/* HEADERS of ours left. */
void bw_h2_stream_headers_out(struct bw_h2_stream *stream);
/* nghttp2 closed it. */
void bw_h2_stream_over(struct bw_h2_stream *stream, uint32_t code);
/* Closes every stream because the connection ends. */
void bw_h2_stream_all_lost(struct bw_h2 *h2);
/* After GOAWAY: requests that never went out are given back at once. */
void bw_h2_stream_unsent_refused(struct bw_h2 *h2);
void bw_h2_stream_writable(struct bw_h2_stream *stream);
/* Tells the owner what waits in the event queue. */
void bw_h2_stream_deliver(struct bw_h2 *h2);
static inline bool bw_h2_has_events(const struct bw_h2 *h2) {
    return h2->events_first != NULL;
}

#endif
