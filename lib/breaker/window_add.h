/* window_add.h: a result comes into the window. Inline, as every call of a breaker with a window goes this
 * way. */
#ifndef BREAKER_WINDOW_ADD_H
#define BREAKER_WINDOW_ADD_H

#include "window_register.h"

static inline bool bw_window_add_to_buckets(struct bw_windows *windows, const struct bw_window_shape *shape,
                                            struct bw_window_moment at, struct bw_window_entry entry,
                                            struct bw_window_sums *sums) {
    uint64_t start = atomic_load_explicit(&windows->start, memory_order_acquire);
    uint64_t start_ms = start & BW_WINDOW_START_MASK;
    bool has_begun = start >> BW_WINDOW_START_BITS == bw_word_tag(at.generation);
    if (!has_begun && !bw_windows_start(windows, at, &start_ms))
        return false;
    *sums = bw_window_buckets_add(&windows->buckets[shape->version % 2], shape, at, start_ms, entry);
    return true;
}

/* False, and nothing added, when a later generation is being counted. `sums` may be all 0 when there is no
 * failure and no slow call among them: nothing trips then. */
static inline bool bw_windows_add(struct bw_windows *windows, const struct bw_window_shape *shape,
                                  struct bw_window_moment at, struct bw_window_entry entry,
                                  struct bw_window_sums *sums) {
    switch (shape->form) {
    case BW_FORM_TIME:
        return bw_window_add_to_buckets(windows, shape, at, entry, sums);
    case BW_FORM_REGISTER:
        return bw_window_register_add(&windows->registers[shape->version % 2], shape, at.generation, entry,
                                      sums);
    case BW_FORM_RING:
        return bw_window_ring_add(&windows->ring, shape, at.generation, entry, sums);
    default: /* BW_FORM_NONE */
        *sums = (struct bw_window_sums){0};
        return true;
    }
}

#endif
