/* channel_internal.h: what the files of the client share: the channel, its connections, its calls. */
#ifndef RPC_CHANNEL_INTERNAL_H
#define RPC_CHANNEL_INTERNAL_H

#include "backoff.h"
#include "inbox.h"

#include <breakwire/channel.h>
#include <breakwire/h2.h>
#include <breakwire/timers.h>

enum { BW_TEXT_MAX = 256, BW_ADDRESSES_MAX = 16, BW_CLOSES_MAX = 8 };
enum { BW_SEND_QUEUE_MAX = 256 << 10 }; /* bytes of a call that wait to be sent */

/* How far the attempt to get a connection is. */
enum bw_dial_step {
    BW_DIAL_NONE,         /* no attempt */
    BW_DIAL_WISH_RESOLVE, /* the driver is to look the name up */
    BW_DIAL_RESOLVING,
    BW_DIAL_WISH_CONNECT, /* the driver is to connect to addresses[address_next] */
    BW_DIAL_CONNECTING,
    BW_DIAL_SETTLING, /* connected; the peer's SETTINGS are awaited */
};

struct bw_channel_conn;

struct bw_channel {
    struct bw_channel_config config;
    struct bw_wake wake;
    uint64_t now_ms;
    char host[BW_TEXT_MAX];
    uint16_t port;
    bool is_address; /* the target needs no look-up; it is in addresses[0] */
    char authority[BW_TEXT_MAX], user_agent[BW_TEXT_MAX], last_error[3 * BW_TEXT_MAX];
    enum bw_channel_state state;

    enum bw_dial_step step;
    uint64_t attempt_id, give_up_ms; /* of the attempt */
    struct bw_address addresses[BW_ADDRESSES_MAX];
    size_t addresses_count, address_next;
    uint64_t closes[BW_CLOSES_MAX]; /* ids that the driver is to close */
    size_t closes_count;
    struct bw_backoff backoff;
    uint64_t retry_ms; /* in TRANSIENT_FAILURE: when it ends */

    struct bw_channel_conn *conns, *current;       /* current: takes new calls, or is settling */
    struct bw_call *waiting_first, **waiting_last; /* for a connection, oldest first */
    struct bw_call *ready_first, **ready_last;     /* resumed, or on_writable is due */
    struct bw_call *ended_first, **ended_last;     /* on_end is due */
    struct bw_call *calls;                         /* all of them */
    size_t calls_count, waiting_count;
    struct bw_timers timers; /* deadlines */
    bool delivering;
};

struct bw_channel_conn {
    struct bw_channel *channel;
    struct bw_channel_conn *next, **link;
    struct bw_h2 *h2;
    uint64_t id;
    bool is_ready;
};

struct bw_call {
    struct bw_channel *channel;
    struct bw_call *next, **link; /* in channel->calls */
    struct bw_call *next_queued;  /* in waiting or ended */
    struct bw_call *next_ready;
    struct bw_h2_stream *stream; /* NULL: not on a connection */
    struct bw_timer timer;
    char *path;
    struct bw_metadata *metadata;
    struct bw_buf kept; /* our messages, framed: what waits for a stream, and what may be sent again */
    unsigned kept_messages;
    bool committed; /* the messages are not kept any more: the call is not tried again */
    const struct bw_call_events *events;
    void *user;
    uint64_t deadline_ms;
    enum bw_kind kind;
    bool wait_for_ready;

    bool is_waiting, is_ready; /* in the channel's lists */
    bool has_ended, was_sent, was_refused;
    bool half_closed;    /* our side has ended */
    bool wants_writable; /* BW_SEND_FULL was said */
    bool writable_due;   /* ... and there is a new stream */
    bool is_answered;    /* the server has ended its side */
    unsigned http_status;
    unsigned messages;
    struct bw_inbox inbox;
    struct bw_buf response; /* of kinds with one response message: that, until the status is known */
    /* the end */
    bool end_waits; /* it is known, and messages before it are not delivered yet */
    uint64_t ended_ms;
    enum bw_code code;
    enum bw_origin origin;
    struct bw_buf message, details;
    struct bw_metadata *trailers;    /* of the server; NULL: none came */
    struct bw_metadata *no_trailers; /* empty */
    bool has_pushback;
    int64_t pushback_ms;
};

/* ---- channel.c ---- */
void bw_channel_set_state(struct bw_channel *channel, enum bw_channel_state state);
/* Delivers the ends that are due, unless it is being done already. */
void bw_channel_deliver(struct bw_channel *channel);
/* The current connection takes calls. */
bool bw_channel_takes_calls(const struct bw_channel *channel);
/* Ends the calls whose deadline is over. */
void bw_channel_expire(struct bw_channel *channel);
/* Gives waiting calls to the current connection, as many as it takes. */
void bw_channel_send_waiting(struct bw_channel *channel);
/* Someone needs a connection: leaves IDLE. */
void bw_channel_need_connection(struct bw_channel *channel);

/* ---- channel_dial.c ---- */
extern const struct bw_dial_ops bw_channel_dial_ops;
bool bw_channel_parse_target(struct bw_channel *channel, const char *target);
void bw_channel_begin_attempt(struct bw_channel *channel);
/* The connection that was being made is of no use: the next address, or TRANSIENT_FAILURE. */
void bw_channel_attempt_failed(struct bw_channel *channel, const char *why);
/* Gives up what is under way, without a successor. */
void bw_channel_abandon_attempt(struct bw_channel *channel);

/* ---- channel_conn.c ---- */
struct bw_conn bw_channel_conn_new(struct bw_channel *channel, uint64_t id, struct bw_wake wake);

/* ---- call.c ---- */
/* Sends it now, lets it wait for a connection, or fails it fast (wait-for-ready.md). */
void bw_call_place(struct bw_call *call);
void bw_call_wait(struct bw_call *call);
/* It has something to tell that comes from no connection: messages after a pause, on_writable. */
void bw_call_make_ready(struct bw_call *call);
void bw_call_deliver_ready(struct bw_call *call);
/* The kind has one response message, which is told with the status. */
static inline bool bw_call_has_one_response(const struct bw_call *call) {
    return call->kind == BW_UNARY || call->kind == BW_CLIENT_STREAMING;
}
/* The status is known: nothing that comes after it counts. */
void bw_call_end(struct bw_call *call, enum bw_code code, enum bw_origin origin);
/* The same when the messages before it are delivered. */
void bw_call_end_in_turn(struct bw_call *call, enum bw_code code, enum bw_origin origin);
/* Ends the call with a status made here; the stream, if any, is reset. LOCAL: at once; others wait for the
 * messages before them. Again: nothing happens. */
void bw_call_fail(struct bw_call *call, enum bw_code code, enum bw_origin origin, const char *message);
/* The call has no further use for its stream. */
void bw_call_drop_stream(struct bw_call *call, uint32_t reset_code);
void bw_call_deliver_end(struct bw_call *call);
void bw_call_free(struct bw_call *call);

/* ---- call_send.c ---- */
/* Frames a message and puts it behind what is kept. False: no memory. */
bool bw_call_keep(struct bw_call *call, struct bw_span message);
/* The call stays with its stream, whatever comes. */
void bw_call_commit(struct bw_call *call);
/* Puts the call on a connection that takes calls, with all that was sent so far, or fails it. */
void bw_call_open(struct bw_call *call, struct bw_channel_conn *conn);
void bw_call_writable(struct bw_call *call);

/* ---- call_answer.c ---- */
void bw_call_headers(struct bw_call *call, enum bw_h2_block block, const struct bw_h2_field *fields, size_t n,
                     unsigned flags);
void bw_call_data(struct bw_call *call, struct bw_span bytes);
void bw_call_data_end(struct bw_call *call);
void bw_call_stream_closed(struct bw_call *call, const struct bw_h2_close *how);
/* Delivers what waits in the inbox, and the end behind it. */
void bw_call_read(struct bw_call *call);

#endif
