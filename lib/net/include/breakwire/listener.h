/* listener.h: accepts TCP connections and runs a connection core for each. Rules as in loop.h.
 *
 * Connections are limited to half of the process's RLIMIT_NOFILE for each listener; above that, and when the
 * system is out of file descriptors, accepting pauses for 100 ms at a time. */
#ifndef BREAKWIRE_LISTENER_H
#define BREAKWIRE_LISTENER_H

#include <breakwire/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_listener;

/* Listens on "HOST:PORT" or "[V6]:PORT" and calls accept(owner, ...) for each connection. HOST is an address
 * or a name (looked up here, which may block; IPv4 is preferred), or nothing for all addresses; port 0 picks
 * a free one. NULL: `why` (cap bytes, cut) says it in a sentence such as "cannot listen on 127.0.0.1:5001:
 * address already in use". The owner is kept, not owned. */
struct bw_listener *bw_listener_new(struct bw_loop *loop, const char *address, bw_accept_fn accept,
                                    void *owner, char *why, size_t cap);

/* The address that is really listened on, as "127.0.0.1:5001" or "[::1]:5001"; lent, valid until the free. */
const char *bw_listener_address(const struct bw_listener *listener);
/* Connections accepted here that are not closed yet, those included whose peer is still taking the last
 * bytes. */
size_t bw_listener_connections(const struct bw_listener *listener);

/* Stops accepting; existing connections go on. Again: nothing happens. */
void bw_listener_close(struct bw_listener *listener);
/* Closes, ends the connections that are left (lost with BW_LOST_SHUTDOWN, then free), frees. Not from inside
 * a callback of one of them. NULL is allowed. */
void bw_listener_free(struct bw_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
