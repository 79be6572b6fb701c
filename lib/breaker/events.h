/* events.h: the last BW_BREAKER_EVENTS_KEPT events, written by any thread, read by any, without a lock. */
#ifndef BREAKER_EVENTS_H
#define BREAKER_EVENTS_H

#include <stdatomic.h>

#include <breakwire/breaker.h>

struct bw_event_slot {
    _Atomic uint64_t stamp; /* seq * 2, and + 1 while it is being written */
    _Atomic uint64_t words[sizeof(struct bw_event) / 8];
};

struct bw_events {
    _Atomic uint64_t last_seq;
    struct bw_event_slot slots[BW_BREAKER_EVENTS_KEPT];
};

/* Gives the event its seq and keeps it. */
void bw_events_add(struct bw_events *events, struct bw_event *event);
/* As bw_breaker_events. */
size_t bw_events_read(const struct bw_events *events, uint64_t after_seq, struct bw_event *out, size_t cap);

#endif
