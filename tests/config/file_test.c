#include "fixture.h"

#include "run.h"

#include <stdio.h>

static void the_file_sets_every_kind_of_parameter(void **state) {
    (void)state;
    struct bw_settings *s = fixture_good(
        &(struct given_world){.env = {"CONFIG_FILE=/etc/a.json"},
                              .file = "{\"circuit_failure_threshold\": 7, \"circuit_reset_timeout\": 0.25, "
                                      "\"http_address\": \"[::]:80\","
                                      " \"allowed_hosts\": [\"a\", \"b\"], \"log_level\": \"debug\", "
                                      "\"greeting\": \"\xC2\xA1hola!\"}"});
    assert_int_equal(bw_settings_integer(s, "CIRCUIT_FAIL_MAX"), 7);
    assert_int_equal(bw_settings_ms(s, "CIRCUIT_RESET_TIMEOUT"), 250);
    assert_string_equal(bw_settings_text(s, "HTTP_ADDRESS"), "[::]:80");
    assert_string_equal(bw_settings_text(s, "ALLOWED_HOSTS"), "a,b");
    assert_int_equal(bw_settings_word(s, "LOG_LEVEL"), 3);
    assert_string_equal(bw_settings_text(s, "GREETING"), "\xC2\xA1hola!");
    assert_int_equal(bw_settings_origin(s, "GREETING"), BW_FROM_FILE);
    assert_int_equal(bw_settings_origin(s, "CONFIG_FILE"), BW_FROM_ENVIRONMENT);
    bw_settings_free(s);
}

static void all_three_names_lead_to_the_file(void **state) {
    (void)state;
    static const struct given_world cases[] = {
        {.argv = {"--config", "c"}, .file = "{\"greeting\":\"hi\"}"},
        {.argv = {"--config-file=c"}, .file = "{\"greeting\":\"hi\"}"},
        {.argv = {"--config-file=c", "--config", "c"}, .file = "{\"greeting\":\"hi\"}"},
        {.env = {"CONFIG_FILE=c"}, .file = "{\"greeting\":\"hi\"}"},
        {.env = {"CONFIG_FILE=c"}, .file = "{\"greeting\":\"hi\",\"allowed_hosts\":\"a, b\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_settings *s = fixture_good(&cases[i]);
        assert_string_equal(bw_settings_text(s, "GREETING"), "hi");
        bw_settings_free(s);
    }
}

#define NUMBER "a JSON number, a whole number from 1 to 65535"
#define HOSTS  "a JSON array of texts or one text, texts with commas between them, none empty"
#define ALL                                                                                                  \
    "circuit_fail_max, circuit_reset_timeout, http_address, allowed_hosts, log_level, greeting, breakers, "  \
    "limits"

static void a_bad_key_or_value_is_named_with_the_file(void **state) {
    (void)state;
    static const struct {
        const char *file, *sentence;
    } cases[] = {
        {"{\"circuit_fail_max\": 0}",
         "\"circuit_fail_max\" of c.json is 0, but must be a whole number from 1 to 65535"},
        {"{\"circuit_fail_max\": -3}",
         "\"circuit_fail_max\" of c.json is -3, but must be a whole number from 1 to 65535"},
        {"{\"circuit_failure_threshold\": \"3\"}",
         "\"circuit_failure_threshold\" of c.json is \"3\", but must be " NUMBER},
        {"{\"circuit_fail_max\": 3.5}", "\"circuit_fail_max\" of c.json is 3.5, but must be " NUMBER},
        {"{\"circuit_fail_max\": null}", "\"circuit_fail_max\" of c.json is null, but must be " NUMBER},
        {"{\"circuit_fail_max\": [3]}", "\"circuit_fail_max\" of c.json is [3], but must be " NUMBER},
        {"{\"circuit_reset_timeout\": 0.04}",
         "\"circuit_reset_timeout\" of c.json is 0.04, but must be seconds from 0.05 to 86400 with at most "
         "three "
         "decimals"},
        {"{\"http_address\": 5000}",
         "\"http_address\" of c.json is 5000, but must be a JSON text, HOST:PORT or [V6]:PORT with a port "
         "from 0 to "
         "65535"},
        {"{\"http_address\": \"\"}",
         "\"http_address\" of c.json is empty, but must be HOST:PORT or [V6]:PORT with a port from 0 to "
         "65535"},
        {"{\"log_level\": \"loud\"}",
         "\"log_level\" of c.json is \"loud\", but must be one of error, warn, info, debug"},
        {"{\"allowed_hosts\": [\"a\", 1]}", "\"allowed_hosts\" of c.json is [\"a\",1], but must be " HOSTS},
        {"{\"allowed_hosts\": [\"a,b\"]}", "\"allowed_hosts\" of c.json is [\"a,b\"], but must be " HOSTS},
        {"{\"allowed_hosts\": []}", "\"allowed_hosts\" of c.json is [], but must be " HOSTS},
        {"{\"allowed_hosts\": [\"a\", \"\"]}",
         "\"allowed_hosts\" of c.json is \"a,\", but must be texts with commas between them, none empty"},
        {"{\"http_adress\": \"a:1\"}", "\"http_adress\" of c.json is unknown, allowed are " ALL},
        {"{\"HTTP_ADDRESS\": \"a:1\"}", "\"HTTP_ADDRESS\" of c.json is unknown, allowed are " ALL},
        {"{\"config_file\": \"d.json\"}", "\"config_file\" of c.json is unknown, allowed are " ALL},
        {"{\"\": 1}", "empty of c.json is unknown, allowed are " ALL},
        {"{\"breakers\": 1}", "\"breakers\" of c.json is 1, but must be an object"},
        {"{\"breakers\": {\"ServiceC\": {}}}",
         "\"breakers.ServiceC\" of c.json is unknown, allowed are ServiceB_CB, ServiceB_Control_CB"},
        {"{\"breakers\": {\"ServiceB_CB\": 3}}",
         "\"breakers.ServiceB_CB\" of c.json is 3, but must be an object"},
        {"{\"breakers\": {\"ServiceB_CB\": {\"open_ms\": [1]}}}",
         "\"breakers.ServiceB_CB.open_ms\" of c.json is [1], but must be a number, a text, true or false"},
        {"{\"breakers\": {\"ServiceB_CB\": {\"open_ms\": 1}, \"ServiceB_Control_CB\": {\"open_ms\": null}}}",
         "\"breakers.ServiceB_Control_CB.open_ms\" of c.json is null, but must be a number, a text, true or "
         "false"},
        {"{\"limits\": {\"ServiceB_CB\": {\"close_ms\": 1}}}",
         "\"limits.ServiceB_CB.close_ms\" of c.json is unknown, allowed are open_ms, trip_consecutive"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given_world world = {.argv = {"--config", "c.json"}, .file = cases[i].file};
        char sentence[700];
        snprintf(sentence, sizeof sentence, "key %s", cases[i].sentence);
        fixture_refused(&world, BW_EXIT_CONFIGURATION, sentence);
    }
}

static void a_file_that_is_not_one_json_object_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "[]",
        "1",
        "\"x\"",
        "null",
        "{",
        "{}x",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"greeting\":\"\xFF\"}",
        "{\"greeting\":\"a\",\"greeting\":\"a\"}",
        "{\"greeting\":\"a\\u0000b\"}",
        "{\"circuit_fail_max\": 1e999}",
        "{\"circuit_fail_max\": 99999999999999999999}",
        "{\"breakers\":{\"ServiceB_CB\":{\"open_ms\":1,\"open_ms\":2}}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bw_settings_error error;
        struct given_world world = {.argv = {"--config=c.json"}, .file = bad[i]};
        assert_null(fixture_read(&world, &error));
        static const char begin[] = "flag --config is \"c.json\", but that file must be one JSON object";
        assert_memory_equal(error.text, begin, sizeof begin - 1);
        assert_null(strchr(error.text, '\n'));
        assert_int_equal(error.exit_code, BW_EXIT_CONFIGURATION);
    }
    fixture_refused(
        &(struct given_world){.env = {"CONFIG_FILE=c.json"}, .file = "{\n  \"greeting\" 1}"}, 78,
        "environment variable CONFIG_FILE is \"c.json\", but that file must be one JSON object: line 2, "
        "column 14: ':' expected near '1'");
}

static void a_file_that_cannot_be_read_is_refused(void **state) {
    (void)state;
    fixture_refused(
        &(struct given_world){.env = {"CONFIG_FILE=gone.json"}}, BW_EXIT_CONFIGURATION,
        "environment variable CONFIG_FILE is \"gone.json\", but that file cannot be read: no such file");
    fixture_refused(&(struct given_world){.argv = {"--config", ""}}, BW_EXIT_CONFIGURATION,
                    "flag --config is empty, but must be a text without control characters");
}

/* The real reader, with real files. */
static struct bw_settings *read_with_stdio(const char *path, struct bw_settings_error *error) {
    const char *argv[] = {"service-a", "--config", path};
    struct bw_settings_input input = {.argc = 3, .argv = argv};
    return bw_settings_read(&fixture_table, &input, error);
}

static void without_a_function_the_file_is_read_with_stdio(void **state) {
    (void)state;
    struct bw_settings_error error;
    char path[] = "breakwire-file-test.json";
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "{\"greeting\": \"%05000d\"}", 7);
    fclose(file);
    struct bw_settings *s = read_with_stdio(path, &error);
    assert_non_null(s);
    assert_int_equal(strlen(bw_settings_text(s, "GREETING")), 5000);
    bw_settings_free(s);
    file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "{\"greeting\": \"%02000000d\"}", 7);
    fclose(file);
    assert_null(read_with_stdio(path, &error));
    assert_non_null(strstr(error.text, "cannot be read: it is longer than 1 MiB"));
    remove(path);
    assert_null(read_with_stdio(path, &error));
    assert_non_null(strstr(error.text, "cannot be read: No such file"));
    assert_null(read_with_stdio("/", &error));
    assert_non_null(strstr(error.text, "cannot be read: Is a directory"));
}

struct trace {
    char text[400];
    const char *refuse;
};

static int record(void *owner, const char *member, const char *key, const char *value, char *why,
                  size_t why_size) {
    struct trace *trace = owner;
    size_t len = strlen(trace->text);
    snprintf(trace->text + len, sizeof trace->text - len, "%s.%s=%s ", member, key, value);
    if (!trace->refuse || strcmp(trace->refuse, key) != 0)
        return 0;
    snprintf(why, why_size, "it must be from 1 to 86400000");
    return -1;
}

static const struct given_world with_groups = {
    .argv = {"--config", "c.json"},
    .file =
        "{\"breakers\": {\"ServiceB_Control_CB\": {\"open_ms\": 500},"
        " \"ServiceB_CB\": {\"trip_consecutive\": 5, \"open_backoff\": 1.5, \"window\": \"count\", \"on\": "
        "true}},"
        " \"limits\": {\"ServiceB_CB\": {\"open_ms\": 9}}}",
};

static void apply_hands_out_the_inner_values_in_order(void **state) {
    (void)state;
    struct bw_settings_error error = {0};
    struct bw_settings *s = fixture_good(&with_groups);
    struct trace trace = {.refuse = NULL};
    assert_true(bw_settings_apply(s, "breakers", record, &trace, &error));
    assert_string_equal(trace.text,
                        "ServiceB_Control_CB.open_ms=500 ServiceB_CB.trip_consecutive=5 "
                        "ServiceB_CB.open_backoff=1.5 ServiceB_CB.window=count ServiceB_CB.on=true ");
    trace.text[0] = '\0';
    assert_true(bw_settings_apply(s, "limits", record, &trace, &error));
    assert_string_equal(trace.text, "ServiceB_CB.open_ms=9 ");
    bw_settings_free(s);
}

static void apply_stops_at_the_first_refusal_and_names_the_key(void **state) {
    (void)state;
    struct bw_settings_error error = {0};
    struct bw_settings *s = fixture_good(&with_groups);
    struct trace trace = {.refuse = "trip_consecutive"};
    assert_false(bw_settings_apply(s, "breakers", record, &trace, &error));
    assert_string_equal(trace.text, "ServiceB_Control_CB.open_ms=500 ServiceB_CB.trip_consecutive=5 ");
    assert_string_equal(error.text,
                        "key \"breakers.ServiceB_CB.trip_consecutive\" of c.json is 5: it must be from 1 "
                        "to 86400000");
    assert_int_equal(error.exit_code, BW_EXIT_CONFIGURATION);
    bw_settings_free(s);
}

BW_TESTS(cmocka_unit_test(the_file_sets_every_kind_of_parameter),
         cmocka_unit_test(all_three_names_lead_to_the_file),
         cmocka_unit_test(a_bad_key_or_value_is_named_with_the_file),
         cmocka_unit_test(a_file_that_is_not_one_json_object_is_refused),
         cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
         cmocka_unit_test(without_a_function_the_file_is_read_with_stdio),
         cmocka_unit_test(apply_hands_out_the_inner_values_in_order),
         cmocka_unit_test(apply_stops_at_the_first_refusal_and_names_the_key))
