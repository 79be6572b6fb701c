/* connection.h: what connection.c, exchange.c, stream.c and server.c share: the server, its connections, and
 * the one exchange or stream of a connection.
 *
 * Ownership: a connection owns its exchange and its stream. The server knows its connections (a list) and
 * owns none: the driver frees them. Only bw_http_conn_* functions move a connection between states. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <breakwire/buf.h>
#include <breakwire/http.h>

#include "head.h"
#include "response.h"

struct bw_http_server {
    struct bw_http_config config;
    struct bw_http_counts counts;
    struct bw_http_conn *first; /* the list of connections */
    bool draining;
};

enum bw_http_state {
    BW_HTTP_WAITING, /* for a request's first byte, or in the middle of its head */
    BW_HTTP_READING, /* the head is there, the body not yet */
    BW_HTTP_WORKING, /* an exchange waits for its answer; input is kept */
    BW_HTTP_STREAMS, /* an event stream is open; input is dropped */
    BW_HTTP_CLOSING, /* output that is left leaves, then the driver closes; input is dropped */
};

struct bw_http_conn {
    struct bw_http_server *server;
    struct bw_http_conn *next, *previous;
    struct bw_wake wake;
    enum bw_http_state state;
    struct bw_http_head head; /* of the request at the front of `in` */
    struct bw_buf in, out;
    struct bw_span lent;  /* of a lent body: what follows `out` */
    size_t in_flight;     /* bytes drained and not yet written */
    uint64_t progress_ms; /* when `in_flight` last got smaller, or more than 0 */
    uint64_t deadline_ms; /* of WAITING (head or idle) and READING; BW_NEVER: not set yet */
    bool head_timed;      /* deadline_ms is that of a head, not of idling */
    bool inside;          /* feed or tick is running: no wake is needed */
    bool resume;          /* tick has something to do at once */
    struct bw_http_exchange *exchange;
    struct bw_http_stream *stream;
    char peer[64];
};

struct bw_http_exchange {
    struct bw_http_conn *conn;
    struct bw_http_head head;
    struct bw_buf fields; /* of the answer: complete lines */
    bw_http_gone_fn on_gone;
    void *gone_user;
    bool close;    /* the connection ends with the answer */
    uint8_t run[]; /* head and body */
};

struct bw_http_stream {
    struct bw_http_conn *conn;
    struct bw_buf queue; /* framed events: each ends with the only empty line in it */
    uint64_t lost;       /* events dropped that the client was not told of */
    uint64_t beat_ms;    /* when the next heartbeat is due; BW_NEVER before the answer's head left */
    bw_http_stream_gone_fn on_gone;
    void *gone_user;
    bool ended;
};

/* Gives the memory of an empty buffer back, unless it is little. */
static inline void bw_http_shrink(struct bw_buf *buf) {
    if (bw_buf_size(buf) == 0 && buf->cap > 4096)
        bw_buf_free(buf);
}

/* ---- connection.c */

/* NULL: no memory. */
struct bw_http_conn *bw_http_conn_new(struct bw_http_server *server, uint64_t now_ms, const char *peer,
                                      struct bw_wake wake);
extern const struct bw_conn_ops bw_http_conn_ops;
/* Asks for a tick at once. */
void bw_http_conn_poke(struct bw_http_conn *conn);
/* Queues an answer; a lent body goes out after its head. Counts it. The connection closes after it, or works
 * on the next request. Without memory it is cut off at once. */
void bw_http_conn_answer(struct bw_http_conn *conn, const struct bw_http_answer *answer);
/* Queues the head of an event stream, which `stream` then feeds. Without memory: false, and nothing happened.
 */
bool bw_http_conn_open_stream(struct bw_http_conn *conn, const struct bw_http_answer *answer,
                              struct bw_http_stream *stream);
/* Nothing more is read; what is queued leaves. */
void bw_http_conn_close(struct bw_http_conn *conn);
/* Bytes that have not left. */
size_t bw_http_conn_output(const struct bw_http_conn *conn);

/* ---- exchange.c */

/* Copies the request at the front of conn->in. NULL: no memory. */
struct bw_http_exchange *bw_http_exchange_new(struct bw_http_conn *conn);
void bw_http_exchange_free(struct bw_http_exchange *exchange);
/* Tells its handler that the client left, and frees it. NULL is allowed. */
void bw_http_exchange_gone(struct bw_http_exchange *exchange);

/* ---- stream.c */

void bw_http_stream_tick(struct bw_http_stream *stream, uint64_t now_ms);
/* Moves what is next into conn->out when that is empty; closes the connection when nothing follows. */
void bw_http_stream_fill(struct bw_http_stream *stream);
/* Tells its owner, once, that the client left, and takes no more events. */
void bw_http_stream_gone(struct bw_http_stream *stream);
void bw_http_stream_free(struct bw_http_stream *stream);

/* ---- server.c */

/* Filter, then routes. */
void bw_http_server_dispatch(struct bw_http_server *server, struct bw_http_exchange *exchange);

#endif
