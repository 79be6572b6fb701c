/* server.h: a gRPC server: methods, their handlers, and the calls they answer. Messages are bytes.
 *
 * A core: bytes come from connections made by bw_server_accept, time from their ticks. Not thread-safe: a
 * server and all its connections belong to one loop. A handler may answer at once or from any later event of
 * the same loop. Wire rules: grpc doc/PROTOCOL-HTTP2.md.
 *
 *   on_message  the request. Unary and server-streaming methods get exactly one, when the client has sent all
 * of it (any other number is answered UNIMPLEMENTED by the library); the others get each as it comes.
 *   on_half_close  client- and bidi-streaming only: no more messages follow. A handler may finish before it;
 * the client is told then to stop sending (RST_STREAM with NO_ERROR after the status, RFC 9113 section 8.1).
 *   on_end      exactly once for each call whose handler heard of it, as the last event: the answer went out,
 * or the caller is gone. After it the call's memory is gone: forget the pointer. */
#ifndef BREAKWIRE_SERVER_H
#define BREAKWIRE_SERVER_H

#include <breakwire/core.h>
#include <breakwire/kind.h>
#include <breakwire/metadata.h>
#include <breakwire/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_server;
struct bw_server_call;

enum bw_call_end {
    BW_END_FINISHED,  /* the status that the handler gave was queued for the wire */
    BW_END_CANCELLED, /* the client reset the stream */
    BW_END_DEADLINE,  /* grpc-timeout ran out; the stream was reset */
    BW_END_LOST,      /* the connection is gone, or the server was freed */
};

struct bw_handler {
    void (*on_message)(void *service, struct bw_server_call *call, struct bw_span message); /* message lent */
    void (*on_half_close)(void *service,
                          struct bw_server_call *call); /* NULL for unary and server streaming */
    void (*on_writable)(void *service,
                        struct bw_server_call *call); /* room after BW_SEND_FULL; may be NULL */
    void (*on_end)(void *service, struct bw_server_call *call, enum bw_call_end how); /* may be NULL */
};

struct bw_server_config {
    size_t size;                     /* set by bw_server_config_default */
    const char *name;                /* for logs; lent for the server's life */
    uint32_t message_size_max;       /* bytes of one request message; 4 MiB */
    uint32_t connections_max;        /* 1000 */
    uint64_t drain_grace_ms;         /* calls still open this long after drain are ended; 10000 */
    uint64_t message_timeout_ms;     /* a unary request must be complete by then; 30000 */
    uint32_t concurrent_streams_max; /* per connection; 256 */
};

void bw_server_config_default(struct bw_server_config *config);

/* The config is copied. NULL: no memory, or a config that was never defaulted. */
struct bw_server *bw_server_new(const struct bw_server_config *config);
/* Connections must be gone (the driver frees them first). */
void bw_server_free(struct bw_server *server);

struct bw_method {
    const char *path; /* "/package.Service/Method"; lent for the server's life */
    enum bw_kind kind;
    const struct bw_handler *handler; /* lent for the server's life */
    void *service;                    /* handed to the handler */
    uint32_t message_size_max;        /* 0 = the server's */
};

/* Adds a method (copied). -1: no memory; -2: malformed path; -3: that path is there already. */
int bw_server_add(struct bw_server *server, const struct bw_method *method);
/* Adds a handler for every path that begins with `prefix` ("/package.Service/") and has no method of its own:
 * a proxy. Kind must be BW_UNARY. Same errors. The prefix stands in method->path. */
int bw_server_add_prefix(struct bw_server *server, const struct bw_method *method);

/* A bw_accept_fn; owner is the struct bw_server. Refuses (ops == NULL) over connections_max, while draining,
 * or without memory. */
struct bw_conn bw_server_accept(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake);

/* New calls are answered UNAVAILABLE or go elsewhere (GOAWAY in two steps); calls in work finish; connections
 * close when their last call ended. */
void bw_server_drain(struct bw_server *server, uint64_t now_ms);
size_t bw_server_connections(const struct bw_server *server);
size_t bw_server_calls(const struct bw_server *server);

struct bw_server_counts {
    uint64_t calls_started, calls_ok, calls_failed, calls_cancelled, connections_accepted;
};
void bw_server_counts(const struct bw_server *server, struct bw_server_counts *out);

/* ---- one call ---- */

const char *bw_server_call_path(const struct bw_server_call *call);
const struct bw_metadata *bw_server_call_metadata(const struct bw_server_call *call);
/* The point in time, on the clock of now_ms, or BW_NEVER. */
uint64_t bw_server_call_deadline(const struct bw_server_call *call);
/* The latest now_ms that the call's connection was told. */
uint64_t bw_server_call_now(const struct bw_server_call *call);
const char *bw_server_call_peer(const struct bw_server_call *call);
/* As sent by the client; empty when absent. Lent. */
struct bw_span bw_server_call_user_agent(const struct bw_server_call *call);
struct bw_span bw_server_call_authority(const struct bw_server_call *call);

void bw_server_call_set_user(struct bw_server_call *call, void *user);
void *bw_server_call_user(const struct bw_server_call *call);

/* Adds to the response headers (before the first message) or to the trailers (before finish). */
enum bw_metadata_result bw_server_call_add_header(struct bw_server_call *call, struct bw_span key,
                                                  struct bw_span value);
enum bw_metadata_result bw_server_call_add_trailer(struct bw_server_call *call, struct bw_span key,
                                                   struct bw_span value);
/* Sets grpc-status-details-bin: bytes of a google.rpc.Status (status.h makes them). Copied. False: no memory.
 */
bool bw_server_call_set_details(struct bw_server_call *call, struct bw_span details);
/* Sets grpc-retry-pushback-ms (gRFC A6); -1 = "do not retry". */
void bw_server_call_set_pushback(struct bw_server_call *call, int64_t pushback_ms);

/* Sends one response message (copied). Response headers go out with the first. FULL: nothing was taken;
 * on_writable comes when there is room. One message of any size passes an empty queue. */
enum bw_send bw_server_call_send(struct bw_server_call *call, struct bw_span message);
/* Response headers now, without waiting for a message. */
void bw_server_call_flush_headers(struct bw_server_call *call);
/* Ends the call with a status; without a message sent it becomes a Trailers-Only answer. `message` may be
 * NULL; copied. on_end follows from the next tick, never from inside this. Calls after it do nothing. */
void bw_server_call_finish(struct bw_server_call *call, enum bw_code code, const char *message);
/* send + finish with OK: the usual unary answer. */
void bw_server_call_reply(struct bw_server_call *call, struct bw_span message);

/* Client- and bidi-streaming: stops reading. No message is delivered until resume; what comes is held, at
 * most the stream's window, and then the client has to stop; other calls go on. The half close is told when
 * the messages before it were. Resuming delivers from the next tick or bytes, never from inside it. Harmless
 * twice, and after finish. */
void bw_server_call_pause(struct bw_server_call *call);
void bw_server_call_resume(struct bw_server_call *call);

#ifdef __cplusplus
}
#endif
#endif
