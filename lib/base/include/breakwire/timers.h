/* timers.h: a heap of points in time, for cores that have many of them. Intrusive: the owner embeds struct
 * bw_timer and keeps its memory; the heap only allocates its array of pointers. No threads. */
#ifndef BREAKWIRE_TIMERS_H
#define BREAKWIRE_TIMERS_H

#include <breakwire/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_timer {
    uint64_t due_ms;
    size_t place; /* 0 = not in a heap; set by the heap */
};

struct bw_timers {
    struct bw_timer **heap; /* heap[0] unused */
    size_t count, cap;
};

void bw_timers_init(struct bw_timers *timers);
/* Forgets all timers; their owners keep them. */
void bw_timers_free(struct bw_timers *timers);

/* Sets the timer to due_ms, adding it if it is not in. BW_NEVER removes it. False: no memory (not set). */
bool bw_timer_set(struct bw_timers *timers, struct bw_timer *timer, uint64_t due_ms);
void bw_timer_remove(struct bw_timers *timers, struct bw_timer *timer);
static inline bool bw_timer_is_set(const struct bw_timer *timer) {
    return timer->place != 0;
}

/* The earliest time, or BW_NEVER. */
uint64_t bw_timers_next(const struct bw_timers *timers);
/* Takes out one timer with due_ms <= now_ms, earliest first; NULL = none. */
struct bw_timer *bw_timers_pop_due(struct bw_timers *timers, uint64_t now_ms);

/* From the embedded timer back to its owner. */
#define BW_OWNER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#ifdef __cplusplus
}
#endif
#endif
