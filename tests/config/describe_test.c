#include "fixture.h"

#include "run.h"

static void assert_printed(const struct given_world *world, const char *expected) {
    struct bw_settings *s = fixture_good(world);
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(bw_settings_print(s, &out));
    assert_string_equal(bw_buf_text(&out), expected);
    bw_buf_free(&out);
    bw_settings_free(s);
}

static void print_config_shows_each_value_and_where_it_comes_from(void **state) {
    (void)state;
    assert_printed(&(struct given_world){.argv = {"--print-config"}},
                   "CIRCUIT_FAIL_MAX = 3  # default\n"
                   "CIRCUIT_RESET_TIMEOUT = 20  # default\n"
                   "HTTP_ADDRESS = 127.0.0.1:5000  # default\n"
                   "ALLOWED_HOSTS =  # default\n"
                   "LOG_LEVEL = info  # default\n"
                   "GREETING = hello there  # default\n"
                   "CONFIG_FILE =  # default\n");
    assert_printed(&(struct given_world){.argv = {"--print-config", "--circuit-failure-threshold=5"},
                                         .env = {"CONFIG_FILE=c.json", "CIRCUIT_RECOVERY_TIMEOUT=0.50"},
                                         .file = "{\"http_address\": \"[::1]:0\", \"allowed_hosts\": [\"a\"],"
                                                 "\"breakers\": {\"ServiceB_CB\": {\"open_ms\": 500}}}"},
                   "CIRCUIT_FAIL_MAX = 5  # flag\n"
                   "CIRCUIT_RESET_TIMEOUT = 0.50  # environment\n"
                   "HTTP_ADDRESS = [::1]:0  # file\n"
                   "ALLOWED_HOSTS = a  # file\n"
                   "LOG_LEVEL = info  # default\n"
                   "GREETING = hello there  # default\n"
                   "CONFIG_FILE = c.json  # environment\n");
}

static void help_names_every_flag_its_range_and_default(void **state) {
    (void)state;
    static const char *const parts[] = {
        "service-a: calls service-b through a circuit breaker\n",
        "service-a healthcheck [ADDRESS]",
        "--help ",
        "--version ",
        "--print-config ",
        "--check-config ",
        "--config FILE ",
        "  --circuit-fail-max N\n"
        "      failures in a row that open the circuit\n"
        "      a whole number from 1 to 65535; default 3; also --circuit-failure-threshold\n",
        "  --http-address HOST:PORT\n",
        "one of error, warn, info, debug; default info\n",
        "\"breakers\": {NAME: {KEY: VALUE}}; the names are ServiceB_CB, ServiceB_Control_CB.\n",
        "the keys are open_ms, trip_consecutive.\n",
    };
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(bw_settings_help(&fixture_table, &out));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(bw_buf_text(&out), parts[i]))
            fail_msg("missing: %s\nin: %s", parts[i], bw_buf_text(&out));
    bw_buf_free(&out);
}

static void a_buffer_that_is_full_is_reported(void **state) {
    (void)state;
    struct bw_settings *s = fixture_good(&(struct given_world){0});
    struct bw_buf out;
    bw_buf_init(&out, 50);
    assert_false(bw_settings_print(s, &out));
    bw_buf_clear(&out);
    assert_false(bw_settings_help(&fixture_table, &out));
    bw_buf_free(&out);
    bw_settings_free(s);
}

static void each_origin_has_a_name(void **state) {
    (void)state;
    assert_string_equal(bw_settings_origin_name(BW_FROM_DEFAULT), "default");
    assert_string_equal(bw_settings_origin_name(BW_FROM_FILE), "file");
    assert_string_equal(bw_settings_origin_name(BW_FROM_ENVIRONMENT), "environment");
    assert_string_equal(bw_settings_origin_name(BW_FROM_FLAG), "flag");
}

BW_TESTS(cmocka_unit_test(print_config_shows_each_value_and_where_it_comes_from),
         cmocka_unit_test(help_names_every_flag_its_range_and_default),
         cmocka_unit_test(a_buffer_that_is_full_is_reported), cmocka_unit_test(each_origin_has_a_name))
