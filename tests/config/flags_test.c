#include "fixture.h"

#include "run.h"

static void both_forms_of_a_flag_are_taken(void **state) {
    (void)state;
    static const struct given_world cases[] = {
        {.argv = {"--http-address", "[::1]:0"}},
        {.argv = {"--http-address=[::1]:0"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_settings *s = fixture_good(&cases[i]);
        assert_string_equal(bw_settings_text(s, "HTTP_ADDRESS"), "[::1]:0");
        assert_int_equal(bw_settings_origin(s, "HTTP_ADDRESS"), BW_FROM_FLAG);
        bw_settings_free(s);
    }
}

static void a_value_after_an_equals_sign_may_be_anything(void **state) {
    (void)state;
    struct bw_settings *s = fixture_good(&(struct given_world){.argv = {"--greeting=--a=b"}});
    assert_string_equal(bw_settings_text(s, "GREETING"), "--a=b");
    bw_settings_free(s);
}

static void the_command_line_is_refused_with_exit_code_2(void **state) {
    (void)state;
    static const struct {
        struct given_world world;
        const char *sentence;
    } cases[] = {
        {{.argv = {"--bogus"}}, "unknown flag --bogus; --help lists the flags"},
        {{.argv = {"--bogus=1"}}, "unknown flag --bogus; --help lists the flags"},
        {{.argv = {"--circuit_fail_max=1"}}, "unknown flag \"--circuit_fail_max\"; --help lists the flags"},
        {{.argv = {"--CIRCUIT-FAIL-MAX=1"}}, "unknown flag \"--CIRCUIT-FAIL-MAX\"; --help lists the flags"},
        {{.argv = {"--circuit-fail-ma=1"}}, "unknown flag --circuit-fail-ma; --help lists the flags"},
        {{.argv = {"--"}}, "unknown flag --; --help lists the flags"},
        {{.argv = {"-h"}}, "unknown flag -h; --help lists the flags"},
        {{.argv = {"--a\nb"}}, "unknown flag \"--a\\nb\"; --help lists the flags"},
        {{.argv = {"serve"}}, "unexpected argument \"serve\"; --help shows what is possible"},
        {{.argv = {""}}, "unexpected argument empty; --help shows what is possible"},
        {{.argv = {"--greeting=x", "healthcheck"}},
         "unexpected argument \"healthcheck\"; --help shows what is possible"},
        {{.argv = {"--http-address"}}, "flag --http-address needs a value"},
        {{.argv = {"--http-address", "--greeting", "x"}}, "flag --http-address needs a value"},
        {{.argv = {"--help=1"}}, "flag --help takes no value"},
        {{.argv = {"--print-config", "--check-config"}},
         "--print-config and --check-config cannot be given together"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        fixture_refused(&cases[i].world, BW_EXIT_USAGE, cases[i].sentence);
}

static void a_bad_value_is_configuration_and_named_as_written(void **state) {
    (void)state;
    fixture_refused(&(struct given_world){.argv = {"--circuit-failure-threshold", "0"}},
                    BW_EXIT_CONFIGURATION,
                    "flag --circuit-failure-threshold is 0, but must be a whole number from 1 to 65535");
    fixture_refused(
        &(struct given_world){.argv = {"--http-address="}}, BW_EXIT_CONFIGURATION,
        "flag --http-address is empty, but must be HOST:PORT or [V6]:PORT with a port from 0 to 65535");
    fixture_refused(&(struct given_world){.argv = {"--circuit-fail-max", "-1"}}, BW_EXIT_CONFIGURATION,
                    "flag --circuit-fail-max is -1, but must be a whole number from 1 to 65535");
}

static void each_action_is_handed_back(void **state) {
    (void)state;
    static const struct {
        struct given_world world;
        enum bw_settings_action action;
    } cases[] = {
        {{.argv = {"--help"}}, BW_ACTION_HELP},
        {{.argv = {"--version"}}, BW_ACTION_VERSION},
        {{.argv = {"--print-config"}}, BW_ACTION_PRINT_CONFIG},
        {{.argv = {"--check-config", "--check-config"}}, BW_ACTION_CHECK_CONFIG},
        {{.argv = {"healthcheck"}}, BW_ACTION_HEALTHCHECK},
        {{.argv = {"healthcheck", "--help"}}, BW_ACTION_HELP},
        {{.argv = {"--circuit-fail-max", "5", "--print-config"}}, BW_ACTION_PRINT_CONFIG},
        /* help and version work where nothing else does */
        {{.argv = {"--help", "--bogus"}, .env = {"CIRCUIT_FAIL_MAX=x", "CONFIG_FILE=gone"}}, BW_ACTION_HELP},
        {{.argv = {"--print-config", "--version"}, .env = {"HTTP_ADDRESS="}}, BW_ACTION_VERSION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_settings *s = fixture_good(&cases[i].world);
        assert_int_equal(bw_settings_action(s), cases[i].action);
        assert_null(bw_settings_argument(s));
        bw_settings_free(s);
    }
}

static void healthcheck_takes_one_address(void **state) {
    (void)state;
    struct bw_settings *s =
        fixture_good(&(struct given_world){.argv = {"healthcheck", "service-b:5001", "--greeting", "x"}});
    assert_int_equal(bw_settings_action(s), BW_ACTION_HEALTHCHECK);
    assert_string_equal(bw_settings_argument(s), "service-b:5001");
    bw_settings_free(s);
}

static void after_healthcheck_every_error_ends_with_1(void **state) {
    (void)state;
    static const struct {
        struct given_world world;
        const char *sentence;
    } cases[] = {
        {{.argv = {"healthcheck", "nowhere"}},
         "the address after healthcheck is \"nowhere\", but must be HOST:PORT or [V6]:PORT with a port from "
         "0 to "
         "65535"},
        {{.argv = {"healthcheck", "a:1", "b:2"}},
         "unexpected argument \"b:2\"; --help shows what is possible"},
        {{.argv = {"healthcheck", "--bogus"}}, "unknown flag --bogus; --help lists the flags"},
        {{.argv = {"healthcheck", "--print-config"}},
         "healthcheck and --print-config cannot be given together"},
        {{.argv = {"healthcheck"}, .env = {"CIRCUIT_FAIL_MAX=0"}},
         "environment variable CIRCUIT_FAIL_MAX is 0, but must be a whole number from 1 to 65535"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        fixture_refused(&cases[i].world, BW_EXIT_CANNOT_RUN, cases[i].sentence);
}

BW_TESTS(cmocka_unit_test(both_forms_of_a_flag_are_taken),
         cmocka_unit_test(a_value_after_an_equals_sign_may_be_anything),
         cmocka_unit_test(the_command_line_is_refused_with_exit_code_2),
         cmocka_unit_test(a_bad_value_is_configuration_and_named_as_written),
         cmocka_unit_test(each_action_is_handed_back), cmocka_unit_test(healthcheck_takes_one_address),
         cmocka_unit_test(after_healthcheck_every_error_ends_with_1))
