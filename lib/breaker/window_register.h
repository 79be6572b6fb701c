/* window_register.h: a count window of few calls in one word, without a lock.
 *
 *     [generation 17][1 and the failures, newest lowest][slow ones, the same, in a short one]
 *
 * The 1 stands above the oldest call, so its place tells how many there are. Inline, since a success that
 * changes nothing but the window should cost little more than one that changes nothing. */
#ifndef BREAKER_WINDOW_REGISTER_H
#define BREAKER_WINDOW_REGISTER_H

#include "window.h"

enum {
    BW_REGISTER_GENERATION_SHIFT = 64 - BW_WORD_GENERATION_BITS,
    BW_REGISTER_SLOW_BITS = BW_WINDOW_REGISTER_SLOW_CALLS,
};
#define BW_REGISTER_BITS(n) ((UINT64_C(1) << (n)) - 1)

/* The calls of a register, a bit each. */
struct bw_register {
    uint64_t failed; /* with the 1 above */
    uint64_t slow;
};

static inline struct bw_register bw_register_unpack(uint64_t word, const struct bw_window_shape *shape) {
    uint64_t both = word & BW_REGISTER_BITS(BW_REGISTER_GENERATION_SHIFT);
    if (!shape->has_slow)
        return (struct bw_register){both, 0};
    return (struct bw_register){both >> BW_REGISTER_SLOW_BITS,
                                both & BW_REGISTER_BITS(BW_REGISTER_SLOW_BITS)};
}

static inline uint64_t bw_register_pack(struct bw_register reg, const struct bw_window_shape *shape,
                                        uint64_t generation) {
    uint64_t both = shape->has_slow ? reg.failed << BW_REGISTER_SLOW_BITS | reg.slow : reg.failed;
    return bw_word_tag(generation) << BW_REGISTER_GENERATION_SHIFT | both;
}

static inline uint64_t bw_register_fresh(const struct bw_window_shape *shape, uint64_t generation) {
    return bw_register_pack((struct bw_register){1, 0}, shape, generation);
}

static inline bool bw_register_is_of(uint64_t word, uint64_t generation) {
    return word >> BW_REGISTER_GENERATION_SHIFT == bw_word_tag(generation);
}

/* The newest call that is slow and has not failed is the one that fails late, or is as good. */
static inline struct bw_register bw_register_with_late(struct bw_register reg, struct bw_window_entry entry) {
    uint64_t waiting = reg.slow & ~reg.failed;
    reg.failed |= entry.weight ? waiting & -waiting : 0;
    return reg;
}

static inline struct bw_register bw_register_with(struct bw_register reg, const struct bw_window_shape *shape,
                                                  struct bw_window_entry entry) {
    if (entry.is_late)
        return bw_register_with_late(reg, entry);
    bool is_full = reg.failed >> shape->calls != 0;
    reg.failed = reg.failed << 1 | (entry.weight ? 1 : 0);
    reg.slow = (reg.slow << 1 | (entry.slow ? 1 : 0)) & BW_REGISTER_BITS(shape->calls);
    if (is_full)
        reg.failed = (reg.failed & BW_REGISTER_BITS(shape->calls)) | UINT64_C(1) << shape->calls;
    return reg;
}

/* How many bits are set: neighbours are added up, in twos, fours and eights. */
static inline uint32_t bw_register_ones(uint64_t plane) {
    plane -= plane >> 1 & UINT64_C(0x5555555555555555);
    plane = (plane & UINT64_C(0x3333333333333333)) + (plane >> 2 & UINT64_C(0x3333333333333333));
    plane = (plane + (plane >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(plane * UINT64_C(0x0101010101010101) >> 56);
}

/* Mostly nothing has failed, and only the 1 above is set. */
static inline struct bw_window_sums bw_register_sums(struct bw_register reg) {
    uint32_t calls = 63 - (uint32_t)__builtin_clzll(reg.failed);
    struct bw_window_sums sums = {.calls = calls};
    if (reg.failed & (reg.failed - 1))
        sums.failed = sums.weight = bw_register_ones(reg.failed) - 1;
    if (reg.slow)
        sums.slow = bw_register_ones(reg.slow);
    return sums;
}

static inline bool bw_window_register_add(_Atomic uint64_t *word, const struct bw_window_shape *shape,
                                          uint64_t generation, struct bw_window_entry entry,
                                          struct bw_window_sums *sums) {
    struct bw_register reg;
    uint64_t seen = atomic_load_explicit(word, memory_order_acquire), old;
    do {
        if (bw_word_is_later(seen >> BW_REGISTER_GENERATION_SHIFT, generation))
            return false;
        old = bw_register_is_of(seen, generation) ? seen : bw_register_fresh(shape, generation);
        reg = bw_register_with(bw_register_unpack(old, shape), shape, entry);
    } while (!atomic_compare_exchange_weak_explicit(word, &seen, bw_register_pack(reg, shape, generation),
                                                    memory_order_acq_rel, memory_order_acquire));
    *sums = bw_register_sums(reg);
    return true;
}

/* Empties it for a new version. */
void bw_window_register_clear(_Atomic uint64_t *word, const struct bw_window_shape *shape,
                              uint64_t generation);
void bw_window_register_begin(_Atomic uint64_t *word, const struct bw_window_shape *shape,
                              uint64_t generation);
struct bw_window_sums bw_window_register_read(const _Atomic uint64_t *word,
                                              const struct bw_window_shape *shape, uint64_t generation);

#endif
