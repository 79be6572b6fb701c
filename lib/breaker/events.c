#include "events.h"

#include "cell.h"

_Static_assert(sizeof((struct bw_event_slot *)0)->words == sizeof(struct bw_event),
               "an event is copied in whole words");

static struct bw_event_slot *slot_of(const struct bw_events *events, uint64_t seq) {
    return (struct bw_event_slot *)&events->slots[seq % BW_BREAKER_EVENTS_KEPT];
}

/* False when a writer has been stuck in the slot for a whole round of the ring: then the event is lost, as it
 * would be to a reader that slow. */
static bool claim(struct bw_event_slot *slot, uint64_t seq) {
    uint64_t stamp = atomic_load_explicit(&slot->stamp, memory_order_relaxed);
    return !(stamp & 1) && stamp < seq * 2 &&
           atomic_compare_exchange_strong_explicit(&slot->stamp, &stamp, seq * 2 + 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

void bw_events_add(struct bw_events *events, struct bw_event *event) {
    event->seq = atomic_fetch_add_explicit(&events->last_seq, 1, memory_order_acq_rel) + 1;
    struct bw_event_slot *slot = slot_of(events, event->seq);
    if (!claim(slot, event->seq))
        return;
    bw_cell_write(slot->words, event, sizeof *event);
    atomic_store_explicit(&slot->stamp, event->seq * 2, memory_order_release);
}

enum found { FOUND, LOST, NOT_YET };

static enum found read_slot(const struct bw_events *events, uint64_t seq, struct bw_event *out) {
    struct bw_event_slot *slot = slot_of(events, seq);
    uint64_t stamp = atomic_load_explicit(&slot->stamp, memory_order_acquire);
    if (stamp != seq * 2)
        return stamp > seq * 2 + 1 ? LOST : NOT_YET;
    bw_cell_read(slot->words, out, sizeof *out);
    return atomic_load_explicit(&slot->stamp, memory_order_relaxed) == stamp ? FOUND : LOST;
}

size_t bw_events_read(const struct bw_events *events, uint64_t after_seq, struct bw_event *out, size_t cap) {
    uint64_t last = atomic_load_explicit(&events->last_seq, memory_order_acquire);
    uint64_t gone = last > BW_BREAKER_EVENTS_KEPT ? last - BW_BREAKER_EVENTS_KEPT : 0;
    uint64_t seq = after_seq > gone ? after_seq : gone;
    size_t count = 0;
    while (seq < last && count < cap) {
        enum found found = read_slot(events, ++seq, &out[count]);
        /* What another thread is still writing comes with the next reading, not out of order. */
        if (found == NOT_YET)
            break;
        count += found == FOUND;
    }
    return count;
}
