#include "backoff.h"

enum { STEPS = 20000 }; /* of the jitter */

static double smaller(double a, double b) {
    return a < b ? a : b;
}

void bw_backoff_init(struct bw_backoff *backoff, uint64_t initial_ms, double multiplier, uint64_t max_ms,
                     double jitter, uint64_t seed) {
    *backoff = (struct bw_backoff){.initial_ms = (double)initial_ms,
                                   .multiplier = multiplier,
                                   .max_ms = (double)max_ms,
                                   .jitter = jitter,
                                   .random.state = seed};
    bw_backoff_reset(backoff);
}

void bw_backoff_reset(struct bw_backoff *backoff) {
    backoff->next_ms = smaller(backoff->initial_ms, backoff->max_ms);
}

uint64_t bw_backoff_take(struct bw_backoff *backoff) {
    double spread = (double)bw_random_between(&backoff->random, 0, STEPS) / STEPS * 2.0 - 1.0;
    double wait_ms = backoff->next_ms * (1.0 + backoff->jitter * spread);
    backoff->next_ms = smaller(backoff->next_ms * backoff->multiplier, backoff->max_ms);
    return (uint64_t)wait_ms;
}

uint64_t bw_backoff_peek(const struct bw_backoff *backoff) {
    return (uint64_t)backoff->next_ms;
}
