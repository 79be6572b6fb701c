/* What races may do to a transition, one step at a time. It looks inside the library. */
#include "run.h"
#include "scene.h"

#include "../../lib/breaker/inside.h"
#include "../../lib/breaker/word.h"

static void a_transition_from_a_word_that_is_gone_does_not_happen(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    uint64_t seen = bw_inside_word(s.breaker);
    uint64_t first = bw_word_to_open(seen, 100), second = bw_word_to_half_open(seen, 1, 0);
    uint64_t winner = seen, loser = seen;
    assert_true(bw_transition_try(s.breaker, &winner, first));
    assert_false(bw_transition_try(s.breaker, &loser, second));
    assert_int_equal(loser, first);
    assert_int_equal(bw_inside_word(s.breaker), first);
    scene_end(&s);
}

static void the_generation_is_right_while_winners_are_still_doing_their_books(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    for (int i = 1; i < (1 << 17) - 2; i++)
        bw_breaker_reset(s.breaker, 0);
    uint64_t word = bw_inside_word(s.breaker), ahead = word;
    assert_int_equal(bw_transition_generation(s.breaker, word), (1 << 17) - 2);
    for (int i = 0; i < 4; i++)
        ahead = bw_word_to(ahead, BW_CLOSED);
    assert_int_equal(bw_transition_generation(s.breaker, ahead), (1 << 17) + 2);
    for (int i = 0; i < 10; i++)
        bw_breaker_reset(s.breaker, 0);
    assert_int_equal(bw_transition_generation(s.breaker, word), (1 << 17) - 2);
    scene_end(&s);
}

static void a_generation_is_the_nearest_one_with_its_17_bits(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    atomic_store(&s.breaker->generation, 300000); /* 37856 and twice 131072 */
    static const struct {
        uint32_t bits;
        uint64_t generation;
    } cases[] = {{37856, 300000}, {37857, 300001}, {37855, 299999}, {103391, 365535}, {103392, 234464}};
    for (int i = 0; i < 5; i++)
        assert_int_equal(bw_transition_generation(s.breaker, bw_word_healthy(cases[i].bits)),
                         cases[i].generation);
    scene_end(&s);
}

static void an_event_tells_both_states(void **state) {
    (void)state;
    struct scene s;
    struct bw_event events[5];
    scene_start(&s, "trip_consecutive=1 open_ms=10");
    scene_play(&s, "0 call fail\n10 call fail\n20 call ok\n");
    assert_int_equal(bw_breaker_events(s.breaker, 0, events, 5), 5);
    static const enum bw_state states[] = {BW_CLOSED, BW_OPEN,      BW_HALF_OPEN,
                                           BW_OPEN,   BW_HALF_OPEN, BW_CLOSED};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(events[i].from, states[i]);
        assert_int_equal(events[i].to, states[i + 1]);
        assert_int_equal(events[i].open_ms, states[i + 1] == BW_OPEN ? 10 : 0);
    }
    scene_end(&s);
}

static void books_done_late_do_not_take_the_generation_back(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start(&s, "");
    uint64_t from = bw_inside_word(s.breaker);
    struct bw_move first = {.word = bw_word_to_open(from, 100), .reason = BW_REASON_CONSECUTIVE, .code = -1};
    struct bw_move second = {
        .word = bw_word_to(first.word, BW_CLOSED), .reason = BW_REASON_OPERATOR, .code = -1};
    uint64_t word = from;
    assert_true(bw_transition_try(s.breaker, &word, first.word));
    word = first.word;
    assert_true(bw_transition_try(s.breaker, &word, second.word));
    bw_transition_done(s.breaker, 20, first.word, &second);
    bw_transition_done(s.breaker, 10, from, &first);
    bw_breaker_snapshot(s.breaker, 30, &p);
    assert_int_equal(p.generation, 3);
    struct bw_event events[2];
    assert_int_equal(bw_breaker_events(s.breaker, 0, events, 2), 2);
    assert_int_equal(events[0].generation, 3);
    assert_int_equal(events[1].generation, 2);
    scene_end(&s);
}

BW_TESTS(cmocka_unit_test(a_generation_is_the_nearest_one_with_its_17_bits),
         cmocka_unit_test(an_event_tells_both_states),
         cmocka_unit_test(a_transition_from_a_word_that_is_gone_does_not_happen),
         cmocka_unit_test(the_generation_is_right_while_winners_are_still_doing_their_books),
         cmocka_unit_test(books_done_late_do_not_take_the_generation_back))
