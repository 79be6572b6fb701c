/* The table of parameters, row by row: what users have written down of it must not change unnoticed. */
#include "run.h"

#include <stdio.h>
#include <string.h>

#include <breakwire/breaker.h>

struct row {
    const char *name;
    enum bw_param_type type;
    const char *unit;
    double min, max;
    const char *default_text, *choices;
    size_t offset;
};

/* clang-format off */
static const struct row rows[] = {
    {"trip_consecutive", BW_PARAM_COUNT, "failures", 0, 65535.0, "3", NULL, offsetof(struct bw_breaker_config, trip_consecutive)},
    {"open_ms", BW_PARAM_MS, "ms", 1, 86400000.0, "20000", NULL, offsetof(struct bw_breaker_config, open_ms)},
    {"open_backoff", BW_PARAM_FACTOR, "", 1.0, 1000.0, "1", NULL, offsetof(struct bw_breaker_config, open_backoff)},
    {"open_max_ms", BW_PARAM_MS, "ms", 0, 86400000.0, "300000", NULL, offsetof(struct bw_breaker_config, open_max_ms)},
    {"open_jitter", BW_PARAM_SHARE, "", 0.0, 1.0, "0", NULL, offsetof(struct bw_breaker_config, open_jitter)},
    {"jitter_seed", BW_PARAM_SEED, "", 0, 18446744073709551616.0, "0", NULL, offsetof(struct bw_breaker_config, jitter_seed)},
    {"window", BW_PARAM_CHOICE, "", 0, 0.0, "none", "none count time", offsetof(struct bw_breaker_config, window)},
    {"window_calls", BW_PARAM_COUNT, "calls", 1, 100000.0, "20", NULL, offsetof(struct bw_breaker_config, window_calls)},
    {"window_ms", BW_PARAM_MS, "ms", 1, 86400000.0, "10000", NULL, offsetof(struct bw_breaker_config, window_ms)},
    {"window_buckets", BW_PARAM_COUNT, "buckets", 1, 60.0, "10", NULL, offsetof(struct bw_breaker_config, window_buckets)},
    {"window_min_calls", BW_PARAM_COUNT, "calls", 1, 100000.0, "1", NULL, offsetof(struct bw_breaker_config, window_min_calls)},
    {"trip_failure_rate", BW_PARAM_SHARE, "", 0.0, 1.0, "0", NULL, offsetof(struct bw_breaker_config, trip_failure_rate)},
    {"trip_failures", BW_PARAM_COUNT, "failures", 0, 65535.0, "0", NULL, offsetof(struct bw_breaker_config, trip_failures)},
    {"slow_call_ms", BW_PARAM_MS, "ms", 0, 86400000.0, "0", NULL, offsetof(struct bw_breaker_config, slow_call_ms)},
    {"trip_slow_rate", BW_PARAM_SHARE, "", 0.0, 1.0, "0", NULL, offsetof(struct bw_breaker_config, trip_slow_rate)},
    {"probe_budget", BW_PARAM_COUNT, "probes", 1, 63.0, "1", NULL, offsetof(struct bw_breaker_config, probe_budget)},
    {"probe_max_inflight", BW_PARAM_COUNT, "probes", 0, 63.0, "0", NULL, offsetof(struct bw_breaker_config, probe_max_inflight)},
    {"probe_successes", BW_PARAM_COUNT, "probes", 1, 63.0, "1", NULL, offsetof(struct bw_breaker_config, probe_successes)},
    {"probe_failures", BW_PARAM_COUNT, "probes", 1, 63.0, "1", NULL, offsetof(struct bw_breaker_config, probe_failures)},
    {"probe_decision", BW_PARAM_CHOICE, "", 0, 0.0, "early", "early sample", offsetof(struct bw_breaker_config, probe_decision)},
    {"probe_sample", BW_PARAM_COUNT, "probes", 0, 63.0, "0", NULL, offsetof(struct bw_breaker_config, probe_sample)},
    {"probe_failure_rate", BW_PARAM_SHARE, "", 0.0, 1.0, "0.5", NULL, offsetof(struct bw_breaker_config, probe_failure_rate)},
    {"probe_slow_rate", BW_PARAM_SHARE, "", 0.0, 1.0, "0", NULL, offsetof(struct bw_breaker_config, probe_slow_rate)},
    {"probe_slow_is_failure", BW_PARAM_SWITCH, "", 0, 1.0, "off", NULL, offsetof(struct bw_breaker_config, probe_slow_is_failure)},
    {"call_timeout_ms", BW_PARAM_MS, "ms", 0, 60000000.0, "0", NULL, offsetof(struct bw_breaker_config, call_timeout_ms)},
    {"probe_lease_ms", BW_PARAM_MS, "ms", 0, 64800000.0, "auto", NULL, offsetof(struct bw_breaker_config, probe_lease_ms)},
    {"probe_lease_action", BW_PARAM_CHOICE, "", 0, 0.0, "reopen", "reopen replace", offsetof(struct bw_breaker_config, probe_lease_action)},
    {"half_open_max_ms", BW_PARAM_MS, "ms", 0, 64800000.0, "0", NULL, offsetof(struct bw_breaker_config, half_open_max_ms)},
    {"half_open_timeout_to", BW_PARAM_CHOICE, "", 0, 0.0, "open", "open closed", offsetof(struct bw_breaker_config, half_open_timeout_to)},
    {"warmup_ms", BW_PARAM_MS, "ms", 0, 86400000.0, "0", NULL, offsetof(struct bw_breaker_config, warmup_ms)},
    {"failure_mask", BW_PARAM_CODES, "", 0, 131071.0, "CANCELLED,UNKNOWN,DEADLINE_EXCEEDED,RESOURCE_EXHAUSTED,INTERNAL,UNAVAILABLE,DATA_LOSS", NULL, offsetof(struct bw_breaker_config, failure_mask)},
    {"ignore_mask", BW_PARAM_CODES, "", 0, 131071.0, "none", NULL, offsetof(struct bw_breaker_config, ignore_mask)},
    {"weight", BW_PARAM_WEIGHTS, "", 1, 16.0, "1", NULL, offsetof(struct bw_breaker_config, weight)},
    {"min_deadline_ms", BW_PARAM_MS, "ms", 0, 86400000.0, "0", NULL, offsetof(struct bw_breaker_config, min_deadline_ms)},
    {"honour_pushback", BW_PARAM_SWITCH, "", 0, 1.0, "on", NULL, offsetof(struct bw_breaker_config, honour_pushback)},
    {"pushback_max_ms", BW_PARAM_MS, "ms", 0, 86400000.0, "60000", NULL, offsetof(struct bw_breaker_config, pushback_max_ms)},
    {"ramp_ms", BW_PARAM_MS, "ms", 0, 86400000.0, "0", NULL, offsetof(struct bw_breaker_config, ramp_ms)},
    {"max_concurrency", BW_PARAM_COUNT, "calls", 0, 65535.0, "0", NULL, offsetof(struct bw_breaker_config, max_concurrency)},
};
/* clang-format on */
enum { ROWS = sizeof rows / sizeof rows[0] };

static void the_table_has_these_rows_and_no_others(void **state) {
    (void)state;
    assert_int_equal(bw_breaker_params_count, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        const struct bw_breaker_param *param = &bw_breaker_params[i];
        assert_string_equal(param->name, rows[i].name);
        assert_int_equal(param->type, rows[i].type);
        assert_string_equal(param->unit, rows[i].unit);
        assert_memory_equal(&param->min, &rows[i].min, sizeof param->min);
        assert_memory_equal(&param->max, &rows[i].max, sizeof param->max);
        assert_string_equal(param->default_text, rows[i].default_text);
        assert_int_equal(param->choices != NULL, rows[i].choices != NULL);
        if (rows[i].choices)
            assert_string_equal(param->choices, rows[i].choices);
        assert_int_equal(param->offset, rows[i].offset);
    }
}

static void each_end_of_a_range_is_allowed_and_what_lies_beyond_is_not(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct bw_breaker_config config;
        char text[40];
        if (rows[i].type != BW_PARAM_COUNT && rows[i].type != BW_PARAM_MS)
            continue;
        bw_breaker_config_default(&config);
        snprintf(text, sizeof text, "%.0f", rows[i].max);
        assert_int_equal(bw_breaker_config_set(&config, rows[i].name, text, NULL, 0), 0);
        snprintf(text, sizeof text, "%.0f", rows[i].max + 1);
        assert_int_equal(bw_breaker_config_set(&config, rows[i].name, text, NULL, 0), -1);
        snprintf(text, sizeof text, "%.0f", rows[i].min);
        assert_int_equal(bw_breaker_config_set(&config, rows[i].name, text, NULL, 0), 0);
        snprintf(text, sizeof text, "%.0f", rows[i].min - 1);
        assert_int_equal(bw_breaker_config_set(&config, rows[i].name, text, NULL, 0), -1);
    }
}

static void the_numbers_of_the_interface_are_those_that_programs_were_built_with(void **state) {
    (void)state;
    static const int numbers[][2] = {
        {BW_BREAKER_NAME_MAX, 63},
        {BW_BREAKER_HOLDERS_MAX, 32},
        {BW_BREAKER_EVENTS_KEPT, 256},
        {BW_BREAKER_CODES, 17},
        {BW_STATES, 6},
        {BW_REASONS, 14},
        {BW_DECISIONS, 7},
        {BW_CALL_CANCELLED_BY_CALLER, 1},
        {BW_CALL_MADE_LOCALLY, 2},
        {BW_CALL_SHORT_DEADLINE, 4},
        {BW_BREAKER_REFUSED, -1},
        {BW_BREAKER_FULL, -2},
        {BW_BREAKER_UNKNOWN, -3},
        {BW_BREAKER_NAME, -4},
        {BW_BREAKER_VERSION, -5},
        {BW_BREAKER_CONFIGURATION, -6},
        {BW_BREAKER_MEMORY, -7},
        {BW_METRICS_ONLY, 5},
        {BW_REASON_RESTORED, 13},
        {BW_REJECT_RAMP, 6},
        {BW_UNADMITTED, 4},
        {BW_PARAM_WEIGHTS, 8},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_int_equal(numbers[i][0], numbers[i][1]);
    assert_true(bw_admitted(BW_ADMIT));
    assert_true(bw_admitted(BW_ADMIT_PROBE));
    assert_false(bw_admitted(BW_REJECT_OPEN));
    assert_int_equal(BW_BREAKER_NEVER, UINT64_MAX);
    assert_int_equal(BW_BREAKER_LEASE_AUTO, UINT64_MAX);
}

static void every_word_of_the_enums_is_spelled_like_this(void **state) {
    (void)state;
    static const char *const states[] = {"closed",      "open",     "half_open",
                                         "forced_open", "disabled", "metrics_only"};
    static const char *const reasons[] = {
        "CONSECUTIVE", "FAILURE_COUNT", "FAILURE_RATE", "SLOW_RATE",         "PROBE_FAILED",
        "PROBES_OK",   "OPEN_ELAPSED",  "LOST_PROBE",   "HALF_OPEN_TIMEOUT", "PUSHBACK",
        "OPERATOR",    "RECONFIGURED",  "WOULD_TRIP",   "RESTORED"};
    static const char *const decisions[] = {"admit",          "admit_probe",   "reject_open",
                                            "reject_probing", "reject_forced", "reject_concurrency",
                                            "reject_ramp"};
    static const char *const verdicts[] = {"recorded", "released", "stale", "double", "unadmitted"};
    for (int i = 0; i < 6; i++)
        assert_string_equal(bw_state_name((enum bw_state)i), states[i]);
    for (int i = 0; i < 14; i++)
        assert_string_equal(bw_reason_name((enum bw_reason)i), reasons[i]);
    for (int i = 0; i < 7; i++)
        assert_string_equal(bw_decision_name((enum bw_decision)i), decisions[i]);
    for (int i = 0; i < 5; i++)
        assert_string_equal(bw_verdict_name((enum bw_verdict)i), verdicts[i]);
    assert_string_equal(bw_state_name((enum bw_state)6), "unknown");
    assert_string_equal(bw_reason_name((enum bw_reason)14), "unknown");
    assert_string_equal(bw_decision_name((enum bw_decision)7), "unknown");
    assert_string_equal(bw_verdict_name((enum bw_verdict)5), "unknown");
}

BW_TESTS(cmocka_unit_test(the_table_has_these_rows_and_no_others),
         cmocka_unit_test(each_end_of_a_range_is_allowed_and_what_lies_beyond_is_not),
         cmocka_unit_test(the_numbers_of_the_interface_are_those_that_programs_were_built_with),
         cmocka_unit_test(every_word_of_the_enums_is_spelled_like_this))
