#include "run.h"

#include <breakwire/timers.h>

#include <stdlib.h>

static bool memory_is_out;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size) {
    return memory_is_out ? NULL : __real_realloc(old, size);
}

enum { MANY = 200 };

/* The reference: a plain array, searched whole. */
struct reference {
    struct bw_timer timers[MANY];
    uint64_t due[MANY]; /* BW_NEVER: not set */
};

static uint64_t earliest(const struct reference *all) {
    uint64_t least = BW_NEVER;
    for (size_t i = 0; i < MANY; i++)
        least = all->due[i] < least ? all->due[i] : least;
    return least;
}

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void pop_all_due(struct bw_timers *heap, struct reference *all, uint64_t now) {
    uint64_t before = 0;
    for (struct bw_timer *timer; (timer = bw_timers_pop_due(heap, now)) != NULL;) {
        size_t i = (size_t)(timer - all->timers);
        assert_true(all->due[i] == timer->due_ms && timer->due_ms == earliest(all));
        assert_true(timer->due_ms <= now && timer->due_ms >= before);
        assert_false(bw_timer_is_set(timer));
        before = timer->due_ms;
        all->due[i] = BW_NEVER;
    }
    assert_true(earliest(all) > now);
}

static void one_random_step(struct bw_timers *heap, struct reference *all, uint64_t now, uint32_t *seed) {
    size_t i = next_random(seed) % MANY;
    uint32_t what = next_random(seed) % 8;
    if (what < 5) {
        all->due[i] = now + next_random(seed) % 50;
        assert_true(bw_timer_set(heap, &all->timers[i], all->due[i]));
    } else if (what == 5) {
        all->due[i] = BW_NEVER;
        assert_true(bw_timer_set(heap, &all->timers[i], BW_NEVER));
    } else {
        all->due[i] = BW_NEVER;
        bw_timer_remove(heap, &all->timers[i]);
    }
    assert_true(bw_timer_is_set(&all->timers[i]) == (all->due[i] != BW_NEVER));
}

static void thousands_of_random_steps_agree_with_a_plain_array(void **state) {
    (void)state;
    static struct reference all;
    struct bw_timers heap;
    uint32_t seed = 2024;
    bw_timers_init(&heap);
    for (size_t i = 0; i < MANY; i++)
        all.due[i] = BW_NEVER;
    for (uint64_t step = 0; step < 50000; step++) {
        one_random_step(&heap, &all, step / 10, &seed);
        assert_true(bw_timers_next(&heap) == earliest(&all));
        if (step % 10 == 9)
            pop_all_due(&heap, &all, step / 10);
    }
    pop_all_due(&heap, &all, BW_NEVER - 1);
    assert_true(bw_timers_next(&heap) == BW_NEVER);
    bw_timers_free(&heap);
}

static void an_empty_heap_has_nothing_due(void **state) {
    (void)state;
    struct bw_timers heap;
    struct bw_timer timer = {0};
    bw_timers_init(&heap);
    assert_true(bw_timers_next(&heap) == BW_NEVER);
    assert_null(bw_timers_pop_due(&heap, BW_NEVER));
    bw_timer_remove(&heap, &timer);
    assert_false(bw_timer_is_set(&timer));
    bw_timers_free(&heap);
}

static void a_timer_is_due_at_its_very_millisecond(void **state) {
    (void)state;
    struct bw_timers heap;
    struct bw_timer timer = {0};
    bw_timers_init(&heap);
    assert_true(bw_timer_set(&heap, &timer, 100));
    assert_null(bw_timers_pop_due(&heap, 99));
    assert_ptr_equal(bw_timers_pop_due(&heap, 100), &timer);
    assert_null(bw_timers_pop_due(&heap, 100));
    bw_timers_free(&heap);
}

static void freeing_the_heap_gives_the_timers_back(void **state) {
    (void)state;
    struct bw_timers heap;
    struct bw_timer a = {0}, b = {0};
    bw_timers_init(&heap);
    assert_true(bw_timer_set(&heap, &a, 1));
    assert_true(bw_timer_set(&heap, &b, 2));
    bw_timers_free(&heap);
    assert_false(bw_timer_is_set(&a) || bw_timer_is_set(&b));
    assert_true(bw_timer_set(&heap, &b, 3));
    assert_true(bw_timers_next(&heap) == 3);
    bw_timers_free(&heap);
}

static void without_memory_a_new_timer_is_not_set_and_an_old_one_still_moves(void **state) {
    (void)state;
    struct bw_timers heap;
    struct bw_timer timers[20] = {{0}};
    bw_timers_init(&heap);
    memory_is_out = true;
    assert_false(bw_timer_set(&heap, &timers[0], 5));
    assert_false(bw_timer_is_set(&timers[0]));
    memory_is_out = false;
    assert_true(bw_timer_set(&heap, &timers[0], 5));
    memory_is_out = true;
    size_t set = 1;
    while (bw_timer_set(&heap, &timers[set], 9))
        set++;
    assert_false(bw_timer_is_set(&timers[set]));
    assert_true(bw_timer_set(&heap, &timers[0], 10));
    assert_true(bw_timers_next(&heap) == 9);
    memory_is_out = false;
    bw_timers_free(&heap);
}

struct owner {
    int before;
    struct bw_timer timer;
};

static void a_timer_leads_back_to_its_owner(void **state) {
    (void)state;
    struct owner owner = {.before = 7};
    assert_ptr_equal(BW_OWNER_OF(&owner.timer, struct owner, timer), &owner);
}

BW_TESTS(cmocka_unit_test(thousands_of_random_steps_agree_with_a_plain_array),
         cmocka_unit_test(an_empty_heap_has_nothing_due),
         cmocka_unit_test(a_timer_is_due_at_its_very_millisecond),
         cmocka_unit_test(freeing_the_heap_gives_the_timers_back),
         cmocka_unit_test(without_memory_a_new_timer_is_not_set_and_an_old_one_still_moves),
         cmocka_unit_test(a_timer_leads_back_to_its_owner))
