/* world.h: service-a's surroundings in memory: the channel to a scripted service-b, RPC callers, browsers,
 * and a virtual clock. No socket, no sleep.
 *
 *   struct world world;
 *   world_open(&world);
 *   struct guard *guard = world_guard(&world, "ServiceB_CB", NULL);
 *   world.b.answer.code = BW_INTERNAL;                 what service-b answers from now on
 *   struct seen *seen = world_call(&world, guard);     a call, and everything that follows at once
 *   assert_int_equal(seen->code, BW_INTERNAL);
 *   world_advance(&world, 1000);
 *   world_close(&world);
 *
 * What the test itself makes of modules (front, face, feed) it frees between world_disconnect and
 * world_close. */
#ifndef TESTS_CLIENT_WORLD_H
#define TESTS_CLIENT_WORLD_H

#include "run.h"
#include "wire.h"

#include "guard.h"
#include "times.h"

#include <breakwire/breaker.h>
#include <breakwire/buf.h>
#include <breakwire/channel.h>
#include <breakwire/server.h>

#define START_MS 1000u
/* 2026-01-31T12:00:00Z at START_MS. */
#define START_WALL_MS 1769860800000u

enum { TIMEOUT_MS = 3000, OPEN_MS = 1000, TRIP = 3 };
enum { LINKS_MAX = 16, CLOCKED_MAX = 8, GUARDS_MAX = 4, SEEN_MAX = 64, QUEUE_MAX = 16, HELD_MAX = 32 };

/* How service-b answers one call. Zero: OK at once with an empty message. */
struct answer {
    uint64_t after_ms;
    bool never;
    int code;
    const char *message;          /* of the status */
    struct bw_span response;      /* when OK */
    const char *header, *trailer; /* "name=value" */
    int64_t retry_info_ms;        /* RetryInfo in the details; 0 = no details */
    int64_t pushback_ms;          /* 0 = none */
};

struct held {
    struct bw_server_call *call; /* NULL: free place */
    uint64_t due_ms;
    struct answer answer;
};

struct service_b {
    struct answer answer;           /* of every call that the queue has none for */
    struct answer queue[QUEUE_MAX]; /* of the next calls, a ring */
    size_t queued, taken;
    unsigned received, cancelled,
        expired; /* calls that arrived; that their caller reset; whose time ran out */
    struct held held[HELD_MAX];
    char path[128]; /* of the newest call, as all below */
    struct bw_buf request;
    struct bw_metadata *metadata;
    uint64_t deadline_ms;
};

enum dialling { DIAL_ACCEPT, DIAL_REFUSE, DIAL_HANG };

/* A channel and the server that its wishes lead to. */
struct side {
    struct bw_channel *channel;
    struct bw_dialable dialable;
    struct bw_server *server;
    enum dialling dialling;
    unsigned dials;
};

struct link {
    struct side *side; /* NULL: a browser */
    uint64_t id;       /* of the wish */
    struct bw_wire *wire;
};

/* A guarded call and how it ended; everything is copied. */
struct seen {
    struct guard_call *call; /* until it has ended */
    unsigned ends;
    bool rejected, forced, probe, has_pushback;
    int code;
    uint64_t retry_after_ms, latency_ms;
    int64_t pushback_ms;
    char code_name[32], message[128], state[16], breaker[GUARD_NAME_MAX + 1];
    struct bw_buf response, details;
    struct bw_metadata *headers, *trailers;
};

struct world {
    uint64_t now_ms;
    struct side to_b; /* the guards' channel */
    struct side to_a; /* an RPC caller's channel to the server that a face is added to */
    struct service_b b;
    struct link links[LINKS_MAX];
    size_t links_count;
    struct bw_clocked clocked[CLOCKED_MAX];
    size_t clocked_count;
    struct guard *guards[GUARDS_MAX];
    struct bw_breaker *breakers[GUARDS_MAX]; /* theirs, for what only an operator does */
    size_t guards_count;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    struct bw_buf
        trace; /* what the guards' observers are told: "call OK closed; closed>open CONSECUTIVE; " */
    /* Further observers, of a test with modules that want to know too; may be NULL. */
    void (*on_call)(void *user, const struct guard_result *result);
    void (*on_change)(void *user, const struct guard_change *change);
    void *user;
};

void world_open(struct world *world);
/* All connections are gone: their ends are told, and freed. */
void world_disconnect(struct world *world);
/* Disconnects, and frees guards, servers and channels; checks that each call ended at most once. */
void world_close(struct world *world);

/* config NULL: TRIP failures open for OPEN_MS. */
struct guard *world_guard(struct world *world, const char *name, const struct bw_breaker_config *config);
void world_breaker_config(struct bw_breaker_config *config);
void world_add_clocked(struct world *world, struct bw_clocked clocked);
struct times world_times(struct world *world);

/* Everything that can happen now has happened; and so has everything of the next ms. */
void world_settle(struct world *world);
void world_advance(struct world *world, uint64_t ms);

/* GetData with the message "ping" through a guard; world_call settles too. request NULL: that one. */
struct seen *world_start(struct world *world, struct guard *guard, const struct guard_request *request);
struct seen *world_call(struct world *world, struct guard *guard);
void world_cancel(struct world *world, struct seen *seen);
/* TRIP failing calls: the guard is open. */
void world_trip(struct world *world, struct guard *guard);
/* An operator holds the guard's breaker open (no module of service-a lets one do that yet). */
void world_hold(struct world *world, const struct guard *guard);
const char *world_state(const struct world *world, const struct guard *guard);
/* The trace so far, and forgets it. Valid until the next time. */
const char *world_trace(struct world *world);

/* One more answer for the queue. */
void world_next_answer(struct world *world, struct answer answer);
/* service-b breaks all connections and accepts no new ones, or accepts again. */
void world_b_dies(struct world *world);
void world_b_lives(struct world *world);

/* A browser's connection to an HTTP server; it talks through BW_WIRE_B of the wire, which the world frees. */
struct bw_wire *world_browser(struct world *world, struct bw_conn conn);
/* The browser has left, and its connection is freed. */
void world_remove_browser(struct world *world, struct bw_wire *browser);

/* For world.c alone. */
void service_b_add(struct world *world);
bool service_b_step(struct world *world);
void service_b_free(struct service_b *b);

#endif
