/* shards.h: counters and last results, a set for every few threads, summed on reading.
 *
 * A counter that all threads share costs more than the rest of the breaker. A thread picks its shard by the
 * address of a thread-local byte, so nothing has to be registered. */
#ifndef BREAKER_SHARDS_H
#define BREAKER_SHARDS_H

#include <stdatomic.h>

#include <breakwire/breaker.h>

enum { BW_SHARDS = 16, BW_SHARD_RECENT = 8 };

struct bw_shard {
    _Atomic uint64_t admitted, admitted_probe, rejected[BW_DECISIONS];
    _Atomic uint64_t ok, failed_code[BW_BREAKER_CODES], slow, ignored, stale, twice;
    _Atomic uint64_t recent_count;
    _Atomic uint64_t
        recent[BW_SHARD_RECENT]; /* [t_ms 38][code 5][latency_ms 21], newest at recent_count - 1 */
    uint64_t unused[8];          /* keeps neighbours apart wherever the memory begins */
};

struct bw_shard *bw_shards_mine(struct bw_shard shards[BW_SHARDS]);
void bw_shards_count(_Atomic uint64_t *counter);
/* Remembers a recorded result for the next events. */
void bw_shards_remember(struct bw_shard *shard, uint64_t t_ms, int code, uint64_t latency_ms);

/* Adds all shards up; other members of `out` are left alone. */
void bw_shards_sum(const struct bw_shard shards[BW_SHARDS], struct bw_breaker_counters *out);
/* The last results of all threads, newest first; returns how many. */
uint32_t bw_shards_last(const struct bw_shard shards[BW_SHARDS], struct bw_event_call out[BW_SHARD_RECENT]);

#endif
