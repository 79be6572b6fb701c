/* window.h: the last results of a generation, and how many of them were failures or slow.
 *
 * Three kinds. A time window is a circle of buckets, a word each; a count window of few calls is a shift
 * register in one word; neither takes a lock. A count window of many calls, or one that has to know weights,
 * is a circle of bytes behind a short lock.
 *
 * Each carries the generation that it counts for. A result starts it anew when it is of a later one, and is
 * refused when it is of an earlier one: what a generation has recorded is never seen by another.
 *
 * Configurations of another shape have another version: two versions at a time have memory of their own, so
 * that a thread which still holds the last configuration cannot disturb the present one. */
#ifndef BREAKER_WINDOW_H
#define BREAKER_WINDOW_H

#include <stdatomic.h>

#include <breakwire/breaker.h>

#include "word.h"

enum {
    BW_WINDOW_BUCKETS_MAX = 60,
    BW_WINDOW_BUCKET_SLOTS = 64,
    BW_WINDOW_REGISTER_CALLS = 46,      /* without slow ones to be told apart */
    BW_WINDOW_REGISTER_SLOW_CALLS = 23, /* with them */
    BW_WINDOW_RING_CALLS = 1024,        /* any breaker has memory for so many */
};

enum bw_window_form { BW_FORM_NONE, BW_FORM_TIME, BW_FORM_REGISTER, BW_FORM_RING };

/* Two words, since every call reads it. */
struct bw_window_shape {
    uint32_t version;
    uint8_t form;
    uint8_t has_slow; /* REGISTER: slow calls are told apart */
    uint16_t buckets; /* TIME */
    uint32_t bucket_ms;
    uint32_t calls; /* REGISTER, RING */
};

/* What is added: a result, or the late failure of a call that was counted as slow when it was overdue. */
struct bw_window_entry {
    uint8_t weight; /* 0 = no failure */
    bool slow;
    bool is_late; /* its call is in the window already */
};

struct bw_window_sums {
    uint32_t calls, failed, slow;
    uint32_t weight; /* of the failures, at most UINT32_MAX; a register takes each for 1 */
};

/* When: in which generation, all 64 bits of it, and at what time since the epoch. */
struct bw_window_moment {
    uint64_t generation, t_ms;
};

struct bw_window_buckets {
    _Atomic uint64_t newest; /* number of the newest one */
    _Atomic uint64_t marked; /* of the newest one with a failure or a slow call */
    _Atomic uint64_t results[BW_WINDOW_BUCKET_SLOTS];
    _Atomic uint64_t weights[BW_WINDOW_BUCKET_SLOTS];
};

struct bw_window_ring {
    atomic_flag lock;
    uint64_t version, generation;
    struct bw_window_sums sums;
    uint32_t next;
    uint8_t *entries; /* [slow 1][weight 7] */
};

enum { BW_WINDOW_START_BITS = 64 - BW_WORD_GENERATION_BITS };
#define BW_WINDOW_START_MASK ((UINT64_C(1) << BW_WINDOW_START_BITS) - 1)

struct bw_windows {
    _Atomic uint64_t start; /* [generation 17 | t_ms 47] of the generation that is counted */
    _Atomic uint64_t registers[2];
    struct bw_window_buckets buckets[2];
    struct bw_window_ring ring;
};

/* version 0 */
struct bw_window_shape bw_window_shape_of(const struct bw_breaker_config *config);
/* How many entries the ring needs for it. Any configuration, checked or not. */
size_t bw_window_ring_needs(const struct bw_breaker_config *config);
/* Before anybody else knows it; all of it is zero. `entries` are lent for good. */
void bw_windows_init(struct bw_windows *windows, uint8_t *entries);
/* Empties what a new version will use. */
void bw_windows_prepare(struct bw_windows *windows, const struct bw_window_shape *shape, uint64_t generation);

/* A generation has begun. Harmless when another thread has begun it, or a later one, already. */
void bw_windows_begin(struct bw_windows *windows, const struct bw_window_shape *shape,
                      struct bw_window_moment at);
/* All 0 when another generation is being counted. */
struct bw_window_sums bw_windows_read(const struct bw_windows *windows, const struct bw_window_shape *shape,
                                      struct bw_window_moment at);

/* ---- Between the files of the window; bw_windows_add is in window_add.h ---- */

/* The start of a generation: `*start_ms` as whoever came first saw it. False when a later one has begun. */
bool bw_windows_start(struct bw_windows *windows, struct bw_window_moment at, uint64_t *start_ms);
/* `start_ms` is that of the generation. */
struct bw_window_sums bw_window_buckets_add(struct bw_window_buckets *buckets,
                                            const struct bw_window_shape *shape, struct bw_window_moment at,
                                            uint64_t start_ms, struct bw_window_entry entry);
struct bw_window_sums bw_window_buckets_read(const struct bw_window_buckets *buckets,
                                             const struct bw_window_shape *shape, struct bw_window_moment at,
                                             uint64_t start_ms);
void bw_window_buckets_clear(struct bw_window_buckets *buckets);

bool bw_window_ring_add(struct bw_window_ring *ring, const struct bw_window_shape *shape, uint64_t generation,
                        struct bw_window_entry entry, struct bw_window_sums *sums);
struct bw_window_sums bw_window_ring_read(const struct bw_window_ring *ring,
                                          const struct bw_window_shape *shape, uint64_t generation);

#endif
