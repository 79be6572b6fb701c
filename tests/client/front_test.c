#include "scene.h"

#include <stdio.h>
#include <stdlib.h>

/* GetDataResponse{message: "Hello", data: 42}; SetFaultResponse{fault: {failure_percent: 100, status_code:
 * 13}} */
#define HELLO "\x0a\x05Hello\x10\x2a"
#define FAULT "\x0a\x04\x08\x64\x10\x0d"

static struct bw_span bytes(const char *text) {
    return bw_span_text(text); /* no NUL in them */
}

static void assert_field(const struct reply *reply, const char *name, const char *value) {
    const char *found = reply_field(reply, name);
    if (!found || strcmp(found, value) != 0)
        fail_msg("%s is %s, not %s", name, found ? found : "missing", value);
}

/* ---- /call-service-b ---- */

static void a_good_call_is_200(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.response = bytes(HELLO);
    static const char *const methods[] = {"GET /call-service-b", "POST /call-service-b"};
    for (int i = 0; i < 2; i++) {
        const struct reply *reply = scene_ask(scene, methods[i], NULL);
        assert_int_equal(reply->status, 200);
        json_t *json = reply_json(reply);
        assert_keys(json, "message data circuit_state");
        assert_string_equal(text_of(json, "message"), "Hello");
        assert_int_equal(number_of(json, "data"), 42);
        assert_string_equal(text_of(json, "circuit_state"), "closed");
        json_decref(json);
    }
    assert_int_equal(scene->world.b.received, 2); /* one request, one call */
    assert_string_equal(scene->world.b.path, "/breakwire.demo.v1.DataService/GetData");
    scene_close(scene);
}

static void a_failed_call_is_502(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer = (struct answer){.code = BW_INTERNAL, .message = "a \"bad\"\nthing"};
    const struct reply *reply = scene_post(scene, "/call-service-b");
    assert_int_equal(reply->status, 502);
    assert_null(reply_field(reply, "Retry-After"));
    json_t *json = reply_json(reply);
    assert_keys(json, "error details circuit_state");
    assert_string_equal(text_of(json, "details"), "INTERNAL: a \"bad\"\nthing");
    assert_string_equal(text_of(json, "circuit_state"), "closed");
    json_decref(json);
    scene_close(scene);
}

static void an_answer_that_is_no_message_is_502(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.response = bytes("\x0a\x7f");
    json_t *json = reply_json(scene_post(scene, "/call-service-b"));
    assert_string_equal(text_of(json, "details"), "INTERNAL: the response does not parse");
    json_decref(json);
    scene_close(scene);
}

static void a_call_that_takes_too_long_is_502(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    struct bw_wire *browser = scene_browse(scene, "POST /call-service-b", NULL);
    world_advance(&scene->world, TIMEOUT_MS - 1);
    assert_int_equal(bw_wire_heard(browser, BW_WIRE_B).len, 0);
    world_advance(&scene->world, 1);
    const struct reply *reply = reply_read(browser);
    assert_int_equal(reply->status, 502);
    json_t *json = reply_json(reply);
    assert_memory_equal(text_of(json, "details"), "DEADLINE_EXCEEDED: ", 19);
    json_decref(json);
    scene_close(scene);
}

static void a_rejected_call_is_503_with_retry_after(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    const struct reply *reply = scene_post(scene, "/call-service-b");
    assert_int_equal(reply->status, 503);
    assert_field(reply, "Retry-After", "1");
    json_t *json = reply_json(reply);
    assert_keys(json, "error details circuit_state fallback_message retry_after_ms");
    assert_string_equal(text_of(json, "circuit_state"), "open");
    assert_int_equal(number_of(json, "retry_after_ms"), OPEN_MS);
    assert_non_null(strstr(text_of(json, "details"), "ServiceB_CB"));
    json_decref(json);
    assert_int_equal(scene->world.b.received, TRIP);
    scene_close(scene);
}

static void retry_after_is_rounded_up_to_whole_seconds(void **state) {
    (void)state;
    struct bw_breaker_config breaker;
    world_breaker_config(&breaker);
    breaker.open_ms = 2001;
    struct scene *scene = scene_open_with(&breaker);
    world_trip(&scene->world, scene->data);
    assert_field(scene_post(scene, "/call-service-b"), "Retry-After", "3");
    world_advance(&scene->world, 1);
    assert_field(scene_post(scene, "/call-service-b"), "Retry-After", "2");
    world_advance(&scene->world, 1999);
    assert_field(scene_post(scene, "/call-service-b"), "Retry-After", "1");
    scene_close(scene);
}

static void who_leaves_cancels_the_call(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    struct bw_wire *browser = scene_browse(scene, "POST /call-service-b", NULL);
    world_settle(&scene->world);
    assert_int_equal(scene->world.b.received, 1);
    scene_leave(scene, browser);
    assert_int_equal(scene->world.b.cancelled, 1);
    assert_int_equal(guard_calls(scene->data), 0);
    scene_close(scene);
}

/* ---- the four switches ---- */

static void a_switch_reaches_service_b_and_answers_the_fault(void **state) {
    (void)state;
    static const char *const switches[][2] = {{"/induce-failure", "InduceFailure"},
                                              {"/remove-failure", "RemoveFailure"},
                                              {"/induce-latency", "InduceLatency"},
                                              {"/remove-latency", "RemoveLatency"}};
    struct scene *scene = scene_open();
    scene->world.b.answer.response = bytes(FAULT);
    for (int i = 0; i < 4; i++) {
        const struct reply *reply = scene_post(scene, switches[i][0]);
        assert_int_equal(reply->status, 200);
        assert_string_equal(scene->world.b.path + strlen("/breakwire.demo.v1.ControlService/"),
                            switches[i][1]);
        json_t *json = reply_json(reply);
        assert_keys(json, "fault");
        assert_int_equal(number_of(json, "fault.failure_percent"), 100);
        assert_int_equal(number_of(json, "fault.status_code"), 13);
        assert_int_equal(number_of(json, "fault.latency_max_ms"), 0);
        json_decref(json);
    }
    assert_int_equal(scene->world.b.received, 4);
    scene_close(scene);
}

static void a_switch_works_while_the_data_circuit_is_open(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    scene->world.b.answer.response = bytes(FAULT);
    assert_int_equal(scene_post(scene, "/remove-failure")->status, 200);
    scene_close(scene);
}

static void a_switch_fails_as_a_call_does(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer = (struct answer){.code = BW_UNAVAILABLE, .message = "gone"};
    const struct reply *reply = scene_post(scene, "/induce-latency");
    assert_int_equal(reply->status, 502);
    json_t *json = reply_json(reply);
    assert_keys(json, "error details circuit_state");
    json_decref(json);
    while (strcmp(world_state(&scene->world, scene->control), "open") != 0)
        world_call(&scene->world, scene->control);
    reply = scene_post(scene, "/induce-latency");
    assert_int_equal(reply->status, 503);
    assert_field(reply, "Retry-After", "1");
    json = reply_json(reply);
    assert_keys(json, "error details circuit_state fallback_message retry_after_ms");
    assert_non_null(strstr(text_of(json, "details"), "ServiceB_Control_CB"));
    json_decref(json);
    scene_close(scene);
}

/* ---- health and status ---- */

static void health_answers_while_everything_else_is_broken(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    world_b_dies(&scene->world);
    const struct reply *reply = scene_get(scene, "/health");
    assert_int_equal(reply->status, 200);
    assert_true(bw_span_is(reply->body, "{\"status\":\"healthy\",\"service\":\"A\"}"));
    assert_field(reply, "Content-Type", "application/json");
    assert_int_equal(scene_get(scene, "/livez")->status, 200);
    assert_int_equal(scene_get(scene, "/readyz")->status, 200);
    scene_close(scene);
}

static void circuit_status_has_the_six_keys_first(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    const struct reply *reply = scene_get(scene, "/circuit-status");
    assert_int_equal(reply->status, 200);
    json_t *json = reply_json(reply);
    static const char *const six[] = {"circuit_breaker_name", "state",
                                      "failure_count",        "failure_threshold",
                                      "recovery_timeout",     "last_failure_time"};
    void *at = json_object_iter(json);
    for (int i = 0; i < 6; i++, at = json_object_iter_next(json, at))
        assert_string_equal(json_object_iter_key(at), six[i]);
    assert_string_equal(text_of(json, "circuit_breaker_name"), "ServiceB_CB");
    assert_string_equal(text_of(json, "state"), "closed");
    assert_true(json_is_null(json_object_get(json, "last_failure_time")));
    json_decref(json);
    scene_close(scene);
}

static void circuit_status_is_200_in_every_state(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    json_t *json = reply_json(scene_get(scene, "/circuit-status"));
    assert_string_equal(text_of(json, "state"), "open");
    assert_int_equal(number_of(json, "failure_count"), TRIP);
    assert_string_equal(text_of(json, "last_failure_time"), "2026-01-31T12:00:00.000Z");
    json_decref(json);
    world_advance(&scene->world, OPEN_MS);
    const struct reply *reply = scene_get(scene, "/circuit-status");
    assert_int_equal(reply->status, 200);
    json = reply_json(reply);
    assert_string_equal(text_of(json, "state"), "half_open");
    json_decref(json);
    scene_close(scene);
}

/* ---- methods and paths ---- */

static void a_path_without_that_method_is_405_and_says_which_it_has(void **state) {
    (void)state;
    static const char *const asked[][2] = {
        {"GET /induce-failure", "OPTIONS, POST"},       {"HEAD /remove-failure", "OPTIONS, POST"},
        {"GET /induce-latency", "OPTIONS, POST"},       {"GET /remove-latency", "OPTIONS, POST"},
        {"HEAD /call-service-b", "OPTIONS, GET, POST"}, {"POST /circuit-status", "OPTIONS, GET, HEAD"},
        {"POST /health", "OPTIONS, GET, HEAD"},         {"POST /", "OPTIONS, GET, HEAD"},
        {"POST /app.js", "OPTIONS, GET, HEAD"},         {"POST /events", "OPTIONS, GET, HEAD"},
    };
    struct scene *scene = scene_open();
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        const struct reply *reply = scene_ask(scene, asked[i][0], NULL);
        assert_int_equal(reply->status, 405);
        assert_field(reply, "Allow", asked[i][1]);
    }
    assert_int_equal(scene->world.b.received, 0);
    scene_close(scene);
}

static void an_unknown_path_is_404(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    static const char *const paths[] = {"/nothing", "/health/", "/call-service-b/", "/strings/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        json_decref(reply_problem(scene_get(scene, paths[i]), 404));
    scene_close(scene);
}

static void every_answer_has_the_security_fields(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    static const char *const paths[] = {"/", "/health", "/app.js", "/nothing", "/call-service-b"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const struct reply *reply = scene_get(scene, paths[i]);
        assert_field(reply, "X-Content-Type-Options", "nosniff");
        assert_field(reply, "Referrer-Policy", "no-referrer");
        assert_memory_equal(reply_field(reply, "Content-Security-Policy"), "default-src 'none'; ", 20);
        assert_null(reply_field(reply, "Access-Control-Allow-Origin"));
    }
    scene_close(scene);
}

/* ---- who may ask ---- */

static void an_unknown_host_is_421_and_hears_of_allowed_hosts(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    json_t *json = reply_problem(scene_ask(scene, "GET /", "Host: evil.example\r\n"), 421);
    assert_non_null(strstr(text_of(json, "detail"), "ALLOWED_HOSTS"));
    json_decref(json);
    assert_int_equal(scene_ask(scene, "GET /", "Host: demo.example.:80\r\n")->status, 200);
    assert_int_equal(scene_ask(scene, "GET /readyz", "Host: 10.0.0.7:5000\r\n")->status, 200);
    scene_close(scene);
}

static void a_foreign_page_is_403(void **state) {
    (void)state;
    static const char *const asked[][2] = {
        {"POST /call-service-b", "Sec-Fetch-Site: cross-site\r\n"},
        {"GET /call-service-b",
         "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-Dest: document\r\n"},
        {"POST /induce-failure", "Sec-Fetch-Site: same-site\r\n"},
        {"POST /induce-failure", "Sec-Fetch-Site:\r\n"},
        {"POST /induce-failure", "Origin: http://evil.example\r\n"},
        {"POST /induce-failure", "Origin: null\r\n"},
        {"POST /induce-failure", "Origin:\r\n"},
        {"GET /call-service-b", "Sec-Purpose: prefetch\r\n"},
        {"GET /events", "Sec-Fetch-Site: cross-site\r\n"},
        {"GET /", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"},
    };
    struct scene *scene = scene_open();
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        json_decref(reply_problem(scene_ask(scene, asked[i][0], asked[i][1]), 403));
    assert_int_equal(scene->world.b.received, 0);
    scene_close(scene);
}

static void the_page_itself_may_act(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    assert_int_equal(scene_ask(scene, "POST /induce-failure",
                               "Sec-Fetch-Site: same-origin\r\nOrigin: http://localhost:5000\r\n")
                         ->status,
                     200);
    assert_int_equal(scene_ask(scene, "POST /induce-failure", "Origin: http://localhost:5000\r\n")->status,
                     200);
    scene_close(scene);
}

/* ---- the page and its files ---- */

static void the_page_has_its_labels_and_its_language(void **state) {
    (void)state;
    static const char *const labels[] = {"Call Service B (via Circuit Breaker)", "Make Service B Fail",
                                         "Make Service B Healthy", "Make Service B Slow",
                                         "Make Service B Fast"};
    struct scene *scene = scene_open();
    const struct reply *reply = scene_get(scene, "/");
    assert_int_equal(reply->status, 200);
    assert_field(reply, "Content-Type", "text/html; charset=utf-8");
    assert_field(reply, "Cache-Control", "no-store");
    assert_field(reply, "Content-Language", "en");
    assert_field(reply, "Vary", "Accept-Language");
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (!strstr(reply->text, labels[i]))
            fail_msg("the page has no %s", labels[i]);
    assert_field(scene_get(scene, "/?lang=es"), "Content-Language", "es");
    assert_field(scene_ask(scene, "GET /", "Accept-Language: es-MX, en;q=0.5\r\n"), "Content-Language", "es");
    scene_close(scene);
}

static void head_has_the_fields_of_get_and_no_body(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    const struct reply *reply = scene_ask(scene, "HEAD /app.js", NULL);
    assert_int_equal(reply->status, 200);
    assert_int_equal(reply->body.len, 0);
    assert_true(strtoul(reply_field(reply, "Content-Length"), NULL, 10) > 0);
    assert_int_equal(scene_ask(scene, "HEAD /", NULL)->body.len, 0);
    assert_int_equal(scene_ask(scene, "HEAD /circuit-status", NULL)->body.len, 0);
    scene_close(scene);
}

static void a_file_is_sent_once_and_then_not_modified(void **state) {
    (void)state;
    char etag[128], fields[256];
    struct scene *scene = scene_open();
    const struct reply *reply = scene_get(scene, "/app.js");
    assert_int_equal(reply->status, 200);
    assert_field(reply, "Cache-Control", "no-cache");
    assert_null(reply_field(reply, "Content-Encoding"));
    assert_true(bw_span_equal(reply->body, page_file(bw_span_text("/app.js"))->plain));
    snprintf(etag, sizeof etag, "%s", reply_field(reply, "ETag"));
    assert_true(etag[0] == '"'); /* strong */
    snprintf(fields, sizeof fields, "If-None-Match: \"old\", W/%s\r\n", etag);
    reply = scene_ask(scene, "GET /app.js", fields);
    assert_int_equal(reply->status, 304);
    assert_int_equal(reply->body.len, 0);
    assert_field(reply, "ETag", etag);
    assert_int_equal(scene_ask(scene, "GET /app.js", "If-None-Match: *\r\n")->status, 304);
    assert_int_equal(scene_ask(scene, "GET /app.js", "If-None-Match: \"old\"\r\n")->status, 200);
    scene_close(scene);
}

static void gzip_is_for_those_who_take_it(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        bool zipped;
    } rows[] = {
        {"Accept-Encoding: gzip\r\n", true},        {"Accept-Encoding: br, GZIP, deflate\r\n", true},
        {"Accept-Encoding: gzip;q=0.5\r\n", true},  {"Accept-Encoding: gzip;q=1.0\r\n", true},
        {"Accept-Encoding: gzip;q=0\r\n", false},   {"Accept-Encoding: gzip;q=0.000\r\n", false},
        {"Accept-Encoding: gzip; q=0\r\n", false},  {"Accept-Encoding: identity\r\n", false},
        {"Accept-Encoding: x-gzip-not\r\n", false}, {"Accept-Encoding:\r\n", false},
    };
    struct scene *scene = scene_open();
    const struct page_file *file = page_file(bw_span_text("/style.css"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct reply *reply = scene_ask(scene, "GET /style.css", rows[i].fields);
        const char *encoding = reply_field(reply, "Content-Encoding");
        if ((encoding != NULL) != rows[i].zipped)
            fail_msg("%s gave %s", rows[i].fields, encoding ? encoding : "plain");
        assert_true(bw_span_equal(reply->body, rows[i].zipped ? file->gzip : file->plain));
        assert_field(reply, "Vary", "Accept-Encoding");
    }
    scene_close(scene);
}

/* ---- drain ---- */

static void a_drain_answers_what_is_in_work_and_says_not_ready(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer = (struct answer){.after_ms = 500, .response = bytes(HELLO)};
    struct bw_wire *call = scene_browse(scene, "POST /call-service-b", NULL);
    struct bw_wire *probe = scene_browse(scene, "GET /readyz", "X-Half: 1\r\n");
    struct bw_wire *late =
        world_browser(&scene->world, bw_http_accept(front_server(scene->front), scene->world.now_ms,
                                                    "127.0.0.1:1", bw_wire_wake()));
    bw_wire_say(late, BW_WIRE_B, "GET /readyz HTTP/1.1\r\n", 22);
    world_settle(&scene->world);
    assert_int_equal(reply_read(probe)->status, 200);
    front_drain(scene->front, scene->world.now_ms);
    bw_wire_say(late, BW_WIRE_B, "Host: localhost\r\n\r\n", 19);
    world_settle(&scene->world);
    const struct reply *reply = reply_read(late);
    assert_int_equal(reply->status, 503);
    assert_true(bw_span_is(reply->body, "{\"status\":\"draining\"}"));
    world_advance(&scene->world, 500);
    reply = reply_read(call);
    assert_int_equal(reply->status, 200);
    assert_field(reply, "Connection", "close");
    assert_true(bw_wire_is_closed(call, BW_WIRE_A));
    assert_true(bw_wire_is_closed(probe, BW_WIRE_A));
    struct bw_conn refused =
        bw_http_accept(front_server(scene->front), scene->world.now_ms, "127.0.0.1:2", bw_wire_wake());
    assert_null(refused.ops);
    scene_close(scene);
}

BW_TESTS(cmocka_unit_test(a_good_call_is_200), cmocka_unit_test(a_failed_call_is_502),
         cmocka_unit_test(an_answer_that_is_no_message_is_502),
         cmocka_unit_test(a_call_that_takes_too_long_is_502),
         cmocka_unit_test(a_rejected_call_is_503_with_retry_after),
         cmocka_unit_test(retry_after_is_rounded_up_to_whole_seconds),
         cmocka_unit_test(who_leaves_cancels_the_call),
         cmocka_unit_test(a_switch_reaches_service_b_and_answers_the_fault),
         cmocka_unit_test(a_switch_works_while_the_data_circuit_is_open),
         cmocka_unit_test(a_switch_fails_as_a_call_does),
         cmocka_unit_test(health_answers_while_everything_else_is_broken),
         cmocka_unit_test(circuit_status_has_the_six_keys_first),
         cmocka_unit_test(circuit_status_is_200_in_every_state),
         cmocka_unit_test(a_path_without_that_method_is_405_and_says_which_it_has),
         cmocka_unit_test(an_unknown_path_is_404), cmocka_unit_test(every_answer_has_the_security_fields),
         cmocka_unit_test(an_unknown_host_is_421_and_hears_of_allowed_hosts),
         cmocka_unit_test(a_foreign_page_is_403), cmocka_unit_test(the_page_itself_may_act),
         cmocka_unit_test(the_page_has_its_labels_and_its_language),
         cmocka_unit_test(head_has_the_fields_of_get_and_no_body),
         cmocka_unit_test(a_file_is_sent_once_and_then_not_modified),
         cmocka_unit_test(gzip_is_for_those_who_take_it),
         cmocka_unit_test(a_drain_answers_what_is_in_work_and_says_not_ready))
