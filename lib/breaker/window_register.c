#include "window_register.h"

void bw_window_register_clear(_Atomic uint64_t *word, const struct bw_window_shape *shape,
                              uint64_t generation) {
    atomic_store_explicit(word, bw_register_fresh(shape, generation), memory_order_release);
}

void bw_window_register_begin(_Atomic uint64_t *word, const struct bw_window_shape *shape,
                              uint64_t generation) {
    uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
    while (bw_word_is_later(generation, seen >> BW_REGISTER_GENERATION_SHIFT) &&
           !atomic_compare_exchange_weak_explicit(word, &seen, bw_register_fresh(shape, generation),
                                                  memory_order_acq_rel, memory_order_acquire))
        ;
}

struct bw_window_sums bw_window_register_read(const _Atomic uint64_t *word,
                                              const struct bw_window_shape *shape, uint64_t generation) {
    uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
    return bw_register_is_of(seen, generation) ? bw_register_sums(bw_register_unpack(seen, shape))
                                               : (struct bw_window_sums){0};
}
