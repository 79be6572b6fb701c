/* The table of parameters, from text and back, and what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "scene.h"

static void set(struct bw_breaker_config *config, const char *name, const char *text) {
    char why[300];
    if (bw_breaker_config_set(config, name, text, why, sizeof why) != 0)
        fail_msg("%s", why);
}

/* config_set refuses it with exactly this sentence, and changes nothing. */
static void expect_not_set(const char *name, const char *text, const char *sentence) {
    struct bw_breaker_config config, before;
    char why[300] = "";
    bw_breaker_config_default(&config);
    before = config;
    assert_int_equal(bw_breaker_config_set(&config, name, text, why, sizeof why), -1);
    assert_string_equal(why, sentence);
    assert_memory_equal(&config, &before, sizeof config);
}

static void expect_refused(const struct bw_breaker_config *config, const char *sentence) {
    char why[300] = "";
    assert_int_equal(bw_breaker_config_check(config, why, sizeof why), -1);
    assert_string_equal(why, sentence);
    assert_null(bw_breaker_new("refused", config, 0));
}

static void the_defaults_are_accepted_and_are_those_of_the_table(void **state) {
    (void)state;
    struct bw_breaker_config config;
    char text[300];
    bw_breaker_config_default(&config);
    assert_int_equal(bw_breaker_config_check(&config, NULL, 0), 0);
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        assert_true(bw_breaker_config_get(&config, bw_breaker_params[i].name, text, sizeof text) > 0);
        assert_string_equal(text, bw_breaker_params[i].default_text);
    }
    assert_int_equal(config.trip_consecutive, 3);
    assert_int_equal(config.open_ms, 20000);
    assert_int_equal(config.probe_budget, 1);
    assert_true(config.honour_pushback);
    assert_true(config.probe_lease_ms == BW_BREAKER_LEASE_AUTO);
    for (int i = 0; i < BW_BREAKER_CODES; i++)
        assert_int_equal(config.weight[i], 1);
}

static void every_row_has_a_name_of_its_own_and_a_line_of_meaning(void **state) {
    (void)state;
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        const struct bw_breaker_param *row = &bw_breaker_params[i];
        assert_true(strlen(row->meaning) > 10);
        assert_null(strchr(row->meaning, '\n'));
        assert_int_equal(row->choices != NULL, row->type == BW_PARAM_CHOICE);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, bw_breaker_params[j].name);
    }
}

static void what_get_writes_set_reads(void **state) {
    (void)state;
    static const char *const values[][2] = {
        {"trip_consecutive", "65535"},
        {"open_ms", "86400000"},
        {"open_backoff", "1.5"},
        {"open_jitter", "0.1"},
        {"jitter_seed", "18446744073709551615"},
        {"probe_slow_is_failure", "on"},
        {"probe_lease_ms", "0"},
        {"probe_lease_ms", "auto"},
        {"probe_lease_action", "replace"},
        {"half_open_timeout_to", "closed"},
        {"failure_mask", "none"},
        {"ignore_mask", "CANCELLED,UNAVAILABLE"},
        {"weight", "RESOURCE_EXHAUSTED=16,UNAVAILABLE=4"},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct bw_breaker_config config;
        char text[300];
        bw_breaker_config_default(&config);
        set(&config, values[i][0], values[i][1]);
        int length = bw_breaker_config_get(&config, values[i][0], text, sizeof text);
        assert_string_equal(text, values[i][1]);
        assert_int_equal(length, strlen(text));
        char small[3];
        assert_int_equal(bw_breaker_config_get(&config, values[i][0], small, sizeof small), length);
        assert_memory_equal(small, text, strlen(small));
        assert_int_equal(bw_breaker_config_get(&config, values[i][0], NULL, 0), length);
    }
}

static void masks_and_weights_can_be_numbers(void **state) {
    (void)state;
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    set(&config, "failure_mask", "16384");
    assert_int_equal(config.failure_mask, 1 << 14);
    set(&config, "failure_mask", "0x6000");
    assert_int_equal(config.failure_mask, 1 << 14 | 1 << 13);
    set(&config, "failure_mask", "0");
    assert_int_equal(config.failure_mask, 0);
    set(&config, "weight", "1,1,2,1,1,1,1,1,1,1,1,1,1,1,16,1,3");
    assert_int_equal(config.weight[2], 2);
    assert_int_equal(config.weight[14], 16);
    assert_int_equal(config.weight[16], 3);
    set(&config, "weight", "2");
    assert_int_equal(config.weight[0], 2);
    assert_int_equal(config.weight[16], 2);
    set(&config, "honour_pushback", "false");
    assert_false(config.honour_pushback);
    set(&config, "honour_pushback", "1");
    assert_true(config.honour_pushback);
}

static void what_is_no_value_is_refused_with_name_value_and_range(void **state) {
    (void)state;
    expect_not_set("trip_concecutive", "3", "trip_concecutive: there is no such parameter");
    expect_not_set("open_ms", "0", "open_ms: \"0\" is not allowed, only 1..86400000 ms");
    expect_not_set("open_ms", "", "open_ms: \"\" is not allowed, only 1..86400000 ms");
    expect_not_set("open_ms", "86400001", "open_ms: \"86400001\" is not allowed, only 1..86400000 ms");
    expect_not_set("open_ms", "-1", "open_ms: \"-1\" is not allowed, only 1..86400000 ms");
    expect_not_set("open_ms", "20s", "open_ms: \"20s\" is not allowed, only 1..86400000 ms");
    expect_not_set("open_ms", " 20", "open_ms: \" 20\" is not allowed, only 1..86400000 ms");
    expect_not_set("trip_consecutive", "4294967299",
                   "trip_consecutive: \"4294967299\" is not allowed, only 0..65535 failures");
    expect_not_set("open_ms", "99999999999999999999",
                   "open_ms: \"99999999999999999999\" is not allowed, only 1..86400000 ms");
    expect_not_set("open_jitter", "1.01", "open_jitter: \"1.01\" is not allowed, only 0..1");
    expect_not_set("open_jitter", "nan", "open_jitter: \"nan\" is not allowed, only 0..1");
    expect_not_set("open_jitter", "0.1.2", "open_jitter: \"0.1.2\" is not allowed, only 0..1");
    expect_not_set("open_backoff", "0.5", "open_backoff: \"0.5\" is not allowed, only 1..1000");
    expect_not_set("jitter_seed", "18446744073709551616",
                   "jitter_seed: \"18446744073709551616\" is not allowed, only 0..18446744073709551615");
    expect_not_set("honour_pushback", "maybe", "honour_pushback: \"maybe\" is not allowed, only on or off");
    expect_not_set("probe_lease_action", "re",
                   "probe_lease_action: \"re\" is not allowed, only one of: reopen replace");
    expect_not_set("probe_lease_ms", "18446744073709551615",
                   "probe_lease_ms: \"18446744073709551615\" is not allowed, only 0..64800000 ms, or auto");
    expect_not_set("probe_budget", "64", "probe_budget: \"64\" is not allowed, only 1..63 probes");
    expect_not_set(
        "ignore_mask", "CANCELED",
        "ignore_mask: \"CANCELED\" is not allowed, only gRPC codes with commas between, none, or a mask "
        "of 0..131071");
    expect_not_set(
        "ignore_mask", "131072",
        "ignore_mask: \"131072\" is not allowed, only gRPC codes with commas between, none, or a mask "
        "of 0..131071");
    static const char *const bad_weights[] = {
        "17", "UNAVAILABLE=0", "UNAVAILABLE", "1,2", "OK=", "OK=1,", "=3", "OK=1,2", ""};
    for (size_t i = 0; i < sizeof bad_weights / sizeof bad_weights[0]; i++) {
        char sentence[300];
        snprintf(sentence, sizeof sentence,
                 "weight: \"%s\" is not allowed, only CODE=1..16 with commas between, or 17 such numbers",
                 bad_weights[i]);
        expect_not_set("weight", bad_weights[i], sentence);
    }
}

static void a_configuration_that_was_never_defaulted_is_refused(void **state) {
    (void)state;
    struct bw_breaker_config config;
    char sentence[200];
    memset(&config, 0, sizeof config);
    snprintf(sentence, sizeof sentence,
             "size: 0 is not allowed, only %zu: start from bw_breaker_config_default", sizeof config);
    expect_refused(&config, sentence);
}

#define REFUSED(sentence, ...)                                                                               \
    do {                                                                                                     \
        struct bw_breaker_config c;                                                                          \
        bw_breaker_config_default(&c);                                                                       \
        __VA_ARGS__;                                                                                         \
        expect_refused(&c, sentence);                                                                        \
    } while (0)

static void what_does_not_fit_together_is_refused_with_field_value_and_range(void **state) {
    (void)state;
    REFUSED("open_ms: \"0\" is not allowed, only 1..86400000 ms", c.open_ms = 0);
    REFUSED("open_backoff: \"0.9\" is not allowed, only 1..1000", c.open_backoff = 0.9);
    REFUSED("probe_successes: \"0\" is not allowed, only 1..63 probes", c.probe_successes = 0);
    REFUSED("probe_failures: \"0\" is not allowed, only 1..63 probes", c.probe_failures = 0);
    REFUSED("probe_budget: \"0\" is not allowed, only 1..63 probes", c.probe_budget = 0);
    REFUSED("half_open_timeout_to: \"\" is not allowed, only one of: open closed",
            c.half_open_timeout_to = (enum bw_half_open_to)7);
    REFUSED(
        "probe_successes: 2 and probe_failures 1 cannot both be reached, their sum must be at most "
        "probe_budget + 1 = 2",
        c.probe_successes = 2);
    REFUSED("probe_max_inflight: 2 is not allowed, only 0..probe_budget = 1", c.probe_max_inflight = 2);
    REFUSED("probe_lease_ms: 3000 is not allowed, only more than call_timeout_ms = 3000",
            c.call_timeout_ms = c.probe_lease_ms = 3000);
    REFUSED("trip_consecutive: 0 is not allowed when nothing else trips, only 1..65535 failures",
            c.trip_consecutive = 0);
    REFUSED(
        "window: \"none\" is not allowed with trip_failure_rate, trip_failures or trip_slow_rate, only count "
        "or time",
        c.trip_failure_rate = 0.5);
    REFUSED("window_min_calls: 21 is not allowed, only 1..window_calls = 20", c.window = BW_WINDOW_COUNT,
            c.window_min_calls = 21);
    REFUSED("window_ms: 10001 is not allowed, only multiples of window_buckets = 10",
            c.window = BW_WINDOW_TIME, c.window_ms = 10001);
    REFUSED("slow_call_ms: 0 is not allowed with trip_slow_rate, only 1..86400000 ms",
            c.window = BW_WINDOW_TIME, c.trip_slow_rate = 0.5);
    REFUSED("slow_call_ms: 0 is not allowed with probe_slow_is_failure, only 1..86400000 ms",
            c.probe_slow_is_failure = true);
    REFUSED(
        "failure_mask: \"131072\" is not allowed, only gRPC codes with commas between, none, or a mask of "
        "0..131071",
        c.failure_mask = UINT32_C(1) << 17);
    REFUSED(
        "ignore_mask: \"131073\" is not allowed, only gRPC codes with commas between, none, or a mask of "
        "0..131071",
        c.ignore_mask = UINT32_C(1) << 17 | 1);
    REFUSED("probe_sample: 2 is not allowed, only 1..probe_budget = 1", c.probe_decision = BW_DECIDE_SAMPLE,
            c.probe_sample = 2);
    REFUSED("probe_sample: 0 is not allowed, only 1..probe_budget = 1", c.probe_decision = BW_DECIDE_SAMPLE);
    REFUSED(
        "probe_failure_rate: 0 is not allowed with probe_decision sample, no sample could be good; only "
        "more, "
        "up to 1",
        c.probe_decision = BW_DECIDE_SAMPLE, c.probe_sample = 1, c.probe_failure_rate = 0);
}

static void every_round_that_is_accepted_ends_decided(void **state) {
    (void)state;
    struct bw_breaker_config c;
    bw_breaker_config_default(&c);
    c.probe_budget = 5;
    c.probe_successes = 3;
    c.probe_failures = 3;
    assert_int_equal(bw_breaker_config_check(&c, NULL, 0), 0);
    c.probe_failures = 4;
    assert_int_equal(bw_breaker_config_check(&c, NULL, 0), -1);
}

static void the_sentence_is_cut_where_there_is_no_room(void **state) {
    (void)state;
    struct bw_breaker_config config;
    char why[8] = "1234567";
    bw_breaker_config_default(&config);
    assert_int_equal(bw_breaker_config_set(&config, "open_ms", "x", why, sizeof why), -1);
    assert_string_equal(why, "open_ms");
    assert_int_equal(bw_breaker_config_set(&config, "open_ms", "x", NULL, 0), -1);
    assert_int_equal(bw_breaker_config_set(&config, "nothing", "x", NULL, 0), -1);
    assert_int_equal(bw_breaker_config_get(&config, "nothing", why, sizeof why), -1);
}

static void a_breaker_can_live_in_the_callers_memory(void **state) {
    (void)state;
    struct bw_breaker_config config;
    struct bw_ticket ticket;
    bw_breaker_config_default(&config);
    void *memory = malloc(bw_breaker_size(&config));
    assert_non_null(memory);
    memset(memory, 0xa5, bw_breaker_size(&config));
    struct bw_breaker *breaker = bw_breaker_init(memory, "own", &config, 7);
    assert_ptr_equal(breaker, memory);
    assert_int_equal(bw_breaker_acquire(breaker, 7, &ticket, NULL), BW_ADMIT);
    free(memory);
}

static void a_size_is_told_of_a_configuration_that_nobody_has_checked(void **state) {
    (void)state;
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    size_t usual = bw_breaker_size(&config);
    config.window = BW_WINDOW_TIME;
    config.window_buckets = 0;
    assert_int_equal(bw_breaker_size(&config), usual);
    assert_null(bw_breaker_new("refused", &config, 0));
    config.window = BW_WINDOW_COUNT;
    config.window_calls = 5000;
    assert_int_equal(bw_breaker_size(&config), usual - 1024 + 5000);
}

static void a_name_has_a_limit(void **state) {
    (void)state;
    struct bw_breaker_config config;
    char name[BW_BREAKER_NAME_MAX + 2];
    bw_breaker_config_default(&config);
    memset(name, 'x', sizeof name);
    name[BW_BREAKER_NAME_MAX + 1] = '\0';
    assert_null(bw_breaker_new(name, &config, 0));
    name[BW_BREAKER_NAME_MAX] = '\0';
    struct bw_breaker *breaker = bw_breaker_new(name, &config, 0);
    assert_non_null(breaker);
    bw_breaker_free(breaker);
    bw_breaker_free(NULL);
}

BW_TESTS(cmocka_unit_test(the_defaults_are_accepted_and_are_those_of_the_table),
         cmocka_unit_test(every_row_has_a_name_of_its_own_and_a_line_of_meaning),
         cmocka_unit_test(what_get_writes_set_reads), cmocka_unit_test(masks_and_weights_can_be_numbers),
         cmocka_unit_test(what_is_no_value_is_refused_with_name_value_and_range),
         cmocka_unit_test(a_configuration_that_was_never_defaulted_is_refused),
         cmocka_unit_test(what_does_not_fit_together_is_refused_with_field_value_and_range),
         cmocka_unit_test(every_round_that_is_accepted_ends_decided),
         cmocka_unit_test(the_sentence_is_cut_where_there_is_no_room),
         cmocka_unit_test(a_breaker_can_live_in_the_callers_memory),
         cmocka_unit_test(a_size_is_told_of_a_configuration_that_nobody_has_checked),
         cmocka_unit_test(a_name_has_a_limit))
