#include "window.h"

#include "window_add.h"

static bool has_equal_weights(const struct bw_breaker_config *config) {
    for (int i = 0; i < BW_BREAKER_CODES; i++)
        if (config->weight[i] != 1)
            return false;
    return true;
}

/* A register knows of a call only whether it failed and, in a short one, whether it was slow. */
static bool fits_register(const struct bw_breaker_config *config) {
    uint32_t calls_max = config->slow_call_ms ? BW_WINDOW_REGISTER_SLOW_CALLS : BW_WINDOW_REGISTER_CALLS;
    return config->window_calls <= calls_max && (!config->trip_failures || has_equal_weights(config));
}

struct bw_window_shape bw_window_shape_of(const struct bw_breaker_config *config) {
    if (config->window == BW_WINDOW_NONE)
        return (struct bw_window_shape){.form = BW_FORM_NONE};
    if (config->window == BW_WINDOW_TIME)
        return (struct bw_window_shape){.form = BW_FORM_TIME,
                                        .buckets = (uint16_t)config->window_buckets,
                                        .bucket_ms = (uint32_t)(config->window_ms / config->window_buckets)};
    bool is_short = config->window_calls <= BW_WINDOW_REGISTER_SLOW_CALLS;
    return (struct bw_window_shape){.form = fits_register(config) ? BW_FORM_REGISTER : BW_FORM_RING,
                                    .calls = config->window_calls,
                                    .has_slow = is_short};
}

size_t bw_window_ring_needs(const struct bw_breaker_config *config) {
    return config->window == BW_WINDOW_COUNT && !fits_register(config) ? config->window_calls : 0;
}

void bw_windows_init(struct bw_windows *windows, uint8_t *entries) {
    atomic_flag_clear(&windows->ring.lock);
    windows->ring.entries = entries;
}

void bw_windows_prepare(struct bw_windows *windows, const struct bw_window_shape *shape,
                        uint64_t generation) {
    if (shape->form == BW_FORM_TIME)
        bw_window_buckets_clear(&windows->buckets[shape->version % 2]);
    if (shape->form == BW_FORM_REGISTER)
        bw_window_register_clear(&windows->registers[shape->version % 2], shape, generation);
}

bool bw_windows_start(struct bw_windows *windows, struct bw_window_moment at, uint64_t *start_ms) {
    uint64_t seen = atomic_load_explicit(&windows->start, memory_order_acquire);
    while (seen >> BW_WINDOW_START_BITS != bw_word_tag(at.generation)) {
        uint64_t mine = bw_word_tag(at.generation) << BW_WINDOW_START_BITS | (at.t_ms & BW_WINDOW_START_MASK);
        if (bw_word_is_later(seen >> BW_WINDOW_START_BITS, at.generation))
            return false;
        if (atomic_compare_exchange_weak_explicit(&windows->start, &seen, mine, memory_order_acq_rel,
                                                  memory_order_acquire))
            seen = mine;
    }
    *start_ms = seen & BW_WINDOW_START_MASK;
    return true;
}

void bw_windows_begin(struct bw_windows *windows, const struct bw_window_shape *shape,
                      struct bw_window_moment at) {
    uint64_t start_ms;
    if (bw_windows_start(windows, at, &start_ms) && shape->form == BW_FORM_REGISTER)
        bw_window_register_begin(&windows->registers[shape->version % 2], shape, at.generation);
}

static struct bw_window_sums read_buckets(const struct bw_windows *windows,
                                          const struct bw_window_shape *shape, struct bw_window_moment at) {
    uint64_t start = atomic_load_explicit(&windows->start, memory_order_acquire);
    if (start >> BW_WINDOW_START_BITS != bw_word_tag(at.generation))
        return (struct bw_window_sums){0};
    return bw_window_buckets_read(&windows->buckets[shape->version % 2], shape, at,
                                  start & BW_WINDOW_START_MASK);
}

struct bw_window_sums bw_windows_read(const struct bw_windows *windows, const struct bw_window_shape *shape,
                                      struct bw_window_moment at) {
    switch (shape->form) {
    case BW_FORM_TIME:
        return read_buckets(windows, shape, at);
    case BW_FORM_REGISTER:
        return bw_window_register_read(&windows->registers[shape->version % 2], shape, at.generation);
    case BW_FORM_RING:
        return bw_window_ring_read(&windows->ring, shape, at.generation);
    default: /* BW_FORM_NONE */
        return (struct bw_window_sums){0};
    }
}
