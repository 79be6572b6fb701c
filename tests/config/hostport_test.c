#include "run.h"

#include <breakwire/settings.h>

static void an_address_has_a_host_and_a_port(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {
        {"127.0.0.1:5001", "127.0.0.1", 5001},
        {"localhost:0", "localhost", 0},
        {"service_b.demo-net.:65535", "service_b.demo-net.", 65535},
        {"[::1]:80", "::1", 80},
        {"[::]:1", "::", 1},
        {"[1:2:3:4:5:6:7:8]:1", "1:2:3:4:5:6:7:8", 1},
        {"[1::8]:1", "1::8", 1},
        {"[1:2:3:4:5:6:7::]:1", "1:2:3:4:5:6:7::", 1},
        {"[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1},
        {"[1:2:3:4:5:6:1.2.3.4]:1", "1:2:3:4:5:6:1.2.3.4", 1},
        {"[fe80::1%eth0]:1", "fe80::1%eth0", 1},
        {"0.0.0.0:05001", "0.0.0.0", 5001},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct bw_span host;
        uint16_t port;
        if (!bw_settings_split_address(good[i].text, &host, &port))
            fail_msg("%s is refused", good[i].text);
        assert_true(bw_span_is(host, good[i].host));
        assert_int_equal(port, good[i].port);
    }
}

static void anything_else_is_no_address(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        ":5000",
        "localhost",
        "localhost:",
        "localhost:x",
        "a:-1",
        "a:+1",
        "a:65536",
        "a:000001",
        "a: 1",
        " a:1",
        "a b:1",
        "a/b:1",
        "http://a:1",
        "a..b:1",
        ".a:1",
        "-a:1",
        "::1:80",
        "1.2.3:1",
        "1.2.3.4.5:1",
        "1.2.3.256:1",
        "1.2.3.04:1",
        "1.2.3.:1",
        "12:1",
        "[::1]",
        "[::1]:",
        "[::1:80",
        "::1]:80",
        "[]:1",
        "[a]:1",
        "[localhost]:1",
        "[127.0.0.1]:1",
        "[:::]:1",
        "[1::2::3]:1",
        "[1:2:3:4:5:6:7]:1",
        "[1:2:3:4:5:6:7:8:9]:1",
        "[1:2:3:4:5:6:7:8::]:1",
        "[12345::]:1",
        "[::g]:1",
        "[1:]:1",
        "[:1]:1",
        "[::1%]:1",
        "[::1%a/b]:1",
        "[::1.2.3]:1",
        "[1:2:3:4:5:6:7:1.2.3.4]:1",
        "[%eth0]:1",
        "a\n:1",
        "\xC3\xA9:1",
        "unix:/run/b.sock",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint16_t port = 7;
        if (bw_settings_split_address(bad[i], NULL, &port))
            fail_msg("%s is taken", bad[i]);
        assert_int_equal(port, 7);
    }
}

static void a_host_has_labels_of_63_and_253_bytes_in_all(void **state) {
    (void)state;
    char text[300];
    memset(text, 'a', sizeof text);
    memcpy(text + 63, ":1", 3);
    assert_true(bw_settings_split_address(text, NULL, NULL));
    memset(text, 'a', sizeof text);
    memcpy(text + 64, ":1", 3);
    assert_false(bw_settings_split_address(text, NULL, NULL));
    for (size_t len = 253; len <= 254; len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = i % 50 == 49 ? '.' : 'a';
        memcpy(text + len, ":1", 3);
        assert_int_equal(bw_settings_split_address(text, NULL, NULL), len == 253);
    }
}

static void loopback_is_what_only_this_machine_reaches(void **state) {
    (void)state;
    static const char *const yes[] = {"127.0.0.1:1", "127.1.2.3:1", "localhost:1", "LocalHost:1", "[::1]:1"};
    static const char *const no[] = {"0.0.0.0:1",          "[::]:1", "10.0.0.1:1", "service-b:1",
                                     "127.evil.example:1", "x"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(bw_settings_is_loopback(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(bw_settings_is_loopback(no[i]));
}

static void a_wildcard_is_reached_at_loopback(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"0.0.0.0:5001", "127.0.0.1:5001"},
        {"[::]:5001", "[::1]:5001"},
        {"10.0.0.0:5001", "10.0.0.0:5001"},
        {"localhost:1", "localhost:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[40];
        bw_settings_reachable(cases[i][0], out);
        assert_string_equal(out, cases[i][1]);
    }
}

BW_TESTS(cmocka_unit_test(an_address_has_a_host_and_a_port), cmocka_unit_test(anything_else_is_no_address),
         cmocka_unit_test(a_host_has_labels_of_63_and_253_bytes_in_all),
         cmocka_unit_test(loopback_is_what_only_this_machine_reaches),
         cmocka_unit_test(a_wildcard_is_reached_at_loopback))
