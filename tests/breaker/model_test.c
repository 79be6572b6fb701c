/* The breaker beside a model of it: random operations, every answer compared, every invariant checked.
 *
 * The model is written from the rules, with plain numbers and no word: it shares nothing with the library but
 * the 16 ms that the start of a lease is rounded up to. A failure prints its seed; BREAKER_SEED=n plays it
 * again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "scene.h"

enum { ROUNDS = 150, STEPS = 1500, TICKETS = 12, HOLDERS = 3 };

struct model {
    struct bw_breaker_config config;
    enum bw_state state;
    uint64_t generation;
    unsigned attempt;
    uint64_t streak, deadline_ms;
    uint64_t in_flight, ok, failed, since_ms;
    bool would_trip;
    bool holds[HOLDERS];
    struct bw_breaker_counters counters;
    uint64_t transitions, would_trips;
};

struct call {
    struct bw_ticket ticket;
    bool admitted, done, probe;
    uint64_t generation;
};

struct play {
    uint64_t random;
    uint64_t now_ms;
    struct model model;
    struct bw_breaker *breaker;
    struct call calls[TICKETS];
};

static uint64_t dice(struct play *p, uint64_t sides) {
    return (scene_random(&p->random) >> 11) % sides;
}

/* ---- The model ---- */

static uint64_t rounded(uint64_t ms) {
    return (ms + 15) / 16 * 16;
}

static uint64_t lease_of(const struct model *m) {
    const struct bw_breaker_config *c = &m->config;
    if (c->probe_lease_ms != BW_BREAKER_LEASE_AUTO)
        return c->probe_lease_ms;
    uint64_t call_ms = c->call_timeout_ms ? c->call_timeout_ms + 1000 : 0;
    return call_ms > c->open_ms ? call_ms : c->open_ms;
}

static void enter(struct model *m, enum bw_state state, uint64_t now_ms) {
    m->counters.entered[state] += m->state != state;
    m->state = state;
    m->generation++;
    m->transitions++;
    m->streak = m->in_flight = m->ok = m->failed = 0;
    m->would_trip = false;
    m->since_ms = rounded(now_ms);
    if (state == BW_CLOSED)
        m->attempt = 0;
}

static void enter_open(struct model *m, uint64_t now_ms, uint64_t for_ms, int64_t pushback_ms) {
    const struct bw_breaker_config *c = &m->config;
    double time_ms = (double)c->open_ms;
    double max_ms = (double)(c->open_max_ms > c->open_ms ? c->open_max_ms : c->open_ms);
    enter(m, BW_OPEN, now_ms);
    m->attempt += m->attempt < 15;
    for (unsigned i = 1; i < m->attempt; i++)
        time_ms *= c->open_backoff;
    uint64_t open_ms = for_ms ? for_ms : (uint64_t)(time_ms < max_ms ? time_ms : max_ms);
    int64_t asked_ms = pushback_ms < (int64_t)c->pushback_max_ms ? pushback_ms : (int64_t)c->pushback_max_ms;
    if (c->honour_pushback && asked_ms > (int64_t)open_ms)
        open_ms = (uint64_t)asked_ms;
    m->deadline_ms = now_ms + open_ms;
}

/* Applies what is due. */
static bool apply_due(struct model *m, uint64_t now_ms) {
    const struct bw_breaker_config *c = &m->config;
    if (m->state == BW_OPEN && now_ms >= m->deadline_ms) {
        enter(m, BW_HALF_OPEN, now_ms);
        return true;
    }
    if (m->state != BW_HALF_OPEN)
        return false;
    if (m->in_flight && lease_of(m) && now_ms >= m->since_ms + lease_of(m)) {
        m->counters.lost_probe += m->in_flight;
        if (c->probe_lease_action == BW_LEASE_REPLACE)
            enter(m, BW_HALF_OPEN, now_ms);
        else
            enter_open(m, now_ms, 0, -1);
        return true;
    }
    if (m->in_flight || !c->half_open_max_ms || now_ms < m->since_ms + c->half_open_max_ms)
        return false;
    if (c->half_open_timeout_to == BW_HALF_OPEN_TO_CLOSED)
        enter(m, BW_CLOSED, now_ms);
    else
        enter_open(m, now_ms, 0, -1);
    return true;
}

static bool slot_is_free(const struct model *m) {
    const struct bw_breaker_config *c = &m->config;
    uint64_t max = c->probe_max_inflight ? c->probe_max_inflight : c->probe_budget;
    return m->in_flight < max && m->in_flight + m->ok + m->failed < c->probe_budget;
}

static uint64_t retry_of(const struct model *m, uint64_t now_ms) {
    if (m->state == BW_FORCED_OPEN)
        return BW_BREAKER_NEVER;
    if (m->state == BW_OPEN)
        return m->deadline_ms - now_ms;
    if (m->state == BW_HALF_OPEN && !slot_is_free(m) && lease_of(m))
        return m->since_ms + lease_of(m) - now_ms;
    return 0;
}

static enum bw_decision model_acquire(struct model *m, uint64_t now_ms, uint64_t *retry_ms) {
    enum bw_decision decision = BW_ADMIT;
    apply_due(m, now_ms);
    if (m->state == BW_OPEN)
        decision = BW_REJECT_OPEN;
    else if (m->state == BW_FORCED_OPEN)
        decision = BW_REJECT_FORCED;
    else if (m->state == BW_HALF_OPEN)
        decision = slot_is_free(m) ? BW_ADMIT_PROBE : BW_REJECT_PROBING;
    *retry_ms = bw_admitted(decision) ? 0 : retry_of(m, now_ms);
    if (decision == BW_ADMIT_PROBE) {
        if (m->in_flight == 0)
            m->since_ms = rounded(now_ms);
        m->in_flight++;
        m->counters.admitted_probe++;
    }
    if (bw_admitted(decision))
        m->counters.admitted++;
    else
        m->counters.rejected[decision]++;
    return decision;
}

static void slot_comes_back(struct model *m, uint64_t now_ms) {
    if (m->state == BW_HALF_OPEN && --m->in_flight == 0)
        m->since_ms = rounded(now_ms);
}

static void judge_in_closed(struct model *m, uint64_t now_ms, const struct bw_result *result) {
    const struct bw_breaker_config *c = &m->config;
    if (result->outcome == BW_SUCCESS) {
        m->streak = 0;
        return;
    }
    m->streak += c->weight[result->code];
    if (!c->trip_consecutive || m->streak < c->trip_consecutive || now_ms < c->warmup_ms)
        return;
    if (m->state == BW_CLOSED)
        enter_open(m, now_ms, 0, result->pushback_ms);
    else if (!m->would_trip) {
        m->would_trip = true;
        m->would_trips++;
    }
}

static void judge_probe(struct model *m, uint64_t now_ms, const struct bw_result *result) {
    slot_comes_back(m, now_ms);
    m->ok += result->outcome == BW_SUCCESS;
    m->failed += result->outcome == BW_FAILURE;
    if (m->failed >= m->config.probe_failures)
        enter_open(m, now_ms, 0, result->pushback_ms);
    else if (m->ok >= m->config.probe_successes)
        enter(m, BW_CLOSED, now_ms);
}

static enum bw_verdict model_complete(struct model *m, struct call *call, uint64_t now_ms,
                                      const struct bw_result *result) {
    if (!call->admitted)
        return BW_UNADMITTED;
    if (call->done) {
        m->counters.twice++;
        return BW_DOUBLE;
    }
    call->done = true;
    if (call->generation != m->generation) {
        m->counters.stale++;
        return BW_STALE;
    }
    if (result->outcome == BW_IGNORED) {
        slot_comes_back(m, now_ms);
        m->counters.ignored++;
        return BW_RELEASED;
    }
    m->counters.ok += result->outcome == BW_SUCCESS;
    m->counters.failed += result->outcome == BW_FAILURE;
    if (m->state == BW_HALF_OPEN)
        judge_probe(m, now_ms, result);
    else if (m->state == BW_CLOSED || m->state == BW_METRICS_ONLY)
        judge_in_closed(m, now_ms, result);
    return BW_RECORDED;
}

static void model_force(struct model *m, uint64_t now_ms, enum bw_state to, uint64_t for_ms) {
    if (to == BW_OPEN)
        enter_open(m, now_ms, for_ms, -1);
    else if (m->state != to)
        enter(m, to, now_ms);
    memset(m->holds, 0, sizeof m->holds);
}

static bool is_held(const struct model *m) {
    bool held = false;
    for (int i = 0; i < HOLDERS; i++)
        held = held || m->holds[i];
    return held;
}

/* ---- Random operations on both ---- */

static void do_acquire(struct play *p) {
    struct call *call = &p->calls[dice(p, TICKETS)];
    uint64_t expected_ms, retry_ms;
    if (call->admitted && !call->done)
        return;
    memset(call, 0, sizeof *call);
    enum bw_decision expected = model_acquire(&p->model, p->now_ms, &expected_ms);
    assert_int_equal(bw_breaker_acquire(p->breaker, p->now_ms, &call->ticket, &retry_ms), expected);
    assert_int_equal(retry_ms, expected_ms);
    call->admitted = bw_admitted(expected);
    call->probe = expected == BW_ADMIT_PROBE;
    call->generation = p->model.generation;
}

static void do_complete(struct play *p) {
    static const enum bw_outcome outcomes[] = {BW_SUCCESS, BW_SUCCESS, BW_FAILURE,
                                               BW_FAILURE, BW_FAILURE, BW_IGNORED};
    struct call *call = &p->calls[dice(p, TICKETS)];
    struct bw_result result = {outcomes[dice(p, 6)], (int)dice(p, 17), -1, -1};
    if (dice(p, 8) == 0)
        result.pushback_ms = (int64_t)dice(p, 3000);
    enum bw_verdict expected = model_complete(&p->model, call, p->now_ms, &result);
    assert_int_equal(bw_breaker_complete(p->breaker, &call->ticket, p->now_ms, &result), expected);
}

static void do_release(struct play *p) {
    struct call *call = &p->calls[dice(p, TICKETS)];
    const struct bw_result ignored = {BW_IGNORED, -1, -1, -1};
    model_complete(&p->model, call, p->now_ms, &ignored);
    bw_breaker_release(p->breaker, &call->ticket, p->now_ms);
}

static void do_force(struct play *p) {
    static const enum bw_state to[] = {BW_CLOSED,    BW_OPEN,     BW_HALF_OPEN,
                                       BW_HALF_OPEN, BW_DISABLED, BW_METRICS_ONLY};
    enum bw_state state = to[dice(p, 6)];
    uint64_t for_ms = dice(p, 2) ? dice(p, 500) : 0;
    if (dice(p, 6) == 0) {
        enter(&p->model, BW_CLOSED, p->now_ms);
        memset(p->model.holds, 0, sizeof p->model.holds);
        bw_breaker_reset(p->breaker, p->now_ms);
        return;
    }
    model_force(&p->model, p->now_ms, state, for_ms);
    assert_int_equal(bw_breaker_force(p->breaker, p->now_ms, state, for_ms), 0);
}

static void do_hold(struct play *p) {
    static const char *const names[HOLDERS] = {"ann", "bob", ""};
    size_t i = dice(p, HOLDERS);
    bool is_release = dice(p, 3) != 0;
    if (!is_release) {
        p->model.holds[i] = true;
        if (p->model.state != BW_FORCED_OPEN)
            enter(&p->model, BW_FORCED_OPEN, p->now_ms);
        assert_int_equal(bw_breaker_hold(p->breaker, p->now_ms, names[i]), 0);
        return;
    }
    bool held = p->model.holds[i];
    p->model.holds[i] = false;
    if (held && !is_held(&p->model))
        enter(&p->model, BW_CLOSED, p->now_ms);
    assert_int_equal(bw_breaker_release_hold(p->breaker, p->now_ms, names[i]), held ? 0 : BW_BREAKER_UNKNOWN);
}

static void choose_config(struct play *p, struct bw_breaker_config *c) {
    bw_breaker_config_default(c);
    c->trip_consecutive = 1 + (uint32_t)dice(p, 4);
    c->open_ms = 1 + dice(p, 300);
    c->open_backoff = 1 + (double)dice(p, 3) / 2;
    c->open_max_ms = dice(p, 1000);
    c->probe_budget = 1 + (uint32_t)dice(p, 4);
    c->probe_max_inflight = (uint32_t)dice(p, c->probe_budget + 1);
    c->probe_successes = 1 + (uint32_t)dice(p, c->probe_budget);
    c->probe_failures = 1 + (uint32_t)dice(p, c->probe_budget + 1 - c->probe_successes);
    c->probe_lease_ms = dice(p, 2) ? BW_BREAKER_LEASE_AUTO : dice(p, 400);
    c->probe_lease_action = dice(p, 2) ? BW_LEASE_REOPEN : BW_LEASE_REPLACE;
    c->half_open_max_ms = dice(p, 2) ? dice(p, 600) : 0;
    c->half_open_timeout_to = dice(p, 2) ? BW_HALF_OPEN_TO_OPEN : BW_HALF_OPEN_TO_CLOSED;
    c->warmup_ms = dice(p, 4) ? 0 : dice(p, 2000);
    c->weight[14] = (uint8_t)(1 + dice(p, 3));
    c->honour_pushback = dice(p, 2) == 0;
    c->pushback_max_ms = dice(p, 2000);
    char why[300];
    if (bw_breaker_config_check(c, why, sizeof why) != 0)
        fail_msg("%s", why);
}

static void do_reconfigure(struct play *p) {
    if (dice(p, 10))
        return;
    choose_config(p, &p->model.config);
    if (p->model.state == BW_HALF_OPEN)
        enter(&p->model, BW_HALF_OPEN, p->now_ms);
    assert_int_equal(bw_breaker_reconfigure(p->breaker, &p->model.config, p->now_ms), 0);
}

static void step(struct play *p) {
    uint64_t kind = dice(p, 100);
    if (dice(p, 2))
        p->now_ms += dice(p, 10) ? dice(p, 20) : dice(p, 700);
    if (kind < 40)
        do_acquire(p);
    else if (kind < 85)
        do_complete(p);
    else if (kind < 89)
        do_release(p);
    else if (kind < 94)
        assert_int_equal(bw_breaker_poll(p->breaker, p->now_ms), apply_due(&p->model, p->now_ms));
    else if (kind < 95)
        do_force(p);
    else if (kind < 98)
        do_hold(p);
    else
        do_reconfigure(p);
}

/* ---- What must hold after every step ---- */

static void compare_state(const struct play *p, const struct bw_breaker_snapshot *s) {
    const struct model *m = &p->model;
    struct model next = *m;
    apply_due(&next, p->now_ms);
    assert_int_equal(s->state, m->state);
    assert_int_equal(s->view, next.state);
    assert_int_equal(s->retry_after_ms, retry_of(&next, p->now_ms));
    assert_int_equal(s->generation, m->generation);
    assert_int_equal(s->open_attempt, m->attempt);
    assert_int_equal(s->consecutive, m->streak);
    assert_int_equal(s->probes_in_flight, m->in_flight);
    assert_int_equal(s->probes_ok, m->ok);
    assert_int_equal(s->probes_failed, m->failed);
}

static void compare_counters(const struct model *m, const struct bw_breaker_counters *c) {
    assert_int_equal(c->admitted, m->counters.admitted);
    assert_int_equal(c->admitted_probe, m->counters.admitted_probe);
    assert_memory_equal(c->rejected, m->counters.rejected, sizeof c->rejected);
    assert_int_equal(c->ok, m->counters.ok);
    assert_int_equal(c->failed, m->counters.failed);
    assert_int_equal(c->ignored, m->counters.ignored);
    assert_int_equal(c->stale, m->counters.stale);
    assert_int_equal(c->twice, m->counters.twice);
    assert_int_equal(c->lost_probe, m->counters.lost_probe);
    assert_memory_equal(c->entered, m->counters.entered, sizeof c->entered);
}

static void check_invariants(const struct play *p, const struct bw_breaker_snapshot *s) {
    const struct bw_breaker_counters *c = &s->counters;
    uint64_t out = 0, live_probes = 0, failed = 0, ms = 0;
    for (int i = 0; i < TICKETS; i++) {
        const struct call *call = &p->calls[i];
        bool is_out = call->admitted && !call->done;
        out += is_out;
        live_probes += is_out && call->probe && call->generation == s->generation;
    }
    for (int i = 0; i < BW_BREAKER_CODES; i++)
        failed += c->failed_code[i];
    for (int i = 0; i < BW_STATES; i++)
        ms += c->ms_in_state[i];
    assert_true(s->probes_in_flight + s->probes_ok + s->probes_failed <= s->probe_budget); /* I1 */
    assert_int_equal(s->probes_in_flight, live_probes);                                    /* I2 */
    assert_int_equal(c->admitted, c->ok + c->failed + c->ignored + c->stale + out);        /* I7 */
    assert_int_equal(c->failed, failed);
    assert_int_equal(ms, p->now_ms);
}

/* I6: every generation has one event, and every event of a transition its own generation. */
static void check_events(struct play *p, uint64_t *seen_seq, uint64_t *seen_generation,
                         uint64_t *would_trips) {
    struct bw_event event;
    while (bw_breaker_events(p->breaker, *seen_seq, &event, 1) == 1) {
        assert_int_equal(event.seq, *seen_seq + 1);
        assert_true(event.at_ms <= p->now_ms);
        *seen_seq = event.seq;
        *seen_generation += event.transition;
        *would_trips += event.reason == BW_REASON_WOULD_TRIP;
        assert_int_equal(event.generation, *seen_generation);
    }
    assert_int_equal(*seen_generation, p->model.generation);
    assert_int_equal(*would_trips, p->model.would_trips);
}

static void play_round(uint64_t seed) {
    struct play play, *p = &play;
    struct bw_breaker_snapshot snapshot;
    uint64_t seen_seq = 0, seen_generation = 1, would_trips = 0;
    memset(p, 0, sizeof *p);
    p->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    choose_config(p, &p->model.config);
    p->model.generation = 1;
    p->breaker = bw_breaker_new("model", &p->model.config, 0);
    assert_non_null(p->breaker);
    for (int i = 0; i < STEPS; i++) {
        step(p);
        bw_breaker_snapshot(p->breaker, p->now_ms, &snapshot);
        compare_state(p, &snapshot);
        compare_counters(&p->model, &snapshot.counters);
        check_invariants(p, &snapshot);
        check_events(p, &seen_seq, &seen_generation, &would_trips);
    }
    bw_breaker_free(p->breaker);
}

static void the_breaker_does_what_the_model_does_whatever_the_operations(void **state) {
    static uint64_t seed;
    const char *given = getenv("BREAKER_SEED");
    uint64_t last = given ? strtoull(given, NULL, 10) : ROUNDS;
    *state = &seed;
    for (seed = given ? last : 1; seed < last; seed++)
        play_round(seed);
    play_round(seed);
}

static int say_seed(void **state) {
    printf("last seed: BREAKER_SEED=%" PRIu64 "\n", *(uint64_t *)*state);
    return 0;
}

BW_TESTS(cmocka_unit_test_teardown(the_breaker_does_what_the_model_does_whatever_the_operations, say_seed))
