#include <string.h>

#include "spin.h"
#include "window.h"

enum { SLOW = 0x80, WEIGHT_MASK = 0x7f };

/* `by` is 1, or -1 as it wraps. */
static void count(struct bw_window_sums *sums, uint8_t entry, uint32_t by) {
    uint32_t weight = entry & WEIGHT_MASK;
    sums->calls += by;
    sums->failed += weight ? by : 0;
    sums->slow += entry & SLOW ? by : 0;
    sums->weight += by * weight;
}

static void push(struct bw_window_ring *ring, uint8_t entry, uint32_t calls) {
    uint8_t *place = &ring->entries[ring->next];
    ring->next = ring->next + 1 < calls ? ring->next + 1 : 0;
    bool is_full = ring->sums.calls == calls;
    if (is_full && *place == entry) /* mostly a success takes the place of one */
        return;
    if (is_full)
        count(&ring->sums, *place, UINT32_MAX);
    *place = entry;
    count(&ring->sums, entry, 1);
}

/* The newest call that is slow and has not failed has now. */
static void fail_late(struct bw_window_ring *ring, uint8_t weight, uint32_t calls) {
    for (uint32_t back = 1; back <= ring->sums.calls; back++) {
        uint8_t *entry = &ring->entries[(ring->next + calls - back) % calls];
        if (*entry == SLOW) {
            *entry |= weight;
            ring->sums.failed++;
            ring->sums.weight += weight;
            return;
        }
    }
}

/* Emptied for a later generation or shape. */
static void begin(struct bw_window_ring *ring, uint64_t generation, uint64_t version) {
    if (ring->generation == generation && ring->version == version)
        return;
    ring->generation = generation;
    ring->version = version;
    ring->next = 0;
    memset(&ring->sums, 0, sizeof ring->sums);
}

bool bw_window_ring_add(struct bw_window_ring *ring, const struct bw_window_shape *shape, uint64_t generation,
                        struct bw_window_entry entry, struct bw_window_sums *sums) {
    bw_spin_lock(&ring->lock);
    bool is_current = ring->generation <= generation && ring->version <= shape->version;
    if (is_current) {
        begin(ring, generation, shape->version);
        if (!entry.is_late)
            push(ring, (uint8_t)(entry.weight | (entry.slow ? SLOW : 0)), (uint32_t)shape->calls);
        else if (entry.weight)
            fail_late(ring, entry.weight, (uint32_t)shape->calls);
        *sums = ring->sums;
    }
    bw_spin_unlock(&ring->lock);
    return is_current;
}

struct bw_window_sums bw_window_ring_read(const struct bw_window_ring *ring,
                                          const struct bw_window_shape *shape, uint64_t generation) {
    struct bw_window_sums sums = {0};
    bw_spin_lock(&ring->lock);
    if (ring->generation == generation && ring->version == shape->version)
        sums = ring->sums;
    bw_spin_unlock(&ring->lock);
    return sums;
}
