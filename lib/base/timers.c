#include <breakwire/timers.h>

#include <stdlib.h>

void bw_timers_init(struct bw_timers *timers) {
    *timers = (struct bw_timers){0};
}

void bw_timers_free(struct bw_timers *timers) {
    for (size_t i = 1; i <= timers->count; i++)
        timers->heap[i]->place = 0;
    free(timers->heap);
    bw_timers_init(timers);
}

static void put(struct bw_timers *timers, size_t place, struct bw_timer *timer) {
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct bw_timers *timers, struct bw_timer *timer) {
    size_t place = timer->place;
    while (place > 1 && timers->heap[place / 2]->due_ms > timer->due_ms) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct bw_timers *timers, struct bw_timer *timer) {
    size_t place = timer->place;
    for (;;) {
        size_t child = place * 2;
        if (child > timers->count)
            break;
        if (child < timers->count && timers->heap[child + 1]->due_ms < timers->heap[child]->due_ms)
            child++;
        if (timers->heap[child]->due_ms >= timer->due_ms)
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

static bool make_room(struct bw_timers *timers) {
    if (timers->count + 1 < timers->cap)
        return true;
    size_t cap = timers->cap ? timers->cap * 2 : 16;
    struct bw_timer **heap = realloc(timers->heap, cap * sizeof(struct bw_timer *));
    if (!heap)
        return false;
    timers->heap = heap;
    timers->cap = cap;
    return true;
}

bool bw_timer_set(struct bw_timers *timers, struct bw_timer *timer, uint64_t due_ms) {
    if (due_ms == BW_NEVER) {
        bw_timer_remove(timers, timer);
        return true;
    }
    if (!timer->place) {
        if (!make_room(timers))
            return false;
        put(timers, ++timers->count, timer);
    }
    timer->due_ms = due_ms;
    sift_up(timers, timer);
    sift_down(timers, timer);
    return true;
}

void bw_timer_remove(struct bw_timers *timers, struct bw_timer *timer) {
    if (!timer->place)
        return;
    struct bw_timer *last = timers->heap[timers->count--];
    size_t place = timer->place;
    timer->place = 0;
    if (last == timer)
        return;
    put(timers, place, last);
    sift_up(timers, last);
    sift_down(timers, last);
}

uint64_t bw_timers_next(const struct bw_timers *timers) {
    return timers->count ? timers->heap[1]->due_ms : BW_NEVER;
}

struct bw_timer *bw_timers_pop_due(struct bw_timers *timers, uint64_t now_ms) {
    if (!timers->count || timers->heap[1]->due_ms > now_ms)
        return NULL;
    struct bw_timer *timer = timers->heap[1];
    bw_timer_remove(timers, timer);
    return timer;
}
