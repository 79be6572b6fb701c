/* Which window a configuration gets, and that versions and generations keep theirs apart. */
#include "run.h"
#include "scene.h"

#include <string.h>

#include "../../lib/breaker/window_add.h"

static void each_configuration_gets_the_cheapest_window_that_can_hold_it(void **state) {
    (void)state;
    static const struct {
        const char *parameters;
        struct bw_window_shape shape;
        size_t ring;
    } cases[] = {
        {"window=none window_calls=99", {.form = BW_FORM_NONE}, 0},
        {"window=time window_ms=1000 window_buckets=8",
         {.form = BW_FORM_TIME, .buckets = 8, .bucket_ms = 125},
         0},
        {"window=count window_calls=1", {.form = BW_FORM_REGISTER, .calls = 1, .has_slow = 1}, 0},
        {"window=count window_calls=23", {.form = BW_FORM_REGISTER, .calls = 23, .has_slow = 1}, 0},
        {"window=count window_calls=24", {.form = BW_FORM_REGISTER, .calls = 24}, 0},
        {"window=count window_calls=46", {.form = BW_FORM_REGISTER, .calls = 46}, 0},
        {"window=count window_calls=47", {.form = BW_FORM_RING, .calls = 47}, 47},
        {"window=count window_calls=23 slow_call_ms=9",
         {.form = BW_FORM_REGISTER, .calls = 23, .has_slow = 1},
         0},
        {"window=count window_calls=24 slow_call_ms=9", {.form = BW_FORM_RING, .calls = 24}, 24},
        {"window=count window_calls=30 weight=2", {.form = BW_FORM_REGISTER, .calls = 30}, 0},
        {"window=count window_calls=30 trip_failures=2", {.form = BW_FORM_REGISTER, .calls = 30}, 0},
        {"window=count window_calls=30 trip_failures=2 weight=OK=2", {.form = BW_FORM_RING, .calls = 30}, 30},
        {"window=count window_calls=30 trip_failures=2 weight=UNAUTHENTICATED=2",
         {.form = BW_FORM_RING, .calls = 30},
         30},
        {"window=count window_calls=20 trip_failures=2 weight=2",
         {.form = BW_FORM_RING, .calls = 20, .has_slow = 1},
         20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_breaker_config config;
        bw_breaker_config_default(&config);
        scene_configure(&config, cases[i].parameters);
        struct bw_window_shape shape = bw_window_shape_of(&config);
        assert_memory_equal(&shape, &cases[i].shape, sizeof shape);
        assert_int_equal(bw_window_ring_needs(&config), cases[i].ring);
    }
}

static void the_limits_are_those_of_the_layout(void **state) {
    (void)state;
    assert_int_equal(BW_WINDOW_BUCKETS_MAX, 60);
    assert_int_equal(BW_WINDOW_BUCKET_SLOTS, 64);
    assert_int_equal(BW_WINDOW_REGISTER_CALLS, 46);
    assert_int_equal(BW_WINDOW_REGISTER_SLOW_CALLS, 23);
    assert_int_equal(BW_WINDOW_RING_CALLS, 1024);
}

static void without_a_window_every_sum_is_nothing(void **state) {
    (void)state;
    struct bw_windows windows;
    struct bw_window_shape shape = {.form = BW_FORM_NONE};
    struct bw_window_sums sums;
    memset(&windows, 0, sizeof windows);
    memset(&sums, 0xa5, sizeof sums);
    assert_true(bw_windows_add(&windows, &shape, (struct bw_window_moment){1, 0},
                               (struct bw_window_entry){.weight = 1}, &sums));
    assert_int_equal(sums.calls + sums.failed + sums.slow + sums.weight, 0);
    sums = bw_windows_read(&windows, &shape, (struct bw_window_moment){1, 0});
    assert_int_equal(sums.calls + sums.failed + sums.slow + sums.weight, 0);
}

static void a_generation_that_begins_marks_its_register_and_its_start(void **state) {
    (void)state;
    for (uint32_t version = 0; version < 4; version++) {
        struct bw_windows windows;
        struct bw_window_shape shape = {.form = BW_FORM_REGISTER, .calls = 46, .version = version};
        memset(&windows, 0, sizeof windows);
        bw_windows_begin(&windows, &shape, (struct bw_window_moment){7, 1234});
        assert_int_equal(windows.start, UINT64_C(7) << 47 | 1234);
        assert_int_equal(windows.registers[version % 2], UINT64_C(7) << 47 | 1);
        assert_int_equal(windows.registers[(version + 1) % 2], 0);
        bw_windows_begin(&windows, &shape, (struct bw_window_moment){7, 1300});
        assert_int_equal(windows.start, UINT64_C(7) << 47 | 1234);
        bw_windows_begin(&windows, &shape, (struct bw_window_moment){6, 1300});
        assert_int_equal(windows.start, UINT64_C(7) << 47 | 1234);
        assert_int_equal(windows.registers[version % 2], UINT64_C(7) << 47 | 1);
    }
}

static void only_a_register_is_marked_when_a_generation_begins(void **state) {
    (void)state;
    struct bw_windows windows;
    struct bw_window_shape shape = {.form = BW_FORM_TIME, .buckets = 2, .bucket_ms = 5};
    memset(&windows, 0, sizeof windows);
    bw_windows_begin(&windows, &shape, (struct bw_window_moment){7, 1234});
    assert_int_equal(windows.start, UINT64_C(7) << 47 | 1234);
    assert_int_equal(windows.registers[0], 0);
    assert_int_equal(windows.registers[1], 0);
}

static void a_new_version_finds_its_own_memory_empty_and_leaves_the_old_alone(void **state) {
    (void)state;
    for (uint32_t version = 0; version < 4; version++) {
        struct bw_windows windows;
        struct bw_window_shape time = {
            .form = BW_FORM_TIME, .buckets = 2, .bucket_ms = 5, .version = version};
        struct bw_window_shape few = {
            .form = BW_FORM_REGISTER, .calls = 10, .has_slow = 1, .version = version};
        memset(&windows, 0xa5, sizeof windows);
        bw_windows_prepare(&windows, &time, 3);
        assert_int_equal(windows.buckets[version % 2].newest, 0);
        for (int i = 0; i < BW_WINDOW_BUCKET_SLOTS; i++) {
            assert_int_equal(windows.buckets[version % 2].results[i], 0);
            assert_int_equal(windows.buckets[version % 2].weights[i], 0);
        }
        assert_int_equal(windows.buckets[(version + 1) % 2].newest, UINT64_C(0xa5a5a5a5a5a5a5a5));
        assert_int_equal(windows.registers[version % 2], UINT64_C(0xa5a5a5a5a5a5a5a5));
        bw_windows_prepare(&windows, &few, 3);
        assert_int_equal(windows.registers[version % 2], UINT64_C(3) << 47 | UINT64_C(1) << 23);
        assert_int_equal(windows.registers[(version + 1) % 2], UINT64_C(0xa5a5a5a5a5a5a5a5));
    }
}

static void buckets_that_were_skipped_are_emptied_each_in_its_place(void **state) {
    (void)state;
    struct bw_windows windows;
    struct bw_window_shape shape = {.form = BW_FORM_TIME, .buckets = 60, .bucket_ms = 1};
    struct bw_window_sums sums;
    memset(&windows, 0, sizeof windows);
    bw_windows_begin(&windows, &shape, (struct bw_window_moment){1, 0});
    for (uint64_t t = 0; t < 64; t++)
        bw_windows_add(&windows, &shape, (struct bw_window_moment){1, t},
                       (struct bw_window_entry){.weight = 1}, &sums);
    assert_int_equal(sums.calls, 60);
    bw_windows_add(&windows, &shape, (struct bw_window_moment){1, 73}, (struct bw_window_entry){0}, &sums);
    assert_int_equal(sums.calls, 51); /* of 14 to 63, and this one */
    for (uint64_t number = 65; number <= 74; number++) {
        assert_int_equal(windows.buckets[0].results[number % 64] >> 48, number);
        assert_int_equal(windows.buckets[0].results[number % 64] & 0xffffffffffff,
                         number == 74 ? UINT64_C(1) << 32 : 0);
        assert_int_equal(windows.buckets[0].weights[number % 64], number << 48);
    }
    assert_int_equal(windows.buckets[0].newest, 74);
}

BW_TESTS(cmocka_unit_test(each_configuration_gets_the_cheapest_window_that_can_hold_it),
         cmocka_unit_test(the_limits_are_those_of_the_layout),
         cmocka_unit_test(without_a_window_every_sum_is_nothing),
         cmocka_unit_test(a_generation_that_begins_marks_its_register_and_its_start),
         cmocka_unit_test(only_a_register_is_marked_when_a_generation_begins),
         cmocka_unit_test(a_new_version_finds_its_own_memory_empty_and_leaves_the_old_alone),
         cmocka_unit_test(buckets_that_were_skipped_are_emptied_each_in_its_place))
