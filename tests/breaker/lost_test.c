/* Steps that are tried in vain, since another thread came in between, and tried again. It looks inside the
 * library; trap.h makes the other thread's moment certain. */
#include <string.h>

#include "run.h"
#include "trap.h"

#include "../../lib/breaker/inside.h"
#include "../../lib/breaker/window_add.h"

/* ---- The windows ---- */

static const struct bw_window_shape shapes[] = {
    {.form = BW_FORM_TIME, .buckets = 4, .bucket_ms = 10},
    {.form = BW_FORM_REGISTER, .calls = 46},
    {.form = BW_FORM_REGISTER, .calls = 23, .has_slow = true},
    {.form = BW_FORM_RING, .calls = 50},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

struct window {
    struct bw_windows *windows;
    const struct bw_window_shape *shape;
    struct bw_window_moment at; /* of the rival */
    struct bw_window_sums sums;
    uint8_t entries[50];
};

static void window_start(struct window *w, int shape) {
    memset(w, 0, sizeof *w);
    w->windows = trap_memory(sizeof *w->windows, 0);
    w->shape = &shapes[shape];
    bw_windows_init(w->windows, w->entries);
    bw_windows_prepare(w->windows, w->shape, 0);
    bw_windows_begin(w->windows, w->shape, (struct bw_window_moment){.generation = 1});
}

static bool window_add(struct window *w, struct bw_window_moment at, uint8_t weight) {
    return bw_windows_add(w->windows, w->shape, at, (struct bw_window_entry){.weight = weight}, &w->sums);
}

static void rival_fails(void *window) {
    struct window *w = window;
    assert_true(window_add(w, w->at, 1));
}

static void rival_begins(void *window) {
    struct window *w = window;
    bw_windows_begin(w->windows, w->shape, w->at);
}

static void window_trap(struct window *w, void (*rival)(void *), uint64_t generation, uint64_t t_ms) {
    w->at = (struct bw_window_moment){generation, t_ms};
    trap_set(TRAP_WRITING, sizeof *w->windows + 4095, rival, w);
}

static void of_two_results_at_the_same_moment_both_are_counted(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct window w;
        struct bw_window_moment at = {1, 15};
        window_start(&w, i);
        window_trap(&w, rival_fails, 1, 15);
        assert_true(window_add(&w, at, 1));
        assert_true(trap_was_touched());
        assert_int_equal(w.sums.failed, 2);
        assert_int_equal(bw_windows_read(w.windows, w.shape, at).calls, 2);
        trap_free();
    }
}

static void a_bucket_loses_nothing_when_two_threads_count_in_it(void **state) {
    (void)state;
    for (uint8_t weight = 0; weight <= 2; weight++) {
        struct window w;
        struct bw_window_moment at = {1, 15};
        window_start(&w, 0);
        assert_true(window_add(&w, at, 0)); /* the bucket has begun */
        window_trap(&w, rival_fails, 1, 15);
        assert_true(window_add(&w, at, weight));
        assert_true(trap_was_touched());
        struct bw_window_sums sums = bw_windows_read(w.windows, w.shape, at);
        assert_int_equal(sums.calls, 3);
        assert_int_equal(sums.failed, weight ? 2 : 1);
        assert_int_equal(sums.weight, 1 + weight);
        trap_free();
    }
}

static void a_bucket_that_another_thread_begins_first_keeps_what_came_since(void **state) {
    (void)state;
    struct window w;
    struct bw_window_moment at = {1, 15};
    size_t boundary = offsetof(struct bw_windows, buckets[0].results);
    memset(&w, 0, sizeof w);
    w.windows = trap_memory(sizeof *w.windows, boundary);
    w.shape = &shapes[0];
    bw_windows_begin(w.windows, w.shape, (struct bw_window_moment){.generation = 1});
    w.at = at;
    trap_set(TRAP_WRITING, 4096, rival_fails, &w);
    assert_true(window_add(&w, at, 0)); /* has said that it begins it, and is about to empty it */
    assert_true(trap_was_touched());
    struct bw_window_sums sums = bw_windows_read(w.windows, w.shape, at);
    assert_int_equal(sums.calls, 2);
    assert_int_equal(sums.failed, 1);
    assert_int_equal(sums.weight, 1);
    trap_free();
}

static void a_bucket_that_its_first_thread_has_not_emptied_yet_is_emptied_by_the_next(void **state) {
    (void)state;
    static const uint64_t later[] = {64, 25536, 32768}; /* buckets, in the same place */
    for (int i = 0; i < 3; i++) {
        struct window w;
        struct bw_window_moment first = {1, 5}, next = {1, 5 + 10 * later[i]};
        window_start(&w, 0);
        assert_true(window_add(&w, first, 1));
        atomic_fetch_add(&w.windows->buckets[0].newest, later[i]);
        assert_true(window_add(&w, next, 1));
        struct bw_window_sums sums = bw_windows_read(w.windows, w.shape, next);
        assert_int_equal(sums.calls, 1);
        assert_int_equal(sums.weight, 1);
        trap_free();
    }
}

static void a_thread_that_is_overtaken_leaves_the_newest_bucket_where_it_is(void **state) {
    (void)state;
    struct window w;
    window_start(&w, 0);
    window_trap(&w, rival_fails, 1, 35);
    assert_true(window_add(&w, (struct bw_window_moment){1, 15}, 0));
    assert_true(trap_was_touched());
    assert_int_equal(bw_windows_read(w.windows, w.shape, w.at).calls, 2);
    trap_free();
}

static void who_reads_a_ring_waits_for_his_turn(void **state) {
    (void)state;
    struct window w;
    window_start(&w, 3);
    window_trap(&w, rival_fails, 1, 0);
    assert_int_equal(bw_windows_read(w.windows, w.shape, w.at).calls, 1);
    assert_true(trap_was_touched());
    trap_free();
}

static void a_result_is_refused_when_a_later_generation_begins_meanwhile(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct window w;
        window_start(&w, i);
        window_trap(&w, rival_fails, 3, 15);
        assert_false(window_add(&w, (struct bw_window_moment){2, 15}, 1));
        assert_true(trap_was_touched());
        assert_int_equal(bw_windows_read(w.windows, w.shape, w.at).calls, 1);
        trap_free();
    }
}

static void a_generation_begins_when_the_first_thread_says_so(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) { /* a ring begins with its first result */
        struct window w;
        struct bw_window_moment at = {2, 19};
        window_start(&w, i);
        window_trap(&w, rival_begins, 2, 15);
        bw_windows_begin(w.windows, w.shape, at);
        assert_true(trap_was_touched());
        assert_true(window_add(&w, at, 1));
        assert_int_equal(bw_windows_read(w.windows, w.shape, (struct bw_window_moment){2, 54}).calls, 1);
        /* 4 x 10 ms after 15, not after 19 */
        assert_int_equal(bw_windows_read(w.windows, w.shape, (struct bw_window_moment){2, 55}).calls, i != 0);
        trap_free();
    }
}

struct reg {
    _Atomic uint64_t *word;
    struct bw_window_sums sums;
};

static void rival_begins_register(void *reg) {
    struct reg *r = reg;
    bw_window_register_begin(r->word, &shapes[1], 2);
    assert_true(bw_window_register_add(r->word, &shapes[1], 2, (struct bw_window_entry){0}, &r->sums));
}

static void rival_adds_to_the_old_register(void *reg) {
    struct reg *r = reg;
    assert_true(bw_window_register_add(r->word, &shapes[1], 1, (struct bw_window_entry){0}, &r->sums));
}

static void a_register_is_begun_though_a_result_of_the_old_generation_comes_between(void **state) {
    (void)state;
    struct reg r = {.word = trap_memory(sizeof *r.word, 0)};
    bw_window_register_clear(r.word, &shapes[1], 1);
    trap_set(TRAP_WRITING, 4096, rival_adds_to_the_old_register, &r);
    bw_window_register_begin(r.word, &shapes[1], 2);
    assert_true(trap_was_touched());
    assert_true(*r.word == bw_register_fresh(&shapes[1], 2));
    trap_free();
}

static void a_register_that_another_thread_has_begun_keeps_what_came_since(void **state) {
    (void)state;
    struct reg r = {.word = trap_memory(sizeof *r.word, 0)};
    bw_window_register_clear(r.word, &shapes[1], 1);
    trap_set(TRAP_WRITING, 4096, rival_begins_register, &r);
    bw_window_register_begin(r.word, &shapes[1], 2);
    assert_true(trap_was_touched());
    assert_int_equal(bw_window_register_read(r.word, &shapes[1], 2).calls, 1);
    trap_free();
}

/* ---- The shards ---- */

static void rival_takes(void *shard) {
    atomic_store(&((struct bw_shard *)shard)->owner, 1);
}

static void a_shard_that_another_thread_takes_first_is_left_to_it(void **state) {
    (void)state;
    struct bw_shard *shards = trap_memory(BW_SHARDS * sizeof *shards, 0);
    unsigned home = bw_shards_home((uintptr_t)&bw_shards_here);
    trap_set(TRAP_WRITING, BW_SHARDS * sizeof *shards + 4095, rival_takes, &shards[home]);
    assert_ptr_equal(bw_shards_take(shards), &shards[(home + 1) % BW_SHARDS_OWNED]);
    assert_true(trap_was_touched());
    assert_int_equal(atomic_load(&shards[home].owner), 1);
    trap_free();
}

/* ---- The breaker ---- */

static void breaker_trap(struct bw_breaker *breaker, void (*rival)(void *)) {
    trap_set(TRAP_WRITING, offsetof(struct bw_breaker, shards), rival, breaker);
}

/* One call at 1010 ms, of which the end meets the trap. */
static enum bw_verdict complete_trapped(struct bw_breaker *breaker, enum bw_outcome outcome,
                                        void (*rival)(void *)) {
    struct bw_result result = {.outcome = outcome, .code = 14, .latency_ms = -1, .pushback_ms = -1};
    struct bw_ticket ticket;
    assert_int_equal(bw_breaker_acquire(breaker, 1010, &ticket, NULL), BW_ADMIT);
    breaker_trap(breaker, rival);
    enum bw_verdict verdict = bw_breaker_complete(breaker, &ticket, 1010, &result);
    assert_true(trap_was_touched());
    return verdict;
}

static void rival_opens_and_closes(void *breaker) {
    bw_breaker_force(breaker, 1010, BW_OPEN, 0);
    bw_breaker_force(breaker, 1010, BW_CLOSED, 0);
}

static void a_result_that_comes_to_the_window_of_the_next_generation_is_stale(void **state) {
    (void)state;
    static const enum bw_outcome outcomes[] = {BW_SUCCESS, BW_FAILURE};
    for (int i = 0; i < 2; i++) {
        struct bw_breaker *breaker = trap_breaker("window=count", 0);
        struct bw_breaker_snapshot snapshot;
        assert_int_equal(complete_trapped(breaker, outcomes[i], rival_opens_and_closes), BW_STALE);
        bw_breaker_snapshot(breaker, 1010, &snapshot);
        assert_int_equal(snapshot.counters.stale, 1);
        assert_int_equal(snapshot.counters.ok + snapshot.counters.failed, 0);
        assert_int_equal(snapshot.generation, 3);
        assert_int_equal(snapshot.window_calls, 0);
        trap_free();
    }
}

static void rival_acquires(void *breaker) {
    struct bw_ticket ticket;
    assert_int_equal(bw_breaker_acquire(breaker, 1010, &ticket, NULL), BW_ADMIT);
}

static void the_last_place_is_given_to_one_of_two_calls(void **state) {
    (void)state;
    struct bw_breaker *breaker = trap_breaker("max_concurrency=1", 0);
    struct bw_ticket ticket;
    uint64_t retry_after_ms = 7;
    breaker_trap(breaker, rival_acquires);
    assert_int_equal(bw_breaker_acquire(breaker, 1010, &ticket, &retry_after_ms), BW_REJECT_CONCURRENCY);
    assert_true(trap_was_touched());
    assert_int_equal(retry_after_ms, 0);
    assert_false(bw_ticket_is_out(&ticket));
    assert_int_equal(breaker->in_flight, 1);
    trap_free();
}

static void rival_begins_the_round(void *breaker) {
    struct bw_ticket ticket;
    assert_int_equal(bw_breaker_acquire(breaker, 1100, &ticket, NULL), BW_ADMIT_PROBE);
}

static void of_two_first_probes_both_have_a_place(void **state) {
    (void)state;
    struct bw_breaker *breaker = trap_breaker("max_concurrency=2 probe_budget=2 probe_successes=2", 0);
    struct bw_ticket ticket;
    bw_breaker_force(breaker, 1000, BW_OPEN, 100);
    breaker_trap(breaker, rival_begins_the_round);
    assert_int_equal(bw_breaker_acquire(breaker, 1100, &ticket, NULL), BW_ADMIT_PROBE);
    assert_true(trap_was_touched());
    assert_int_equal(breaker->in_flight, 2);
    trap_free();
}

static int rival_calls;

static void rival_ramps_anew(void *breaker) {
    struct bw_ticket ticket;
    rival_opens_and_closes(breaker);
    for (int i = 0; i < rival_calls; i++)
        assert_int_equal(bw_breaker_acquire(breaker, 1010, &ticket, NULL), BW_REJECT_RAMP);
}

static void a_call_that_meets_the_next_ramp_is_counted_there(void **state) {
    (void)state;
    /* The first of its own ramp would be rejected; of the next one 10 % pass, the tenth and not the second.
     */
    static const enum bw_decision expected[] = {[1] = BW_REJECT_RAMP, [9] = BW_ADMIT};
    for (rival_calls = 1; rival_calls <= 9; rival_calls += 8) {
        struct bw_breaker *breaker = trap_breaker("ramp_ms=1000", 0);
        struct bw_ticket ticket;
        rival_opens_and_closes(breaker);
        breaker_trap(breaker, rival_ramps_anew);
        assert_int_equal(bw_breaker_acquire(breaker, 1010, &ticket, NULL), expected[rival_calls]);
        assert_true(trap_was_touched());
        assert_int_equal(ticket.generation, 5);
        trap_free();
    }
}

static void rival_probes(void *breaker) {
    struct bw_result success = {.outcome = BW_SUCCESS, .latency_ms = -1, .pushback_ms = -1};
    struct bw_ticket ticket;
    assert_int_equal(bw_breaker_acquire(breaker, 1100, &ticket, NULL), BW_ADMIT_PROBE);
    assert_int_equal(bw_breaker_complete(breaker, &ticket, 1100, &success), BW_RECORDED);
}

static void a_generation_that_is_published_late_does_not_take_the_number_back(void **state) {
    (void)state;
    struct bw_breaker *breaker = trap_breaker("", offsetof(struct bw_breaker, generation));
    bw_breaker_force(breaker, 1000, BW_OPEN, 100);
    trap_set(TRAP_WRITING, 4096, rival_probes, breaker);
    assert_true(bw_breaker_poll(breaker, 1100));
    assert_true(trap_was_touched());
    assert_int_equal(atomic_load(&breaker->generation), 4);
    trap_free();
}

BW_TESTS(cmocka_unit_test(of_two_results_at_the_same_moment_both_are_counted),
         cmocka_unit_test(a_bucket_loses_nothing_when_two_threads_count_in_it),
         cmocka_unit_test(a_bucket_that_another_thread_begins_first_keeps_what_came_since),
         cmocka_unit_test(a_bucket_that_its_first_thread_has_not_emptied_yet_is_emptied_by_the_next),
         cmocka_unit_test(a_thread_that_is_overtaken_leaves_the_newest_bucket_where_it_is),
         cmocka_unit_test(who_reads_a_ring_waits_for_his_turn),
         cmocka_unit_test(a_result_is_refused_when_a_later_generation_begins_meanwhile),
         cmocka_unit_test(a_generation_begins_when_the_first_thread_says_so),
         cmocka_unit_test(a_register_is_begun_though_a_result_of_the_old_generation_comes_between),
         cmocka_unit_test(a_register_that_another_thread_has_begun_keeps_what_came_since),
         cmocka_unit_test(a_shard_that_another_thread_takes_first_is_left_to_it),
         cmocka_unit_test(a_result_that_comes_to_the_window_of_the_next_generation_is_stale),
         cmocka_unit_test(the_last_place_is_given_to_one_of_two_calls),
         cmocka_unit_test(of_two_first_probes_both_have_a_place),
         cmocka_unit_test(a_call_that_meets_the_next_ramp_is_counted_there),
         cmocka_unit_test(a_generation_that_is_published_late_does_not_take_the_number_back))
