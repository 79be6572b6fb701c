#include "authority.h"
#include "talk.h"

#include <breakwire/tls.h>

#include <run.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MUCH = 300000 };

/* The files every test may use: made once, never changed. */
static struct authority *ca, *other;

static void remove_authorities(void) {
    authority_free(ca);
    authority_free(other);
}

static void make_authorities(void) {
    if (ca)
        return;
    atexit(remove_authorities);
    ca = authority_new("ca");
    other = authority_new("another ca");
    authority_issue(ca, "b", "DNS:b.test,IP:127.0.0.1", false);
    authority_issue(ca, "late", "DNS:b.test", true);
    authority_issue(ca, "a", "DNS:a.test", false);
    authority_issue(other, "a", "DNS:a.test", false);
}

static struct bw_tls *make(struct bw_tls_config *config) {
    char why[512] = "";
    struct bw_tls *tls = bw_tls_new(config, why, sizeof why);
    if (!tls)
        fail_msg("%s", why);
    return tls;
}

static void server_config(struct bw_tls_config *config, const char *certificate, const char *key) {
    make_authorities();
    bw_tls_config_default(config, BW_TLS_SERVER);
    config->certificate_file = authority_path(ca, certificate);
    config->key_file = authority_path(ca, key);
}

static struct bw_tls *server(void) {
    struct bw_tls_config config;
    server_config(&config, "b.pem", "b.key");
    return make(&config);
}

static struct bw_tls *client(void) {
    struct bw_tls_config config;
    make_authorities();
    bw_tls_config_default(&config, BW_TLS_CLIENT);
    config.ca_file = authority_path(ca, "ca.pem");
    return make(&config);
}

static void settle(struct talk *talk) {
    bw_wire_settle(talk->wire);
}

static void assert_refused(struct talk *talk, const char *why_client, const char *why_server) {
    settle(talk);
    assert_false(talk->client.is_made && !talk->client.is_lost);
    assert_true(!talk->server.is_made || talk->server.is_lost);
    assert_non_null(strstr(talk->client.why, why_client));
    assert_non_null(strstr(talk->server.why, why_server));
    assert_true(talk->client.failures <= 1 && talk->server.failures <= 1);
    assert_true(bw_wire_is_closed(talk->wire, BW_WIRE_A) && bw_wire_is_closed(talk->wire, BW_WIRE_B));
    talk_end(talk);
}

static void fill(struct bw_buf *buf, size_t len, uint8_t seed) {
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)(i * 7 + i / 251 + seed);
        assert_true(bw_buf_append(buf, &byte, 1));
    }
}

static void assert_is_filled(const struct bw_buf *buf, size_t len, uint8_t seed) {
    struct bw_span got = bw_buf_span(buf);
    assert_int_equal(got.len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(got.data[i], (uint8_t)(i * 7 + i / 251 + seed));
}

/* ---- what works ---- */

static void talk_both_ways(size_t piece, size_t len) {
    struct talk talk;
    talk_begin(&talk, client(), server(), "b.test");
    bw_wire_pieces(talk.wire, piece);
    fill(&talk.client.out, len, 1);
    fill(&talk.server.out, len, 2);
    settle(&talk);
    assert_true(talk.client.is_made && talk.server.is_made);
    assert_is_filled(&talk.server.in, len, 1);
    assert_is_filled(&talk.client.in, len, 2);
    assert_int_equal(talk.client.written, len);
    assert_int_equal(talk.server.written, len);
    assert_true(talk.client.written_most <= piece && talk.server.written_most <= piece);
    assert_int_equal(talk.client.failures + talk.server.failures, 0);
    talk_end(&talk);
}

static void plain_bytes_go_both_ways(void **state) {
    (void)state;
    talk_both_ways(SIZE_MAX, MUCH);
}

static void they_do_in_pieces_and_no_more_is_told_as_written_than_has_left(void **state) {
    (void)state;
    talk_both_ways(1000, MUCH);
}

static void they_do_one_byte_at_a_time(void **state) {
    (void)state;
    talk_both_ways(1, 20000);
}

static void line_3_the_server_may_be_named_by_its_address(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), server(), "127.0.0.1");
    settle(&talk);
    assert_true(talk.client.is_made && talk.server.is_made);
    talk_end(&talk);
}

static void what_the_inner_core_does_not_want_to_read_waits_and_the_socket_with_it(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), server(), "b.test");
    settle(&talk);
    talk.server.wants = 0;
    fill(&talk.client.out, MUCH, 1);
    settle(&talk);
    assert_int_equal(bw_buf_size(&talk.server.in), 0);
    talk.server.wants = BW_WANTS_READ;
    settle(&talk);
    assert_is_filled(&talk.server.in, MUCH, 1);
    talk_end(&talk);
}

/* All of it has left the socket already: only a tick can bring the rest. */
static void a_core_that_pauses_inside_gets_the_rest_when_it_wants_it(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), server(), "b.test");
    settle(&talk);
    talk.server.pauses = true;
    fill(&talk.client.out, 3 * 16384, 1);
    for (size_t pieces = 1; pieces <= 3; pieces++) {
        talk.server.wants = BW_WANTS_READ;
        settle(&talk);
        assert_int_equal(bw_buf_size(&talk.server.in), pieces * 16384);
    }
    assert_is_filled(&talk.server.in, 3 * 16384, 1);
    talk_end(&talk);
}

static void a_blocked_socket_is_told_as_written_only_when_the_bytes_have_left(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), server(), "b.test");
    settle(&talk);
    bw_wire_block(talk.wire, BW_WIRE_A, 40000);
    fill(&talk.client.out, MUCH, 1);
    settle(&talk);
    assert_int_equal(talk.client.written, 0);
    assert_true(bw_buf_size(&talk.client.out) >= MUCH - 4 * 16384);
    bw_wire_block(talk.wire, BW_WIRE_A, SIZE_MAX);
    settle(&talk);
    assert_int_equal(talk.client.written, MUCH);
    assert_is_filled(&talk.server.in, MUCH, 1);
    talk_end(&talk);
}

/* ---- the end ---- */

static void a_core_that_wants_close_is_closed_with_close_notify_which_is_an_EOF(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), server(), "b.test");
    settle(&talk);
    fill(&talk.server.out, 1000, 3);
    talk.server.wants = BW_WANTS_CLOSE;
    settle(&talk);
    assert_is_filled(&talk.client.in, 1000, 3);
    assert_true(talk.client.is_lost);
    assert_int_equal(talk.client.reason, BW_LOST_EOF);
    talk_end(&talk);
}

/* RFC 8446 section 6.1: the end of the socket alone is no end of the data. */
static void a_truncated_connection_is_an_error(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), server(), "b.test");
    settle(&talk);
    bw_wire_cut(talk.wire, BW_LOST_EOF);
    assert_true(talk.client.is_lost && talk.server.is_lost);
    assert_int_equal(talk.client.reason, BW_LOST_ERROR);
    assert_int_equal(talk.server.reason, BW_LOST_ERROR);
    talk_end(&talk);
}

static void a_handshake_that_is_cut_is_a_failed_attempt(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), NULL, "b.test");
    settle(&talk);
    bw_wire_cut(talk.wire, BW_LOST_EOF);
    assert_non_null(strstr(talk.client.why, "closed during the TLS handshake"));
    talk_end(&talk);
}

static void a_handshake_has_10_seconds_whatever_happens(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), NULL, "b.test");
    bw_wire_advance(talk.wire, 9999);
    assert_int_equal(talk.client.failures, 0);
    bw_wire_advance(talk.wire, 1);
    bw_wire_settle(talk.wire);
    assert_string_equal(talk.client.why,
                        "cannot connect to 10.0.0.2:88 by TLS as b.test: the TLS handshake timed out");
    assert_true(bw_wire_is_closed(talk.wire, BW_WIRE_A));
    talk_end(&talk);
}

static void a_server_waits_10_seconds_too(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, NULL, server(), "");
    bw_wire_say(talk.wire, BW_WIRE_A, "\x16\x03\x01", 3);
    bw_wire_advance(talk.wire, 9999);
    assert_false(bw_wire_is_closed(talk.wire, BW_WIRE_B));
    bw_wire_advance(talk.wire, 1);
    bw_wire_settle(talk.wire);
    assert_string_equal(talk.server.why, "the TLS handshake timed out");
    assert_true(bw_wire_is_closed(talk.wire, BW_WIRE_B));
    talk_end(&talk);
}

static void an_attempt_that_is_given_up_tells_nothing(void **state) {
    struct talk talk;
    struct bw_wish wish;
    (void)state;
    talk_begin(&talk, client(), NULL, "b.test");
    settle(&talk);
    talk.wish = (struct bw_wish){.kind = BW_WISH_CLOSE, .id = 5};
    struct bw_dialable outer = bw_tls_dialer_dialable(talk.dialer);
    assert_true(outer.ops->next_wish(outer.self, BW_WIRE_START_MS, &wish));
    bw_wire_cut(talk.wire, BW_LOST_ERROR);
    assert_int_equal(talk.client.failures, 0);
    talk_end(&talk);
}

/* ---- who is refused ---- */

/* Line 5: never a hang. */
static void a_plain_text_client_is_refused_with_at_most_an_alert(void **state) {
    static const char *const firsts[] = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                         "GET / HTTP/1.1\r\nHost: b\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct talk talk;
        talk_begin(&talk, NULL, server(), "");
        bw_wire_say(talk.wire, BW_WIRE_A, firsts[i], strlen(firsts[i]));
        settle(&talk);
        assert_true(bw_wire_is_closed(talk.wire, BW_WIRE_B));
        assert_true(bw_wire_heard(talk.wire, BW_WIRE_A).len < 16);
        assert_int_equal(talk.server.failures, 1);
        assert_false(talk.server.is_made);
        talk_end(&talk);
    }
}

static void line_3_a_server_of_another_name_is_refused(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), server(), "a.test");
    assert_refused(&talk, "10.0.0.2:88 by TLS as a.test: certificate verify failed: hostname mismatch",
                   "alert");
    talk_begin(&talk, client(), server(), "127.0.0.2");
    assert_refused(&talk, "IP address mismatch", "alert");
}

static void a_server_whose_certificate_has_expired_is_refused(void **state) {
    struct bw_tls_config config;
    struct talk talk;
    (void)state;
    server_config(&config, "late.pem", "late.key");
    talk_begin(&talk, client(), make(&config), "b.test");
    assert_refused(&talk, "certificate has expired", "alert certificate expired");
}

static void a_server_of_a_CA_that_is_not_trusted_is_refused(void **state) {
    struct bw_tls_config config;
    struct talk talk;
    (void)state;
    bw_tls_config_default(&config, BW_TLS_CLIENT);
    struct bw_tls *tls = server();
    config.ca_file = authority_path(other, "ca.pem");
    talk_begin(&talk, make(&config), tls, "b.test");
    assert_refused(&talk, "unable to get local issuer certificate", "unknown ca");
}

/* In TLS 1.3 the client hears of it only after its own handshake is done: it is a failed attempt all the
 * same. */
static void mutual(struct authority *of_client, const char *why_client, const char *why_server) {
    struct bw_tls_config servers, clients;
    struct talk talk;
    server_config(&servers, "b.pem", "b.key");
    servers.ca_file = authority_path(ca, "ca.pem");
    bw_tls_config_default(&clients, BW_TLS_CLIENT);
    clients.ca_file = authority_path(ca, "ca.pem");
    if (of_client) {
        clients.certificate_file = authority_path(of_client, "a.pem");
        clients.key_file = authority_path(of_client, "a.key");
    }
    talk_begin(&talk, make(&clients), make(&servers), "b.test");
    if (why_client) {
        assert_refused(&talk, why_client, why_server);
        return;
    }
    settle(&talk);
    assert_true(talk.client.is_made && talk.server.is_made);
    assert_int_equal(talk.client.failures + talk.server.failures, 0);
    talk_end(&talk);
}

static void a_client_with_a_certificate_of_the_client_CA_is_welcome(void **state) {
    (void)state;
    make_authorities();
    mutual(ca, NULL, NULL);
}

static void a_client_without_certificate_is_refused_where_one_is_required(void **state) {
    (void)state;
    mutual(NULL, "alert certificate required", "peer did not return a certificate");
}

static void a_client_with_a_certificate_of_another_CA_is_refused(void **state) {
    (void)state;
    make_authorities();
    mutual(other, "alert unknown ca", "certificate verify failed");
}

static void line_2_a_client_of_another_protocol_is_refused(void **state) {
    struct bw_tls_config config;
    struct talk talk;
    (void)state;
    bw_tls_config_default(&config, BW_TLS_CLIENT);
    struct bw_tls *tls = server();
    config.ca_file = authority_path(ca, "ca.pem");
    config.protocol = "http/1.1";
    talk_begin(&talk, make(&config), tls, "b.test");
    assert_refused(&talk, "alert no application protocol", "does not offer our protocol");
}

static void line_2_a_server_that_does_not_select_h2_is_refused(void **state) {
    struct bw_tls_config config;
    struct talk talk;
    (void)state;
    server_config(&config, "b.pem", "b.key");
    config.protocol = "http/1.1";
    config.protocol_optional = true;
    talk_begin(&talk, client(), make(&config), "b.test");
    settle(&talk);
    assert_non_null(strstr(talk.client.why, "does not select our protocol"));
    assert_false(talk.client.is_made);
    assert_true(talk.server.is_lost);
    talk_end(&talk);
}

static void a_wish_without_a_host_is_refused(void **state) {
    struct talk talk;
    (void)state;
    talk_begin(&talk, client(), NULL, "");
    assert_non_null(strstr(talk.client.why, "TLS needs the name of the server"));
    talk_end(&talk);
}

/* ---- settings ---- */

static void assert_faulty(const struct bw_tls_config *config, const char *why_not) {
    char why[512] = "";
    assert_null(bw_tls_new(config, why, sizeof why));
    if (!strstr(why, why_not))
        fail_msg("\"%s\" does not say \"%s\"", why, why_not);
}

static void a_config_that_cannot_be_used_is_refused_with_the_file_and_the_reason(void **state) {
    struct bw_tls_config config = {0};
    (void)state;
    assert_faulty(&config, "never defaulted");
    bw_tls_config_default(&config, BW_TLS_SERVER);
    assert_faulty(&config, "a TLS server needs a certificate");
    server_config(&config, "b.pem", "b.key");
    config.key_file = NULL;
    assert_faulty(&config, "a TLS certificate needs its key");
    server_config(&config, "none.pem", "b.key");
    assert_faulty(&config, "none.pem: No such file or directory");
    authority_write(ca, "text.pem", "this is no certificate\n");
    server_config(&config, "text.pem", "b.key");
    assert_faulty(&config, "text.pem: no start line");
    server_config(&config, "b.pem", "late.key");
    assert_faulty(&config, "late.key: key values mismatch");
    server_config(&config, "b.pem", "b.key");
    config.ca_file = authority_path(ca, "text.pem");
    assert_faulty(&config, "text.pem: ");
    server_config(&config, "b.pem", "b.key");
    config.protocol = "";
    assert_faulty(&config, "1 to 255 bytes");
}

static void copy_file(const char *from, const char *to) {
    char text[8192] = "";
    FILE *in = fopen(authority_path(ca, from), "r");
    assert_non_null(in);
    assert_true(fread(text, 1, sizeof text - 1, in) > 0);
    fclose(in);
    authority_write(ca, to, text);
}

static void a_reload_that_fails_keeps_what_was_there_and_one_that_works_replaces_it(void **state) {
    struct bw_tls_config config;
    struct talk talk;
    char why[512];
    (void)state;
    server_config(&config, "now.pem", "now.key");
    copy_file("late.pem", "now.pem");
    copy_file("late.key", "now.key");
    talk_begin(&talk, client(), make(&config), "b.test");
    copy_file("b.pem", "now.pem");
    assert_false(bw_tls_reload(talk.server_tls, why, sizeof why));
    assert_non_null(strstr(why, "now.key: key values mismatch"));
    copy_file("b.key", "now.key");
    assert_true(bw_tls_reload(talk.server_tls, why, sizeof why));
    assert_refused(&talk, "expired", "alert"); /* accepted before the reload */
    talk_begin(&talk, client(), make(&config), "b.test");
    settle(&talk);
    assert_true(talk.client.is_made && talk.server.is_made);
    talk_end(&talk);
}

BW_TESTS(cmocka_unit_test(plain_bytes_go_both_ways),
         cmocka_unit_test(they_do_in_pieces_and_no_more_is_told_as_written_than_has_left),
         cmocka_unit_test(they_do_one_byte_at_a_time),
         cmocka_unit_test(line_3_the_server_may_be_named_by_its_address),
         cmocka_unit_test(what_the_inner_core_does_not_want_to_read_waits_and_the_socket_with_it),
         cmocka_unit_test(a_core_that_pauses_inside_gets_the_rest_when_it_wants_it),
         cmocka_unit_test(a_blocked_socket_is_told_as_written_only_when_the_bytes_have_left),
         cmocka_unit_test(a_core_that_wants_close_is_closed_with_close_notify_which_is_an_EOF),
         cmocka_unit_test(a_truncated_connection_is_an_error),
         cmocka_unit_test(a_handshake_that_is_cut_is_a_failed_attempt),
         cmocka_unit_test(a_handshake_has_10_seconds_whatever_happens),
         cmocka_unit_test(a_server_waits_10_seconds_too),
         cmocka_unit_test(an_attempt_that_is_given_up_tells_nothing),
         cmocka_unit_test(a_plain_text_client_is_refused_with_at_most_an_alert),
         cmocka_unit_test(line_3_a_server_of_another_name_is_refused),
         cmocka_unit_test(a_server_whose_certificate_has_expired_is_refused),
         cmocka_unit_test(a_server_of_a_CA_that_is_not_trusted_is_refused),
         cmocka_unit_test(a_client_with_a_certificate_of_the_client_CA_is_welcome),
         cmocka_unit_test(a_client_without_certificate_is_refused_where_one_is_required),
         cmocka_unit_test(a_client_with_a_certificate_of_another_CA_is_refused),
         cmocka_unit_test(line_2_a_client_of_another_protocol_is_refused),
         cmocka_unit_test(line_2_a_server_that_does_not_select_h2_is_refused),
         cmocka_unit_test(a_wish_without_a_host_is_refused),
         cmocka_unit_test(a_config_that_cannot_be_used_is_refused_with_the_file_and_the_reason),
         cmocka_unit_test(a_reload_that_fails_keeps_what_was_there_and_one_that_works_replaces_it))
