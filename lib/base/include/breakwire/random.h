/* random.h: a small seeded generator (splitmix64), for what must look random and be repeatable: jitter,
 * faults, tests. Not for secrets. Plain data, no threads. */
#ifndef BREAKWIRE_RANDOM_H
#define BREAKWIRE_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_random {
    uint64_t state; /* the seed */
};

static inline uint64_t bw_random_next(struct bw_random *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* min..max, both inclusive; min <= max. */
static inline uint64_t bw_random_between(struct bw_random *random, uint64_t min, uint64_t max) {
    uint64_t span = max - min + 1;
    return span ? min + bw_random_next(random) % span : bw_random_next(random);
}

#ifdef __cplusplus
}
#endif
#endif
