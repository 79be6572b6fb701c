#include "shards.h"

#include <string.h>

_Static_assert(sizeof(struct bw_shard) % 64 == 0, "a shard is whole cache lines");
_Static_assert(sizeof(struct bw_shard) - offsetof(struct bw_shard, unused) >= 64, "and one lies between two");

static uint64_t load(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_acquire);
}

static bool take(struct bw_shard *shard, uintptr_t me) {
    uintptr_t owner = atomic_load_explicit(&shard->owner, memory_order_relaxed);
    if (owner == me)
        return true;
    return owner == 0 && atomic_compare_exchange_strong_explicit(&shard->owner, &owner, me,
                                                                 memory_order_relaxed, memory_order_relaxed);
}

/* Every thread looks in its own fixed order and no shard is ever given up, so it finds the one it took before
 * it finds a free one. A thread that got the address of one that ended goes on in that one's shard. */
_Thread_local struct bw_shards_thread bw_shards_here;

struct bw_shard *bw_shards_take(struct bw_shard shards[BW_SHARDS]) {
    uintptr_t me = (uintptr_t)&bw_shards_here;
    bw_shards_here.home = bw_shards_home(me) * sizeof shards[0];
    for (unsigned i = 0; i < BW_SHARDS_OWNED; i++) {
        struct bw_shard *shard = &shards[(bw_shards_home(me) + i) % BW_SHARDS_OWNED];
        if (take(shard, me))
            return shard;
    }
    return &shards[BW_SHARDS_OWNED];
}
_Static_assert(BW_SHARDS_OWNED == 16, "four bits choose the first shard to look at");

static void add(const struct bw_shard *shard, struct bw_breaker_counters *out) {
    out->admitted += load(&shard->admitted);
    out->admitted_probe += load(&shard->admitted_probe);
    out->slow += load(&shard->slow);
    out->ignored += load(&shard->ignored);
    out->stale += load(&shard->stale);
    out->twice += load(&shard->twice);
    for (int i = 0; i < BW_DECISIONS; i++)
        out->rejected[i] += load(&shard->rejected[i]);
    for (int i = 0; i < BW_BREAKER_CODES; i++) {
        uint64_t failed = load(&shard->failed_code[i]);
        out->failed_code[i] += failed;
        out->failed += failed;
        out->ok -= failed;
    }
    out->ok += load(&shard->results);
}

void bw_shards_sum(const struct bw_shard shards[BW_SHARDS], struct bw_breaker_counters *out) {
    out->admitted = out->admitted_probe = out->ok = out->failed = 0;
    out->slow = out->ignored = out->stale = out->twice = 0;
    memset(out->rejected, 0, sizeof out->rejected);
    memset(out->failed_code, 0, sizeof out->failed_code);
    for (int i = 0; i < BW_SHARDS; i++)
        add(&shards[i], out);
}

/* The newest result that has not been taken, or NULL. `taken` is less than BW_SHARD_RECENT. */
static const struct bw_shard_result *newest_of(const struct bw_shard *shard, uint64_t taken) {
    uint64_t count = load(&shard->results);
    return taken < count ? &shard->recent[(count - 1 - taken) % BW_SHARD_RECENT] : NULL;
}

static int shard_of_newest(const struct bw_shard shards[BW_SHARDS], const uint64_t taken[BW_SHARDS]) {
    const struct bw_shard_result *newest = NULL;
    int found = -1;
    for (int i = 0; i < BW_SHARDS; i++) {
        const struct bw_shard_result *result = newest_of(&shards[i], taken[i]);
        if (result && (!newest || load(&result->now_ms) > load(&newest->now_ms))) {
            newest = result;
            found = i;
        }
    }
    return found;
}

uint32_t bw_shards_last(const struct bw_shard shards[BW_SHARDS], struct bw_event_call out[BW_SHARD_RECENT]) {
    uint64_t taken[BW_SHARDS] = {0};
    uint32_t count = 0;
    for (int from; count < BW_SHARD_RECENT && (from = shard_of_newest(shards, taken)) >= 0; count++) {
        uint64_t call = load(&newest_of(&shards[from], taken[from]++)->call);
        out[count].code = bw_shards_code((int)(uint32_t)call);
        out[count].latency_ms = (uint32_t)(call >> 32);
    }
    return count;
}
