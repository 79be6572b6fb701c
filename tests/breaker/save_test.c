/* A breaker survives the restart of its program. */
#include <string.h>

#include "run.h"
#include "scene.h"

enum { BYTES_MAX = 4096 };

/* Saves `s` at now_ms (wall clock wall_ms) and loads the bytes into a new breaker made at time 0, wall_ms +
 * away. */
static void restart(struct scene *s, uint64_t now_ms, int64_t away_ms, struct scene *next) {
    unsigned char bytes[BYTES_MAX];
    struct bw_instant then = {now_ms, 1000000};
    struct bw_instant now = {0, (uint64_t)(1000000 + away_ms)};
    size_t length = bw_breaker_save(s->breaker, then, bytes, sizeof bytes);
    assert_in_range(length, 1, sizeof bytes);
    scene_start(next, "trip_consecutive=3 open_ms=160");
    assert_int_equal(bw_breaker_load(next->breaker, now, bytes, length), 0);
    scene_end(s);
}

static struct scene opened_at_100_for_160_ms(void) {
    struct scene s;
    scene_start(&s, "open_ms=160");
    scene_play(&s, "100 call fail\n100 call fail\n100 call fail\n");
    return s;
}

static void the_time_away_counts_as_open_time(void **state) {
    (void)state;
    struct scene s = opened_at_100_for_160_ms(), next;
    restart(&s, 150, 30, &next);
    scene_play(&next,
               "0  read          | open/open 80\n"
               "0  attempt       | 1\n"
               "0  failure_count | 3\n"
               "80 acquire a     | admit_probe\n");
    scene_expect_states(&next, "0 open, 80 half_open");
    scene_end(&next);
}

static void after_a_long_absence_the_next_call_is_the_probe(void **state) {
    (void)state;
    struct scene s = opened_at_100_for_160_ms(), next;
    restart(&s, 150, 999999, &next);
    scene_play(&next, "0 read | open/half_open 0\n0 acquire a | admit_probe\n");
    scene_end(&next);
}

static void a_wall_clock_that_stepped_back_does_not_keep_it_open_for_longer(void **state) {
    (void)state;
    struct scene s = opened_at_100_for_160_ms(), next;
    restart(&s, 150, -500000, &next);
    scene_play(&next, "0 read | open/open 110\n");
    scene_expect_reason(&next, "RESTORED");
    scene_end(&next);
}

static void the_row_of_failures_goes_on(void **state) {
    (void)state;
    struct scene s, next;
    scene_start(&s, "");
    scene_play(&s, "0 call fail\n0 call fail\n");
    restart(&s, 0, 5, &next);
    scene_play(&next, "0 streak | 2\n0 generation | 2\n1 call fail\n1 state | open\n");
    scene_end(&next);
}

static void half_open_comes_back_as_a_new_round(void **state) {
    (void)state;
    struct scene s = opened_at_100_for_160_ms(), next;
    scene_play(&s, "300 acquire a | admit_probe\n");
    restart(&s, 310, 5, &next);
    scene_play(&next, "0 in_flight | 0\n0 attempt | 1\n0 acquire a | admit_probe\n");
    scene_end(&next);
}

static void holders_still_hold_it(void **state) {
    (void)state;
    struct scene s, next;
    scene_start(&s, "");
    scene_play(&s, "0 hold ann\n0 hold\n");
    restart(&s, 0, 5, &next);
    scene_play(&next,
               "0 state              | forced_open\n"
               "0 holders            | 2\n"
               "1 release_hold       | 0\n"
               "1 release_hold ann   | 0\n"
               "1 state              | closed\n");
    scene_end(&next);
}

static void disabled_stays_disabled(void **state) {
    (void)state;
    struct scene s, next;
    scene_start(&s, "");
    scene_play(&s, "0 force disabled\n");
    restart(&s, 0, 5, &next);
    scene_play(&next, "0 state | disabled\n");
    scene_end(&next);
}

static void a_loaded_state_ends_the_generation_and_the_holds_before_it(void **state) {
    (void)state;
    unsigned char bytes[BYTES_MAX];
    struct bw_instant at = {0, 0};
    struct scene s;
    scene_start(&s, "");
    size_t length = bw_breaker_save(s.breaker, at, bytes, sizeof bytes);
    scene_play(&s, "0 acquire a\n0 hold ann\n");
    assert_int_equal(bw_breaker_load(s.breaker, at, bytes, length), 0);
    scene_play(&s,
               "0 complete a fail    | stale\n"
               "0 release_hold ann   | -3\n"
               "0 state              | closed\n");
    scene_end(&s);
}

static void save_says_what_it_needs_and_writes_only_what_fits(void **state) {
    (void)state;
    struct scene s;
    unsigned char bytes[BYTES_MAX];
    struct bw_instant at = {0, 0};
    scene_start(&s, "");
    size_t length = bw_breaker_save(s.breaker, at, NULL, 0);
    memset(bytes, 0xee, sizeof bytes);
    assert_int_equal(bw_breaker_save(s.breaker, at, bytes, length - 1), length);
    assert_int_equal(bytes[0], 0xee);
    assert_int_equal(bw_breaker_save(s.breaker, at, bytes, length), length);
    assert_int_equal(bytes[length], 0xee);
    assert_memory_equal(bytes, "bwBR", 4);
    scene_end(&s);
}

static void bytes_of_another_breaker_or_version_are_refused(void **state) {
    (void)state;
    struct scene s;
    unsigned char bytes[BYTES_MAX];
    struct bw_instant at = {0, 0};
    scene_start(&s, "");
    size_t length = bw_breaker_save(s.breaker, at, bytes, sizeof bytes);
    bytes[4]++;
    assert_int_equal(bw_breaker_load(s.breaker, at, bytes, length), BW_BREAKER_VERSION);
    bytes[4]--;
    bytes[6] ^= 1;
    assert_int_equal(bw_breaker_load(s.breaker, at, bytes, length), BW_BREAKER_NAME);
    bytes[6] ^= 1;
    bytes[0] ^= 1;
    assert_int_equal(bw_breaker_load(s.breaker, at, bytes, length), BW_BREAKER_REFUSED);
    scene_play(&s, "0 generation | 1\n");
    scene_end(&s);
}

static void cut_or_longer_bytes_are_refused_at_every_length(void **state) {
    (void)state;
    struct scene s;
    unsigned char bytes[BYTES_MAX];
    struct bw_instant at = {0, 0};
    scene_start(&s, "");
    scene_play(&s, "0 hold ann\n0 hold bob\n");
    size_t length = bw_breaker_save(s.breaker, at, bytes, sizeof bytes);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(bw_breaker_load(s.breaker, at, bytes, cut), BW_BREAKER_REFUSED);
    assert_int_equal(bw_breaker_load(s.breaker, at, bytes, length + 1), BW_BREAKER_REFUSED);
    assert_int_equal(bw_breaker_load(s.breaker, at, bytes, length), 0);
    scene_end(&s);
}

static void whatever_byte_is_changed_the_breaker_stays_sound(void **state) {
    (void)state;
    unsigned char bytes[BYTES_MAX], changed[BYTES_MAX];
    struct bw_instant at = {0, 0};
    struct bw_breaker_snapshot p;
    struct scene s;
    scene_start(&s, "");
    scene_play(&s, "0 hold ann\n");
    size_t length = bw_breaker_save(s.breaker, at, bytes, sizeof bytes);
    for (size_t i = 0; i < length; i++)
        for (int value = 0; value < 256; value++) {
            memcpy(changed, bytes, length);
            changed[i] = (unsigned char)value;
            bw_breaker_load(s.breaker, at, changed, length);
            bw_breaker_snapshot(s.breaker, 0, &p);
            assert_true(p.state < BW_STATES);
            assert_int_equal(p.state == BW_FORCED_OPEN, p.holders > 0);
        }
    scene_end(&s);
}

BW_TESTS(cmocka_unit_test(the_time_away_counts_as_open_time),
         cmocka_unit_test(after_a_long_absence_the_next_call_is_the_probe),
         cmocka_unit_test(a_wall_clock_that_stepped_back_does_not_keep_it_open_for_longer),
         cmocka_unit_test(the_row_of_failures_goes_on), cmocka_unit_test(half_open_comes_back_as_a_new_round),
         cmocka_unit_test(holders_still_hold_it), cmocka_unit_test(disabled_stays_disabled),
         cmocka_unit_test(a_loaded_state_ends_the_generation_and_the_holds_before_it),
         cmocka_unit_test(save_says_what_it_needs_and_writes_only_what_fits),
         cmocka_unit_test(bytes_of_another_breaker_or_version_are_refused),
         cmocka_unit_test(cut_or_longer_bytes_are_refused_at_every_length),
         cmocka_unit_test(whatever_byte_is_changed_the_breaker_stays_sound))
