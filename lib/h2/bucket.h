/* bucket.h: how much a peer may ask for that costs us work and is not a call: a token bucket of one
 * connection.
 *
 * Frames that honest peers send seldom cost tokens; time and our own answers give them back. Pure. */
#ifndef BREAKWIRE_H2_BUCKET_H
#define BREAKWIRE_H2_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { BW_H2_BUCKET_SIZE = 2000, BW_H2_BUCKET_REFILL_PER_S = 200 };

/* What things cost. */
enum { BW_H2_COST_FRAME = 1, BW_H2_COST_RESET = 1, BW_H2_COST_STARTED_RESET = 10, BW_H2_COST_FAULT = 10 };

struct bw_h2_bucket {
    uint32_t tokens;
    uint64_t refilled_ms; /* refilled up to here */
};

void bw_h2_bucket_init(struct bw_h2_bucket *bucket, uint64_t now_ms);
/* Takes cost tokens. False: there were fewer, and the bucket is empty now. */
bool bw_h2_bucket_take(struct bw_h2_bucket *bucket, uint64_t now_ms, uint32_t cost);
/* Gives back, never above BW_H2_BUCKET_SIZE. */
void bw_h2_bucket_give(struct bw_h2_bucket *bucket, uint32_t tokens);

/* What a client's RST_STREAM costs. started: work had begun. timeout_ms: what the client allowed for the
 * whole call, left_ms what of it was left; both BW_NEVER when it set no limit. A reset at the deadline
 * (within 10 ms or 10 %) is what an honest client does, and free. */
uint32_t bw_h2_bucket_reset_cost(bool started, uint64_t timeout_ms, uint64_t left_ms);

#endif
