/* channel.h: a gRPC client: one channel to one target, and the calls made on it. Messages are bytes.
 *
 * A core: the dialer drives it through bw_channel_dialable (core.h) and runs the connections it makes. Not
 * thread-safe: channel, calls and connections belong to one loop. No event is delivered from inside
 * bw_channel_start, bw_call_cancel or any other function of this header: they come with the next tick or
 * bytes.
 *
 * Sources: grpc doc/PROTOCOL-HTTP2.md, doc/connectivity-semantics-and-api.md, doc/connection-backoff.md,
 * doc/wait-for-ready.md, gRFC A6 (transparent retry). */
#ifndef BREAKWIRE_CHANNEL_H
#define BREAKWIRE_CHANNEL_H

#include <breakwire/core.h>
#include <breakwire/kind.h>
#include <breakwire/metadata.h>
#include <breakwire/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_channel;
struct bw_call;

enum bw_channel_state {
    BW_CHANNEL_IDLE,       /* no connection, nobody needs one; the first call leaves it */
    BW_CHANNEL_CONNECTING, /* resolving, connecting, or waiting for the server's SETTINGS; calls wait */
    BW_CHANNEL_READY,      /* calls go out */
    /* The last attempt failed and the backoff runs: calls fail UNAVAILABLE (fail fast). After it: CONNECTING
     * when a call waits, else IDLE, and the next call tries again and waits. */
    BW_CHANNEL_TRANSIENT_FAILURE,
    BW_CHANNEL_SHUTDOWN, /* draining or freed; calls fail UNAVAILABLE */
};
const char *bw_channel_state_name(enum bw_channel_state state);

struct bw_channel_config {
    size_t size;                 /* set by bw_channel_config_default */
    const char *target;          /* "HOST:PORT", "[V6]:PORT" or "unix:PATH"; copied */
    bool tls;                    /* :scheme https, and the server must prove to be the target's host */
    const char *user_agent;      /* put before our own "grpc-c-breakwire/..."; may be NULL; copied */
    uint64_t backoff_initial_ms; /* 1000 */
    double backoff_multiplier;   /* 1.6 */
    uint64_t backoff_max_ms;     /* 120000 */
    double backoff_jitter;       /* 0.2 */
    uint64_t connect_timeout_ms; /* at least this long for each address, SETTINGS included; 20000 */
    uint64_t seed;               /* of the jitter */
    uint32_t message_size_max;   /* bytes of one response message; 4 MiB */
    uint32_t replay_bytes_max;   /* of a call's messages, kept to be sent again; 256 KiB */
    uint32_t waiting_calls_max; /* calls that may wait for a connection; 1000, more fail RESOURCE_EXHAUSTED */
};

void bw_channel_config_default(struct bw_channel_config *config);

/* NULL: no memory, a config never defaulted, or a malformed target (`why` gets a sentence then). Nothing is
 * dialled until the first call. */
struct bw_channel *bw_channel_new(const struct bw_channel_config *config, struct bw_wake wake,
                                  uint64_t now_ms, char *why, size_t why_size);
/* Calls still open are dropped without an event. The dialer must be freed first. Not from inside an event. */
void bw_channel_free(struct bw_channel *channel);
struct bw_dialable bw_channel_dialable(struct bw_channel *channel);
enum bw_channel_state bw_channel_state(const struct bw_channel *channel);
/* Why the last attempt failed, one sentence, or "". Lent until the next tick. */
const char *bw_channel_last_error(const struct bw_channel *channel);
/* In TRANSIENT_FAILURE: tries again now (CONNECTING) and starts the backoff anew. Otherwise nothing. For
 * callers that limit attempts themselves, as a circuit breaker does. */
void bw_channel_reset_backoff(struct bw_channel *channel, uint64_t now_ms);
/* No new calls; the calls that run may finish; then the connections close. */
void bw_channel_drain(struct bw_channel *channel, uint64_t now_ms);
size_t bw_channel_calls(const struct bw_channel *channel);

/* Where a status was made. */
enum bw_origin {
    BW_ORIGIN_SERVER,    /* grpc-status (or an HTTP status) that the peer sent */
    BW_ORIGIN_TRANSPORT, /* reset, lost, refused, no connection, malformed answer */
    BW_ORIGIN_LOCAL,     /* our deadline, our cancel, our limits */
};

struct bw_call_result { /* lent for the event */
    enum bw_code code;
    const char *message; /* decoded; never NULL */
    enum bw_origin origin;
    struct bw_span details;             /* grpc-status-details-bin, decoded; empty when absent */
    const struct bw_metadata *trailers; /* never NULL */
    bool has_pushback;
    int64_t pushback_ms; /* grpc-retry-pushback-ms; -1 = do not retry */
    bool sent;           /* the request's headers were given to a connection */
    uint64_t at_ms;      /* when it ended, on the clock of now_ms */
};

struct bw_call_events {
    void (*on_headers)(void *user, const struct bw_metadata *headers); /* may be NULL; at most once; lent */
    /* Lent. Unary and client-streaming calls hear their one message together with the end, when the status is
     * OK. */
    void (*on_message)(void *user, struct bw_span message);
    void (*on_writable)(void *user); /* there may be room again after BW_SEND_FULL; may be NULL */
    /* Exactly once, the last event; the call's memory is gone after it. */
    void (*on_end)(void *user, const struct bw_call_result *result);
};

struct bw_call_options {
    size_t size;          /* set by bw_call_options_default */
    const char *path;     /* "/package.Service/Method"; copied */
    enum bw_kind kind;    /* BW_UNARY; unary and client streaming: OK with other than one message becomes
                             UNIMPLEMENTED (statuscodes.md) */
    uint64_t deadline_ms; /* point in time; BW_NEVER = none. Covers connecting and retries */
    const struct bw_metadata *metadata; /* copied; may be NULL */
    bool wait_for_ready;                /* wait out TRANSIENT_FAILURE instead of failing fast */
    uint32_t message_size_max;          /* 0 = the channel's */
};

void bw_call_options_default(struct bw_call_options *options);

/* Starts a call; the request is copied, events and user are kept. Unary and server streaming: `request` is
 * the one message, and our side ends with it. Client and bidi streaming: it must be empty and is no message;
 * they are sent by bw_call_send. NULL: no memory or options never defaulted (no event follows). Every other
 * trouble comes as on_end.
 *
 * A call that the server has not processed (never sent, REFUSED_STREAM, above the last id of GOAWAY) is tried
 * again unseen, with all that was sent so far (gRFC A6, "Transparent Retries"). It is committed to its stream
 * once response headers came, or its messages were more than replay_bytes_max; a first message is kept
 * whatever its size. */
struct bw_call *bw_channel_start(struct bw_channel *channel, uint64_t now_ms,
                                 const struct bw_call_options *options, struct bw_span request,
                                 const struct bw_call_events *events, void *user);
/* Ends the call from our side: on_end(CANCELLED, LOCAL) follows, RST_STREAM(CANCEL) goes out. Harmless twice.
 */
void bw_call_cancel(struct bw_call *call, uint64_t now_ms);

/* Sends one more message (copied). It may be called before there is a connection: messages wait then, as on a
 * stream, until the queue is full (256 KiB; one message of any size passes an empty queue). CLOSED: on_end is
 * on its way, or our side has ended (bw_call_half_close, unary, server streaming). */
enum bw_send bw_call_send(struct bw_call *call, struct bw_span message);
/* No more messages follow: END_STREAM. Harmless twice. */
void bw_call_half_close(struct bw_call *call);

/* Stops reading. No message is delivered until resume; what comes is held, at most the stream's window, and
 * then the server has to stop; other calls go on. A status waits for the messages before it; our deadline and
 * our cancel do not, and drop them. Resuming delivers from the next tick or bytes, never from inside it.
 * Harmless twice. A server may give a stream up that nobody reads for long (ours: write_timeout_ms). */
void bw_call_pause(struct bw_call *call);
void bw_call_resume(struct bw_call *call);

#ifdef __cplusplus
}
#endif
#endif
