#include "inside.h"

#include <string.h>

#include "cell.h"

_Static_assert(sizeof(struct bw_policy) % 8 == 0, "a policy is copied in whole words");

/* Repeats only when the policy changed twice meanwhile: until then nobody writes to the cell that is read. */
struct bw_policy bw_inside_policy(const struct bw_breaker *breaker) {
    struct bw_policy policy;
    uint64_t before, now = atomic_load_explicit(&breaker->policy_version, memory_order_acquire);
    do {
        before = now;
        bw_cell_read(breaker->policy_cells[before % 2].words, &policy, sizeof policy);
        now = atomic_load_explicit(&breaker->policy_version, memory_order_acquire);
    } while (now != before);
    return policy;
}

void bw_inside_set_config(struct bw_breaker *breaker, const struct bw_breaker_config *config) {
    struct bw_policy policy = bw_policy_make(config);
    uint64_t version = atomic_load_explicit(&breaker->policy_version, memory_order_relaxed) + 1;
    breaker->config = *config;
    bw_cell_write(breaker->policy_cells[version % 2].words, &policy, sizeof policy);
    atomic_store_explicit(&breaker->policy_version, version, memory_order_release);
    atomic_store_explicit(&breaker->slow_call_ms, config->slow_call_ms, memory_order_relaxed);
}

static atomic_flag *lock_of(const struct bw_breaker *breaker) {
    return &((struct bw_breaker *)breaker)->lock;
}

void bw_inside_lock(const struct bw_breaker *breaker) {
    while (atomic_flag_test_and_set_explicit(lock_of(breaker), memory_order_acquire))
        ;
}

void bw_inside_unlock(const struct bw_breaker *breaker) {
    atomic_flag_clear_explicit(lock_of(breaker), memory_order_release);
}
