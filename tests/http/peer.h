/* peer.h: a client of lib/http in memory: drives one connection core the way lib/net does, in virtual time.
 *
 * Every call that gives the core something ends with a turn: a tick if one is due, then everything drained is
 * taken as written, unless the peer is blocked. */
#ifndef TESTS_HTTP_PEER_H
#define TESTS_HTTP_PEER_H

#include <breakwire/buf.h>
#include <breakwire/http.h>

#include "run.h"

struct peer {
    struct bw_conn conn;
    uint64_t now_ms;
    struct bw_buf got; /* what arrived */
    size_t unwritten;  /* drained while blocked: 0 or all that one drain gave */
    bool blocked;      /* the socket takes nothing */
    size_t drain_size; /* bytes asked for at a time */
    unsigned wakes;
    bool left;
};

/* Connects; fails the test when the server refuses. */
void peer_open(struct peer *peer, struct bw_http_server *server, uint64_t now_ms);
/* The same, but false when refused. */
bool peer_try_open(struct peer *peer, struct bw_http_server *server, uint64_t now_ms);
/* Feeds the bytes as one piece. Asserts that READ is wanted. */
void peer_send_bytes(struct peer *peer, const void *bytes, size_t len);
void peer_send(struct peer *peer, const char *text);
/* What a driver does after each event. */
void peer_turn(struct peer *peer);
/* Time passes up to now_ms; each deadline on the way is kept. */
void peer_wait_until(struct peer *peer, uint64_t now_ms);
/* A blocked socket takes n of the drained bytes after all. */
void peer_take(struct peer *peer, size_t n);
/* The socket takes bytes again. */
void peer_unblock(struct peer *peer);
/* The client leaves. */
void peer_leave(struct peer *peer);
/* Frees the connection (told SHUTDOWN if it is still there) and what arrived. */
void peer_close(struct peer *peer);

bool peer_wants_read(const struct peer *peer);
/* The core wants to be closed. */
bool peer_is_ended(const struct peer *peer);
/* What arrived, as text; valid until more arrives. */
const char *peer_text(struct peer *peer);
/* Forgets what arrived. */
void peer_forget(struct peer *peer);

#endif
