/* guard.h: calls that take longer than slow_call_ms. */
#include "world.h"

#define ONE_GUARD                                                                                            \
    struct world world;                                                                                      \
    (void)state;                                                                                             \
    world_open(&world);                                                                                      \
    struct guard *guard = world_guard(&world, "ServiceB_CB", NULL)

static struct guard_status status_of(const struct world *world, const struct guard *guard) {
    struct guard_status status;
    guard_status(guard, world->now_ms, &status);
    return status;
}

enum { SLOW_MS = 100 };

static struct guard *guard_with_slow_calls(struct world *world) {
    struct bw_breaker_config config;
    world_breaker_config(&config);
    config.slow_call_ms = SLOW_MS;
    return world_guard(world, "ServiceB_CB", &config);
}

#define SLOW_GUARD                                                                                           \
    struct world world;                                                                                      \
    (void)state;                                                                                             \
    world_open(&world);                                                                                      \
    struct guard *guard = guard_with_slow_calls(&world)

static void a_call_that_hangs_counts_as_slow_while_it_hangs(void **state) {
    SLOW_GUARD;
    world.b.answer.after_ms = 500;
    struct seen *seen = world_start(&world, guard, NULL);
    world_advance(&world, SLOW_MS);
    assert_int_equal(status_of(&world, guard).slow, 0); /* slow is more than slow_call_ms */
    world_advance(&world, 1);
    assert_int_equal(status_of(&world, guard).slow, 1);
    assert_int_equal(seen->ends, 0);
    world_advance(&world, 400);
    assert_int_equal(seen->code, BW_OK);
    assert_int_equal(status_of(&world, guard).slow, 1); /* once */
    assert_int_equal(status_of(&world, guard).ok, 1);
    world_close(&world);
}

static void each_hanging_call_is_slow_in_its_own_time(void **state) {
    SLOW_GUARD;
    static const uint64_t after_ms[] = {500, 20, 500, 500};
    static const unsigned slow[] = {1, 1, 2, 3}; /* at 101, 111, 121, 131 ms */
    for (int i = 0; i < 4; i++) {
        world_next_answer(&world, (struct answer){.after_ms = after_ms[i]});
        world_start(&world, guard, NULL);
        world_advance(&world, 10);
    }
    world_advance(&world, SLOW_MS + 1 - 40);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(status_of(&world, guard).slow, slow[i]);
        world_advance(&world, 10);
    }
    world_advance(&world, 500);
    assert_int_equal(status_of(&world, guard).slow, 3);
    assert_int_equal(status_of(&world, guard).ok, 4);
    world_close(&world);
}

static void a_cancelled_call_does_not_become_slow(void **state) {
    SLOW_GUARD;
    world.b.answer.never = true;
    struct seen *seen = world_start(&world, guard, NULL);
    world_advance(&world, 50);
    world_cancel(&world, seen);
    world_advance(&world, 500);
    assert_int_equal(status_of(&world, guard).slow, 0);
    assert_int_equal(status_of(&world, guard).ignored, 1);
    world_close(&world);
}

static void without_a_limit_no_call_is_slow_and_nobody_is_woken(void **state) {
    ONE_GUARD;
    world.b.answer.never = true;
    world_start(&world, guard, NULL);
    world_advance(&world, 500);
    struct bw_clocked clocked = guard_clocked(guard);
    assert_int_equal(clocked.ops->next_deadline(clocked.self), BW_NEVER);
    assert_int_equal(status_of(&world, guard).slow, 0);
    world_close(&world);
}

BW_TESTS(cmocka_unit_test(a_call_that_hangs_counts_as_slow_while_it_hangs),
         cmocka_unit_test(each_hanging_call_is_slow_in_its_own_time),
         cmocka_unit_test(a_cancelled_call_does_not_become_slow),
         cmocka_unit_test(without_a_limit_no_call_is_slow_and_nobody_is_woken))
