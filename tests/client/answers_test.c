#include "run.h"
#include "wire.h"

#include "answers.h"

/* One exchange of which the handler says how the call has ended. */
struct ending {
    struct guard_result result;
    const struct stub_data *data;
    const struct stub_fault *fault;
    bool of_control;
};

static void on_request(void *user, struct bw_http_exchange *exchange) {
    const struct ending *ending = user;
    if (ending->of_control)
        answer_fault(exchange, &ending->result, ending->fault);
    else
        answer_data(exchange, &ending->result, ending->data);
}

static const char *answer(struct ending *ending) {
    static char text[4096];
    struct bw_http_route route = {BW_HTTP_GET, "/x", on_request, ending, 0};
    struct bw_http_config config;
    bw_http_config_default(&config);
    config.routes = &route;
    config.routes_count = 1;
    struct bw_http_server *server = bw_http_server_new(&config);
    struct bw_conn conn = bw_http_accept(server, BW_WIRE_START_MS, "127.0.0.1:1", bw_wire_wake());
    struct bw_wire *wire = bw_wire_new(conn, (struct bw_conn){NULL, NULL});
    static const char request[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    bw_wire_say(wire, BW_WIRE_B, request, sizeof request - 1);
    bw_wire_settle(wire);
    bw_span_copy_text(bw_wire_heard(wire, BW_WIRE_B), text, sizeof text);
    bw_wire_free(wire);
    bw_http_server_free(server);
    return text;
}

static struct ending rejected(uint64_t retry_after_ms) {
    return (struct ending){.result = {.rejected = true,
                                      .retry_after_ms = retry_after_ms,
                                      .code = 14,
                                      .code_name = "UNAVAILABLE",
                                      .message = "the circuit is open",
                                      .state = "open",
                                      .breaker = "ServiceB_CB"}};
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("no %s in: %s", part, text);
}

static void assert_has_not(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("%s in: %s", part, text);
}

static void retry_after_is_whole_seconds_rounded_up_and_at_least_one(void **state) {
    (void)state;
    static const struct {
        uint64_t ms;
        const char *field, *member;
    } rows[] = {
        {0, "\r\nRetry-After: 1\r\n", "\"retry_after_ms\":0"},
        {1, "\r\nRetry-After: 1\r\n", "\"retry_after_ms\":1}"},
        {1000, "\r\nRetry-After: 1\r\n", "\"retry_after_ms\":1000"},
        {1001, "\r\nRetry-After: 2\r\n", "\"retry_after_ms\":1001"},
        {20000, "\r\nRetry-After: 20\r\n", "\"retry_after_ms\":20000"},
        {86400000, "\r\nRetry-After: 86400\r\n", "\"retry_after_ms\":86400000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ending ending = rejected(rows[i].ms);
        const char *text = answer(&ending);
        assert_has(text, "HTTP/1.1 503 ");
        assert_has(text, rows[i].field);
        assert_has(text, rows[i].member);
    }
}

static void a_circuit_held_open_by_hand_has_no_retry_time(void **state) {
    (void)state;
    for (int control = 0; control < 2; control++) {
        struct ending ending = rejected(5000);
        ending.of_control = control;
        ending.result.forced = true;
        ending.result.state = "forced_open";
        const char *text = answer(&ending);
        assert_has(text, "HTTP/1.1 503 ");
        assert_has(text, "\"circuit_state\":\"forced_open\"");
        assert_has_not(text, "Retry-After");
        assert_has_not(text, "retry_after_ms");
    }
}

static void texts_of_the_peer_are_escaped(void **state) {
    (void)state;
    struct ending ending = {.result = {.code = 13,
                                       .code_name = "INTERNAL",
                                       .message = "\"</script>\r\nX: y\xff",
                                       .state = "closed",
                                       .breaker = "ServiceB_CB"}};
    const char *text = answer(&ending);
    assert_has(text, "HTTP/1.1 502 ");
    assert_has(text, "INTERNAL: \\\"");
    assert_has(text, "\\r\\nX: y\xef\xbf\xbd");
    assert_has_not(text, "\r\nX: y");
}

static void a_very_long_message_is_cut_and_still_an_answer(void **state) {
    (void)state;
    char message[3000];
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    struct ending ending = {.result = {.code = 13,
                                       .code_name = "INTERNAL",
                                       .message = message,
                                       .state = "closed",
                                       .breaker = "ServiceB_CB"}};
    const char *text = answer(&ending);
    assert_has(text, "HTTP/1.1 502 ");
    assert_has(text, "mmm\",\"circuit_state\":\"closed\"}");
}

static void a_negative_number_stays_negative(void **state) {
    (void)state;
    struct stub_data data = {.message = "Hello \xf0\x9f\x91\x8b", .data = -7};
    struct ending ending = {.result = {.state = "closed", .breaker = "ServiceB_CB"}, .data = &data};
    const char *text = answer(&ending);
    assert_has(text, "HTTP/1.1 200 ");
    assert_has(text, "{\"message\":\"Hello \xf0\x9f\x91\x8b\",\"data\":-7,\"circuit_state\":\"closed\"}");
    assert_has(text, "\r\nCache-Control: no-store\r\n");
}

BW_TESTS(cmocka_unit_test(retry_after_is_whole_seconds_rounded_up_and_at_least_one),
         cmocka_unit_test(a_circuit_held_open_by_hand_has_no_retry_time),
         cmocka_unit_test(texts_of_the_peer_are_escaped),
         cmocka_unit_test(a_very_long_message_is_cut_and_still_an_answer),
         cmocka_unit_test(a_negative_number_stays_negative))
