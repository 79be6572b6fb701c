#include "world.h"

#include "face.h"

#include <stdio.h>

#define DATA    "/breakwire.demo.v1.DataService/GetData"
#define CONTROL "/breakwire.demo.v1.ControlService/InduceFailure"
#define STATUS  "/breakwire.breaker.v1.BreakerService/GetStatus"
#define WATCH   "/breakwire.breaker.v1.BreakerService/Watch"

/* A call of an RPC client, and what became of it. */
struct caller {
    struct bw_call *call; /* NULL: ended */
    unsigned ends, messages;
    int code;
    char message[256];
    bool has_pushback;
    int64_t pushback_ms, retry_ms;
    struct bw_buf response; /* the newest message */
    struct bw_metadata *headers, *trailers;
};

struct scene {
    struct world world;
    struct guard *data, *control;
    struct face *face;
    struct caller callers[16];
    size_t callers_count;
};

static void on_change(void *user, const struct guard_change *change) {
    struct scene *scene = user;
    face_changed(scene->face, change->breaker, scene->world.now_ms);
}

static struct scene *scene_open(void) {
    static struct scene scene;
    scene.callers_count = 0;
    world_open(&scene.world);
    scene.data = world_guard(&scene.world, "ServiceB_CB", NULL);
    scene.control = world_guard(&scene.world, "ServiceB_Control_CB", NULL);
    scene.face = face_new(&(struct face_config){scene.data, scene.control}, scene.world.to_a.server);
    assert_non_null(scene.face);
    scene.world.on_change = on_change;
    scene.world.user = &scene;
    return &scene;
}

static void scene_close(struct scene *scene) {
    world_disconnect(&scene->world);
    face_free(scene->face);
    world_close(&scene->world);
    for (size_t i = 0; i < scene->callers_count; i++) {
        assert_true(scene->callers[i].ends <= 1);
        bw_buf_free(&scene->callers[i].response);
        bw_metadata_free(scene->callers[i].headers);
        bw_metadata_free(scene->callers[i].trailers);
    }
}

static void on_headers(void *user, const struct bw_metadata *headers) {
    ((struct caller *)user)->headers = bw_metadata_copy(headers);
}

static void on_message(void *user, struct bw_span message) {
    struct caller *caller = user;
    caller->messages++;
    bw_buf_clear(&caller->response);
    bw_buf_append_span(&caller->response, message);
}

static void on_end(void *user, const struct bw_call_result *result) {
    struct caller *caller = user;
    caller->call = NULL;
    caller->ends++;
    caller->code = (int)result->code;
    snprintf(caller->message, sizeof caller->message, "%s", result->message);
    caller->has_pushback = result->has_pushback;
    caller->pushback_ms = result->pushback_ms;
    caller->retry_ms = bw_status_details_retry_ms(result->details);
    caller->trailers = bw_metadata_copy(result->trailers);
}

static struct caller *start(struct scene *scene, const struct bw_call_options *options,
                            struct bw_span request) {
    static const struct bw_call_events events = {
        .on_headers = on_headers, .on_message = on_message, .on_end = on_end};
    assert_true(scene->callers_count < 16);
    struct caller *caller = &scene->callers[scene->callers_count++];
    *caller = (struct caller){.retry_ms = -2};
    bw_buf_init(&caller->response, 0);
    caller->call =
        bw_channel_start(scene->world.to_a.channel, scene->world.now_ms, options, request, &events, caller);
    assert_non_null(caller->call);
    world_settle(&scene->world);
    return caller;
}

static struct caller *ask(struct scene *scene, const char *path, struct bw_span request) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = path;
    return start(scene, &options, request);
}

static struct caller *ask_within(struct scene *scene, const char *path, uint64_t ms) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = path;
    options.deadline_ms = scene->world.now_ms + ms;
    return start(scene, &options, bw_span_of(NULL, 0));
}

static struct caller *watch(struct scene *scene, struct bw_span request) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = WATCH;
    options.kind = BW_SERVER_STREAMING;
    return start(scene, &options, request);
}

static struct bw_span nothing(void) {
    return bw_span_of(NULL, 0);
}

static void assert_trailer(const struct caller *caller, const char *key, const char *value) {
    struct bw_span found = bw_metadata_find(caller->trailers, key);
    if (!bw_span_is(found, value))
        fail_msg("%s is %.*s, not %s", key, (int)found.len, (const char *)found.data, value);
}

/* ---- forwarding ---- */

static void bytes_pass_unread_both_ways(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    static const uint8_t request[] = {0xfa, 0x01, 0x03, 0, 0xff, 'x'};      /* field 31: nobody's */
    static const uint8_t response[] = {0x10, 0x2a, 0xa0, 0x06, 1, 0x0a, 0}; /* with an unknown field 100 */
    scene->world.b.answer.response = bw_span_of(response, sizeof response);
    struct caller *caller = ask(scene, DATA, bw_span_of(request, sizeof request));
    assert_int_equal(caller->code, BW_OK);
    assert_string_equal(scene->world.b.path, DATA);
    assert_true(bw_span_equal(bw_buf_span(&scene->world.b.request), bw_span_of(request, sizeof request)));
    assert_true(bw_span_equal(bw_buf_span(&caller->response), bw_span_of(response, sizeof response)));
    scene_close(scene);
}

static void methods_that_nobody_knows_here_are_forwarded_too(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer = (struct answer){.code = BW_UNIMPLEMENTED, .message = "no such method"};
    struct caller *caller = ask(scene, "/breakwire.demo.v1.DataService/Tomorrow", nothing());
    assert_string_equal(scene->world.b.path, "/breakwire.demo.v1.DataService/Tomorrow");
    assert_int_equal(caller->code, BW_UNIMPLEMENTED);
    assert_string_equal(caller->message, "no such method");
    scene_close(scene);
}

static void metadata_passes_both_ways(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_call_options options;
    bw_call_options_default(&options);
    struct bw_metadata *metadata = bw_metadata_new();
    bw_metadata_add(metadata, bw_span_text("x-who"), bw_span_text("me"));
    bw_metadata_add(metadata, bw_span_text("x-raw-bin"), bw_span_of("\0\xff", 2));
    bw_metadata_add(metadata, bw_span_text("x-who"), bw_span_text("you"));
    options.path = DATA;
    options.metadata = metadata;
    scene->world.b.answer.header = "x-head=1";
    scene->world.b.answer.trailer = "x-tail-bin=2";
    struct caller *caller = start(scene, &options, nothing());
    bw_metadata_free(metadata);
    const struct bw_metadata *arrived = scene->world.b.metadata;
    assert_int_equal(bw_metadata_count(arrived), 3);
    assert_true(bw_span_is(bw_metadata_get(arrived, 0).value, "me"));
    assert_true(bw_span_equal(bw_metadata_find(arrived, "x-raw-bin"), bw_span_of("\0\xff", 2)));
    assert_true(bw_span_is(bw_metadata_get(arrived, 2).value, "you"));
    assert_true(bw_span_is(bw_metadata_find(caller->headers, "x-head"), "1"));
    assert_trailer(caller, "x-tail-bin", "2");
    scene_close(scene);
}

static void what_a_failure_says_passes(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer = (struct answer){.code = BW_NOT_FOUND,
                                            .message = "no caf\xc3\xa9",
                                            .trailer = "x-tail=2",
                                            .retry_info_ms = 1500,
                                            .pushback_ms = 700};
    struct caller *caller = ask(scene, DATA, nothing());
    assert_int_equal(caller->code, BW_NOT_FOUND);
    assert_string_equal(caller->message, "no caf\xc3\xa9");
    assert_int_equal(caller->retry_ms, 1500);
    assert_true(caller->has_pushback);
    assert_int_equal(caller->pushback_ms, 700);
    assert_trailer(caller, "x-tail", "2");
    assert_null(bw_metadata_find(caller->trailers, "x-circuit-state").data);
    scene_close(scene);
}

static void a_short_deadline_of_the_caller_passes_on(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    struct caller *caller = ask_within(scene, DATA, 200);
    assert_in_range(scene->world.b.deadline_ms, scene->world.now_ms + 100, scene->world.now_ms + 200);
    world_advance(&scene->world, 201);
    assert_int_equal(caller->code, BW_DEADLINE_EXCEEDED);
    scene_close(scene);
}

static void a_long_deadline_is_cut_to_our_own(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    struct caller *patient = ask_within(scene, DATA, 60000);
    assert_in_range(scene->world.b.deadline_ms, scene->world.now_ms + 1, scene->world.now_ms + TIMEOUT_MS);
    struct caller *endless = ask(scene, DATA, nothing());
    assert_in_range(scene->world.b.deadline_ms, scene->world.now_ms + 1, scene->world.now_ms + TIMEOUT_MS);
    world_advance(&scene->world, TIMEOUT_MS);
    assert_int_equal(patient->code, BW_DEADLINE_EXCEEDED);
    assert_int_equal(endless->code, BW_DEADLINE_EXCEEDED);
    scene_close(scene);
}

static void a_callers_cancel_reaches_the_server(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    struct caller *caller = ask(scene, DATA, nothing());
    assert_int_equal(guard_calls(scene->data), 1);
    bw_call_cancel(caller->call, scene->world.now_ms);
    world_settle(&scene->world);
    assert_int_equal(scene->world.b.cancelled, 1);
    assert_int_equal(guard_calls(scene->data), 0);
    assert_string_equal(world_trace(&scene->world), "call CANCELLED closed; ");
    scene_close(scene);
}

static void a_caller_that_is_lost_cancels_too(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    ask(scene, DATA, nothing());
    for (size_t i = 0; i < scene->world.links_count; i++)
        if (scene->world.links[i].side == &scene->world.to_a)
            bw_wire_cut(scene->world.links[i].wire, BW_LOST_ERROR);
    world_settle(&scene->world);
    assert_int_equal(scene->world.b.cancelled, 1);
    assert_int_equal(guard_calls(scene->data), 0);
    scene_close(scene);
}

static void an_unknown_service_is_unimplemented(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    assert_int_equal(ask(scene, "/breakwire.demo.v2.DataService/GetData", nothing())->code, BW_UNIMPLEMENTED);
    assert_int_equal(ask(scene, "/breakwire.breaker.v1.BreakerService/Hold", nothing())->code,
                     BW_UNIMPLEMENTED);
    assert_int_equal(scene->world.b.received, 0);
    scene_close(scene);
}

/* ---- rejected ---- */

static void a_rejected_call_says_when_to_come_again(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    world_advance(&scene->world, 300);
    struct caller *caller = ask(scene, DATA, nothing());
    assert_int_equal(scene->world.b.received, TRIP);
    assert_int_equal(caller->code, BW_UNAVAILABLE);
    assert_string_equal(caller->message, "circuit breaker ServiceB_CB is open, retry after 700 ms");
    assert_int_equal(caller->retry_ms, 700);
    assert_true(caller->has_pushback);
    assert_int_equal(caller->pushback_ms, 700);
    assert_trailer(caller, "x-circuit-state", "open");
    scene_close(scene);
}

static void control_calls_have_a_breaker_of_their_own(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    assert_int_equal(ask(scene, CONTROL, nothing())->code, BW_OK);
    assert_string_equal(scene->world.b.path, CONTROL);
    assert_int_equal(ask(scene, DATA, nothing())->code, BW_UNAVAILABLE);
    world_trip(&scene->world, scene->control);
    struct caller *caller = ask(scene, CONTROL, nothing());
    assert_non_null(strstr(caller->message, "ServiceB_Control_CB"));
    scene_close(scene);
}

static void failures_of_rpc_callers_open_the_circuit(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.code = BW_INTERNAL;
    for (int i = 0; i < TRIP; i++)
        assert_int_equal(ask(scene, DATA, nothing())->code, BW_INTERNAL);
    assert_string_equal(world_state(&scene->world, scene->data), "open");
    scene_close(scene);
}

/* ---- the circuit's status ---- */

/* GetStatusRequest{name}: field 1, a text. */
static struct bw_span request_for(const char *name) {
    static uint8_t bytes[128];
    size_t len = strlen(name);
    assert_true(len < 100);
    bytes[0] = 0x0a;
    bytes[1] = (uint8_t)len;
    memcpy(bytes + 2, name, len);
    return bw_span_of(bytes, len + 2);
}

/* "name state view; " of each Status in a response: just enough of the wire format to read our own. */
static const char *read_statuses(const struct bw_buf *response) {
    static char text[512];
    struct bw_span rest = bw_buf_span(response);
    int n = 0;
    text[0] = '\0';
    while (rest.len) {
        assert_int_equal(rest.data[0], 0x0a); /* breakers */
        assert_true(rest.data[1] >= 0x80 &&
                    rest.data[2] < 0x80); /* with all parameters: two bytes of length */
        size_t len = (rest.data[1] & 0x7Fu) | (size_t)rest.data[2] << 7;
        assert_true(len + 3 <= rest.len);
        const uint8_t *status = rest.data + 3;
        assert_int_equal(status[0], 0x0a); /* name */
        size_t name = status[1];
        assert_int_equal(status[2 + name], 0x10); /* state */
        assert_int_equal(status[4 + name], 0x18); /* view */
        n += snprintf(text + n, sizeof text - (size_t)n, "%.*s %d %d; ", (int)name, (const char *)status + 2,
                      status[3 + name], status[5 + name]);
        rest = bw_span_of(rest.data + 3 + len, rest.len - 3 - len);
    }
    return text;
}

static void get_status_tells_all_or_one(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    assert_string_equal(read_statuses(&ask(scene, STATUS, nothing())->response),
                        "ServiceB_CB 2 2; ServiceB_Control_CB 1 1; ");
    assert_string_equal(read_statuses(&ask(scene, STATUS, request_for("ServiceB_Control_CB"))->response),
                        "ServiceB_Control_CB 1 1; ");
    scene_close(scene);
}

/* A ParametersEntry{key, value} as it stands in a Status: field 9. */
static bool has_parameter(struct bw_span response, const char *key, const char *value) {
    char wanted[256];
    size_t key_len = strlen(key), value_len = strlen(value);
    int n = snprintf(wanted, sizeof wanted, "\x4a%c\x0a%c%s\x12%c%s", (char)(key_len + value_len + 4),
                     (char)key_len, key, (char)value_len, value);
    for (size_t at = 0; at + (size_t)n <= response.len; at++)
        if (memcmp(response.data + at, wanted, (size_t)n) == 0)
            return true;
    return false;
}

static void get_status_tells_every_parameter_in_effect(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    const struct caller *caller = ask(scene, STATUS, request_for("ServiceB_CB"));
    struct guard_parameter parameter;
    size_t n = 0, seen = 0;
    for (; guard_parameter(scene->data, n, &parameter); n++)
        seen += strlen(parameter.value) > 60 ||
                has_parameter(bw_buf_span(&caller->response), parameter.name, parameter.value);
    assert_int_equal(seen, bw_breaker_params_count);
    assert_int_equal(n, bw_breaker_params_count);
    assert_true(has_parameter(bw_buf_span(&caller->response), "open_ms", "1000"));
    assert_false(has_parameter(bw_buf_span(&caller->response), "open_ms", "20000"));
    scene_close(scene);
}

static void a_circuit_held_open_by_hand_names_no_time(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_hold(&scene->world, scene->data);
    struct caller *caller = ask(scene, DATA, nothing());
    assert_int_equal(caller->code, BW_UNAVAILABLE);
    assert_string_equal(caller->message, "circuit breaker ServiceB_CB is held open by an operator");
    assert_int_equal(caller->retry_ms, -1);
    assert_true(caller->has_pushback);
    assert_int_equal(caller->pushback_ms, -1);
    assert_trailer(caller, "x-circuit-state", "forced_open");
    assert_int_equal(scene->world.b.received, 0);
    assert_string_equal(read_statuses(&ask(scene, STATUS, request_for("ServiceB_CB"))->response),
                        "ServiceB_CB 4 4; ");
    scene_close(scene);
}

static void a_breaker_that_is_not_there_is_not_found(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct caller *caller = ask(scene, STATUS, request_for("ServiceC_CB"));
    assert_int_equal(caller->code, BW_NOT_FOUND);
    assert_string_equal(caller->message,
                        "no circuit breaker is named ServiceC_CB; there are ServiceB_CB and "
                        "ServiceB_Control_CB");
    assert_int_equal(watch(scene, request_for("ServiceC_CB"))->code, BW_NOT_FOUND);
    assert_int_equal(ask(scene, STATUS, bw_span_of("\x0a\x09x", 3))->code, BW_INTERNAL);
    scene_close(scene);
}

static void a_watcher_gets_all_at_once_and_then_each_change(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct caller *all = watch(scene, nothing());
    struct caller *control = watch(scene, request_for("ServiceB_Control_CB"));
    assert_int_equal(all->messages, 1);
    assert_string_equal(read_statuses(&all->response), "ServiceB_CB 1 1; ServiceB_Control_CB 1 1; ");
    assert_string_equal(read_statuses(&control->response), "ServiceB_Control_CB 1 1; ");
    world_trip(&scene->world, scene->data);
    assert_int_equal(all->messages, 2);
    assert_string_equal(read_statuses(&all->response), "ServiceB_CB 2 2; ");
    assert_int_equal(control->messages, 1);
    world_advance(&scene->world, OPEN_MS);
    assert_int_equal(all->messages, 3);
    assert_string_equal(read_statuses(&all->response), "ServiceB_CB 3 3; ");
    world_trip(&scene->world, scene->control);
    assert_int_equal(control->messages, 2);
    assert_int_equal(all->ends + control->ends, 0);
    scene_close(scene);
}

static void a_watcher_that_left_is_forgotten(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct caller *first = watch(scene, nothing()), *second = watch(scene, nothing());
    struct caller *third = watch(scene, nothing());
    bw_call_cancel(second->call, scene->world.now_ms);
    world_settle(&scene->world);
    world_trip(&scene->world, scene->data);
    assert_int_equal(first->messages, 2);
    assert_int_equal(second->messages, 1);
    assert_int_equal(third->messages, 2);
    scene_close(scene);
}

static void a_drain_ends_the_watchers(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct caller *watcher = watch(scene, nothing());
    face_drain(scene->face);
    world_settle(&scene->world);
    assert_int_equal(watcher->code, BW_UNAVAILABLE);
    assert_string_equal(watcher->message, "service-a is shutting down");
    scene_close(scene);
}

BW_TESTS(cmocka_unit_test(bytes_pass_unread_both_ways),
         cmocka_unit_test(methods_that_nobody_knows_here_are_forwarded_too),
         cmocka_unit_test(metadata_passes_both_ways), cmocka_unit_test(what_a_failure_says_passes),
         cmocka_unit_test(a_short_deadline_of_the_caller_passes_on),
         cmocka_unit_test(a_long_deadline_is_cut_to_our_own),
         cmocka_unit_test(a_callers_cancel_reaches_the_server),
         cmocka_unit_test(a_caller_that_is_lost_cancels_too),
         cmocka_unit_test(an_unknown_service_is_unimplemented),
         cmocka_unit_test(a_rejected_call_says_when_to_come_again),
         cmocka_unit_test(control_calls_have_a_breaker_of_their_own),
         cmocka_unit_test(failures_of_rpc_callers_open_the_circuit),
         cmocka_unit_test(get_status_tells_all_or_one),
         cmocka_unit_test(get_status_tells_every_parameter_in_effect),
         cmocka_unit_test(a_breaker_that_is_not_there_is_not_found),
         cmocka_unit_test(a_watcher_gets_all_at_once_and_then_each_change),
         cmocka_unit_test(a_watcher_that_left_is_forgotten), cmocka_unit_test(a_drain_ends_the_watchers),
         cmocka_unit_test(a_circuit_held_open_by_hand_names_no_time))
