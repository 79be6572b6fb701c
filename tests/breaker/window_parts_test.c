/* The windows themselves, as threads meet them that are behind or ahead of each other. */
#include "run.h"

#include <string.h>

#include "../../lib/breaker/window_add.h"

static const struct bw_window_entry ok = {0}, failure = {.weight = 1};

struct forms {
    struct bw_windows windows;
    struct bw_window_shape shape;
    uint8_t entries[50];
};

/* One result, or its refusal: how many failures the window has then, or -1. */
static int add(struct forms *f, uint64_t generation, uint64_t t_ms, struct bw_window_entry entry) {
    struct bw_window_sums sums;
    struct bw_window_moment at = {generation, t_ms};
    return bw_windows_add(&f->windows, &f->shape, at, entry, &sums) ? (int)sums.failed : -1;
}

static int calls(const struct forms *f, uint64_t generation, uint64_t t_ms) {
    return (int)bw_windows_read(&f->windows, &f->shape, (struct bw_window_moment){generation, t_ms}).calls;
}

static const struct bw_window_shape shapes[] = {
    {.form = BW_FORM_TIME, .buckets = 4, .bucket_ms = 10},
    {.form = BW_FORM_REGISTER, .calls = 46},
    {.form = BW_FORM_REGISTER, .calls = 23, .has_slow = true},
    {.form = BW_FORM_RING, .calls = 50},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void start(struct forms *f, struct bw_window_shape shape, uint64_t generation) {
    memset(f, 0, sizeof *f);
    f->shape = shape;
    bw_windows_init(&f->windows, f->entries);
    bw_windows_prepare(&f->windows, &f->shape, generation);
    for (uint64_t g = 1; g < generation; g += 50000)
        bw_windows_begin(&f->windows, &f->shape, (struct bw_window_moment){g, 0});
    bw_windows_begin(&f->windows, &f->shape, (struct bw_window_moment){generation, 0});
}

static void the_first_result_of_a_generation_starts_the_window_anew(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct forms f;
        start(&f, shapes[i], 1);
        assert_int_equal(add(&f, 1, 0, failure), 1);
        assert_int_equal(add(&f, 1, 0, failure), 2);
        /* The thread that made the transition has not come to begin it yet. */
        assert_int_equal(add(&f, 2, 5, failure), 1);
        bw_windows_begin(&f.windows, &f.shape, (struct bw_window_moment){2, 5});
        assert_int_equal(calls(&f, 2, 5), 1);
    }
}

static void a_result_of_an_earlier_generation_is_refused_and_changes_nothing(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct forms f;
        start(&f, shapes[i], 7);
        assert_int_equal(add(&f, 7, 0, failure), 1);
        assert_int_equal(add(&f, 6, 0, failure), -1);
        bw_windows_begin(&f.windows, &f.shape, (struct bw_window_moment){6, 0});
        assert_int_equal(calls(&f, 7, 0), 1);
        assert_int_equal(calls(&f, 6, 0), 0);
        assert_int_equal(calls(&f, 8, 0), 0);
        assert_int_equal(add(&f, 7, 15, failure), 2);
        assert_int_equal(calls(&f, 8, 15), 0);
    }
}

static void generations_follow_each_other_where_their_17_bits_come_round(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct forms f;
        start(&f, shapes[i], 131071);
        assert_int_equal(add(&f, 131071, 0, failure), 1);
        assert_int_equal(add(&f, 131072, 1, failure), 1);
        assert_int_equal(add(&f, 131073, 2, failure), 1);
        assert_int_equal(add(&f, 131072, 1, failure), -1);
        assert_int_equal(calls(&f, 131073, 2), 1);
    }
}

static void a_window_begins_empty_though_nothing_was_added_before(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct forms f;
        start(&f, shapes[i], 1);
        assert_int_equal(calls(&f, 1, 0), 0);
        assert_int_equal(add(&f, 1, 0, ok), 0);
        assert_int_equal(calls(&f, 1, 0), 1);
    }
}

static void a_thread_that_is_a_bucket_behind_counts_where_it_stands(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[0], 1);
    assert_int_equal(add(&f, 1, 35, failure), 1);
    assert_int_equal(add(&f, 1, 25, failure), 1);
    assert_int_equal(calls(&f, 1, 25), 1);
    assert_int_equal(calls(&f, 1, 35), 2);
    assert_int_equal(calls(&f, 1, 65), 1);
    assert_int_equal(calls(&f, 1, 75), 0);
}

static void a_thread_that_is_a_whole_circle_behind_disturbs_nothing(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[0], 1);
    assert_int_equal(add(&f, 1, 640, failure), 1);
    assert_int_equal(add(&f, 1, 0, failure), 0);
    assert_int_equal(calls(&f, 1, 640), 1);
    assert_int_equal(calls(&f, 1, 0), 0);
}

static void a_time_before_the_start_of_the_generation_is_its_first_bucket(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[0], 1);
    assert_int_equal(add(&f, 2, 100, failure), 1);
    assert_int_equal(add(&f, 2, 95, failure), 2);
    assert_int_equal(calls(&f, 2, 139), 2);
    assert_int_equal(calls(&f, 2, 140), 0);
}

static void a_ring_ignores_a_thread_with_an_earlier_configuration(void **state) {
    (void)state;
    struct forms f;
    struct bw_window_sums sums;
    struct bw_window_shape later = shapes[3];
    start(&f, shapes[3], 1);
    later.version = 1;
    later.calls = 40;
    struct bw_window_moment at = {1, 0};
    assert_true(bw_windows_add(&f.windows, &later, at, failure, &sums));
    assert_int_equal(add(&f, 1, 0, failure), -1);
    assert_int_equal(calls(&f, 1, 0), 0);
    assert_int_equal(bw_windows_read(&f.windows, &later, at).calls, 1);
}

static void a_late_success_changes_no_window(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct forms f;
        start(&f, shapes[i], 1);
        add(&f, 1, 0, (struct bw_window_entry){.slow = true});
        assert_int_equal(add(&f, 1, 0, (struct bw_window_entry){.slow = true, .is_late = true}), 0);
        assert_int_equal(calls(&f, 1, 0), 1);
    }
}

static void the_weights_of_a_window_stop_at_what_32_bits_hold(void **state) {
    (void)state;
    static const uint64_t weights[] = {UINT32_MAX - 2, UINT32_MAX - 1, UINT32_MAX, UINT64_C(1) << 40};
    for (int i = 0; i < 4; i++) {
        struct forms f;
        struct bw_window_moment at = {1, 0};
        start(&f, shapes[0], 1);
        add(&f, 1, 0, failure);
        atomic_fetch_add(&f.windows.buckets[0].weights[1], weights[i]);
        assert_int_equal(bw_windows_read(&f.windows, &f.shape, at).weight, i ? UINT32_MAX : UINT32_MAX - 1);
    }
}

static struct bw_window_sums sums_at(const struct forms *f, uint64_t t_ms) {
    return bw_windows_read(&f->windows, &f->shape, (struct bw_window_moment){1, t_ms});
}

static void a_late_failure_is_that_of_the_newest_slow_call_and_goes_with_it(void **state) {
    (void)state;
    const struct bw_window_entry slow = {.slow = true}, late = {.weight = 5, .slow = true, .is_late = true};
    /* The slow calls are the oldest and the newest; then two come that push the oldest two out, and one more.
     */
    const struct bw_window_entry entries[] = {slow, ok, slow, late, ok, ok, ok};
    static const uint32_t failed[] = {0, 0, 0, 1, 1, 1, 0}, slow_ones[] = {1, 1, 2, 2, 1, 1, 0};
    struct forms f;
    start(&f, (struct bw_window_shape){.form = BW_FORM_RING, .calls = 3}, 1);
    for (int i = 0; i < 7; i++) {
        add(&f, 1, 0, entries[i]);
        struct bw_window_sums sums = sums_at(&f, 0);
        assert_int_equal(sums.failed, failed[i]);
        assert_int_equal(sums.weight, 5 * failed[i]);
        assert_int_equal(sums.slow, slow_ones[i]);
    }
}

static void a_ring_of_a_new_configuration_begins_at_its_beginning(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[3], 1);
    for (int i = 0; i < 45; i++)
        add(&f, 1, 0, ok);
    f.shape.version = 1;
    f.shape.calls = 40;
    assert_int_equal(add(&f, 1, 0, failure), 1);
    for (int i = 0; i < 39; i++)
        assert_int_equal(add(&f, 1, 0, ok), 1);
    assert_int_equal(add(&f, 1, 0, ok), 0);
    assert_int_equal(calls(&f, 1, 0), 40);
}

static void a_bucket_that_is_full_is_halved(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[0], 1);
    add(&f, 1, 0, failure);
    atomic_store(&f.windows.buckets[0].results[1], UINT64_C(0x00017fff00050003));
    add(&f, 1, 0, ok);
    struct bw_window_sums sums = sums_at(&f, 0);
    assert_int_equal(sums.calls, 0x4000);
    assert_int_equal(sums.failed, 2);
    assert_int_equal(sums.slow, 1);
    /* Of one failure nothing is left, nor of what it weighs. */
    atomic_store(&f.windows.buckets[0].results[1], UINT64_C(0x00017fff00010000));
    add(&f, 1, 0, ok);
    sums = sums_at(&f, 0);
    assert_int_equal(sums.calls, 0x4000);
    assert_int_equal(sums.failed, 0);
    assert_int_equal(sums.weight, 0);
}

static void weights_are_not_halved(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[0], 1);
    add(&f, 1, 0, failure);
    atomic_fetch_add(&f.windows.buckets[0].weights[1], 0x7ffe);
    add(&f, 1, 0, failure);
    assert_int_equal(sums_at(&f, 0).weight, 0x8000);
}

static void the_next_bucket_leaves_those_before_it_alone_however_late_it_is(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[0], 1);
    assert_int_equal(add(&f, 2, 40000, failure), 1);
    assert_int_equal(add(&f, 2, 40010, failure), 2);
    assert_int_equal(calls(&f, 2, 40030), 2);
    assert_int_equal(calls(&f, 2, 40040), 1);
}

static void half_of_the_numbers_of_buckets_are_ahead_and_half_behind(void **state) {
    (void)state;
    struct forms f;
    start(&f, shapes[0], 1);
    add(&f, 1, 200320, failure); /* 20032 buckets ahead, in the same place */
    assert_int_equal(add(&f, 1, 0, failure), 0);
    assert_int_equal(calls(&f, 1, 200320), 1);
    assert_int_equal(calls(&f, 1, 0), 0);
}

static void before_the_start_of_the_generation_no_time_has_passed(void **state) {
    (void)state;
    struct forms f;
    start(&f, (struct bw_window_shape){.form = BW_FORM_TIME, .buckets = 4, .bucket_ms = 1}, 1);
    assert_int_equal(add(&f, 2, 100, ok), 0);
    assert_int_equal(add(&f, 2, 95, failure), 1);
    assert_int_equal(calls(&f, 2, 103), 2);
    assert_int_equal(calls(&f, 2, 104), 0);
}

static void bits_are_counted_wherever_they_stand(void **state) {
    (void)state;
    for (uint32_t bits = 1; bits <= 64; bits++) {
        assert_int_equal(bw_register_ones(UINT64_MAX >> (64 - bits)), bits);
        assert_int_equal(bw_register_ones(UINT64_MAX << (64 - bits)), bits);
    }
    assert_int_equal(bw_register_ones(0), 0);
}

static void without_a_window_there_is_nothing_in_it(void **state) {
    (void)state;
    struct forms f;
    memset(&f, 0, sizeof f);
    assert_int_equal(add(&f, 1, 0, failure), 0);
    assert_int_equal(calls(&f, 1, 0), 0);
}

BW_TESTS(cmocka_unit_test(bits_are_counted_wherever_they_stand), cmocka_unit_test(weights_are_not_halved),
         cmocka_unit_test(the_next_bucket_leaves_those_before_it_alone_however_late_it_is),
         cmocka_unit_test(a_late_failure_is_that_of_the_newest_slow_call_and_goes_with_it),
         cmocka_unit_test(a_ring_of_a_new_configuration_begins_at_its_beginning),
         cmocka_unit_test(a_bucket_that_is_full_is_halved),
         cmocka_unit_test(half_of_the_numbers_of_buckets_are_ahead_and_half_behind),
         cmocka_unit_test(before_the_start_of_the_generation_no_time_has_passed),
         cmocka_unit_test(the_weights_of_a_window_stop_at_what_32_bits_hold),
         cmocka_unit_test(without_a_window_there_is_nothing_in_it),
         cmocka_unit_test(the_first_result_of_a_generation_starts_the_window_anew),
         cmocka_unit_test(a_result_of_an_earlier_generation_is_refused_and_changes_nothing),
         cmocka_unit_test(generations_follow_each_other_where_their_17_bits_come_round),
         cmocka_unit_test(a_window_begins_empty_though_nothing_was_added_before),
         cmocka_unit_test(a_thread_that_is_a_bucket_behind_counts_where_it_stands),
         cmocka_unit_test(a_thread_that_is_a_whole_circle_behind_disturbs_nothing),
         cmocka_unit_test(a_time_before_the_start_of_the_generation_is_its_first_bucket),
         cmocka_unit_test(a_ring_ignores_a_thread_with_an_earlier_configuration),
         cmocka_unit_test(a_late_success_changes_no_window))
