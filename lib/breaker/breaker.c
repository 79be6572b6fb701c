#include <breakwire/breaker.h>

#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "word.h"

/* Enough for any window of usual size, so that one may be configured later on. */
static size_t ring_cap_of(const struct bw_breaker_config *config) {
    size_t needed = bw_window_ring_needs(config);
    return needed > BW_WINDOW_RING_CALLS ? needed : BW_WINDOW_RING_CALLS;
}

size_t bw_breaker_size(const struct bw_breaker_config *config) {
    return sizeof(struct bw_breaker) + ring_cap_of(config);
}

/* Generation 1 of CLOSED. */
static void begin(struct bw_breaker *breaker, const struct bw_breaker_config *config) {
    breaker->ring_cap = ring_cap_of(config);
    bw_windows_init(&breaker->windows, breaker->ring);
    atomic_store(&breaker->word, bw_word_healthy(1));
    atomic_store(&breaker->generation, 1);
    bw_inside_set_config(breaker, config);
    /* The time of its buckets begins; another window is ready. */
    struct bw_window_shape of_buckets = {.form = BW_FORM_TIME};
    bw_windows_begin(&breaker->windows, &of_buckets, (struct bw_window_moment){.generation = 1});
}

struct bw_breaker *bw_breaker_init(void *memory, const char *name, const struct bw_breaker_config *config,
                                   uint64_t now_ms) {
    struct bw_breaker *breaker = memory;
    size_t length = strlen(name);
    if (length > BW_BREAKER_NAME_MAX || bw_breaker_config_check(config, NULL, 0) != 0)
        return NULL;
    memset(breaker, 0, sizeof *breaker);
    memcpy(breaker->name, name, length);
    breaker->epoch_ms = now_ms;
    atomic_flag_clear(&breaker->lock);
    begin(breaker, config);
    return breaker;
}

struct bw_breaker *bw_breaker_new(const char *name, const struct bw_breaker_config *config, uint64_t now_ms) {
    void *memory = malloc(bw_breaker_size(config));
    struct bw_breaker *breaker = memory ? bw_breaker_init(memory, name, config, now_ms) : NULL;
    if (!breaker)
        free(memory);
    return breaker;
}

void bw_breaker_free(struct bw_breaker *breaker) {
    free(breaker);
}

bool bw_breaker_poll(struct bw_breaker *breaker, uint64_t now_ms) {
    struct bw_policy policy;
    bw_inside_policy(breaker, &policy);
    uint64_t word = bw_inside_word(breaker);
    return bw_transition_if_due(breaker, &policy, bw_inside_t(breaker, now_ms), &word);
}

uint64_t bw_breaker_next_due(const struct bw_breaker *breaker, uint64_t now_ms) {
    struct bw_policy policy;
    bw_inside_policy(breaker, &policy);
    uint64_t due_ms = bw_policy_next_due(&policy, bw_inside_word(breaker), bw_inside_t(breaker, now_ms));
    return due_ms == BW_BREAKER_NEVER ? due_ms : breaker->epoch_ms + due_ms;
}
