#include <string.h>

#include "inside.h"
#include "word.h"

/* The saved bytes, numbers with the lowest byte first:
 *   4 "bwBR"   1 version   1 length of name   .. name
 *   1 state    1 attempt   2 streak   8 ms left of OPEN   8 wall_ms   4 streak at which CLOSED was left
 *   1 count of holders     for each: 1 length   .. name */
static const char magic[4] = {'b', 'w', 'B', 'R'};
enum { VERSION = 1 };

/* Counts the bytes, and writes them unless `to` is NULL. */
struct writer {
    uint8_t *to;
    size_t length;
};

static void put(struct writer *w, const void *bytes, size_t length) {
    if (w->to)
        memcpy(w->to + w->length, bytes, length);
    w->length += length;
}

static void put_number(struct writer *w, uint64_t number, int size) {
    for (int i = 0; i < size; i++)
        put(w, &(uint8_t){(uint8_t)(number >> 8 * i)}, 1);
}

static void put_name(struct writer *w, const char *name) {
    size_t length = strlen(name);
    put_number(w, length, 1);
    put(w, name, length);
}

struct reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* ran over the end, or a name is none: nothing is read any more */
};

/* The next bytes, or NULL. */
static const uint8_t *take(struct reader *r, size_t length) {
    r->bad = r->bad || length > r->left;
    if (r->bad)
        return NULL;
    r->at += length;
    r->left -= length;
    return r->at - length;
}

static uint64_t get_number(struct reader *r, int size) {
    const uint8_t *at = take(r, (size_t)size);
    uint64_t number = 0;
    for (int i = 0; at && i < size; i++)
        number |= (uint64_t)at[i] << 8 * i;
    return number;
}

/* `name` is all zero before. */
static void get_name(struct reader *r, char name[BW_BREAKER_NAME_MAX + 1]) {
    size_t length = get_number(r, 1);
    r->bad = r->bad || length > BW_BREAKER_NAME_MAX;
    const uint8_t *at = take(r, length);
    if (!at)
        return;
    memcpy(name, at, length);
    r->bad = strlen(name) != length;
}

static uint64_t left_open_ms(uint64_t word, uint64_t t_ms) {
    bool is_waiting = bw_word_state(word) == BW_OPEN && bw_word_deadline(word) > t_ms;
    return is_waiting ? bw_word_deadline(word) - t_ms : 0;
}

static void put_breaker(struct writer *w, const struct bw_breaker *breaker, uint64_t word,
                        struct bw_instant at) {
    uint32_t holders = atomic_load_explicit(&breaker->holder_count, memory_order_relaxed);
    put(w, magic, sizeof magic);
    put_number(w, VERSION, 1);
    put_name(w, breaker->name);
    put_number(w, bw_word_state(word), 1);
    put_number(w, bw_word_attempt(word), 1);
    put_number(w, bw_word_streak(word), 2);
    put_number(w, left_open_ms(word, bw_inside_t(breaker, at.now_ms)), 8);
    put_number(w, at.wall_ms, 8);
    put_number(w, atomic_load_explicit(&breaker->left_closed_at, memory_order_relaxed), 4);
    put_number(w, holders, 1);
    for (uint32_t i = 0; i < holders; i++)
        put_name(w, breaker->holders[i]);
}

size_t bw_breaker_save(const struct bw_breaker *breaker, struct bw_instant at, void *bytes, size_t cap) {
    struct writer counting = {0}, writing = {.to = bytes};
    bw_inside_lock(breaker);
    uint64_t word = bw_inside_word(breaker);
    put_breaker(&counting, breaker, word, at);
    if (counting.length <= cap)
        put_breaker(&writing, breaker, word, at);
    bw_inside_unlock(breaker);
    return counting.length;
}

struct saved {
    char name[BW_BREAKER_NAME_MAX + 1];
    uint64_t state, attempt, streak, left_ms, wall_ms, left_closed_at, holders;
    char holder[BW_BREAKER_HOLDERS_MAX][BW_BREAKER_NAME_MAX + 1];
};

static bool is_sound(const struct saved *s) {
    return s->state < BW_STATES && s->attempt <= BW_WORD_ATTEMPT_MAX && s->left_ms <= BW_WORD_DEADLINE_MAX &&
           (s->state == BW_FORCED_OPEN) == (s->holders > 0);
}

static int parse(const void *bytes, size_t len, struct saved *s) {
    struct reader r = {.at = bytes, .left = len};
    const uint8_t *found = take(&r, sizeof magic);
    uint64_t version = get_number(&r, 1);
    if (r.bad || memcmp(found, magic, sizeof magic) != 0)
        return BW_BREAKER_REFUSED;
    if (version != VERSION)
        return BW_BREAKER_VERSION;
    get_name(&r, s->name);
    s->state = get_number(&r, 1);
    s->attempt = get_number(&r, 1);
    s->streak = get_number(&r, 2);
    s->left_ms = get_number(&r, 8);
    s->wall_ms = get_number(&r, 8);
    s->left_closed_at = get_number(&r, 4);
    s->holders = get_number(&r, 1);
    if (s->holders > BW_BREAKER_HOLDERS_MAX)
        return BW_BREAKER_REFUSED;
    for (uint64_t i = 0; i < s->holders; i++)
        get_name(&r, s->holder[i]);
    return r.bad || r.left || !is_sound(s) ? BW_BREAKER_REFUSED : 0;
}

static uint64_t restored_word(const struct saved *s, uint64_t word, uint64_t t_ms, uint64_t left_ms) {
    enum bw_state state = (enum bw_state)s->state;
    uint64_t next = state == BW_OPEN        ? bw_word_to_open(word, t_ms + left_ms)
                    : state == BW_HALF_OPEN ? bw_word_to_half_open(word, 0, t_ms)
                                            : bw_word_to(word, state);
    if (state == BW_CLOSED || state == BW_METRICS_ONLY)
        next = bw_word_with_streak(next, (uint32_t)s->streak);
    return bw_word_with_attempt(next, (uint32_t)s->attempt);
}

static void restore(struct bw_breaker *breaker, const struct saved *s, struct bw_instant at) {
    uint64_t t_ms = bw_inside_t(breaker, at.now_ms);
    uint64_t away_ms = at.wall_ms > s->wall_ms ? at.wall_ms - s->wall_ms : 0;
    uint64_t left_ms = s->left_ms > away_ms ? s->left_ms - away_ms : 0;
    struct bw_move move = {
        .reason = BW_REASON_RESTORED, .code = -1, .open_ms = left_ms, .own_open_ms = left_ms};
    uint64_t word = bw_inside_word(breaker), from;
    do {
        from = word;
        move.word = restored_word(s, from, t_ms, left_ms);
    } while (!bw_transition_try(breaker, &word, move.word));
    memcpy(breaker->holders, s->holder, sizeof breaker->holders);
    atomic_store_explicit(&breaker->holder_count, (uint32_t)s->holders, memory_order_relaxed);
    bw_transition_done(breaker, t_ms, from, &move);
    atomic_store_explicit(&breaker->left_closed_at, s->left_closed_at, memory_order_relaxed);
}

int bw_breaker_load(struct bw_breaker *breaker, struct bw_instant at, const void *bytes, size_t len) {
    struct saved saved;
    memset(&saved, 0, sizeof saved);
    int problem = parse(bytes, len, &saved);
    if (problem)
        return problem;
    if (strcmp(saved.name, breaker->name) != 0)
        return BW_BREAKER_NAME;
    bw_inside_lock(breaker);
    restore(breaker, &saved, at);
    bw_inside_unlock(breaker);
    return 0;
}
