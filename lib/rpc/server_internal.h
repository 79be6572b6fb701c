/* server_internal.h: what the files of the server share: the server, its connections, their calls. */
#ifndef RPC_SERVER_INTERNAL_H
#define RPC_SERVER_INTERNAL_H

#include "inbox.h"

#include <breakwire/h2.h>
#include <breakwire/server.h>
#include <breakwire/timers.h>

enum { BW_PEER_MAX = 63 };

struct bw_server {
    struct bw_server_config config;
    struct bw_method *methods; /* sorted by path */
    size_t methods_count;
    struct bw_method *prefixes;
    size_t prefixes_count;
    struct bw_server_conn *conns;
    size_t conns_count, calls_count;
    bool draining;
    uint64_t give_up_ms; /* of a drain */
    struct bw_server_counts counts;
};

/* The method under a path, exact or by prefix; NULL = none. */
const struct bw_method *bw_server_find(const struct bw_server *server, struct bw_span path);
/* Is there any method of the path's service? */
bool bw_server_has_service(const struct bw_server *server, struct bw_span path);

struct bw_server_conn {
    struct bw_server *server;
    struct bw_server_conn *next, **link;
    struct bw_h2 *h2;
    struct bw_wake wake;
    uint64_t now_ms;
    struct bw_timers timers;                                /* deadlines of its calls */
    struct bw_server_call *finished_first, **finished_last; /* on_end is due */
    struct bw_server_call *resumed_first, **resumed_last;   /* what was held is due */
    char peer[BW_PEER_MAX + 1];
};

/* A call from its headers to on_end. The stream may outlive it: then its answer is still being sent. */
struct bw_server_call {
    struct bw_server_conn *conn;
    struct bw_h2_stream *stream;
    const struct bw_method *method;
    struct bw_server_call *next_finished, *next_resumed;
    struct bw_timer timer;            /* the deadline, or before it the time for the whole request */
    uint64_t timeout_ms, deadline_ms; /* BW_NEVER: none */
    char *path;
    struct bw_metadata *metadata, *headers, *trailers; /* the two last NULL until something is added */
    struct bw_buf text;                                /* authority, then user agent */
    size_t authority_len;
    struct bw_inbox inbox;
    struct bw_buf request, details;
    unsigned messages; /* received */
    bool is_proto_subtype, has_pushback;
    bool heard;            /* the handler knows of it: on_end is owed */
    bool half_closed;      /* the client has ended its side */
    bool half_close_waits; /* ... and messages before that are not delivered yet */
    bool headers_sent, finished, is_resumed;
    int64_t pushback_ms;
    void *user;
};

/* ---- server_call.c ---- */

/* Makes the call of a stream whose request is fine; takes over `metadata`. NULL: no memory. */
struct bw_request;
struct bw_server_call *bw_server_call_new(struct bw_server_conn *conn, struct bw_h2_stream *stream,
                                          const struct bw_method *method, struct bw_request *request);
/* The last of a call: on_end if the handler knows of it, then its memory. */
void bw_server_call_end(struct bw_server_call *call, enum bw_call_end how);
void bw_server_call_data(struct bw_server_call *call, struct bw_span bytes);
/* Delivers what waits in the inbox, and the half close behind it. */
void bw_server_call_read(struct bw_server_call *call);
/* Those that were resumed. */
void bw_server_call_read_resumed(struct bw_server_conn *conn);
void bw_server_call_half_close(struct bw_server_call *call);
void bw_server_call_timed_out(struct bw_server_call *call);

/* ---- server_answer.c ---- */

/* Answers a stream that never becomes a call: an HTTP status alone, or Trailers-Only. */
void bw_server_answer_http(struct bw_h2_stream *stream, unsigned http_status, bool is_head);
void bw_server_answer_status(struct bw_h2_stream *stream, unsigned http_status, enum bw_code code,
                             const char *message, bool is_proto_subtype, bool says_encodings);

#endif
