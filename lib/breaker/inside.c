#include "inside.h"

#include <string.h>

#include "cell.h"
#include "spin.h"
#include "word.h"

void bw_inside_policy(const struct bw_breaker *breaker, struct bw_policy *policy) {
    bw_inside_read(breaker, policy, sizeof *policy);
}

_Static_assert(offsetof(struct bw_policy, trips) == 0 && sizeof(struct bw_trips) % 8 == 0,
               "trips are read by themselves");
/* A window of the same shape is kept; another one gets a version of its own and starts empty. */
static void choose_window(struct bw_breaker *breaker, struct bw_window_shape *window) {
    struct bw_trips old;
    bw_inside_trips(breaker, &old);
    window->version = old.window.shape.version;
    if (memcmp(window, &old.window.shape, sizeof *window) == 0)
        return;
    window->version++;
    bw_windows_prepare(&breaker->windows, window, bw_transition_generation(breaker, bw_inside_word(breaker)));
}

static uint64_t extras_of(const struct bw_breaker_config *config) {
    return (config->max_concurrency ? BW_EXTRA_LIMIT : 0U) |
           (config->window != BW_WINDOW_NONE ? BW_EXTRA_WINDOW : 0U);
}

void bw_inside_set_config(struct bw_breaker *breaker, const struct bw_breaker_config *config) {
    struct bw_policy policy = bw_policy_make(config);
    uint64_t version = atomic_load_explicit(&breaker->policy_version, memory_order_relaxed) + 1;
    choose_window(breaker, &policy.trips.window.shape);
    breaker->config = *config;
    bw_cell_write(breaker->policy_cells[version % 2].words, &policy, sizeof policy);
    atomic_store_explicit(&breaker->policy_version, version, memory_order_release);
    atomic_store_explicit(&breaker->slow_call_ms, config->slow_call_ms ? config->slow_call_ms : UINT64_MAX,
                          memory_order_relaxed);
    atomic_store_explicit(&breaker->max_concurrency, config->max_concurrency, memory_order_relaxed);
    atomic_store_explicit(&breaker->extras, extras_of(config), memory_order_relaxed);
}

enum { COUNT_SHIFT = 40 };

uint64_t bw_inside_count(_Atomic uint64_t *counter, uint64_t word) {
    uint64_t tag = bw_word_generation(word), seen = atomic_load_explicit(counter, memory_order_relaxed), next;
    do {
        if (bw_word_is_later(seen >> COUNT_SHIFT, tag))
            return 0;
        next = seen >> COUNT_SHIFT == tag ? seen + 1 : tag << COUNT_SHIFT | 1;
    } while (!atomic_compare_exchange_weak_explicit(counter, &seen, next, memory_order_acq_rel,
                                                    memory_order_relaxed));
    return next & ((UINT64_C(1) << COUNT_SHIFT) - 1);
}

uint32_t bw_inside_counted(const _Atomic uint64_t *counter, uint64_t word) {
    uint64_t seen = atomic_load_explicit(counter, memory_order_acquire);
    return seen >> COUNT_SHIFT == bw_word_generation(word) ? (uint32_t)seen : 0;
}

void bw_inside_lock(const struct bw_breaker *breaker) {
    bw_spin_lock(&breaker->lock);
}

void bw_inside_unlock(const struct bw_breaker *breaker) {
    bw_spin_unlock(&breaker->lock);
}
