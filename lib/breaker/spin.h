/* spin.h: a lock for a few instructions. Not for anything that waits. */
#ifndef BREAKER_SPIN_H
#define BREAKER_SPIN_H

#include <stdatomic.h>

/* Also of a const owner: readers take turns with writers. */
static inline void bw_spin_lock(const atomic_flag *lock) {
    while (atomic_flag_test_and_set_explicit((atomic_flag *)lock, memory_order_acquire))
        ;
}
static inline void bw_spin_unlock(const atomic_flag *lock) {
    atomic_flag_clear_explicit((atomic_flag *)lock, memory_order_release);
}

#endif
