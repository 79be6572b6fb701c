/* The edges of the configuration: what is just accepted, just refused, and never looked at. */
#define _POSIX_C_SOURCE 200809L
#include "run.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/breaker/config.h"

/* Defaults plus "name=value name=value", whether they fit together or not. */
static void set_all(struct bw_breaker_config *config, const char *parameters) {
    char list[200], *rest = NULL;
    snprintf(list, sizeof list, "%s", parameters);
    bw_breaker_config_default(config);
    for (char *item = strtok_r(list, " ", &rest); item; item = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(item, '=');
        *value++ = '\0';
        assert_int_equal(bw_breaker_config_set(config, item, value, NULL, 0), 0);
    }
}

/* Does config_check accept them? */
static bool fits(const char *parameters) {
    struct bw_breaker_config config;
    set_all(&config, parameters);
    return bw_breaker_config_check(&config, NULL, 0) == 0;
}

static uint64_t lease_of(const char *parameters) {
    struct bw_breaker_config config;
    set_all(&config, parameters);
    return bw_config_lease_ms(&config);
}

static bool can_be_set(const char *name, const char *text) {
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    return bw_breaker_config_set(&config, name, text, NULL, 0) == 0;
}

static void the_automatic_lease_is_the_longer_time_and_has_an_end(void **state) {
    (void)state;
    assert_int_equal(lease_of("open_ms=20000"), 20000);
    assert_int_equal(lease_of("open_ms=20000 call_timeout_ms=18999"), 20000);
    assert_int_equal(lease_of("open_ms=20000 call_timeout_ms=19000"), 20000);
    assert_int_equal(lease_of("open_ms=20000 call_timeout_ms=19001"), 20001);
    assert_int_equal(lease_of("open_ms=20000 call_timeout_ms=60000000"), 60001000);
    assert_int_equal(lease_of("open_ms=1"), 1);
    assert_int_equal(lease_of("open_ms=64800000"), 64800000);
    assert_int_equal(lease_of("open_ms=86400000"), 64800000);
    assert_int_equal(lease_of("probe_lease_ms=7 call_timeout_ms=9000"), 7);
    assert_int_equal(lease_of("probe_lease_ms=0"), 0);
}

static size_t size_of(enum bw_param_type type) {
    switch (type) {
    case BW_PARAM_COUNT:
    case BW_PARAM_CODES:
        return sizeof(uint32_t);
    case BW_PARAM_MS:
    case BW_PARAM_SEED:
        return sizeof(uint64_t);
    case BW_PARAM_FACTOR:
    case BW_PARAM_SHARE:
        return sizeof(double);
    case BW_PARAM_SWITCH:
        return sizeof(bool);
    case BW_PARAM_CHOICE:
        return sizeof(enum bw_window);
    case BW_PARAM_WEIGHTS:
        return BW_BREAKER_CODES;
    }
    return 0;
}

/* Configurations are compared as bytes when one is replaced. */
static void between_the_members_of_the_defaults_there_are_zeros(void **state) {
    (void)state;
    struct bw_breaker_config config, expected;
    memset(&config, 0xa5, sizeof config);
    bw_breaker_config_default(&config);
    memset(&expected, 0, sizeof expected);
    expected.size = sizeof expected;
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        const struct bw_breaker_param *row = &bw_breaker_params[i];
        memcpy((char *)&expected + row->offset, (char *)&config + row->offset, size_of(row->type));
    }
    assert_memory_equal(&config, &expected, sizeof config);
}

static void a_value_is_taken_up_to_its_edges_and_not_beyond(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
        bool is_taken;
    } values[] = {
        {"weight", "OK=16", true},
        {"weight", "OK=17", false},
        {"weight", "OK=1", true},
        {"weight", "OK=0", false},
        {"weight", "UNAUTHENTICATED=16", true},
        {"weight", "UNAUTHENTICATED=17", false},
        {"open_ms", "auto", false},
        {"open_ms", "4294967301", false}, /* 5, if only 32 bits of it were read */
        {"trip_consecutive", "4294967296", false},
        {"jitter_seed", "18446744073709551615", true},
        {"open_jitter", "0", true},
        {"open_jitter", "-0.1", false},
        {"open_jitter", "1", true},
        {"open_backoff", "1000", true},
        {"open_backoff", "1000.1", false},
        {"open_backoff", "1e999", false},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (can_be_set(values[i].name, values[i].text) != values[i].is_taken)
            fail_msg("%s=%s", values[i].name, values[i].text);
}

static void expect_sentence(const struct bw_breaker_config *config, const char *sentence) {
    char why[500] = "";
    assert_int_equal(bw_breaker_config_check(config, why, sizeof why), -1);
    assert_string_equal(why, sentence);
}

static void a_choice_is_refused_on_both_sides_of_its_words(void **state) {
    (void)state;
    static const int outside[] = {-1, 3, INT_MIN, INT_MAX};
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        config.window = (enum bw_window)outside[i];
        expect_sentence(&config, "window: \"\" is not allowed, only one of: none count time");
    }
    /* A word of one letter is one. */
    struct bw_breaker_param row = *bw_breaker_param("window");
    row.choices = "a b";
    config.window = BW_WINDOW_COUNT;
    assert_true(bw_config_in_range(&config, &row, NULL, 0));
    config.window = BW_WINDOW_TIME;
    assert_false(bw_config_in_range(&config, &row, NULL, 0));
}

static void the_longest_value_is_shown_whole(void **state) {
    (void)state;
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    memset(config.weight, 255, sizeof config.weight);
    expect_sentence(
        &config,
        "weight: \"OK=255,CANCELLED=255,UNKNOWN=255,INVALID_ARGUMENT=255,DEADLINE_EXCEEDED=255,NOT_FOUND=255,"
        "ALREADY_EXISTS=255,PERMISSION_DENIED=255,RESOURCE_EXHAUSTED=255,FAILED_PRECONDITION=255,ABORTED=255,"
        "OUT_OF_RANGE=255,UNIMPLEMENTED=255,INTERNAL=255,UNAVAILABLE=255,DATA_LOSS=255,UNAUTHENTICATED=255\" "
        "is not allowed, only CODE=1..16 with commas between, or 17 such numbers");
}

static void the_first_row_is_looked_at_too(void **state) {
    (void)state;
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    config.trip_consecutive = 65536;
    assert_int_equal(bw_breaker_config_check(&config, NULL, 0), -1);
}

static void each_way_to_trip_is_enough_but_those_of_a_window_need_one(void **state) {
    (void)state;
    assert_false(fits("trip_consecutive=0"));
    assert_true(fits("trip_consecutive=0 window=count trip_failures=1"));
    assert_true(fits("trip_consecutive=0 window=count trip_failure_rate=0.01"));
    assert_true(fits("trip_consecutive=0 window=time slow_call_ms=1 trip_slow_rate=0.01"));
    assert_false(fits("trip_failures=1"));
    assert_false(fits("trip_failure_rate=0.01"));
    assert_false(fits("trip_slow_rate=0.01 slow_call_ms=1"));
    assert_false(fits("window=count trip_slow_rate=0.01"));
    assert_false(fits("probe_slow_rate=0.01"));
    assert_true(fits("probe_slow_rate=0.01 slow_call_ms=1"));
}

static void a_window_is_as_large_as_its_minimum_and_of_whole_buckets(void **state) {
    (void)state;
    assert_true(fits("window=count window_calls=20 window_min_calls=20"));
    assert_false(fits("window=count window_calls=20 window_min_calls=21"));
    assert_true(fits("window=time window_calls=20 window_min_calls=21"));
    assert_true(fits("window=time window_ms=30 window_buckets=10"));
    assert_false(fits("window=time window_ms=31 window_buckets=10"));
    assert_true(fits("window=count window_ms=31 window_buckets=10"));
}

static void a_sample_is_between_one_and_the_budget(void **state) {
    (void)state;
    assert_true(fits("probe_decision=sample probe_sample=1"));
    assert_true(fits("probe_decision=sample probe_sample=3 probe_budget=3"));
    assert_false(fits("probe_decision=sample probe_sample=4 probe_budget=3"));
    assert_false(fits("probe_decision=sample probe_sample=1 probe_failure_rate=0"));
    assert_true(fits("probe_budget=3 probe_max_inflight=3"));
    assert_false(fits("probe_budget=3 probe_max_inflight=4"));
}

static void a_lease_outlasts_the_call_unless_there_is_none(void **state) {
    (void)state;
    char why[200];
    struct bw_breaker_config config;
    assert_true(fits("probe_lease_ms=0 call_timeout_ms=3000"));
    assert_true(fits("probe_lease_ms=auto call_timeout_ms=3000"));
    assert_true(fits("probe_lease_ms=1"));
    assert_true(fits("probe_lease_ms=3001 call_timeout_ms=3000"));
    set_all(&config, "probe_lease_ms=2999 call_timeout_ms=3000");
    assert_int_equal(bw_breaker_config_check(&config, why, sizeof why), -1);
    assert_string_equal(why, "probe_lease_ms: 2999 is not allowed, only more than call_timeout_ms = 3000");
}

static void a_code_that_nobody_knows_is_unknown_and_not_cancelled(void **state) {
    (void)state;
    struct bw_breaker_config config;
    set_all(&config, "");
    assert_int_equal(bw_breaker_classify(&config, 17, BW_CALL_CANCELLED_BY_CALLER), BW_FAILURE);
    set_all(&config, "failure_mask=CANCELLED ignore_mask=UNKNOWN");
    assert_int_equal(bw_breaker_classify(&config, 17, 0), BW_IGNORED);
    assert_int_equal(bw_breaker_classify(&config, -1, 0), BW_IGNORED);
}

static void the_arrays_of_the_interface_have_these_sizes(void **state) {
    (void)state;
    assert_int_equal(sizeof(((struct bw_breaker_snapshot *)NULL)->name), 64);
    assert_int_equal(sizeof(((struct bw_event *)NULL)->last), 8 * sizeof(struct bw_event_call));
}

BW_TESTS(cmocka_unit_test(the_automatic_lease_is_the_longer_time_and_has_an_end),
         cmocka_unit_test(between_the_members_of_the_defaults_there_are_zeros),
         cmocka_unit_test(a_value_is_taken_up_to_its_edges_and_not_beyond),
         cmocka_unit_test(a_choice_is_refused_on_both_sides_of_its_words),
         cmocka_unit_test(the_longest_value_is_shown_whole), cmocka_unit_test(the_first_row_is_looked_at_too),
         cmocka_unit_test(each_way_to_trip_is_enough_but_those_of_a_window_need_one),
         cmocka_unit_test(a_window_is_as_large_as_its_minimum_and_of_whole_buckets),
         cmocka_unit_test(a_sample_is_between_one_and_the_budget),
         cmocka_unit_test(a_lease_outlasts_the_call_unless_there_is_none),
         cmocka_unit_test(a_code_that_nobody_knows_is_unknown_and_not_cancelled),
         cmocka_unit_test(the_arrays_of_the_interface_have_these_sizes))
