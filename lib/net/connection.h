/* connection.h: runs one connection core over one socket, accepted or dialed.
 *
 * The core is called from libuv's callbacks and at the end of a turn, never from inside another call of it.
 * A connection frees itself once its socket is closed; whoever made it may forget it. */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include "loop_private.h"

enum bw_stage {
    BW_STAGE_CONNECTING, /* there is no core yet */
    BW_STAGE_OPEN,       /* the core reads and writes */
    BW_STAGE_ENDED,      /* the peer's EOF was read: what the core still drains leaves, then it is told */
    BW_STAGE_CLOSING,    /* the core wants CLOSE, or was given up: what it still drains leaves */
    BW_STAGE_LINGERING,  /* our side is shut, the core is gone: input is dropped until EOF, for a while */
    BW_STAGE_GONE,       /* the socket is closed; only the memory is left, until libuv is done with it */
};

/* Where the connections of one listener or dialer live. */
struct bw_home {
    void *owner;
    struct bw_list connections;
    size_t count; /* those whose socket is not closed */
};

struct bw_connection {
    struct bw_loop *loop;
    struct bw_chore chore;
    struct bw_list in_loop, in_home;
    struct bw_home *home;
    uint64_t id; /* of the wish that made it */
    struct bw_conn core;
    enum bw_stage stage;
    uint64_t give_up_ms; /* from ENDED on: when patience with the peer ends */
    uint8_t *rest;       /* drained bytes the socket has not taken yet: a write request is under way */
    size_t rest_len, rest_told;
    bool reading, reads_large;
    bool deaf; /* the core took fewer bytes than it was fed: it never reads again */
    bool dry;  /* the last drain gave nothing */
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_write_t write;
};

void bw_connection_home_init(struct bw_home *home, void *owner);
/* Ends all connections that live there. */
void bw_connection_home_end(struct bw_home *home);

/* A connection without a core and without a socket yet; NULL: no memory. */
struct bw_connection *bw_connection_new(struct bw_loop *loop, struct bw_home *home, bool is_unix);
/* The same for a connected TCP socket, which it takes over; NULL: no memory, the fd is closed. */
struct bw_connection *bw_connection_of_fd(struct bw_loop *loop, struct bw_home *home, int fd);
/* Connects a new connection. 0, or a uv error: then the connection is gone and on_done is not called. */
int bw_connection_dial(struct bw_connection *connection, uv_connect_t *request,
                       const struct sockaddr_storage *to, uv_connect_cb on_done);
struct bw_wake bw_connection_wake(struct bw_connection *connection);
/* Takes the core over and runs it from the end of this turn on. */
void bw_connection_start(struct bw_connection *connection, struct bw_conn core);

/* Sends what the core still drains, frees it without lost(), closes the socket with care. */
void bw_connection_close(struct bw_connection *connection);
/* Closes the socket now; a core is told BW_LOST_SHUTDOWN and freed. */
void bw_connection_end(struct bw_connection *connection);
void bw_connection_end_all(struct bw_loop *loop);

#endif
