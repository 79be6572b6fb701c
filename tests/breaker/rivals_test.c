/* Who changes a word by hand begins again when a call changed it first. This program has its own
 * bw_transition_try, in which another operation comes in between the reading and the storing of the word; it
 * looks inside the library, and is linked so that its function is the one that the library uses. */
#include "run.h"
#include "scene.h"

#include "../../lib/breaker/inside.h"

static struct scene *rivalled;
static const char *rival; /* a script, played once */

bool bw_transition_try(struct bw_breaker *breaker, uint64_t *from, uint64_t to) {
    const char *script = rival;
    rival = NULL;
    if (script)
        scene_play(rivalled, script);
    return atomic_compare_exchange_strong(&breaker->word, from, to);
}

/* The breaker plays `before`, then `order`, into which `between` comes, then `after`. */
static void play(const char *before, const char *between, const char *order, const char *after,
                 const char *states) {
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=100 probe_budget=3 probe_successes=2");
    scene_play(&s, before);
    rivalled = &s;
    rival = between;
    scene_play(&s, order);
    assert_null(rival);
    scene_play(&s, after);
    scene_expect_states(&s, states);
    scene_end(&s);
}

static void an_order_starts_from_what_a_call_made_of_the_word(void **state) {
    (void)state;
    play("0 call fail\n", "100 poll | moved\n", "100 force closed\n", "100 generation | 4\n",
         "0 open, 100 half_open, 100 closed");
    play("0 call fail\n100 poll\n", "100 call fail | admit_probe recorded\n", "100 hold ann\n",
         "100 attempt | 2\n100 generation | 5\n", "0 open, 100 half_open, 100 open, 100 forced_open");
    play("0 call fail\n", "100 poll | moved\n", "100 reset\n", "100 generation | 4\n100 attempt | 0\n",
         "0 open, 100 half_open, 100 closed");
}

static void an_order_that_a_call_has_fulfilled_already_changes_nothing(void **state) {
    (void)state;
    play("0 call fail\n", "100 acquire a | admit_probe\n", "100 force half_open | 0\n",
         "100 generation | 3\n100 in_flight | 1\n101 complete a ok | recorded\n", "0 open, 100 half_open");
}

static void a_reconfiguration_begins_a_new_round_in_spite_of_calls(void **state) {
    (void)state;
    play("0 call fail\n100 acquire a\n", "100 complete a ok | recorded\n",
         "101 reconfigure open_ms=100 | 0\n",
         "101 generation | 4\n101 in_flight | 0\n101 call ok\n101 state | half_open\n",
         "0 open, 100 half_open, 101 half_open");
    play("0 call fail\n100 acquire a\n", "100 complete a fail | recorded\n",
         "101 reconfigure open_ms=70 | 0\n", "101 read | open/open 69\n101 generation | 4\n",
         "0 open, 100 half_open, 100 open");
}

static void a_loaded_state_replaces_what_a_call_made_of_the_word(void **state) {
    (void)state;
    static const char closed_with_2_failures[] =
        "bwBR\1\5scene\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    struct scene s;
    struct bw_instant at = {.now_ms = 100};
    scene_start(&s, "trip_consecutive=3 open_ms=100");
    scene_play(&s, "0 force open\n");
    rivalled = &s;
    rival = "100 acquire a | admit_probe\n";
    assert_int_equal(bw_breaker_load(s.breaker, at, closed_with_2_failures, 36), 0);
    assert_null(rival);
    scene_play(&s, "100 generation | 4\n100 streak | 2\n100 complete a ok | stale\n");
    scene_expect_states(&s, "0 open, 100 half_open, 100 closed");
    assert_int_equal(bw_breaker_transitions(s.breaker, BW_HALF_OPEN, BW_CLOSED, BW_REASON_RESTORED), 1);
    scene_end(&s);
}

/* The breaker plays `before`; then `step`, into which `between` comes; then `after`. */
static void play_with(const char *settings, const char *before, const char *between, const char *step,
                      const char *after) {
    struct scene s;
    scene_start(&s, settings);
    scene_play(&s, before);
    rivalled = &s;
    rival = between;
    scene_play(&s, step);
    assert_null(rival);
    scene_play(&s, after);
    scene_end(&s);
}

static void a_result_is_stale_when_the_generation_ends_before_it_is_stored(void **state) {
    (void)state;
    const char *plain = "trip_consecutive=2 open_ms=100 probe_budget=3 probe_successes=2 probe_failures=2";
    play_with(plain, "0 acquire a\n", "0 force disabled\n", "1 complete a fail | stale\n",
              "1 state | disabled\n1 generation | 2\n");
    play_with(plain, "0 force half_open\n1 acquire a\n", "1 force disabled\n", "1 complete a ok | stale\n",
              "1 state | disabled\n1 generation | 3\n");
    play_with(plain, "0 force half_open\n1 acquire a\n", "1 force disabled\n", "1 release a | done\n",
              "1 state | disabled\n1 count ignored | 0\n1 count stale | 1\n");
    play_with("trip_consecutive=0 window=count window_calls=4 window_min_calls=4 trip_failure_rate=0.2",
              "0 call ok\n0 call fail\n0 call ok\n1 acquire a\n", "1 force disabled\n",
              "1 complete a ok | stale\n", "1 state | disabled\n1 generation | 2\n");
}

static void a_result_is_added_to_what_another_one_has_made_of_the_word(void **state) {
    (void)state;
    const char *plain = "trip_consecutive=2 open_ms=100 probe_budget=3 probe_successes=2 probe_failures=2";
    play_with(plain, "0 acquire a\n0 acquire b\n", "1 complete b fail | recorded\n",
              "1 complete a fail | recorded\n", "1 state | open\n1 generation | 2\n");
    play_with(plain, "0 force half_open\n1 acquire a\n1 acquire b\n", "1 complete b ok | recorded\n",
              "1 complete a ok | recorded\n", "1 state | closed\n1 generation | 3\n");
    play_with(plain, "0 force half_open\n1 acquire a\n1 acquire b\n", "1 release b | done\n",
              "1 release a | done\n", "1 in_flight | 0\n1 generation | 2\n1 count ignored | 2\n");
}

static void a_transition_that_is_due_is_made_by_one(void **state) {
    (void)state;
    play_with("trip_consecutive=1 open_ms=100", "0 call fail\n", "100 acquire a | admit_probe\n",
              "100 poll | moved\n", "100 generation | 3\n100 in_flight | 1\n");
}

static void a_call_that_begins_again_keeps_the_place_it_has(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "trip_consecutive=1 open_ms=100 probe_budget=3 max_concurrency=2");
    scene_play(&s, "0 call fail\n");
    rivalled = &s;
    rival = "100 acquire a | admit_probe\n";
    scene_play(&s, "100 acquire b | admit_probe\n");
    assert_null(rival);
    scene_play(&s,
               "100 in_flight | 2\n100 acquire c | reject_concurrency 0\n"
               "100 release b | done\n100 acquire c | admit_probe\n");
    scene_end(&s);
}

BW_TESTS(cmocka_unit_test(a_result_is_stale_when_the_generation_ends_before_it_is_stored),
         cmocka_unit_test(a_result_is_added_to_what_another_one_has_made_of_the_word),
         cmocka_unit_test(a_transition_that_is_due_is_made_by_one),
         cmocka_unit_test(a_call_that_begins_again_keeps_the_place_it_has),
         cmocka_unit_test(an_order_starts_from_what_a_call_made_of_the_word),
         cmocka_unit_test(an_order_that_a_call_has_fulfilled_already_changes_nothing),
         cmocka_unit_test(a_reconfiguration_begins_a_new_round_in_spite_of_calls),
         cmocka_unit_test(a_loaded_state_replaces_what_a_call_made_of_the_word))
