#include "run.h"

#include "address.h"

#include <string.h>
#include <sys/un.h>

static void text_of(const char *text, struct bw_address *out) {
    struct sockaddr_storage address;
    memset(out, 0, sizeof *out);
    assert_true(bw_address_parse(text, &address));
    bw_address_text((const struct sockaddr *)&address, out);
}

static void internet_addresses_read_back_the_same(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1:5001", "0.0.0.0:0", "[::1]:5001", "[2001:db8::1]:65535"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bw_address out;
        text_of(texts[i], &out);
        assert_string_equal(out.text, texts[i]);
    }
}

static void a_unix_path_is_kept_and_a_long_one_refused(void **state) {
    (void)state;
    struct sockaddr_storage address;
    char text[200] = "unix:";
    assert_true(bw_address_parse("unix:/run/b.sock", &address));
    assert_string_equal(((struct sockaddr_un *)&address)->sun_path, "/run/b.sock");
    assert_false(bw_address_parse("unix:", &address));
    memset(text + 5, 'a', 150);
    assert_false(bw_address_parse(text, &address));
}

static void what_is_not_an_address_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",        "127.0.0.1",   "127.0.0.1:",   "127.0.0.1:65536", "127.0.0.1:-1",
        "::1:80",  "[::1]",       "[::1:80",      "localhost:80",    "127.0.0.1:80x",
        "1.2.3:4", "256.1.1.1:1", "[127.0.0.1:1", "[::g]:1"};
    struct sockaddr_storage address;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(bw_address_parse(texts[i], &address));
}

static void host_and_port_are_split_at_the_last_colon(void **state) {
    (void)state;
    char host[BW_HOST_MAX], port[BW_PORT_MAX];
    assert_true(bw_address_split("localhost:0", host, port));
    assert_string_equal(host, "localhost");
    assert_string_equal(port, "0");
    assert_true(bw_address_split("[fe80::1%eth0]:5001", host, port));
    assert_string_equal(host, "fe80::1%eth0");
    assert_true(bw_address_split(":5001", host, port));
    assert_string_equal(host, "");
}

BW_TESTS(cmocka_unit_test(internet_addresses_read_back_the_same),
         cmocka_unit_test(a_unix_path_is_kept_and_a_long_one_refused),
         cmocka_unit_test(what_is_not_an_address_is_refused),
         cmocka_unit_test(host_and_port_are_split_at_the_last_colon))
