#include "cell.h"

void bw_cell_write(_Atomic uint64_t *words, const void *value, size_t size) {
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t word;
        memcpy(&word, (const char *)value + i * 8, 8);
        atomic_store_explicit(&words[i], word, memory_order_release);
    }
}
