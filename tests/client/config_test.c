#include "run.h"

#include "config.h"

#include <breakwire/breaker.h>

#include <ctype.h>
#include <stdio.h>

enum { WORDS_MAX = 8 };

struct given {
    const char *flags[WORDS_MAX], *env[WORDS_MAX]; /* NULL at the end */
    const char *file;                              /* NULL: there is none */
};

static const char *get(void *owner, const char *name) {
    const struct given *given = owner;
    size_t len = strlen(name);
    for (size_t i = 0; given->env[i]; i++)
        if (strncmp(given->env[i], name, len) == 0 && given->env[i][len] == '=')
            return given->env[i] + len + 1;
    return !given->file || strcmp(name, "CONFIG_FILE") != 0 ? NULL : "a.json";
}

static bool read_file(void *owner, const char *path, struct bw_buf *out, char *why, size_t why_size) {
    (void)path;
    (void)why;
    (void)why_size;
    return bw_buf_append_text(out, ((const struct given *)owner)->file);
}

/* What the program would run with; NULL: `error` says why not. *settings is freed by the caller. */
static struct config *configure(const struct given *given, struct bw_settings **settings,
                                struct bw_settings_error *error) {
    struct given copy = *given;
    const char *argv[WORDS_MAX + 1] = {"service-a"};
    int argc = 1;
    for (; given->flags[argc - 1]; argc++)
        argv[argc] = given->flags[argc - 1];
    struct bw_settings_input input = {argc, argv, get, read_file, &copy};
    struct config *config = config_new();
    assert_non_null(config);
    *settings = bw_settings_read(config_table(config), &input, error);
    if (*settings && config_apply(config, *settings, error))
        return config;
    config_free(config);
    return NULL;
}

/* "trip open_ms call_timeout_ms min_deadline_ms", of the data breaker and, if different, the control one. */
static void assert_breakers(const struct given *given, const char *data, const char *control) {
    struct bw_settings_error error = {0};
    struct bw_settings *settings;
    struct config *config = configure(given, &settings, &error);
    if (!config)
        fail_msg("refused: %s", error.text);
    const struct bw_breaker_config *both[] = {config_data_breaker(config), config_control_breaker(config)};
    const char *const wanted[] = {data, control ? control : data};
    for (int i = 0; i < 2; i++) {
        char text[128];
        snprintf(text, sizeof text, "%u %u %u %u", both[i]->trip_consecutive, (unsigned)both[i]->open_ms,
                 (unsigned)both[i]->call_timeout_ms, (unsigned)both[i]->min_deadline_ms);
        assert_string_equal(text, wanted[i]);
    }
    config_free(config);
    bw_settings_free(settings);
}

static void assert_refused(const struct given *given, const char *sentence) {
    struct bw_settings_error error = {0};
    struct bw_settings *settings;
    assert_null(configure(given, &settings, &error));
    assert_string_equal(error.text, sentence);
    assert_int_equal(error.exit_code, BW_EXIT_CONFIGURATION);
    bw_settings_free(settings);
}

#define GIVEN(...)                                                                                           \
    &(struct given) {                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static void without_input_both_breakers_are_the_demos(void **state) {
    (void)state;
    assert_breakers(GIVEN(.file = NULL), "3 20000 3000 1500", NULL);
}

static void the_demos_names_hold_for_both_breakers(void **state) {
    (void)state;
    assert_breakers(GIVEN(.env = {"CIRCUIT_FAIL_MAX=5", "CIRCUIT_RESET_TIMEOUT=0.5"}), "5 500 3000 1500",
                    NULL);
    assert_breakers(GIVEN(.env = {"CIRCUIT_FAILURE_THRESHOLD=5", "CIRCUIT_RECOVERY_TIMEOUT=7.25"}),
                    "5 7250 3000 1500", NULL);
    assert_breakers(GIVEN(.flags = {"--circuit-fail-max=65535", "--circuit-reset-timeout", "86400"}),
                    "65535 86400000 3000 1500", NULL);
    assert_breakers(GIVEN(.file = "{\"circuit_fail_max\": 4, \"circuit_recovery_timeout\": 2.5}"),
                    "4 2500 3000 1500", NULL);
    assert_breakers(GIVEN(.env = {"REQUEST_TIMEOUT=0.05"}), "3 20000 50 25", NULL);
    assert_breakers(GIVEN(.env = {"REQUEST_TIMEOUT=3600"}), "3 20000 3600000 1800000", NULL);
}

static void a_flag_goes_before_the_environment_before_the_file(void **state) {
    (void)state;
    static const char file[] = "{\"circuit_fail_max\": 6, \"circuit_reset_timeout\": 6}";
    assert_breakers(GIVEN(.file = file), "6 6000 3000 1500", NULL);
    assert_breakers(GIVEN(.file = file, .env = {"CIRCUIT_FAIL_MAX=5"}), "5 6000 3000 1500", NULL);
    assert_breakers(
        GIVEN(.file = file, .env = {"CIRCUIT_FAILURE_THRESHOLD=5"}, .flags = {"--circuit-fail-max=4"}),
        "4 6000 3000 1500", NULL);
}

#define BREAKERS                                                                                             \
    "{\"circuit_fail_max\": 6, \"breakers\": {\"ServiceB_CB\": {\"trip_consecutive\": 7, \"open_ms\": 700}," \
    " \"ServiceB_Control_CB\": {\"open_ms\": 800}}}"

static void the_files_breakers_speak_about_each(void **state) {
    (void)state;
    assert_breakers(GIVEN(.file = BREAKERS), "7 700 3000 1500", "6 800 3000 1500");
    assert_breakers(GIVEN(.file = "{\"breakers\": {\"ServiceB_Control_CB\": {\"trip_consecutive\": 9, "
                                  "\"min_deadline_ms\": 0}}}"),
                    "3 20000 3000 1500", "9 20000 3000 0");
}

static void the_environment_and_flags_go_before_the_files_breakers(void **state) {
    (void)state;
    assert_breakers(GIVEN(.file = BREAKERS, .env = {"CIRCUIT_FAIL_MAX=5"}), "5 700 3000 1500",
                    "5 800 3000 1500");
    assert_breakers(GIVEN(.file = BREAKERS, .flags = {"--circuit-recovery-timeout=1"}), "7 1000 3000 1500",
                    "6 1000 3000 1500");
}

static void every_kind_of_parameter_can_stand_in_the_file(void **state) {
    (void)state;
    struct bw_settings_error error = {0};
    struct bw_settings *settings;
    struct config *config = configure(
        GIVEN(.file = "{\"breakers\": {\"ServiceB_CB\": {\"open_backoff\": 2.5, \"honour_pushback\": false, "
                      "\"probe_lease_action\": \"replace\", \"failure_mask\": \"INTERNAL\", "
                      "\"open_jitter\": 0.25}}}"),
        &settings, &error);
    if (!config)
        fail_msg("refused: %s", error.text);
    const struct bw_breaker_config *data = config_data_breaker(config);
    assert_true(data->open_backoff == 2.5);
    assert_true(data->open_jitter == 0.25);
    assert_false(data->honour_pushback);
    assert_int_equal(data->probe_lease_action, BW_LEASE_REPLACE);
    assert_int_equal(data->failure_mask, 1 << 13);
    assert_true(config_control_breaker(config)->honour_pushback);
    config_free(config);
    bw_settings_free(settings);
}

static void a_refusal_names_what_the_user_wrote(void **state) {
    (void)state;
    assert_refused(
        GIVEN(.env = {"CIRCUIT_FAILURE_THRESHOLD=0"}),
        "environment variable CIRCUIT_FAILURE_THRESHOLD is 0, but must be a whole number from 1 to 65535");
    assert_refused(GIVEN(.flags = {"--circuit-fail-max=65536"}),
                   "flag --circuit-fail-max is 65536, but must be a whole number from 1 to 65535");
    assert_refused(GIVEN(.file = "{\"circuit_fail_max\": 0}"),
                   "key \"circuit_fail_max\" of a.json is 0, but must be a whole number from 1 to 65535");
    assert_refused(GIVEN(.env = {"CIRCUIT_RESET_TIMEOUT=0.049"}),
                   "environment variable CIRCUIT_RESET_TIMEOUT is 0.049, but must be seconds from 0.05 to "
                   "86400 with at most three decimals");
    assert_refused(GIVEN(.env = {"REQUEST_TIMEOUT=3601"}),
                   "environment variable REQUEST_TIMEOUT is 3601, but must be seconds from 0.05 to 3600 "
                   "with at most three decimals");
    assert_refused(GIVEN(.env = {"CIRCUIT_FAIL_MAX=3", "CIRCUIT_FAILURE_THRESHOLD=4"}),
                   "environment variable CIRCUIT_FAIL_MAX is 3 and environment variable "
                   "CIRCUIT_FAILURE_THRESHOLD is 4, but both mean the same and must be equal");
    assert_refused(GIVEN(.file = "{\"breakers\": {\"ServiceC_CB\": {}}}"),
                   "key \"breakers.ServiceC_CB\" of a.json is unknown, allowed are ServiceB_CB, "
                   "ServiceB_Control_CB");
}

static void assert_refused_naming(const struct given *given, const char *first, const char *second) {
    struct bw_settings_error error = {0};
    struct bw_settings *settings;
    assert_null(configure(given, &settings, &error));
    if (!strstr(error.text, first) || !strstr(error.text, second))
        fail_msg("not both of %s and %s in: %s", first, second, error.text);
    assert_int_equal(error.exit_code, BW_EXIT_CONFIGURATION);
    bw_settings_free(settings);
}

static void a_refused_breaker_is_named_with_its_key(void **state) {
    (void)state;
    assert_refused_naming(GIVEN(.file = "{\"breakers\": {\"ServiceB_CB\": {\"nope\": 1}}}"),
                          "key \"breakers.ServiceB_CB.nope\" of a.json", "no such parameter");
    assert_refused_naming(GIVEN(.file = "{\"breakers\": {\"ServiceB_Control_CB\": {\"open_ms\": 0}}}"),
                          "key \"breakers.ServiceB_Control_CB.open_ms\" of a.json is 0", "1..86400000 ms");
    assert_refused_naming(GIVEN(.file = "{\"breakers\": {\"ServiceB_CB\": {\"ramp_ms\": -5}}}"),
                          "key \"breakers.ServiceB_CB.ramp_ms\" of a.json is -5", "0..86400000 ms");
}

static void values_that_do_not_fit_together_name_breaker_and_file(void **state) {
    (void)state;
    assert_refused(GIVEN(.file = "{\"breakers\": {\"ServiceB_Control_CB\": {\"probe_lease_ms\": 5000}}}",
                         .env = {"REQUEST_TIMEOUT=6"}),
                   "breaker ServiceB_Control_CB: probe_lease_ms: 5000 is not allowed, only more than "
                   "call_timeout_ms = 6000; call_timeout_ms is from environment variable REQUEST_TIMEOUT, "
                   "probe_lease_ms is from key \"breakers.ServiceB_Control_CB.probe_lease_ms\" of a.json");
    assert_refused(
        GIVEN(.env = {"CIRCUIT_PROBE_LEASE_MS=3000"}),
        "breaker ServiceB_CB: probe_lease_ms: 3000 is not allowed, only more than "
        "call_timeout_ms = 3000; probe_lease_ms is from environment variable CIRCUIT_PROBE_LEASE_MS");
    assert_refused(GIVEN(.flags = {"--trip-consecutive=0"}),
                   "breaker ServiceB_CB: trip_consecutive: 0 is not allowed when nothing else trips, only "
                   "1..65535 failures; trip_consecutive is from flag --trip-consecutive");
}

/* ---- every parameter ---- */

/* A value of the parameter that is not its default. */
static void write_other(const struct bw_breaker_param *param, char out[64]) {
    static const char *const texts[] = {
        [BW_PARAM_COUNT] = "2",    [BW_PARAM_MS] = "9000",       [BW_PARAM_SEED] = "77",
        [BW_PARAM_FACTOR] = "1.5", [BW_PARAM_SHARE] = "0.25",    [BW_PARAM_SWITCH] = "on",
        [BW_PARAM_CHOICE] = NULL,  [BW_PARAM_CODES] = "UNKNOWN", [BW_PARAM_WEIGHTS] = "INTERNAL=2",
    };
    const char *last = param->type == BW_PARAM_CHOICE ? strrchr(param->choices, ' ') + 1 : texts[param->type];
    bool is_on = strcmp(param->default_text, "on") == 0;
    snprintf(out, 64, "%s", is_on ? "off" : last);
}

static void write_upper(const char *name, char out[80]) {
    snprintf(out, 80, "CIRCUIT_%s", name);
    for (; *out; out++)
        *out = (char)toupper((unsigned char)*out);
}

static void write_flag(const char *name, char out[80]) {
    snprintf(out, 80, "--%s", name);
    for (; *out; out++)
        *out = (char)(*out == '_' ? '-' : *out);
}

static void assert_both_have(const struct given *given, const char *name, const char *value,
                             const char *line) {
    struct bw_settings_error error = {0};
    struct bw_settings *settings;
    struct config *config = configure(given, &settings, &error);
    struct bw_buf printed;
    char text[512];
    if (!config) { /* alone it may not fit the others: then the sentence is about how they fit */
        assert_non_null(strstr(error.text, "breaker ServiceB_CB: "));
        bw_settings_free(settings);
        return;
    }
    assert_true(bw_breaker_config_get(config_data_breaker(config), name, text, sizeof text) > 0);
    assert_string_equal(text, value);
    bw_breaker_config_get(config_control_breaker(config), name, text, sizeof text);
    assert_string_equal(text, value);
    bw_buf_init(&printed, 0);
    config_print(config, settings, &printed);
    if (!strstr(bw_buf_text(&printed), line))
        fail_msg("no %s in %s", line, bw_buf_text(&printed));
    bw_buf_free(&printed);
    config_free(config);
    bw_settings_free(settings);
}

static void each_parameter_of_the_table_is_a_variable_a_flag_and_a_key(void **state) {
    (void)state;
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        const char *name = bw_breaker_params[i].name;
        char value[64], variable[160], flag[80], file[256], upper[80], line[160];
        write_other(&bw_breaker_params[i], value);
        if (strcmp(name, "call_timeout_ms") == 0)
            snprintf(value, sizeof value, "2000"); /* REQUEST_TIMEOUT is its limit */
        write_upper(name, upper);
        write_flag(name, flag);
        snprintf(variable, sizeof variable, "%s=%s", upper, value);
        snprintf(line, sizeof line, "breakers.ServiceB_Control_CB.%s = %s  # environment\n", name, value);
        assert_both_have(GIVEN(.env = {variable}), name, value, line);
        snprintf(line, sizeof line, "breakers.ServiceB_CB.%s = %s  # flag\n", name, value);
        assert_both_have(GIVEN(.flags = {flag, value}), name, value, line);
        snprintf(file, sizeof file, "{\"circuit_%s\": \"%s\"}", name, value);
        snprintf(line, sizeof line, "breakers.ServiceB_CB.%s = %s  # file\n", name, value);
        assert_both_have(GIVEN(.file = file), name, value, line);
    }
}

static void each_wrong_value_is_refused_by_the_name_that_the_user_wrote(void **state) {
    (void)state;
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        char upper[80], variable[100], flag[80], sentence[200];
        write_upper(bw_breaker_params[i].name, upper);
        write_flag(bw_breaker_params[i].name, flag);
        snprintf(variable, sizeof variable, "%s=?", upper);
        snprintf(sentence, sizeof sentence,
                 "environment variable %s is \"?\": %s: \"?\" is not allowed, only ", upper,
                 bw_breaker_params[i].name);
        assert_refused_naming(GIVEN(.env = {variable}), sentence, "");
        snprintf(sentence, sizeof sentence, "flag %s is empty: ", flag);
        assert_refused_naming(GIVEN(.flags = {flag, ""}), sentence, "");
    }
}

static void parameters_keep_the_order_flag_environment_breakers_file(void **state) {
    (void)state;
    static const char file[] =
        "{\"circuit_open_ms\": 600, \"circuit_trip_consecutive\": 6,"
        " \"breakers\": {\"ServiceB_CB\": {\"open_ms\": 700}}}";
    assert_breakers(GIVEN(.file = file), "6 700 3000 1500", "6 600 3000 1500");
    assert_breakers(GIVEN(.file = file, .env = {"CIRCUIT_OPEN_MS=500"}), "6 500 3000 1500", NULL);
    assert_breakers(GIVEN(.file = file, .env = {"CIRCUIT_OPEN_MS=500"}, .flags = {"--open-ms=400"}),
                    "6 400 3000 1500", NULL);
    assert_breakers(GIVEN(.file = file, .env = {"CIRCUIT_RESET_TIMEOUT=0.3"}), "6 300 3000 1500", NULL);
    assert_breakers(GIVEN(.env = {"CIRCUIT_OPEN_MS=500"}, .flags = {"--circuit-reset-timeout=0.2"}),
                    "3 200 3000 1500", NULL);
    assert_breakers(GIVEN(.env = {"CIRCUIT_CALL_TIMEOUT_MS=100", "CIRCUIT_MIN_DEADLINE_MS=7"}),
                    "3 20000 100 7", NULL);
}

static void two_names_of_one_value_must_agree(void **state) {
    (void)state;
    assert_breakers(GIVEN(.env = {"CIRCUIT_FAIL_MAX=5", "CIRCUIT_TRIP_CONSECUTIVE=5"}), "5 20000 3000 1500",
                    NULL);
    assert_refused(GIVEN(.env = {"CIRCUIT_FAIL_MAX=4", "CIRCUIT_TRIP_CONSECUTIVE=5"}),
                   "environment variable CIRCUIT_FAIL_MAX is 4 and environment variable "
                   "CIRCUIT_TRIP_CONSECUTIVE is 5, but both mean the same and must be equal");
    assert_refused(
        GIVEN(.flags = {"--circuit-recovery-timeout=1.5", "--open-ms=1501"}),
        "flag --circuit-recovery-timeout is 1.5 and flag --open-ms is 1501, but both mean the same "
        "and must be equal");
}

/* ---- hosts ---- */

/* The hosts beside those that are always known, "a b". */
static void assert_hosts(const struct given *given, const char *wanted) {
    struct bw_settings_error error = {0};
    struct bw_settings *settings;
    char text[256] = "";
    int n = 0;
    struct config *config = configure(given, &settings, &error);
    if (!config)
        fail_msg("refused: %s", error.text);
    const struct site *site = config_site(config);
    for (size_t i = 0; i < site->hosts_count; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%.*s", n ? " " : "", (int)site->hosts[i].len,
                      (const char *)site->hosts[i].data);
    assert_string_equal(text, wanted);
    config_free(config);
    bw_settings_free(settings);
}

static void the_address_and_the_list_say_which_hosts_are_ours(void **state) {
    (void)state;
    assert_hosts(GIVEN(.file = NULL), "127.0.0.1");
    assert_hosts(GIVEN(.env = {"HTTP_ADDRESS=demo.example:80", "ALLOWED_HOSTS=a.example, b.example"}),
                 "demo.example a.example b.example");
    assert_hosts(GIVEN(.env = {"HTTP_ADDRESS=[fd00::7]:80"}), "[fd00::7]");
    assert_hosts(GIVEN(.file = "{\"allowed_hosts\": [\"a\", \"b\"], \"http_address\": \"10.0.0.1:1\"}"),
                 "10.0.0.1 a b");
}

static void a_wildcard_address_is_nobodys_name(void **state) {
    (void)state;
    assert_hosts(GIVEN(.env = {"HTTP_ADDRESS=0.0.0.0:5000"}), "");
    assert_hosts(GIVEN(.env = {"HTTP_ADDRESS=[::]:5000"}), "");
}

static void too_many_hosts_are_refused(void **state) {
    (void)state;
    static const char thirty_one[] =
        "ALLOWED_HOSTS=a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a";
    static const char thirty_two[] =
        "ALLOWED_HOSTS=a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a";
    assert_hosts(GIVEN(.env = {thirty_one}),
                 "127.0.0.1 a a a a a a a a a a a a a a a a a a a a a a a a a a "
                 "a a a a a");
    assert_refused(GIVEN(.env = {thirty_two}), "ALLOWED_HOSTS has more than the 31 names that are allowed");
}

static void a_host_that_no_request_can_name_is_refused(void **state) {
    (void)state;
    assert_refused(
        GIVEN(.env = {"ALLOWED_HOSTS=good.example, a:80"}),
        "ALLOWED_HOSTS has \"a:80\", allowed are host names and addresses without scheme and port");
    assert_refused_naming(GIVEN(.env = {"ALLOWED_HOSTS=http://a"}), "\"http://a\"", "without scheme");
    assert_refused_naming(GIVEN(.env = {"ALLOWED_HOSTS=fd00::7"}), "\"fd00::7\"", "without scheme");
    assert_refused_naming(GIVEN(.env = {"ALLOWED_HOSTS=a."}), "\"a.\"", "without scheme");
    assert_hosts(GIVEN(.env = {"ALLOWED_HOSTS=[fd00::7], 10.0.0.2"}), "127.0.0.1 [fd00::7] 10.0.0.2");
}

static void no_call_takes_longer_than_REQUEST_TIMEOUT(void **state) {
    (void)state;
    static const char *const files[] = {"{\"breakers\": {\"ServiceB_CB\": {\"call_timeout_ms\": 100}}}",
                                        "{\"breakers\": {\"ServiceB_CB\": {\"call_timeout_ms\": 9000}}}",
                                        "{\"breakers\": {\"ServiceB_CB\": {\"call_timeout_ms\": 0}}}"};
    static const uint64_t wanted_ms[] = {100, 2000, 2000};
    for (size_t i = 0; i < 3; i++) {
        struct bw_settings_error error = {0};
        struct bw_settings *settings;
        struct config *config =
            configure(GIVEN(.file = files[i], .env = {"REQUEST_TIMEOUT=2"}), &settings, &error);
        assert_non_null(config);
        assert_int_equal(config_timeout_ms(config_data_breaker(config)), wanted_ms[i]);
        config_free(config);
        bw_settings_free(settings);
    }
}

BW_TESTS(cmocka_unit_test(each_parameter_of_the_table_is_a_variable_a_flag_and_a_key),
         cmocka_unit_test(each_wrong_value_is_refused_by_the_name_that_the_user_wrote),
         cmocka_unit_test(parameters_keep_the_order_flag_environment_breakers_file),
         cmocka_unit_test(two_names_of_one_value_must_agree),
         cmocka_unit_test(a_host_that_no_request_can_name_is_refused),
         cmocka_unit_test(no_call_takes_longer_than_REQUEST_TIMEOUT),
         cmocka_unit_test(without_input_both_breakers_are_the_demos),
         cmocka_unit_test(the_demos_names_hold_for_both_breakers),
         cmocka_unit_test(a_flag_goes_before_the_environment_before_the_file),
         cmocka_unit_test(the_files_breakers_speak_about_each),
         cmocka_unit_test(the_environment_and_flags_go_before_the_files_breakers),
         cmocka_unit_test(every_kind_of_parameter_can_stand_in_the_file),
         cmocka_unit_test(a_refusal_names_what_the_user_wrote),
         cmocka_unit_test(a_refused_breaker_is_named_with_its_key),
         cmocka_unit_test(values_that_do_not_fit_together_name_breaker_and_file),
         cmocka_unit_test(the_address_and_the_list_say_which_hosts_are_ours),
         cmocka_unit_test(a_wildcard_address_is_nobodys_name), cmocka_unit_test(too_many_hosts_are_refused))
