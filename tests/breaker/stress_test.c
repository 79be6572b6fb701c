/* Eight threads at one breaker that lose probes and complete twice: the invariants hold, each by its number.
 *
 *   I1  probes in flight and finished stay within their limits
 *   I2  in flight = the live probes of the round
 *   I3  stale and double completions change their counter only
 *   I4  after the longest time a call is admitted
 *   I5  nothing is admitted in OPEN before the deadline
 *   I6  one transition for each generation
 *   I7  admitted = ok + failed + ignored + stale + still out
 *   I8  what is rejected never reaches the server, which counts its requests itself
 *
 * tests/breaker/tsan.sh runs the same under ThreadSanitizer. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "scene.h"

enum { THREADS = 8, OPERATIONS = 20000, TICKETS = 4, GENERATIONS = 1 << 17 };

struct arena {
    struct bw_breaker *breaker;
    struct bw_breaker_config config;
    _Atomic uint64_t now_ms;
    _Atomic int live_probes[GENERATIONS]; /* by generation; lost ones stay */
    _Atomic uint64_t lost, twice, done, stale;
    _Atomic uint64_t asked, requests; /* calls that were wished for; that the server saw */
    _Atomic int over_budget, wrong_double, early_half_open;
};

struct worker {
    struct arena *arena;
    uint64_t random;
    struct bw_ticket tickets[TICKETS];
    bool out[TICKETS], probe[TICKETS];
};

static unsigned dice_of(struct worker *w) {
    return (unsigned)(scene_random(&w->random) >> 20);
}

static void acquire(struct worker *w, int i, uint64_t now_ms) {
    struct arena *arena = w->arena;
    enum bw_decision decision = bw_breaker_acquire(arena->breaker, now_ms, &w->tickets[i], NULL);
    w->out[i] = bw_admitted(decision);
    arena->asked++;
    if (bw_ticket_is_out(&w->tickets[i]))
        arena->requests++;
    w->probe[i] = decision == BW_ADMIT_PROBE;
    if (!w->probe[i])
        return;
    uint32_t max =
        arena->config.probe_max_inflight ? arena->config.probe_max_inflight : arena->config.probe_budget;
    if ((uint32_t)arena->live_probes[w->tickets[i].generation]++ >= max)
        arena->over_budget++;
}

static enum bw_verdict complete(struct worker *w, int i, uint64_t now_ms, unsigned dice) {
    static const enum bw_outcome outcomes[] = {BW_IGNORED, BW_SUCCESS, BW_FAILURE, BW_SUCCESS};
    struct bw_result result = {outcomes[dice % 4], 14, dice % 3 ? -1 : 100, -1};
    return bw_breaker_complete(w->arena->breaker, &w->tickets[i], now_ms, &result);
}

static void end(struct worker *w, int i, uint64_t now_ms, unsigned dice) {
    struct arena *arena = w->arena;
    w->out[i] = false;
    if (dice % 32 == 0) { /* never comes back; the place of max_concurrency would be lost for good */
        arena->lost++;
        return;
    }
    if (dice % 16 == 1)
        bw_breaker_overdue(arena->breaker, &w->tickets[i], now_ms);
    if (w->probe[i])
        arena->live_probes[w->tickets[i].generation]--;
    enum bw_verdict verdict = complete(w, i, now_ms, dice >> 8);
    arena->done++;
    arena->stale += verdict == BW_STALE;
    if (dice % 8 != 3)
        return;
    arena->twice++;
    if (complete(w, i, now_ms, dice >> 9) != BW_DOUBLE)
        arena->wrong_double++;
}

static void look(struct worker *w, uint64_t now_ms) {
    struct arena *arena = w->arena;
    struct bw_breaker_snapshot p;
    bw_breaker_snapshot(arena->breaker, now_ms, &p);
    if (p.probes_in_flight + p.probes_ok + p.probes_failed > arena->config.probe_budget)
        arena->over_budget++;
    struct bw_event events[2];
    size_t count = bw_breaker_events(arena->breaker, p.generation > 3 ? p.generation - 3 : 0, events, 2);
    for (size_t i = 0; i < count; i++)
        if (events[i].reason == BW_REASON_OPEN_ELAPSED && events[i].value < 0)
            arena->early_half_open++;
}

static void *work(void *argument) {
    struct worker *w = argument;
    for (int n = 0; n < OPERATIONS; n++) {
        unsigned dice = dice_of(w);
        int i = (int)(dice % TICKETS);
        uint64_t now_ms = dice / 16 % 4 == 0 ? ++w->arena->now_ms : w->arena->now_ms;
        if (w->out[i])
            end(w, i, now_ms, dice >> 6);
        else
            acquire(w, i, now_ms);
        if (n % 64 == 0)
            look(w, now_ms);
        if (n % 128 == 0)
            bw_breaker_poll(w->arena->breaker, now_ms);
    }
    for (int i = 0; i < TICKETS; i++)
        if (w->out[i])
            end(w, i, w->arena->now_ms, 2);
    return NULL;
}

static void run(struct arena *arena) {
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < THREADS; i++) {
        workers[i].arena = arena;
        workers[i].random = UINT64_C(88172645463325252) + (uint64_t)i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void check_books(struct arena *arena) {
    struct bw_breaker_snapshot p;
    bw_breaker_snapshot(arena->breaker, arena->now_ms, &p);
    assert_int_equal(arena->over_budget, 0); /* I1 */
    if (p.state == BW_HALF_OPEN)             /* I2 */
        assert_int_equal(p.probes_in_flight, arena->live_probes[p.generation % GENERATIONS]);
    assert_int_equal(arena->wrong_double, 0); /* I3 */
    assert_int_equal(p.counters.twice, arena->twice);
    assert_int_equal(p.counters.stale, arena->stale);
    assert_int_equal(arena->early_half_open, 0);                           /* I5 */
    assert_int_equal(scene_transitions(arena->breaker), p.generation - 1); /* I6 */
    assert_int_equal(p.counters.ok + p.counters.failed + p.counters.ignored + p.counters.stale, arena->done);
    assert_int_equal(p.counters.admitted, arena->done + arena->lost); /* I7 */
    uint64_t rejected = 0;
    for (int i = 0; i < BW_DECISIONS; i++)
        rejected += p.counters.rejected[i];
    assert_int_equal(arena->requests, p.counters.admitted); /* I8 */
    assert_int_equal(arena->requests + rejected, arena->asked);
}

/* I4: nobody answers any more, and yet somebody is let in before the longest open time and lease are over. */
static void check_a_call_is_let_in(struct arena *arena) {
    struct bw_ticket ticket;
    uint64_t start_ms = arena->now_ms, end_ms = start_ms + 40 + 64 + 16;
    for (uint64_t now_ms = start_ms; now_ms <= end_ms; now_ms++)
        if (bw_admitted(bw_breaker_acquire(arena->breaker, now_ms, &ticket, NULL)))
            return;
    fail_msg("I4: nobody was let in for %d ms", (int)(end_ms - start_ms));
}

static void stress(const char *parameters) {
    struct arena *arena = calloc(1, sizeof *arena);
    assert_non_null(arena);
    bw_breaker_config_default(&arena->config);
    scene_configure(&arena->config, "open_ms=40 probe_lease_ms=64");
    scene_configure(&arena->config, parameters);
    arena->breaker = bw_breaker_new("stress", &arena->config, 0);
    assert_non_null(arena->breaker);
    run(arena);
    check_books(arena);
    if (!arena->config.max_concurrency)
        check_a_call_is_let_in(arena);
    bw_breaker_free(arena->breaker);
    free(arena);
}

static void one_probe_and_a_lease_that_reopens(void **state) {
    (void)state;
    stress("trip_consecutive=3");
}

static void many_probes_and_a_lease_that_replaces(void **state) {
    (void)state;
    stress(
        "trip_consecutive=2 probe_budget=6 probe_max_inflight=3 probe_successes=3 probe_failures=2 "
        "probe_lease_action=replace half_open_max_ms=48");
}

static void a_time_window_and_samples(void **state) {
    (void)state;
    stress(
        "trip_consecutive=0 window=time window_ms=80 window_buckets=8 window_min_calls=10 "
        "trip_failure_rate=0.4 slow_call_ms=50 trip_slow_rate=0.9 probe_decision=sample probe_budget=4 "
        "probe_sample=3 probe_slow_rate=0.7");
}

static void a_register_and_a_ramp(void **state) {
    (void)state;
    stress(
        "trip_consecutive=0 window=count window_calls=20 window_min_calls=10 trip_failure_rate=0.4 "
        "ramp_ms=160");
}

static void a_ring_with_weights_and_a_limit(void **state) {
    (void)state;
    stress(
        "trip_consecutive=0 window=count window_calls=100 trip_failures=60 weight=UNAVAILABLE=3 "
        "slow_call_ms=50 "
        "max_concurrency=2000");
}

BW_TESTS(cmocka_unit_test(one_probe_and_a_lease_that_reopens),
         cmocka_unit_test(many_probes_and_a_lease_that_replaces), cmocka_unit_test(a_time_window_and_samples),
         cmocka_unit_test(a_register_and_a_ramp), cmocka_unit_test(a_ring_with_weights_and_a_limit))
