#include "window.h"

/* A bucket: [its number, 16 bits][calls 16][failed 16][slow 16], so that emptying and counting is one step.
 * Its weights: [number 16][48]. */
enum { NUMBER_SHIFT = 48, CALLS_SHIFT = 32, FAILED_SHIFT = 16, NUMBER_BITS = 16 };
#define NUMBER_MASK UINT64_C(0xffff)
#define FAILED_MASK UINT64_C(0xffff0000)
/* The sums of two fields that are summed in one number: they have 32 bits each. */
#define CALLS_AND_SLOW UINT64_C(0xffff0000ffff)
#define CONTENT_MASK   ((UINT64_C(1) << NUMBER_SHIFT) - 1)
/* All fields are halved when one has come that far. */
#define FIELDS_FULL    UINT64_C(0x800080008000)
#define FIELDS_NOT_TOP UINT64_C(0x7fff7fff7fff)
/* From here on 16 bits of a number could be taken for those of another. */
enum { FAR = 1 << (NUMBER_BITS - 1) };

/* Buckets are numbered over all generations: the first of one has a higher number than any before it, since
 * the number grows by no more than 1 in a millisecond. */
struct place {
    uint64_t first, number;
};

static inline struct place place_of(const struct bw_window_shape *shape, struct bw_window_moment at,
                                    uint64_t start_ms) {
    uint64_t elapsed_ms = at.t_ms > start_ms ? at.t_ms - start_ms : 0;
    uint64_t first = start_ms + at.generation;
    return (struct place){first, first + elapsed_ms / shape->bucket_ms};
}

static uint64_t load(const _Atomic uint64_t *slot) {
    return atomic_load_explicit(slot, memory_order_acquire);
}

static bool replace(_Atomic uint64_t *slot, uint64_t *seen, uint64_t by) {
    return atomic_compare_exchange_weak_explicit(slot, seen, by, memory_order_acq_rel, memory_order_acquire);
}

static bool is_of(uint64_t slot, uint64_t number) {
    return slot >> NUMBER_SHIFT == (number & NUMBER_MASK);
}

/* Of a bucket that came after `number`: who carries that is behind the others. */
static bool is_after(uint64_t slot, uint64_t number) {
    uint64_t ahead = ((slot >> NUMBER_SHIFT) - number) & NUMBER_MASK;
    return ahead != 0 && ahead < FAR;
}

static uint64_t halved_when_full(uint64_t slot) {
    if (!(slot & FIELDS_FULL))
        return slot;
    return (slot & ~CONTENT_MASK) | (slot >> 1 & FIELDS_NOT_TOP);
}

static inline void add(_Atomic uint64_t *slot, uint64_t number, uint64_t more, bool has_fields) {
    uint64_t seen = load(slot), next;
    do {
        if (is_after(seen, number))
            return;
        uint64_t old = is_of(seen, number) ? seen : (number & NUMBER_MASK) << NUMBER_SHIFT;
        next = has_fields ? halved_when_full(old + more) : old + more;
    } while (!replace(slot, &seen, next));
}

/* Empties what stands in the place of bucket `number`, unless that bucket has begun already. */
static void empty(_Atomic uint64_t *slot, uint64_t number, bool is_far) {
    uint64_t seen = load(slot), fresh = (number & NUMBER_MASK) << NUMBER_SHIFT;
    while (is_far || !is_of(seen, number))
        if (replace(slot, &seen, fresh))
            return;
}

/* Buckets that were skipped since the newest one are empty; nothing old is left when numbers come round. */
static void move_on(struct bw_window_buckets *buckets, uint64_t number) {
    uint64_t newest = load(&buckets->newest);
    do
        if (number <= newest)
            return;
    while (!replace(&buckets->newest, &newest, number));

    uint64_t steps = number - newest;
    uint64_t count = steps < BW_WINDOW_BUCKET_SLOTS ? steps : BW_WINDOW_BUCKET_SLOTS;
    for (uint64_t back = 0; back < count; back++) {
        uint64_t place = (number - back) % BW_WINDOW_BUCKET_SLOTS;
        empty(&buckets->results[place], number - back, steps >= FAR);
        empty(&buckets->weights[place], number - back, steps >= FAR);
    }
}

static inline uint64_t oldest_of(const struct bw_window_shape *shape, struct place place) {
    return place.number - place.first < shape->buckets ? place.first : place.number - shape->buckets + 1;
}

static struct bw_window_sums read_at(const struct bw_window_buckets *buckets,
                                     const struct bw_window_shape *shape, struct place place) {
    uint64_t calls_and_slow = 0, failed = 0, weight = 0, newest = load(&buckets->newest);
    uint64_t oldest = oldest_of(shape, place);
    for (uint64_t i = oldest; i <= place.number && i <= newest; i++) {
        uint64_t results = load(&buckets->results[i % BW_WINDOW_BUCKET_SLOTS]);
        if (!is_of(results, i))
            continue;
        calls_and_slow += results & CALLS_AND_SLOW;
        if (!(results & FAILED_MASK))
            continue;
        failed += (results & FAILED_MASK) >> FAILED_SHIFT;
        weight += load(&buckets->weights[i % BW_WINDOW_BUCKET_SLOTS]) & CONTENT_MASK;
    }
    uint32_t calls = (uint32_t)(calls_and_slow >> CALLS_SHIFT);
    /* A late failure may outlast the bucket of its call. */
    return (struct bw_window_sums){.calls = calls,
                                   .failed = failed < calls ? (uint32_t)failed : calls,
                                   .slow = (uint32_t)calls_and_slow,
                                   .weight = weight < UINT32_MAX ? (uint32_t)weight : UINT32_MAX};
}

/* Before the failure, or the slow call, is counted: who sees it sees the mark. */
static void mark(struct bw_window_buckets *buckets, uint64_t number) {
    uint64_t marked = load(&buckets->marked);
    while (marked < number && !replace(&buckets->marked, &marked, number))
        ;
}

struct bw_window_sums bw_window_buckets_add(struct bw_window_buckets *buckets,
                                            const struct bw_window_shape *shape, struct bw_window_moment at,
                                            uint64_t start_ms, struct bw_window_entry entry) {
    struct place place = place_of(shape, at, start_ms);
    uint64_t slot = place.number % BW_WINDOW_BUCKET_SLOTS;
    uint64_t more = (uint64_t)(entry.is_late ? 0 : 1) << CALLS_SHIFT |
                    (uint64_t)(entry.weight ? 1 : 0) << FAILED_SHIFT |
                    (uint64_t)(entry.slow && !entry.is_late ? 1 : 0);
    if (place.number > load(&buckets->newest))
        move_on(buckets, place.number);
    if (entry.weight || entry.slow)
        mark(buckets, place.number);
    /* The weight first: who sees a failure sees what it weighs. */
    if (entry.weight)
        add(&buckets->weights[slot], place.number, entry.weight, false);
    add(&buckets->results[slot], place.number, more, true);
    if (load(&buckets->marked) < oldest_of(shape, place))
        return (struct bw_window_sums){0};
    return read_at(buckets, shape, place);
}

struct bw_window_sums bw_window_buckets_read(const struct bw_window_buckets *buckets,
                                             const struct bw_window_shape *shape, struct bw_window_moment at,
                                             uint64_t start_ms) {
    return read_at(buckets, shape, place_of(shape, at, start_ms));
}

void bw_window_buckets_clear(struct bw_window_buckets *buckets) {
    atomic_store_explicit(&buckets->newest, 0, memory_order_relaxed);
    atomic_store_explicit(&buckets->marked, 0, memory_order_relaxed);
    for (int i = 0; i < BW_WINDOW_BUCKET_SLOTS; i++) {
        atomic_store_explicit(&buckets->results[i], 0, memory_order_relaxed);
        atomic_store_explicit(&buckets->weights[i], 0, memory_order_relaxed);
    }
}
