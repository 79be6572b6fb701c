#include "app.h"
#include "peer.h"

#include <string.h>

enum { START = 1000 };

/* One route, "/", whose handler is the test's; the test looks at what arrives. */
struct scene {
    struct bw_http_route route;
    struct bw_http_config config;
    struct bw_http_server *server;
    struct peer peer;
    struct bw_http_exchange *kept;
    struct bw_span kept_path, kept_body;
    unsigned gone;
};

static void start(struct scene *s, bw_http_handler_fn handler) {
    *s = (struct scene){0};
    s->route = (struct bw_http_route){BW_HTTP_GET | BW_HTTP_POST, "/", handler, s, 0};
    bw_http_config_default(&s->config);
    s->config.routes = &s->route;
    s->config.routes_count = 1;
    s->server = bw_http_server_new(&s->config);
    assert_non_null(s->server);
    peer_open(&s->peer, s->server, START);
}

static void stop(struct scene *s) {
    peer_close(&s->peer);
    bw_http_server_free(s->server);
}

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

static struct bw_http_counts counts_of(const struct scene *s) {
    struct bw_http_counts counts;
    bw_http_server_counts(s->server, &counts);
    return counts;
}

static void expect_after(bw_http_handler_fn handler, const char *request, const char *answer) {
    struct scene s;
    start(&s, handler);
    peer_send(&s.peer, request);
    assert_string_equal(peer_text(&s.peer), answer);
    stop(&s);
}

/* ---- the request ---------------------------------------------------------------------------- */

static void expect_span(struct bw_span span, const char *text) {
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

static void check_everything(void *user, struct bw_http_exchange *exchange) {
    struct bw_span value;
    (void)user;
    assert_int_equal(bw_http_method(exchange), BW_HTTP_POST);
    assert_string_equal(bw_http_method_text(exchange), "POST");
    expect_span(bw_http_path(exchange), "/");
    expect_span(bw_http_query(exchange), "lang=es&empty=&alone&lang=en&=x");
    expect_span(bw_http_authority(exchange), "LocalHost.:5000");
    expect_span(bw_http_host(exchange), "LocalHost");
    expect_span(bw_http_body(exchange), "body");
    assert_string_equal(bw_http_peer(exchange), "192.0.2.1:4711");
    assert_true(bw_http_field(exchange, "X-Twice", &value));
    expect_span(value, "one");
    assert_int_equal(bw_http_field_count(exchange, "x-tWICE"), 2);
    assert_int_equal(bw_http_field_count(exchange, "X-Twic"), 0);
    assert_false(bw_http_field(exchange, "Origin", &value));
    assert_true(bw_http_query_value(exchange, "lang", &value));
    expect_span(value, "es");
    assert_true(bw_http_query_value(exchange, "empty", &value));
    expect_span(value, "");
    assert_true(bw_http_query_value(exchange, "alone", &value));
    expect_span(value, "");
    assert_false(bw_http_query_value(exchange, "lan", &value));
    assert_false(bw_http_query_value(exchange, "x", &value));
    bw_http_reply(exchange, 204, NULL, bw_span_of(NULL, 0));
}

static void a_handler_sees_the_whole_request(void **state) {
    (void)state;
    expect_after(
        check_everything,
        "POST /?lang=es&empty=&alone&lang=en&=x HTTP/1.1\r\nHost: LocalHost.:5000\r\nX-Twice: one\r\n"
        "x-twice: two\r\nContent-Length: 4\r\n\r\nbody",
        "HTTP/1.1 204 No Content\r\n\r\n");
}

static void on_gone(void *user, struct bw_http_exchange *exchange) {
    struct scene *s = user;
    assert_ptr_equal(exchange, s->kept);
    expect_span(bw_http_path(exchange), "/");
    s->kept = NULL;
    s->gone++;
}

static void keep(void *user, struct bw_http_exchange *exchange) {
    struct scene *s = user;
    s->kept = exchange;
    s->kept_path = bw_http_path(exchange);
    s->kept_body = bw_http_body(exchange);
    bw_http_on_gone(exchange, on_gone, s);
}

static void what_a_handler_saw_stays_while_more_arrives(void **state) {
    (void)state;
    struct scene s;
    start(&s, keep);
    peer_send(&s.peer, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    for (int i = 0; i < 1000 && peer_wants_read(&s.peer); i++)
        peer_send(&s.peer, GET);
    expect_span(s.kept_path, "/");
    expect_span(s.kept_body, "body");
    stop(&s);
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void reply_hello(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_add_field(exchange, "Cache-Control", "no-store");
    bw_http_add_field(exchange, "X-Second", "2");
    bw_http_reply(exchange, 200, "text/plain", bw_span_text("hello"));
}

static void an_answer_is_these_bytes(void **state) {
    (void)state;
    expect_after(reply_hello, GET,
                 "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nX-Second: 2\r\nContent-Type: text/plain\r\n"
                 "Content-Length: 5\r\n\r\nhello");
}

static void head_has_the_fields_of_get(void **state) {
    (void)state;
    expect_after(reply_hello, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nX-Second: 2\r\nContent-Type: text/plain\r\n"
                 "Content-Length: 5\r\nConnection: close\r\n\r\n");
}

static void reply_304(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_add_field(exchange, "ETag", "\"a\"");
    bw_http_reply_static(exchange, 304, NULL, bw_span_text("not sent"));
}

static void not_modified_has_no_body(void **state) {
    (void)state;
    expect_after(reply_304, GET, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
}

static void reply_299(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_reply(exchange, 299, NULL, bw_span_of(NULL, 0));
}

/* RFC 9112 section 4: the phrase may be empty, the space before it may not. */
static void a_status_without_a_name_has_an_empty_phrase(void **state) {
    (void)state;
    expect_after(reply_299, GET, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

static void echo_into_a_field(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_add_field(exchange, "X-Echo", "a\r\nSet-Cookie: x\r\n\r\n<b>\t\x7F");
    bw_http_reply(exchange, 200, "text/html\r\nX: y", bw_span_of(NULL, 0));
}

static void a_value_cannot_make_a_new_field(void **state) {
    (void)state;
    expect_after(echo_into_a_field, GET,
                 "HTTP/1.1 200 OK\r\nX-Echo: a  Set-Cookie: x    <b>  \r\nContent-Type: text/html  X: y\r\n"
                 "Content-Length: 0\r\n\r\n");
}

static void problem(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_problem(exchange, 403, NULL, "a \"foreign\" page");
}

static void titled_problem(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_problem(exchange, 502, "service-b failed", NULL);
}

static void a_problem_is_these_bytes(void **state) {
    (void)state;
    expect_after(
        problem, GET,
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nContent-Length: 85\r\n\r\n"
        "{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,"
        "\"detail\":\"a \\\"foreign\\\" page\"}");
    expect_after(
        titled_problem, GET,
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/problem+json\r\nContent-Length: 62\r\n\r\n"
        "{\"type\":\"about:blank\",\"title\":\"service-b failed\",\"status\":502}");
}

static char big[(1 << 20) + 1];

static void reply_big(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_add_field(exchange, "X-Big", "yes");
    bw_http_reply(exchange, 200, "text/plain", bw_span_of(big, sizeof big));
}

static void reply_big_static(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_reply_static(exchange, 200, "text/plain", bw_span_of(big, sizeof big));
}

static void a_body_over_the_limit_is_not_sent_in_part(void **state) {
    (void)state;
    expect_after(reply_big, GET, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
}

static void a_lent_body_may_have_any_size(void **state) {
    (void)state;
    struct scene s;
    start(&s, reply_big_static);
    s.peer.drain_size = 65536;
    peer_send(&s.peer, GET GET);
    struct bw_span got = bw_buf_span(&s.peer.got);
    assert_true(got.len > 2 * sizeof big && got.len < 2 * sizeof big + 200);
    assert_int_equal(counts_of(&s).answers[2], 2);
    stop(&s);
}

static void a_request_behind_a_lent_body_waits_for_its_end(void **state) {
    (void)state;
    struct scene s;
    start(&s, reply_big_static);
    s.peer.blocked = true;
    peer_send(&s.peer, GET);
    for (int i = 0; i < 1000 && peer_wants_read(&s.peer); i++)
        peer_send(&s.peer, GET);
    assert_false(peer_wants_read(&s.peer));
    assert_int_equal(counts_of(&s).answers[2], 1);
    stop(&s);
}

/* ---- clients that leave --------------------------------------------------------------------- */

static void who_keeps_an_exchange_hears_that_its_client_left(void **state) {
    (void)state;
    struct scene s;
    start(&s, keep);
    peer_send(&s.peer, GET);
    assert_int_equal(counts_of(&s).exchanges, 1);
    peer_leave(&s.peer);
    assert_int_equal(s.gone, 1);
    assert_int_equal(counts_of(&s).gone, 1);
    assert_int_equal(counts_of(&s).exchanges, 0);
    stop(&s);
    assert_int_equal(s.gone, 1);
}

static void an_answered_exchange_is_not_reported(void **state) {
    (void)state;
    struct scene s;
    start(&s, keep);
    peer_send(&s.peer, GET);
    bw_http_reply(s.kept, 200, NULL, bw_span_of(NULL, 0));
    peer_leave(&s.peer);
    assert_int_equal(s.gone, 0);
    stop(&s);
}

static void a_shutdown_reports_to_who_waits(void **state) {
    (void)state;
    struct scene s;
    start(&s, keep);
    peer_send(&s.peer, GET);
    stop(&s);
    assert_int_equal(s.gone, 1);
}

static void freeing_a_connection_reports_to_nobody(void **state) {
    (void)state;
    struct scene s;
    start(&s, keep);
    peer_send(&s.peer, GET);
    s.peer.left = true; /* peer_close then only frees */
    stop(&s);
    assert_int_equal(s.gone, 0);
}

BW_TESTS(cmocka_unit_test(a_handler_sees_the_whole_request),
         cmocka_unit_test(what_a_handler_saw_stays_while_more_arrives),
         cmocka_unit_test(an_answer_is_these_bytes), cmocka_unit_test(head_has_the_fields_of_get),
         cmocka_unit_test(not_modified_has_no_body),
         cmocka_unit_test(a_status_without_a_name_has_an_empty_phrase),
         cmocka_unit_test(a_value_cannot_make_a_new_field), cmocka_unit_test(a_problem_is_these_bytes),
         cmocka_unit_test(a_body_over_the_limit_is_not_sent_in_part),
         cmocka_unit_test(a_lent_body_may_have_any_size),
         cmocka_unit_test(a_request_behind_a_lent_body_waits_for_its_end),
         cmocka_unit_test(who_keeps_an_exchange_hears_that_its_client_left),
         cmocka_unit_test(an_answered_exchange_is_not_reported),
         cmocka_unit_test(a_shutdown_reports_to_who_waits),
         cmocka_unit_test(freeing_a_connection_reports_to_nobody))
