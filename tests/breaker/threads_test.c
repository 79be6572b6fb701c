/* Many threads use one breaker at once: the books must balance. Also the test for ThreadSanitizer. */
#define _POSIX_C_SOURCE 200809L /* pthread_barrier */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "scene.h"

enum { THREADS = 4, OPERATIONS = 60000, TICKETS = 8, GENERATIONS = 1 << 17 };

struct arena {
    struct bw_breaker *breaker;
    uint64_t budget;
    _Atomic uint64_t now_ms;
    _Atomic int live_probes[GENERATIONS]; /* by generation; never more than the breaker thinks */
    _Atomic uint64_t admitted, probes, stale, recorded, released;
    _Atomic int too_many_probes, torn_events, early_probes;
};

struct worker {
    struct arena *arena;
    uint64_t random;
    struct bw_ticket tickets[TICKETS];
    bool out[TICKETS], probe[TICKETS];
};

static void acquire(struct worker *w, int i, uint64_t now_ms) {
    struct arena *arena = w->arena;
    enum bw_decision decision = bw_breaker_acquire(arena->breaker, now_ms, &w->tickets[i], NULL);
    w->out[i] = bw_admitted(decision);
    w->probe[i] = decision == BW_ADMIT_PROBE;
    arena->admitted += w->out[i];
    if (!w->probe[i])
        return;
    arena->probes++;
    if ((uint64_t)(arena->live_probes[w->tickets[i].generation]++) >= arena->budget)
        arena->too_many_probes++;
}

static void end(struct worker *w, int i, uint64_t now_ms, unsigned dice) {
    struct arena *arena = w->arena;
    struct bw_result result = {dice % 8 == 0   ? BW_IGNORED
                               : dice % 2 == 0 ? BW_SUCCESS
                                               : BW_FAILURE,
                               14, -1, -1};
    if (w->probe[i])
        arena->live_probes[w->tickets[i].generation]--;
    enum bw_verdict verdict = bw_breaker_complete(arena->breaker, &w->tickets[i], now_ms, &result);
    arena->stale += verdict == BW_STALE;
    arena->recorded += verdict == BW_RECORDED;
    arena->released += verdict == BW_RELEASED;
    w->out[i] = false;
}

static void read_all(struct worker *w, uint64_t now_ms) {
    struct arena *arena = w->arena;
    struct bw_breaker_snapshot p;
    struct bw_event events[4];
    bw_breaker_snapshot(arena->breaker, now_ms, &p);
    if (p.probes_in_flight + p.probes_ok + p.probes_failed > arena->budget)
        arena->too_many_probes++;
    size_t count = bw_breaker_events(arena->breaker, p.generation > 4 ? p.generation - 4 : 0, events, 4);
    for (size_t i = 0; i < count; i++)
        if (!events[i].seq || events[i].from >= BW_STATES || events[i].to >= BW_STATES ||
            events[i].reason >= BW_REASONS || events[i].last_count > 8)
            arena->torn_events++;
}

static void *work(void *argument) {
    struct worker *w = argument;
    for (int n = 0; n < OPERATIONS; n++) {
        unsigned dice = (unsigned)(scene_random(&w->random) >> 20);
        int i = (int)(dice % TICKETS);
        uint64_t now_ms = dice % 4 == 0 ? ++w->arena->now_ms : w->arena->now_ms;
        if (w->out[i])
            end(w, i, now_ms, dice >> 8);
        else
            acquire(w, i, now_ms);
        if (n % 64 == 0)
            read_all(w, now_ms);
        if (n % 128 == 0)
            bw_breaker_poll(w->arena->breaker, now_ms);
    }
    for (int i = 0; i < TICKETS; i++)
        if (w->out[i])
            end(w, i, w->arena->now_ms, 0);
    return NULL;
}

static void run(struct arena *arena, void *(*extra)(void *)) {
    struct worker workers[THREADS];
    pthread_t threads[THREADS + 1];
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < THREADS; i++) {
        workers[i].arena = arena;
        workers[i].random = UINT64_C(88172645463325252) + (uint64_t)i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    if (extra)
        assert_int_equal(pthread_create(&threads[THREADS], NULL, extra, arena), 0);
    for (int i = 0; i < THREADS + (extra != NULL); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void check_books(struct arena *arena) {
    struct bw_breaker_snapshot p;
    bw_breaker_snapshot(arena->breaker, arena->now_ms, &p);
    const struct bw_breaker_counters *c = &p.counters;
    assert_int_equal(arena->too_many_probes, 0);
    assert_int_equal(arena->torn_events, 0);
    assert_int_equal(c->admitted, arena->admitted);
    assert_int_equal(c->admitted_probe, arena->probes);
    assert_int_equal(c->stale, arena->stale);
    assert_int_equal(c->ignored, arena->released);
    assert_int_equal(c->ok + c->failed, arena->recorded);
    assert_int_equal(c->admitted, c->ok + c->failed + c->ignored + c->stale);
    assert_int_equal(p.probes_in_flight, 0);
    assert_int_equal(scene_transitions(arena->breaker), p.generation - 1);
    assert_true(p.generation > 100);
}

static struct arena *arena_start(const char *parameters, uint64_t budget) {
    struct arena *arena = calloc(1, sizeof *arena);
    struct bw_breaker_config config;
    assert_non_null(arena);
    bw_breaker_config_default(&config);
    scene_configure(&config, parameters);
    arena->breaker = bw_breaker_new("arena", &config, 0);
    assert_non_null(arena->breaker);
    arena->budget = budget;
    return arena;
}

static void arena_end(struct arena *arena) {
    bw_breaker_free(arena->breaker);
    free(arena);
}

static void under_many_threads_no_probe_and_no_result_is_lost(void **state) {
    (void)state;
    struct arena *arena = arena_start("open_ms=4 probe_budget=3 probe_successes=2 probe_failures=2", 3);
    run(arena, NULL);
    check_books(arena);
    arena_end(arena);
}

/* The row of failures is one number that all threads count in: none may be overwritten. */
static void *fail_often(void *argument) {
    struct arena *arena = argument;
    const struct bw_result failure = {BW_FAILURE, 14, -1, -1};
    for (int i = 0; i < 10000; i++) {
        struct bw_ticket ticket;
        bw_breaker_acquire(arena->breaker, 0, &ticket, NULL);
        bw_breaker_complete(arena->breaker, &ticket, 0, &failure);
    }
    return NULL;
}

static void every_failure_of_every_thread_counts(void **state) {
    (void)state;
    struct arena *arena = arena_start("trip_consecutive=65535", 1);
    struct bw_breaker_snapshot p;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fail_often, arena), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    bw_breaker_snapshot(arena->breaker, 0, &p);
    assert_int_equal(p.consecutive, THREADS * 10000);
    assert_int_equal(p.counters.failed, THREADS * 10000);
    arena_end(arena);
}

enum { CROWD = 24, CROWD_CALLS = 100000 };

struct crowd {
    struct arena *arena;
    pthread_barrier_t start;
};

static void *come_and_go(void *argument) {
    struct crowd *crowd = argument;
    pthread_barrier_wait(&crowd->start);
    for (int i = 0; i < CROWD_CALLS; i++) {
        struct bw_ticket ticket;
        bw_breaker_acquire(crowd->arena->breaker, 0, &ticket, NULL);
        bw_breaker_release(crowd->arena->breaker, &ticket, 0);
    }
    return NULL;
}

static void more_threads_than_there_are_shards_still_count_exactly(void **state) {
    (void)state;
    struct crowd crowd = {.arena = arena_start("", 1)};
    struct bw_breaker_snapshot p;
    pthread_t threads[CROWD];
    pthread_barrier_init(&crowd.start, NULL, CROWD);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&crowd.start);
    bw_breaker_snapshot(crowd.arena->breaker, 0, &p);
    assert_int_equal(p.counters.admitted, CROWD * CROWD_CALLS);
    assert_int_equal(p.counters.ignored, CROWD * CROWD_CALLS);
    arena_end(crowd.arena);
}

static void *operate(void *argument) {
    struct arena *arena = argument;
    struct bw_breaker_config config;
    unsigned char bytes[4096];
    for (int i = 0; i < 3000; i++) {
        uint64_t now_ms = arena->now_ms;
        struct bw_instant at = {now_ms, now_ms};
        bw_breaker_configured(arena->breaker, &config);
        config.open_ms = 3 + (uint64_t)i % 4;
        bw_breaker_reconfigure(arena->breaker, &config, now_ms);
        if (i % 16 == 0) {
            bw_breaker_hold(arena->breaker, now_ms, "operator");
            bw_breaker_release_hold(arena->breaker, now_ms, "operator");
            bw_breaker_force(arena->breaker, now_ms, i % 32 ? BW_HALF_OPEN : BW_OPEN, 2);
        }
        if (i % 64 == 0)
            bw_breaker_load(arena->breaker, at, bytes,
                            bw_breaker_save(arena->breaker, at, bytes, sizeof bytes));
    }
    bw_breaker_reset(arena->breaker, arena->now_ms);
    return NULL;
}

static void an_operator_may_change_everything_while_calls_run(void **state) {
    (void)state;
    struct arena *arena = arena_start("open_ms=4 probe_budget=2 probe_successes=2", 2);
    run(arena, operate);
    check_books(arena);
    arena_end(arena);
}

BW_TESTS(cmocka_unit_test(under_many_threads_no_probe_and_no_result_is_lost),
         cmocka_unit_test(every_failure_of_every_thread_counts),
         cmocka_unit_test(more_threads_than_there_are_shards_still_count_exactly),
         cmocka_unit_test(an_operator_may_change_everything_while_calls_run))
