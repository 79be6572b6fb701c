/* times.h: the two clocks that service-a's modules are handed instead of reading one. */
#ifndef CLIENT_TIMES_H
#define CLIENT_TIMES_H

#include <stdint.h>

struct times {
    uint64_t (*now_ms)(void *owner);  /* monotonic: the loop's time */
    uint64_t (*wall_ms)(void *owner); /* since 1970, UTC: for people only */
    void *owner;
    uint64_t started_ms; /* now_ms at the start of the program */
};

static inline uint64_t times_now(const struct times *times) {
    return times->now_ms(times->owner);
}

static inline uint64_t times_wall(const struct times *times) {
    return times->wall_ms(times->owner);
}

/* The wall time of a past instant of the monotonic clock. */
static inline uint64_t times_wall_of(const struct times *times, uint64_t at_ms) {
    return times_wall(times) - (times_now(times) - at_ms);
}

#endif
