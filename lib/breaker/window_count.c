#include "window.h"

/* The register: [generation 17][1 and the failures, newest lowest][slow ones, the same, in a short one]. The
 * 1 stands above the oldest call, so its place tells how many there are. */
enum { GENERATION_SHIFT = 64 - BW_WORD_GENERATION_BITS, SLOW_BITS = BW_WINDOW_REGISTER_SLOW_CALLS };
#define BITS(n) ((UINT64_C(1) << (n)) - 1)

struct planes {
    uint64_t failed; /* with the 1 above */
    uint64_t slow;
};

static struct planes unpack(uint64_t reg, const struct bw_window_shape *shape) {
    uint64_t both = reg & BITS(GENERATION_SHIFT);
    return shape->has_slow ? (struct planes){both >> SLOW_BITS, both & BITS(SLOW_BITS)}
                           : (struct planes){both, 0};
}

static uint64_t pack(struct planes planes, const struct bw_window_shape *shape, uint64_t generation) {
    uint64_t both = shape->has_slow ? planes.failed << SLOW_BITS | planes.slow : planes.failed;
    return bw_word_tag(generation) << GENERATION_SHIFT | both;
}

/* How many bits are set: neighbours are added up, in twos, fours and eights. */
static uint32_t ones(uint64_t plane) {
    plane -= plane >> 1 & UINT64_C(0x5555555555555555);
    plane = (plane & UINT64_C(0x3333333333333333)) + (plane >> 2 & UINT64_C(0x3333333333333333));
    plane = (plane + (plane >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(plane * UINT64_C(0x0101010101010101) >> 56);
}

static uint32_t calls_of(struct planes planes) {
    return 63 - (uint32_t)__builtin_clzll(planes.failed);
}

/* Mostly nothing has failed, and only the 1 above is set. */
static struct bw_window_sums sums_of(struct planes planes) {
    bool has_failed = (planes.failed & (planes.failed - 1)) != 0;
    uint32_t failed = has_failed ? ones(planes.failed) - 1 : 0;
    return (struct bw_window_sums){calls_of(planes), failed, planes.slow ? ones(planes.slow) : 0, failed};
}

static struct planes with(struct planes planes, const struct bw_window_shape *shape,
                          struct bw_window_entry entry) {
    if (entry.is_late) {
        /* The newest call that is slow and has not failed is it, or is as good. */
        uint64_t waiting = planes.slow & ~planes.failed;
        planes.failed |= entry.weight ? waiting & -waiting : 0;
        return planes;
    }
    bool is_full = calls_of(planes) == shape->calls;
    planes.failed = planes.failed << 1 | (entry.weight ? 1 : 0);
    planes.slow = (planes.slow << 1 | (entry.slow ? 1 : 0)) & BITS(shape->calls);
    if (is_full)
        planes.failed = (planes.failed & BITS(shape->calls)) | UINT64_C(1) << shape->calls;
    return planes;
}

static uint64_t fresh(const struct bw_window_shape *shape, uint64_t generation) {
    return pack((struct planes){1, 0}, shape, generation);
}

static bool is_of(uint64_t reg, uint64_t generation) {
    return reg >> GENERATION_SHIFT == bw_word_tag(generation);
}

void bw_window_register_clear(_Atomic uint64_t *reg, const struct bw_window_shape *shape,
                              uint64_t generation) {
    atomic_store_explicit(reg, fresh(shape, generation), memory_order_release);
}

void bw_window_register_begin(_Atomic uint64_t *reg, const struct bw_window_shape *shape,
                              uint64_t generation) {
    uint64_t seen = atomic_load_explicit(reg, memory_order_acquire);
    while (bw_word_is_later(generation, seen >> GENERATION_SHIFT))
        if (atomic_compare_exchange_weak_explicit(reg, &seen, fresh(shape, generation), memory_order_acq_rel,
                                                  memory_order_acquire))
            return;
}

bool bw_window_register_add(_Atomic uint64_t *reg, const struct bw_window_shape *shape, uint64_t generation,
                            struct bw_window_entry entry, struct bw_window_sums *sums) {
    struct planes planes;
    uint64_t seen = atomic_load_explicit(reg, memory_order_acquire);
    do {
        if (bw_word_is_later(seen >> GENERATION_SHIFT, generation))
            return false;
        planes = unpack(is_of(seen, generation) ? seen : fresh(shape, generation), shape);
        planes = with(planes, shape, entry);
    } while (!atomic_compare_exchange_weak_explicit(reg, &seen, pack(planes, shape, generation),
                                                    memory_order_acq_rel, memory_order_acquire));
    *sums = sums_of(planes);
    return true;
}

struct bw_window_sums bw_window_register_read(const _Atomic uint64_t *reg,
                                              const struct bw_window_shape *shape, uint64_t generation) {
    uint64_t seen = atomic_load_explicit(reg, memory_order_acquire);
    return is_of(seen, generation) ? sums_of(unpack(seen, shape)) : (struct bw_window_sums){0};
}
