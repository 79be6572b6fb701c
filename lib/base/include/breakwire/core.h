/* core.h: the shapes that pure cores offer and lib/net drives: connections, dialables, clocked things.
 *
 * A core takes bytes and `now_ms` and gives bytes and decisions; it has no socket, clock, thread or sleep.
 * lib/net drives anything of these shapes; tests drive the same cores in memory with a virtual clock.
 *
 * Rules for all of it:
 *  - `now_ms` is monotonic, in milliseconds, and never goes back between two calls on one core.
 *  - Nothing here is thread-safe: one core belongs to one loop.
 *  - A core never calls back inside the call that set the callback up: it is delivered by the next tick,
 *    and `wake` asks for that tick. */
#ifndef BREAKWIRE_CORE_H
#define BREAKWIRE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "No deadline": a point in time that never comes. */
#define BW_NEVER UINT64_MAX

/* The one hook a core gets at creation: "I have output or a new deadline, though nobody called me".
 * It only marks; the driver drains or ticks marked cores at the end of its turn. Plain data, copied. */
struct bw_wake {
    void (*fn)(void *driver); /* NULL: nobody listens (tests that poll) */
    void *driver;
};

static inline void bw_wake_up(const struct bw_wake *wake) {
    if (wake->fn)
        wake->fn(wake->driver);
}

/* Why a connection is gone. */
enum bw_lost {
    BW_LOST_EOF,      /* the peer closed its side */
    BW_LOST_ERROR,    /* reset, or another error of the socket */
    BW_LOST_SHUTDOWN, /* the driver itself is going away */
};

/* What a connection wants from its driver, a set. */
enum { BW_WANTS_READ = 1, BW_WANTS_CLOSE = 2 };

/* A connection: bytes in, bytes out. The driver owns it and ends it with `free`, which reports to nobody. */
struct bw_conn_ops {
    /* Takes bytes that came in. Returns `len`, or fewer when it will never read again (then it wants CLOSE
     * and the rest is dropped). Never called while READ is not wanted. */
    size_t (*feed)(void *conn, uint64_t now_ms, const uint8_t *bytes, size_t len);
    /* Writes up to `cap` bytes that are to be sent; 0 = nothing now. Call until it says 0 or `out` is full.
     */
    size_t (*drain)(void *conn, uint64_t now_ms, uint8_t *out, size_t cap);
    /* `len` of the drained bytes have left for the peer; bounds the queue and feeds write-progress timers. */
    void (*written)(void *conn, uint64_t now_ms, size_t len);
    /* Does what is due at now_ms. Harmless when nothing is. */
    void (*tick)(void *conn, uint64_t now_ms);
    /* The next time tick must be called, or BW_NEVER. 0 = at once. */
    uint64_t (*next_deadline)(const void *conn);
    /* Set of BW_WANTS_*. CLOSE: send what drain still gives, then close. Without READ the driver stops
     * reading. */
    unsigned (*wants)(const void *conn);
    /* The peer or the socket is gone. No feed or drain follows; `free` does. */
    void (*lost)(void *conn, uint64_t now_ms, enum bw_lost reason);
    void (*free)(void *conn);
};

struct bw_conn {
    const struct bw_conn_ops *ops; /* NULL: no connection (refused) */
    void *self;
};

/* Makes the connection core for an accepted socket. `peer` is the text of the peer's address, lent. A result
 * with ops == NULL refuses: the driver closes the socket. */
typedef struct bw_conn (*bw_accept_fn)(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake);

/* An address as text: "127.0.0.1:5001", "[::1]:5001", "unix:/run/b.sock". */
struct bw_address {
    char text[128];
};

enum bw_wish_kind {
    BW_WISH_NONE,
    BW_WISH_RESOLVE, /* look `name` (host) up; answer with resolved() or failed() under `id` */
    BW_WISH_CONNECT, /* connect to `address`; answer with connected() or failed() under `id` */
    BW_WISH_CLOSE,   /* give up: abandon the connect attempt, or close the connection, of `id` */
};

struct bw_wish {
    enum bw_wish_kind kind;
    uint64_t id;
    /* RESOLVE: the host alone. CONNECT: the host that the peer must prove to be, by TLS; "" = plain text. */
    char host[254];
    uint16_t port; /* RESOLVE: goes into each address */
    struct bw_address address;
};

/* Something that owns connections it wants to have made: the channel of lib/rpc. */
struct bw_dial_ops {
    /* Takes the next wish; false = none now. Asked after every call below and after a wake. */
    bool (*next_wish)(void *dialable, uint64_t now_ms, struct bw_wish *out);
    /* Addresses are lent. */
    void (*resolved)(void *dialable, uint64_t now_ms, uint64_t id, const struct bw_address *addresses,
                     size_t n);
    /* A resolve or connect did not work; `why` is a short sentence, lent. May also come after connected(),
     * before the peer's first byte: then the connection is lost next. */
    void (*failed)(void *dialable, uint64_t now_ms, uint64_t id, const char *why);
    /* Connected: returns the core that the driver now runs and frees. */
    struct bw_conn (*connected)(void *dialable, uint64_t now_ms, uint64_t id, struct bw_wake wake);
    void (*tick)(void *dialable, uint64_t now_ms);
    uint64_t (*next_deadline)(const void *dialable);
};

struct bw_dialable {
    const struct bw_dial_ops *ops;
    void *self;
};

/* Anything else that only needs the time: delayed answers, polls, batches. */
struct bw_clocked_ops {
    void (*tick)(void *clocked, uint64_t now_ms);
    uint64_t (*next_deadline)(const void *clocked);
};

struct bw_clocked {
    const struct bw_clocked_ops *ops;
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
