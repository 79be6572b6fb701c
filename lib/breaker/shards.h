/* shards.h: counters and last results, a set for every thread, summed on reading.
 *
 * A counter that threads share costs more than the rest of the breaker. So a thread takes a shard for itself
 * the first time it comes, by the address of its thread-local words, and then counts in it with a load and a
 * store. Threads that find all shards taken share the last one and count with read-modify-write.
 *
 * Of two counters that belong together, the part is counted after the whole (stores release) and read before
 * it (loads acquire): a sum never has more failures than results. */
#ifndef BREAKER_SHARDS_H
#define BREAKER_SHARDS_H

#include <stdatomic.h>

#include <breakwire/breaker.h>

enum { BW_SHARDS_OWNED = 16, BW_SHARDS = BW_SHARDS_OWNED + 1, BW_SHARD_RECENT = 8 };

/* A recorded result as the list of the last ones holds it. It is written with each call, so it is not packed.
 */
struct bw_shard_result {
    _Atomic uint64_t now_ms;
    _Atomic uint64_t call; /* [latency_ms 32][code 32], as the caller told them */
};

struct bw_shard {
    _Atomic uintptr_t owner; /* 0 = shared, or not taken yet; never changes again */
    _Atomic uint64_t admitted, admitted_probe, rejected[BW_DECISIONS];
    _Atomic uint64_t results, failed_code[BW_BREAKER_CODES], slow, ignored, stale, twice;
    struct bw_shard_result recent[BW_SHARD_RECENT]; /* newest at results - 1 */
    uint64_t unused[8 + 8];                         /* whole cache lines, and one between any two shards */
};

/* What a thread keeps; the address tells threads apart. */
struct bw_shards_thread {
    size_t
        home; /* the shard it looks at first, bytes from the first of them; 0 = not known yet, or that one */
};
extern _Thread_local struct bw_shards_thread bw_shards_here;

/* Takes a shard for this thread, or finds the one it took. */
struct bw_shard *bw_shards_take(struct bw_shard shards[BW_SHARDS]);

/* The number of the shard that a thread looks at first. */
static inline unsigned bw_shards_home(uintptr_t me) {
    return (unsigned)((uint64_t)me * UINT64_C(0x9E3779B97F4A7C15) >> 60);
}

/* The first one, if this thread has taken it; else NULL. */
static inline struct bw_shard *bw_shards_at_home(struct bw_shard shards[BW_SHARDS]) {
    struct bw_shard *home = (struct bw_shard *)(void *)((char *)shards + bw_shards_here.home);
    uintptr_t me = (uintptr_t)&bw_shards_here;
    return atomic_load_explicit(&home->owner, memory_order_relaxed) == me ? home : NULL;
}

/* The shard to count in. */
static inline struct bw_shard *bw_shards_mine(struct bw_shard shards[BW_SHARDS]) {
    struct bw_shard *home = bw_shards_at_home(shards);
    return home ? home : bw_shards_take(shards);
}

/* `counter` is one of a shard that this thread has taken. */
static inline void bw_shards_count_own(_Atomic uint64_t *counter) {
    uint64_t count = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, count + 1, memory_order_release);
}

/* `counter` is one of the shard's own. */
static inline void bw_shards_count(struct bw_shard *shard, _Atomic uint64_t *counter) {
    if (atomic_load_explicit(&shard->owner, memory_order_relaxed))
        bw_shards_count_own(counter);
    else
        atomic_fetch_add_explicit(counter, 1, memory_order_release);
}

static inline void bw_shards_write(struct bw_shard_result *result, uint64_t now_ms, int code,
                                   uint64_t latency_ms) {
    atomic_store_explicit(&result->now_ms, now_ms, memory_order_relaxed);
    uint64_t shown_ms = latency_ms < UINT32_MAX ? latency_ms : UINT32_MAX;
    atomic_store_explicit(&result->call, shown_ms << 32 | (uint32_t)code, memory_order_relaxed);
}

/* What is no gRPC code counts as UNKNOWN. */
static inline int bw_shards_code(int code) {
    const int unknown = 2;
    return code >= 0 && code < BW_BREAKER_CODES ? code : unknown;
}

/* Counts a result and remembers it for the next events; the shard is one that this thread has taken. */
static inline void bw_shards_remember_own(struct bw_shard *shard, uint64_t now_ms, int code,
                                          uint64_t latency_ms) {
    uint64_t count = atomic_load_explicit(&shard->results, memory_order_relaxed);
    bw_shards_write(&shard->recent[count % BW_SHARD_RECENT], now_ms, code, latency_ms);
    atomic_store_explicit(&shard->results, count + 1, memory_order_release);
}

/* The same for any. Threads that share the last shard may put an entry into the other's place, or half of
 * one: the list is for people, the counters are exact. */
static inline void bw_shards_remember(struct bw_shard *shard, uint64_t now_ms, int code,
                                      uint64_t latency_ms) {
    uint64_t count = atomic_load_explicit(&shard->results, memory_order_relaxed);
    bw_shards_write(&shard->recent[count % BW_SHARD_RECENT], now_ms, code, latency_ms);
    bw_shards_count(shard, &shard->results);
}

/* Adds all shards up; other members of `out` are left alone. */
void bw_shards_sum(const struct bw_shard shards[BW_SHARDS], struct bw_breaker_counters *out);
/* The last results of all threads, newest first; returns how many. */
uint32_t bw_shards_last(const struct bw_shard shards[BW_SHARDS], struct bw_event_call out[BW_SHARD_RECENT]);

#endif
