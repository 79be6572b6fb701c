#include "word.h"

enum {
    STATE_SHIFT = 61,
    ATTEMPT_SHIFT = 57,
    GENERATION_SHIFT = 40,
    IN_FLIGHT_SHIFT = 34,
    OK_SHIFT = 28,
    FAILED_SHIFT = 22,
    SINCE_BITS = 22,
    SINCE_UNIT_MS = 16,
    RAMP_SHIFT = 17,
    RAMP_BITS = 23,
    RAMP_PAST_MS = 60000,
};
#define BITS(n)         ((UINT64_C(1) << (n)) - 1)
#define GENERATION_MASK BITS(BW_WORD_GENERATION_BITS)
#define PAYLOAD_MASK    BITS(GENERATION_SHIFT)
#define WOULD_TRIP      (UINT64_C(1) << 16)
/* `since` runs in a circle of this many ms. */
#define CIRCLE_MS ((UINT64_C(1) << SINCE_BITS) * SINCE_UNIT_MS)
/* The ramp's since runs in a circle that lacks one unit: 0 is taken. */
#define RAMP_MASK   BITS(RAMP_BITS)
#define RAMP_CIRCLE RAMP_MASK

static uint32_t field(uint64_t word, unsigned shift, uint64_t mask) {
    return (uint32_t)((word >> shift) & mask);
}

uint32_t bw_word_attempt(uint64_t word) {
    return field(word, ATTEMPT_SHIFT, BW_WORD_ATTEMPT_MAX);
}

static uint64_t payload_of(struct bw_round round) {
    return (uint64_t)round.in_flight << IN_FLIGHT_SHIFT | (uint64_t)round.ok << OK_SHIFT |
           (uint64_t)round.failed << FAILED_SHIFT | round.since;
}

static uint64_t next(uint64_t word, enum bw_state state, uint32_t attempt, uint64_t payload) {
    uint64_t generation = ((uint64_t)bw_word_generation(word) + 1) & GENERATION_MASK;
    return (uint64_t)state << STATE_SHIFT | (uint64_t)attempt << ATTEMPT_SHIFT |
           generation << GENERATION_SHIFT | payload;
}

uint64_t bw_word_to_open(uint64_t word, uint64_t deadline) {
    uint32_t attempt = bw_word_attempt(word);
    if (attempt < BW_WORD_ATTEMPT_MAX)
        attempt++;
    return next(word, BW_OPEN, attempt, deadline < BW_WORD_DEADLINE_MAX ? deadline : BW_WORD_DEADLINE_MAX);
}

uint64_t bw_word_to_half_open(uint64_t word, uint32_t in_flight, uint64_t since_ms) {
    struct bw_round round = {.in_flight = in_flight, .since = bw_word_since(since_ms)};
    return next(word, BW_HALF_OPEN, bw_word_attempt(word), payload_of(round));
}

uint64_t bw_word_to(uint64_t word, enum bw_state state) {
    return next(word, state, state == BW_CLOSED ? 0 : bw_word_attempt(word), 0);
}

uint64_t bw_word_with_attempt(uint64_t word, uint32_t attempt) {
    uint64_t cleared = word & ~((uint64_t)BW_WORD_ATTEMPT_MAX << ATTEMPT_SHIFT);
    return cleared | (uint64_t)(attempt & BW_WORD_ATTEMPT_MAX) << ATTEMPT_SHIFT;
}

uint64_t bw_word_with_streak(uint64_t word, uint32_t streak) {
    uint64_t kept = streak < BW_WORD_STREAK_MAX ? streak : BW_WORD_STREAK_MAX;
    return (word & ~(uint64_t)BW_WORD_STREAK_MAX) | kept;
}

bool bw_word_would_trip(uint64_t word) {
    return (word & WOULD_TRIP) != 0;
}

uint64_t bw_word_with_would_trip(uint64_t word) {
    return word | WOULD_TRIP;
}

bool bw_word_is_ramping(uint64_t word) {
    return bw_word_state(word) == BW_CLOSED && field(word, RAMP_SHIFT, RAMP_MASK) != 0;
}

uint64_t bw_word_without_ramp(uint64_t word) {
    return word & ~(RAMP_MASK << RAMP_SHIFT);
}

static uint64_t units(uint64_t ms) {
    return (ms + SINCE_UNIT_MS - 1) / SINCE_UNIT_MS;
}

uint64_t bw_word_with_ramp(uint64_t word, uint64_t since_ms) {
    return bw_word_without_ramp(word) | (units(since_ms) % RAMP_CIRCLE + 1) << RAMP_SHIFT;
}

uint64_t bw_word_ramp_elapsed(uint64_t word, uint64_t t_ms) {
    const uint64_t circle_ms = RAMP_CIRCLE * SINCE_UNIT_MS;
    uint64_t since_ms = (uint64_t)(field(word, RAMP_SHIFT, RAMP_MASK) - 1) * SINCE_UNIT_MS;
    uint64_t elapsed_ms = (t_ms % circle_ms + circle_ms - since_ms) % circle_ms;
    /* A moment before the start, be it of a thread that has slept since, seems to be almost a circle after
     * it. */
    return elapsed_ms >= circle_ms - RAMP_PAST_MS ? 0 : elapsed_ms;
}

uint64_t bw_word_deadline(uint64_t word) {
    return word & PAYLOAD_MASK;
}

struct bw_round bw_word_round(uint64_t word) {
    struct bw_round round = {0};
    if (bw_word_state(word) == BW_HALF_OPEN) {
        round.in_flight = field(word, IN_FLIGHT_SHIFT, BITS(6));
        round.ok = field(word, OK_SHIFT, BITS(6));
        round.failed = field(word, FAILED_SHIFT, BITS(6));
        round.since = field(word, 0, BITS(SINCE_BITS));
    }
    return round;
}

uint64_t bw_word_with_round(uint64_t word, struct bw_round round) {
    return (word & ~PAYLOAD_MASK) | payload_of(round);
}

uint32_t bw_word_since(uint64_t ms) {
    return (uint32_t)(units(ms) & BITS(SINCE_BITS));
}

int64_t bw_word_elapsed(uint32_t since, uint64_t ms) {
    int64_t elapsed = (int64_t)((ms - (uint64_t)since * SINCE_UNIT_MS) % CIRCLE_MS);
    /* Nothing began before the epoch. */
    bool has_begun = elapsed <= (int64_t)BW_WORD_SPAN_MAX_MS && (uint64_t)elapsed <= ms;
    return has_begun ? elapsed : elapsed - (int64_t)CIRCLE_MS;
}
