/* world.h: a loop with a watchdog, and scripted cores, for the tests of lib/net. */
#ifndef TESTS_NET_WORLD_H
#define TESTS_NET_WORLD_H

#include "run.h"

#include <breakwire/buf.h>
#include <breakwire/dialer.h>
#include <breakwire/listener.h>
#include <breakwire/loop.h>

#define WATCHDOG_MS 10000

struct world {
    struct bw_loop *loop;
    struct bw_clockwork *clockwork;
    uint64_t check_ms, end_ms;
    bool (*is_done)(void *user);
    void *user;
    bool late;
};

void world_open(struct world *world);
/* Runs the loop until is_done(user), which is asked every millisecond; the test fails after WATCHDOG_MS. */
void world_run(struct world *world, bool (*is_done)(void *user), void *user);
/* Frees the loop; NULL afterwards. */
void world_close(struct world *world);

/* A connection core that does as it is told. Its memory is the test's. */
struct peer {
    struct bw_wake wake;
    struct bw_buf in, out;
    size_t in_max; /* stops wanting to read when `in` holds that much; 0 = no limit */
    unsigned wants;
    bool echo;       /* what comes in goes out */
    bool feeds_none; /* feed returns 0 */
    uint64_t deadline;
    size_t written;
    unsigned feeds, drains, ticks, lost, freed;
    enum bw_lost lost_reason;
    uint64_t tick_ms;
    void (*on_feed)(struct peer *peer);
    void *user;
};

void peer_init(struct peer *peer);
void peer_close(struct peer *peer);
struct bw_conn peer_conn(struct peer *peer);
/* bw_accept_fn whose owner is the peer; an owner already in use refuses. */
struct bw_conn peer_accept(void *owner, uint64_t now_ms, const char *text, struct bw_wake wake);
bool peer_is_freed(void *peer);
bool peer_is_open(void *peer);

/* A dialable that wishes what it is given and keeps the answers. */
struct caller {
    struct bw_wish wishes[4];
    size_t wishes_count;
    struct peer *peer; /* the core of the next connection; NULL refuses */
    struct bw_address addresses[16];
    size_t addresses_count;
    unsigned connected, failed;
    uint64_t failed_id, deadline;
    unsigned ticks;
    char why[256];
    void (*on_connected)(struct caller *caller);
    void *user;
};

struct bw_dialable caller_dialable(struct caller *caller);
void caller_wish(struct caller *caller, enum bw_wish_kind kind, uint64_t id, const char *text);
bool caller_has_answer(void *caller);

struct bw_listener *listen_at(struct world *world, const char *address, struct peer *peer);
/* A plain non-blocking socket connected to "127.0.0.1:port"; receive_bytes: its SO_RCVBUF, 0 = default. */
int raw_connect(const char *address, int receive_bytes);

#endif
