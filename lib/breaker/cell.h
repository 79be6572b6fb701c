/* cell.h: values of several words that one thread writes while others read, without a lock.
 *
 * The words are copied one by one; a stamp beside them, read before and after, tells whether the copy is
 * whole. Each data word is stored with release and loaded with acquire, so that who sees a new word also sees
 * the stamp that was set before it. */
#ifndef BREAKER_CELL_H
#define BREAKER_CELL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `size` is a multiple of 8. */
void bw_cell_write(_Atomic uint64_t *words, const void *value, size_t size);
static inline void bw_cell_read(const _Atomic uint64_t *words, void *value, size_t size) {
#pragma GCC unroll 16 /* short values, of a size that is known, come into registers */
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t word = atomic_load_explicit(&words[i], memory_order_acquire);
        memcpy((char *)value + i * 8, &word, 8);
    }
}

#endif
