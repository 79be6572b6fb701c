/* /events: what a viewer of the page gets, through front.c, feed.c and lib/http. */
#include "scene.h"

#include <inttypes.h>
#include <stdio.h>

#define FAULT "\x0a\x04\x08\x64\x10\x0d" /* {fault: {failure_percent: 100, status_code: 13}} */

static struct bw_wire *watch(struct scene *scene, const char *fields) {
    struct bw_wire *browser = scene_browse(scene, "GET /events", fields);
    world_settle(&scene->world);
    return browser;
}

/* The events that have come, "snapshot[abc-0] config[] "; each event's data must be valid JSON. */
static const char *events_of(struct bw_wire *browser) {
    static char names[2048];
    const struct reply *reply = reply_read(browser);
    const char *id = "", *event = "";
    int id_len = 0, event_len = 0, n = 0;
    names[0] = '\0';
    for (const char *line = (const char *)reply->body.data; *line;) {
        int len = (int)strcspn(line, "\n");
        if (strncmp(line, "id: ", 4) == 0) {
            id = line + 4;
            id_len = len - 4;
        } else if (strncmp(line, "event: ", 7) == 0) {
            event = line + 7;
            event_len = len - 7;
        } else if (strncmp(line, "data: ", 6) == 0) {
            json_decref(parse(bw_span_of(line + 6, (size_t)len - 6)));
        } else if (len == 0 && event_len) {
            n += snprintf(names + n, sizeof names - (size_t)n, "%.*s[%.*s] ", event_len, event, id_len, id);
            id_len = event_len = 0;
        }
        line += len + (line[len] == '\n');
    }
    return names;
}

/* The data of the nth event of that name, 0 = the first; the caller decrefs it. */
static json_t *data_of(struct bw_wire *browser, const char *event, int nth) {
    char wanted[64];
    const struct reply *reply = reply_read(browser);
    snprintf(wanted, sizeof wanted, "event: %s\n", event);
    const char *at = (const char *)reply->body.data;
    for (int i = 0; i <= nth; i++) {
        at = strstr(at, wanted);
        if (!at)
            fail_msg("no event %s number %d", event, nth);
        at += strlen(wanted);
    }
    at = strstr(at, "data: ") + 6;
    return parse(bw_span_of(at, strcspn(at, "\n")));
}

static void a_viewer_gets_a_snapshot_and_the_configuration_first(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_wire *viewer = watch(scene, NULL);
    const struct reply *reply = reply_read(viewer);
    assert_int_equal(reply->status, 200);
    assert_memory_equal(reply_field(reply, "Content-Type"), "text/event-stream", 17);
    assert_string_equal(reply_field(reply, "Cache-Control"), "no-store");
    assert_string_equal(events_of(viewer), "snapshot[abc-0] config[] ");
    json_t *snapshot = data_of(viewer, "snapshot", 0);
    assert_string_equal(text_of(snapshot, "circuit_breaker_name"), "ServiceB_CB");
    json_decref(snapshot);
    json_t *config = data_of(viewer, "config", 0);
    assert_keys(config, "failure_threshold recovery_timeout request_timeout");
    assert_int_equal(number_of(config, "failure_threshold"), TRIP);
    assert_true(json_number_value(json_object_get(config, "recovery_timeout")) == 1.0);
    assert_true(json_number_value(json_object_get(config, "request_timeout")) == 3.0);
    json_decref(config);
    scene_close(scene);
}

static void each_call_and_each_change_is_one_event(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_wire *viewer = watch(scene, NULL);
    world_trip(&scene->world, scene->data);
    scene_post(scene, "/call-service-b");
    assert_string_equal(events_of(viewer),
                        "snapshot[abc-0] config[] call[abc-1] call[abc-2] call[abc-3] "
                        "state[abc-4] call[abc-5] ");
    json_t *call = data_of(viewer, "call", 3);
    assert_string_equal(text_of(call, "outcome"), "rejected");
    assert_string_equal(text_of(call, "circuit_state"), "open");
    json_decref(call);
    json_t *change = data_of(viewer, "state", 0);
    assert_string_equal(text_of(change, "from"), "closed");
    assert_string_equal(text_of(change, "to"), "open");
    assert_string_equal(text_of(change, "reason"), "CONSECUTIVE");
    assert_string_equal(text_of(json_object_get(change, "status"), "state"), "open");
    json_decref(change);
    scene_close(scene);
}

static void the_end_of_the_open_time_is_told_without_a_call(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    struct bw_wire *viewer = watch(scene, NULL);
    world_advance(&scene->world, OPEN_MS);
    assert_string_equal(events_of(viewer), "snapshot[abc-4] config[] state[abc-5] ");
    scene_close(scene);
}

static void who_comes_again_gets_what_it_missed(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    assert_string_equal(events_of(watch(scene, "Last-Event-ID: abc-2\r\n")),
                        "snapshot[abc-4] call[abc-3] state[abc-4] config[] ");
    assert_string_equal(events_of(watch(scene, "Last-Event-ID: abc-0\r\n")),
                        "snapshot[abc-4] call[abc-1] call[abc-2] call[abc-3] state[abc-4] config[] ");
    scene_close(scene);
}

static void an_id_of_another_run_or_no_id_replays_nothing(void **state) {
    (void)state;
    static const char *const fields[] = {
        NULL,
        "Last-Event-ID: abc-4\r\n",
        "Last-Event-ID: abc-99\r\n",
        "Last-Event-ID: abd-1\r\n",
        "Last-Event-ID: abc-\r\n",
        "Last-Event-ID: abc-1x\r\n",
        "Last-Event-ID: abc\r\n",
        "Last-Event-ID:\r\n",
    };
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        assert_string_equal(events_of(watch(scene, fields[i])), "snapshot[abc-4] config[] ");
    scene_close(scene);
}

static void a_fault_is_an_event_only_when_it_is_another_one(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_wire *viewer = watch(scene, NULL);
    scene->world.b.answer.response = bw_span_text(FAULT);
    scene_post(scene, "/induce-failure");
    scene_post(scene, "/induce-failure");
    json_t *fault = data_of(viewer, "fault", 0);
    assert_int_equal(number_of(fault, "failure_percent"), 100);
    json_decref(fault);
    assert_string_equal(events_of(viewer), "snapshot[abc-0] config[] call[abc-1] fault[abc-2] call[abc-3] ");
    feed_fault(scene->feed, NULL);
    feed_fault(scene->feed, NULL);
    world_settle(&scene->world);
    fault = data_of(viewer, "fault", 1);
    assert_true(json_is_null(fault));
    json_decref(fault);
    assert_string_equal(strstr(events_of(viewer), "abc-3"), "abc-3] fault[abc-4] ");
    scene_close(scene);
}

static void viewers_are_counted_as_they_come_and_go(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_wire *first = watch(scene, NULL), *second = watch(scene, NULL);
    assert_int_equal(scene->viewers, 2);
    scene_leave(scene, first);
    assert_int_equal(scene->viewers, 1);
    world_call(&scene->world, scene->data);
    assert_string_equal(events_of(second), "snapshot[abc-0] config[] call[abc-1] ");
    scene_leave(scene, second);
    assert_int_equal(scene->viewers, 0);
    world_call(&scene->world, scene->data);
    scene_close(scene);
}

static void a_quiet_stream_has_a_heartbeat(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_wire *viewer = watch(scene, NULL);
    size_t before = bw_wire_heard(viewer, BW_WIRE_B).len;
    world_advance(&scene->world, 14999);
    assert_int_equal(bw_wire_heard(viewer, BW_WIRE_B).len, before);
    world_advance(&scene->world, 1);
    assert_int_equal(bw_wire_heard(viewer, BW_WIRE_B).data[before], ':');
    scene_close(scene);
}

static void a_drain_ends_the_streams(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_wire *viewer = watch(scene, NULL);
    front_drain(scene->front, scene->world.now_ms);
    world_settle(&scene->world);
    assert_int_equal(scene->viewers, 0);
    assert_true(bw_wire_is_closed(viewer, BW_WIRE_A));
    scene_close(scene);
}

static void head_of_the_stream_watches_nothing(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    const struct reply *reply = scene_ask(scene, "HEAD /events", NULL);
    assert_int_equal(reply->status, 200);
    assert_int_equal(reply->body.len, 0);
    assert_int_equal(scene->viewers, 0);
    scene_close(scene);
}

BW_TESTS(cmocka_unit_test(a_viewer_gets_a_snapshot_and_the_configuration_first),
         cmocka_unit_test(each_call_and_each_change_is_one_event),
         cmocka_unit_test(the_end_of_the_open_time_is_told_without_a_call),
         cmocka_unit_test(who_comes_again_gets_what_it_missed),
         cmocka_unit_test(an_id_of_another_run_or_no_id_replays_nothing),
         cmocka_unit_test(a_fault_is_an_event_only_when_it_is_another_one),
         cmocka_unit_test(viewers_are_counted_as_they_come_and_go),
         cmocka_unit_test(a_quiet_stream_has_a_heartbeat), cmocka_unit_test(a_drain_ends_the_streams),
         cmocka_unit_test(head_of_the_stream_watches_nothing))
