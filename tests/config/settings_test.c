#include "fixture.h"

#include "run.h"

#include <stdlib.h>

/* How many allocations still succeed; negative: all. */
static int allocations_left = -1;

static bool is_out_of_memory(void) {
    if (allocations_left > 0)
        allocations_left--;
    return allocations_left == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size) {
    return is_out_of_memory() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t n, size_t size) {
    return is_out_of_memory() ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *old, size_t size) {
    return is_out_of_memory() ? NULL : __real_realloc(old, size);
}

static void without_input_everything_has_its_default(void **state) {
    (void)state;
    struct bw_settings *s = fixture_good(&(struct given_world){0});
    assert_int_equal(bw_settings_action(s), BW_ACTION_RUN);
    assert_int_equal(bw_settings_integer(s, "CIRCUIT_FAIL_MAX"), 3);
    assert_int_equal(bw_settings_ms(s, "CIRCUIT_RESET_TIMEOUT"), 20000);
    assert_string_equal(bw_settings_text(s, "HTTP_ADDRESS"), "127.0.0.1:5000");
    assert_string_equal(bw_settings_text(s, "ALLOWED_HOSTS"), "");
    assert_string_equal(bw_settings_text(s, "CONFIG_FILE"), "");
    assert_int_equal(bw_settings_word(s, "LOG_LEVEL"), 2);
    assert_int_equal(bw_settings_origin(s, "LOG_LEVEL"), BW_FROM_DEFAULT);
    assert_int_equal(bw_settings_origin(s, "ALLOWED_HOSTS"), BW_FROM_DEFAULT);
    bw_settings_free(s);
}

static void a_flag_goes_before_the_environment_before_the_file_before_the_default(void **state) {
    (void)state;
    static const char file[] = "{\"circuit_fail_max\": 6}";
    static const struct {
        struct given_world world;
        uint64_t number;
        enum bw_settings_origin origin;
    } cases[] = {
        {{.argv = {NULL}}, 3, BW_FROM_DEFAULT},
        {{.env = {"CONFIG_FILE=c.json"}, .file = file}, 6, BW_FROM_FILE},
        {{.env = {"CONFIG_FILE=c.json", "CIRCUIT_FAIL_MAX=5"}, .file = file}, 5, BW_FROM_ENVIRONMENT},
        {{.argv = {"--circuit-fail-max", "4", "--config=c.json"},
          .env = {"CIRCUIT_FAIL_MAX=5"},
          .file = file},
         4,
         BW_FROM_FLAG},
        {{.argv = {"--circuit-failure-threshold=4"}, .env = {"CIRCUIT_FAIL_MAX=5"}}, 4, BW_FROM_FLAG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_settings *s = fixture_good(&cases[i].world);
        assert_int_equal(bw_settings_integer(s, "CIRCUIT_FAIL_MAX"), cases[i].number);
        assert_int_equal(bw_settings_origin(s, "CIRCUIT_FAIL_MAX"), cases[i].origin);
        bw_settings_free(s);
    }
}

static void both_names_of_a_pair_may_be_given_with_equal_numbers(void **state) {
    (void)state;
    static const struct given_world cases[] = {
        {.env = {"CIRCUIT_RECOVERY_TIMEOUT=0.500"}},
        {.env = {"CIRCUIT_RESET_TIMEOUT=0.5", "CIRCUIT_RECOVERY_TIMEOUT=0.500"}},
        {.argv = {"--circuit-reset-timeout", "0.5", "--circuit-recovery-timeout=00.50"}},
        {.argv = {"--circuit-reset-timeout", "0.5", "--circuit-reset-timeout", "0.5"}},
        {.argv = {"--config", "c"},
         .file = "{\"circuit_reset_timeout\":0.5,\"circuit_recovery_timeout\":5e-1}"},
        {.argv = {"--circuit-reset-timeout", "0.5"}, .env = {"CIRCUIT_RECOVERY_TIMEOUT=7"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_settings *s = fixture_good(&cases[i]);
        assert_int_equal(bw_settings_ms(s, "CIRCUIT_RESET_TIMEOUT"), 500);
        bw_settings_free(s);
    }
}

static void different_values_for_one_parameter_are_refused(void **state) {
    (void)state;
    fixture_refused(&(struct given_world){.env = {"CIRCUIT_FAIL_MAX=3", "CIRCUIT_FAILURE_THRESHOLD=4"}}, 78,
                    "environment variable CIRCUIT_FAIL_MAX is 3 and environment variable "
                    "CIRCUIT_FAILURE_THRESHOLD is 4, but both mean the same and must be equal");
    fixture_refused(
        &(struct given_world){.argv = {"--circuit-recovery-timeout", "2", "--circuit-reset-timeout=2.001"}},
        78,
        "flag --circuit-recovery-timeout is 2 and flag --circuit-reset-timeout is 2.001, but both mean the "
        "same and must be equal");
    fixture_refused(
        &(struct given_world){.argv = {"--greeting", "a", "--greeting", "b"}}, 78,
        "flag --greeting is \"a\" and flag --greeting is \"b\", but both mean the same and must be equal");
    fixture_refused(
        &(struct given_world){.argv = {"--config", "c.json"},
                              .file = "{\"circuit_fail_max\": 1, \"circuit_failure_threshold\": 2}"},
        78,
        "key \"circuit_fail_max\" of c.json is 1 and key \"circuit_failure_threshold\" of c.json is 2, but "
        "both "
        "mean the same and must be equal");
    /* A flag that overrides both does not make them agree. */
    fixture_refused(&(struct given_world){.argv = {"--circuit-fail-max=9"},
                                          .env = {"CIRCUIT_FAIL_MAX=3", "CIRCUIT_FAILURE_THRESHOLD=4"}},
                    78,
                    "environment variable CIRCUIT_FAIL_MAX is 3 and environment variable "
                    "CIRCUIT_FAILURE_THRESHOLD is 4, but both mean the same and must be equal");
}

#define FAIL_MAX "a whole number from 1 to 65535"
#define RESET    "seconds from 0.05 to 86400 with at most three decimals"
#define ADDRESS  "HOST:PORT or [V6]:PORT with a port from 0 to 65535"

static void a_bad_value_is_named_with_its_variable_and_what_is_allowed(void **state) {
    (void)state;
    static const struct {
        const char *variable, *shown, *allowed;
    } cases[] = {
        {"CIRCUIT_FAIL_MAX=", "empty", FAIL_MAX},
        {"CIRCUIT_FAIL_MAX=0", "0", FAIL_MAX},
        {"CIRCUIT_FAIL_MAX=65536", "65536", FAIL_MAX},
        {"CIRCUIT_FAIL_MAX=-1", "-1", FAIL_MAX},
        {"CIRCUIT_FAIL_MAX=3.0", "3.0", FAIL_MAX},
        {"CIRCUIT_FAIL_MAX= 3", "\" 3\"", FAIL_MAX},
        {"CIRCUIT_FAIL_MAX=abc", "\"abc\"", FAIL_MAX},
        {"CIRCUIT_FAIL_MAX=99999999999999999999999", "99999999999999999999999", FAIL_MAX},
        {"CIRCUIT_FAILURE_THRESHOLD=x", "\"x\"", FAIL_MAX},
        {"CIRCUIT_RESET_TIMEOUT=", "empty", RESET},
        {"CIRCUIT_RESET_TIMEOUT=0.049", "0.049", RESET},
        {"CIRCUIT_RESET_TIMEOUT=86400.001", "86400.001", RESET},
        {"CIRCUIT_RESET_TIMEOUT=1.", "1.", RESET},
        {"CIRCUIT_RESET_TIMEOUT=.5", "\".5\"", RESET},
        {"CIRCUIT_RESET_TIMEOUT=1,5", "\"1,5\"", RESET},
        {"CIRCUIT_RESET_TIMEOUT=1e3", "1e3", RESET},
        {"CIRCUIT_RESET_TIMEOUT=1.2.3", "1.2.3", RESET},
        {"CIRCUIT_RESET_TIMEOUT=1.0001", "1.0001", RESET},
        {"CIRCUIT_RESET_TIMEOUT=20s", "20s", RESET},
        {"CIRCUIT_RESET_TIMEOUT=nan", "\"nan\"", RESET},
        {"CIRCUIT_RESET_TIMEOUT=18446744073709551", "18446744073709551", RESET},
        {"CIRCUIT_RECOVERY_TIMEOUT=-1", "-1", RESET},
        {"HTTP_ADDRESS=", "empty", ADDRESS},
        {"HTTP_ADDRESS=localhost", "\"localhost\"", ADDRESS},
        {"HTTP_ADDRESS=a:65536", "\"a:65536\"", ADDRESS},
        {"HTTP_ADDRESS=::1:80", "\"::1:80\"", ADDRESS},
        {"LOG_LEVEL=loud", "\"loud\"", "one of error, warn, info, debug"},
        {"LOG_LEVEL=inf", "\"inf\"", "one of error, warn, info, debug"},
        {"LOG_LEVEL=INFO", "\"INFO\"", "one of error, warn, info, debug"},
        {"LOG_LEVEL=info|warn", "\"info|warn\"", "one of error, warn, info, debug"},
        {"GREETING=", "empty", "a text without control characters"},
        {"GREETING=a\nb", "\"a\\nb\"", "a text without control characters"},
        {"ALLOWED_HOSTS=", "empty", "texts with commas between them, none empty"},
        {"ALLOWED_HOSTS=a,,b", "\"a,,b\"", "texts with commas between them, none empty"},
        {"ALLOWED_HOSTS=a, ", "\"a, \"", "texts with commas between them, none empty"},
        {"ALLOWED_HOSTS=,", "\",\"", "texts with commas between them, none empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given_world world = {.env = {cases[i].variable}};
        struct bw_buf sentence;
        bw_buf_init(&sentence, 0);
        bw_buf_printf(&sentence, "environment variable %.*s is %s, but must be %s",
                      (int)strcspn(cases[i].variable, "="), cases[i].variable, cases[i].shown,
                      cases[i].allowed);
        fixture_refused(&world, BW_EXIT_CONFIGURATION, bw_buf_text(&sentence));
        bw_buf_free(&sentence);
    }
}

static void the_ends_of_each_range_are_inside(void **state) {
    (void)state;
    static const struct {
        const char *variable, *name;
        uint64_t number;
    } cases[] = {
        {"CIRCUIT_FAIL_MAX=1", "CIRCUIT_FAIL_MAX", 1},
        {"CIRCUIT_FAIL_MAX=65535", "CIRCUIT_FAIL_MAX", 65535},
        {"CIRCUIT_RESET_TIMEOUT=0.05", "CIRCUIT_RESET_TIMEOUT", 50},
        {"CIRCUIT_RESET_TIMEOUT=86400", "CIRCUIT_RESET_TIMEOUT", 86400000},
        {"CIRCUIT_RESET_TIMEOUT=86400.0000", "CIRCUIT_RESET_TIMEOUT", 86400000},
        {"CIRCUIT_RESET_TIMEOUT=1.5", "CIRCUIT_RESET_TIMEOUT", 1500},
        {"CIRCUIT_RESET_TIMEOUT=1.25", "CIRCUIT_RESET_TIMEOUT", 1250},
        {"CIRCUIT_RESET_TIMEOUT=1.125", "CIRCUIT_RESET_TIMEOUT", 1125},
        {"CIRCUIT_RESET_TIMEOUT=0.100", "CIRCUIT_RESET_TIMEOUT", 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_settings *s = fixture_good(&(struct given_world){.env = {cases[i].variable}});
        bool is_count = strcmp(cases[i].name, "CIRCUIT_FAIL_MAX") == 0;
        uint64_t number = is_count ? bw_settings_integer(s, cases[i].name) : bw_settings_ms(s, cases[i].name);
        assert_int_equal(number, cases[i].number);
        bw_settings_free(s);
    }
}

static void a_value_that_is_overridden_is_checked_all_the_same(void **state) {
    (void)state;
    fixture_refused(&(struct given_world){.argv = {"--circuit-fail-max", "5"}, .env = {"CIRCUIT_FAIL_MAX=x"}},
                    78, "environment variable CIRCUIT_FAIL_MAX is \"x\", but must be " FAIL_MAX);
}

static void a_long_value_is_cut_in_the_sentence(void **state) {
    (void)state;
    char variable[1000] = "HTTP_ADDRESS=";
    memset(variable + 13, 'y', 900);
    struct bw_settings_error error;
    assert_null(fixture_read(&(struct given_world){.env = {variable}}, &error));
    assert_non_null(strstr(error.text, "yyy...\", but must be HOST:PORT"));
    assert_in_range(strlen(error.text), 100, 240);
}

static void each_word_has_its_place(void **state) {
    (void)state;
    static const char *const variables[] = {"LOG_LEVEL=error", "LOG_LEVEL=warn", "LOG_LEVEL=info",
                                            "LOG_LEVEL=debug"};
    for (size_t i = 0; i < 4; i++) {
        struct bw_settings *s = fixture_good(&(struct given_world){.env = {variables[i]}});
        assert_int_equal(bw_settings_word(s, "LOG_LEVEL"), i);
        bw_settings_free(s);
    }
}

static void a_list_is_taken_apart_at_its_commas(void **state) {
    (void)state;
    struct bw_settings *s = fixture_good(&(struct given_world){.env = {"ALLOWED_HOSTS=a.example, b ,c"}});
    struct bw_span rest = bw_span_text(bw_settings_text(s, "ALLOWED_HOSTS")), item;
    static const char *const items[] = {"a.example", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(bw_settings_next_item(&rest, &item));
        assert_true(bw_span_is(item, items[i]));
    }
    assert_false(bw_settings_next_item(&rest, &item));
    bw_settings_free(s);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    static const struct given_world world = {
        .argv = {"--circuit-fail-max=4", "--config", "c.json"},
        .env = {"GREETING=hi"},
        .file = "{\"allowed_hosts\":[\"a\",\"b\"],\"breakers\":{\"ServiceB_CB\":{\"open_ms\":5}}}",
    };
    struct bw_settings *s = NULL;
    int allowed = 1;
    for (; !s; allowed++) {
        struct bw_settings_error error = {0};
        allocations_left = allowed;
        s = fixture_read(&world, &error);
        allocations_left = -1;
        assert_true(s || error.exit_code == BW_EXIT_CANNOT_RUN);
        assert_in_range(allowed, 1, 2000);
    }
    assert_in_range(allowed, 20, 2000);
    assert_string_equal(bw_settings_text(s, "ALLOWED_HOSTS"), "a,b");
    bw_settings_free(s);
    bw_settings_free(NULL);
}

BW_TESTS(cmocka_unit_test(without_input_everything_has_its_default),
         cmocka_unit_test(a_flag_goes_before_the_environment_before_the_file_before_the_default),
         cmocka_unit_test(both_names_of_a_pair_may_be_given_with_equal_numbers),
         cmocka_unit_test(different_values_for_one_parameter_are_refused),
         cmocka_unit_test(a_bad_value_is_named_with_its_variable_and_what_is_allowed),
         cmocka_unit_test(the_ends_of_each_range_are_inside),
         cmocka_unit_test(a_value_that_is_overridden_is_checked_all_the_same),
         cmocka_unit_test(a_long_value_is_cut_in_the_sentence), cmocka_unit_test(each_word_has_its_place),
         cmocka_unit_test(a_list_is_taken_apart_at_its_commas), cmocka_unit_test(every_allocation_may_fail))
