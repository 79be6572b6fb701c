/* backoff.h: how long a client waits before it tries to connect again (grpc doc/connection-backoff.md). Pure.
 */
#ifndef RPC_BACKOFF_H
#define RPC_BACKOFF_H

#include <breakwire/random.h>

struct bw_backoff {
    double initial_ms, multiplier, max_ms;
    double jitter; /* 0.2: each wait is up to 20 % shorter or longer */
    double next_ms;
    struct bw_random random;
};

void bw_backoff_init(struct bw_backoff *backoff, uint64_t initial_ms, double multiplier, uint64_t max_ms,
                     double jitter, uint64_t seed);
/* The next failure waits as the first one did. */
void bw_backoff_reset(struct bw_backoff *backoff);
/* Another failure: how many ms to wait, jitter included. */
uint64_t bw_backoff_take(struct bw_backoff *backoff);
/* The same without jitter, not taken. */
uint64_t bw_backoff_peek(const struct bw_backoff *backoff);

#endif
