#include "bucket.h"

#include <breakwire/core.h>

enum { MS_PER_TOKEN = 1000 / BW_H2_BUCKET_REFILL_PER_S, SLACK_MS = 10 };

void bw_h2_bucket_init(struct bw_h2_bucket *bucket, uint64_t now_ms) {
    bucket->tokens = BW_H2_BUCKET_SIZE;
    bucket->refilled_ms = now_ms;
}

static void refill(struct bw_h2_bucket *bucket, uint64_t now_ms) {
    uint64_t tokens = (now_ms - bucket->refilled_ms) / MS_PER_TOKEN;
    bucket->refilled_ms += tokens * MS_PER_TOKEN;
    bw_h2_bucket_give(bucket, tokens < BW_H2_BUCKET_SIZE ? (uint32_t)tokens : BW_H2_BUCKET_SIZE);
}

bool bw_h2_bucket_take(struct bw_h2_bucket *bucket, uint64_t now_ms, uint32_t cost) {
    refill(bucket, now_ms);
    bool enough = bucket->tokens >= cost;
    bucket->tokens = enough ? bucket->tokens - cost : 0;
    return enough;
}

void bw_h2_bucket_give(struct bw_h2_bucket *bucket, uint32_t tokens) {
    uint32_t room = BW_H2_BUCKET_SIZE - bucket->tokens;
    bucket->tokens += tokens < room ? tokens : room;
}

uint32_t bw_h2_bucket_reset_cost(bool started, uint64_t timeout_ms, uint64_t left_ms) {
    if (timeout_ms != BW_NEVER) {
        uint64_t slack_ms = timeout_ms / 10 > SLACK_MS ? timeout_ms / 10 : SLACK_MS;
        if (left_ms <= slack_ms)
            return 0;
    }
    return started ? BW_H2_COST_STARTED_RESET : BW_H2_COST_RESET;
}
