/* status.h and the readers of feed.h: everything is read back by a JSON parser that is not ours. */
#include "scene.h"

#include "status.h"

static json_t *breaker_json(struct scene *scene, const struct guard *guard) {
    struct bw_buf out;
    struct bw_json json;
    struct times times = world_times(&scene->world);
    bw_buf_init(&out, 0);
    bw_json_init(&json, &out);
    bw_json_object_begin(&json);
    status_breaker_keys(&json, guard, &times);
    bw_json_object_end(&json);
    json_t *read = parse(bw_buf_span(&out));
    bw_buf_free(&out);
    return read;
}

static json_t *feed_json(const struct scene *scene) {
    struct bw_buf out;
    bw_buf_init(&out, 0);
    feed_status(scene->feed, &out);
    json_t *read = parse(bw_buf_span(&out));
    bw_buf_free(&out);
    return read;
}

#define BREAKER_KEYS                                                                                         \
    "circuit_breaker_name state failure_count failure_threshold recovery_timeout last_failure_time view "    \
    "retry_after_ms generation open_attempt consecutive_failures last_reason since in_state_ms "             \
    "request_timeout probe_budget probes_in_flight probe_lease_ms window counters events"

static void a_fresh_breaker_is_all_quiet(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_advance(&scene->world, 1234);
    json_t *json = breaker_json(scene, scene->data);
    assert_keys(json, BREAKER_KEYS);
    assert_string_equal(text_of(json, "state"), "closed");
    assert_string_equal(text_of(json, "view"), "closed");
    assert_string_equal(text_of(json, "last_reason"), "");
    assert_string_equal(text_of(json, "since"), "2026-01-31T12:00:00.000Z");
    assert_int_equal(number_of(json, "in_state_ms"), 1234);
    assert_int_equal(number_of(json, "failure_count"), 0);
    assert_int_equal(number_of(json, "failure_threshold"), TRIP);
    assert_int_equal(number_of(json, "retry_after_ms"), 0);
    assert_int_equal(number_of(json, "generation"), 1);
    assert_int_equal(number_of(json, "window.calls"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 0);
    json_decref(json);
    scene_close(scene);
}

static void an_open_breaker_tells_everything(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_call(&scene->world, scene->data);
    world_advance(&scene->world, 500);
    world_trip(&scene->world, scene->data);
    world_call(&scene->world, scene->data);
    world_advance(&scene->world, 100);
    json_t *json = breaker_json(scene, scene->data);
    assert_string_equal(text_of(json, "state"), "open");
    assert_string_equal(text_of(json, "last_reason"), "CONSECUTIVE");
    assert_string_equal(text_of(json, "since"), "2026-01-31T12:00:00.500Z");
    assert_string_equal(text_of(json, "last_failure_time"), "2026-01-31T12:00:00.500Z");
    assert_int_equal(number_of(json, "retry_after_ms"), OPEN_MS - 100);
    assert_int_equal(number_of(json, "failure_count"), TRIP);
    assert_int_equal(number_of(json, "consecutive_failures"), 0);
    assert_int_equal(number_of(json, "counters.admitted"), 1 + TRIP);
    assert_int_equal(number_of(json, "counters.ok"), 1);
    assert_int_equal(number_of(json, "counters.failed"), TRIP);
    assert_int_equal(number_of(json, "counters.rejected_open"), 1);
    assert_int_equal(number_of(json, "counters.opened"), 1);
    assert_int_equal(number_of(json, "counters.double"), 0);
    json_decref(json);
    scene_close(scene);
}

static void a_change_says_what_did_it(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->data);
    json_t *json = breaker_json(scene, scene->data);
    json_t *change = json_array_get(json_object_get(json, "events"), 0);
    assert_keys(change, "breaker at seq from to reason value threshold code retry_after_ms generation last");
    assert_string_equal(text_of(change, "breaker"), "ServiceB_CB");
    assert_string_equal(text_of(change, "from"), "closed");
    assert_string_equal(text_of(change, "to"), "open");
    assert_string_equal(text_of(change, "code"), "INTERNAL");
    assert_int_equal(json_array_size(json_object_get(change, "last")), TRIP);
    assert_keys(json_array_get(json_object_get(change, "last"), 0), "code latency_ms");
    json_decref(json);
    world_advance(&scene->world, OPEN_MS);
    json = breaker_json(scene, scene->data);
    change = json_array_get(json_object_get(json, "events"), 1);
    assert_string_equal(text_of(change, "reason"), "OPEN_ELAPSED");
    assert_true(json_is_null(json_object_get(change, "code"))); /* no result did it */
    json_decref(json);
    scene_close(scene);
}

static void only_the_newest_changes_are_shown_oldest_first(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    for (int i = 0; i < 7; i++) { /* three changes each */
        world_trip(&scene->world, scene->data);
        world_advance(&scene->world, OPEN_MS);
        world_call(&scene->world, scene->data);
    }
    json_t *json = breaker_json(scene, scene->data), *events = json_object_get(json, "events");
    assert_int_equal(json_array_size(events), 16);
    assert_int_equal(number_of(json_array_get(events, 0), "seq"), 6);
    assert_int_equal(number_of(json_array_get(events, 15), "seq"), 21);
    json_decref(json);
    scene_close(scene);
}

static void times_in_seconds_keep_their_decimals(void **state) {
    (void)state;
    struct bw_breaker_config breaker;
    world_breaker_config(&breaker);
    breaker.open_ms = 1500;
    struct scene *scene = scene_open_with(&breaker);
    json_t *json = breaker_json(scene, scene->data);
    assert_true(json_number_value(json_object_get(json, "recovery_timeout")) == 1.5);
    assert_true(json_number_value(json_object_get(json, "request_timeout")) == 3.0);
    json_decref(json);
    scene_close(scene);
}

static void a_circuit_held_open_by_hand_has_no_retry_time(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_hold(&scene->world, scene->data);
    json_t *json = breaker_json(scene, scene->data);
    assert_string_equal(text_of(json, "state"), "forced_open");
    assert_true(json_is_null(json_object_get(json, "retry_after_ms")));
    json_decref(json);
    const struct reply *reply = scene_post(scene, "/call-service-b");
    assert_int_equal(reply->status, 503);
    assert_null(reply_field(reply, "Retry-After"));
    scene_close(scene);
}

static void a_fault_that_was_never_known_is_told_once(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct bw_wire *viewer = scene_browse(scene, "GET /events", NULL);
    world_settle(&scene->world);
    feed_fault(scene->feed, NULL);
    feed_fault(scene->feed, NULL);
    world_settle(&scene->world);
    const struct reply *reply = reply_read(viewer);
    const char *first = strstr(reply->text, "event: fault\ndata: null\n");
    assert_non_null(first);
    assert_null(strstr(first + 1, "event: fault"));
    scene_close(scene);
}

static void a_call_is_an_object_with_its_outcome(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct times times = world_times(&scene->world);
    struct guard_result result = {.code = 13,
                                  .code_name = "INTERNAL",
                                  .message = "\"odd\"\x01\xff",
                                  .latency_ms = 7,
                                  .state = "half_open",
                                  .breaker = "ServiceB_CB",
                                  .probe = true};
    struct bw_buf out;
    struct bw_json json;
    bw_buf_init(&out, 0);
    bw_json_init(&json, &out);
    status_call(&json, &result, &times);
    json_t *read = parse(bw_buf_span(&out));
    assert_keys(read, "breaker at outcome code message latency_ms probe retry_after_ms circuit_state");
    assert_string_equal(text_of(read, "outcome"), "failed");
    assert_string_equal(text_of(read, "message"), "\"odd\"\x01\xef\xbf\xbd");
    assert_true(json_is_true(json_object_get(read, "probe")));
    json_decref(read);
    bw_buf_free(&out);
    scene_close(scene);
}

static void an_outcome_has_three_names(void **state) {
    (void)state;
    struct guard_result ok = {.code = 0}, failed = {.code = 4}, rejected = {.code = 14, .rejected = true};
    assert_string_equal(status_outcome(&ok), "ok");
    assert_string_equal(status_outcome(&failed), "failed");
    assert_string_equal(status_outcome(&rejected), "rejected");
}

/* ---- /circuit-status as a whole ---- */

static void the_whole_status_has_both_breakers(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_trip(&scene->world, scene->control);
    world_advance(&scene->world, 10);
    json_t *json = feed_json(scene);
    assert_keys(json, BREAKER_KEYS " configuration fault calls uptime_ms version breakers");
    assert_string_equal(text_of(json, "state"), "closed"); /* of ServiceB_CB */
    assert_true(json_is_null(json_object_get(json, "fault")));
    assert_int_equal(number_of(json, "uptime_ms"), 10);
    assert_string_equal(text_of(json, "version"), "1.2.3");
    json_t *breakers = json_object_get(json, "breakers");
    assert_int_equal(json_array_size(breakers), 2);
    assert_keys(json_array_get(breakers, 0), BREAKER_KEYS " configuration");
    assert_string_equal(text_of(json_array_get(breakers, 1), "circuit_breaker_name"), "ServiceB_Control_CB");
    assert_string_equal(text_of(json_array_get(breakers, 1), "state"), "open");
    json_decref(json);
    scene_close(scene);
}

/* What /circuit-status says, taken for a breaker of the file, configures the same breaker. */
static void the_configuration_in_effect_can_be_taken_as_a_configuration(void **state) {
    (void)state;
    struct bw_breaker_config breaker, again;
    world_breaker_config(&breaker);
    breaker.open_backoff = 1.5;
    breaker.jitter_seed = UINT64_MAX;
    breaker.honour_pushback = false;
    breaker.weight[13] = 4;
    struct scene *scene = scene_open_with(&breaker);
    json_t *json = feed_json(scene), *value, *shown = json_object_get(json, "configuration");
    const char *key;
    bw_breaker_config_default(&again);
    assert_int_equal(json_object_size(shown), bw_breaker_params_count);
    json_object_foreach(shown, key, value) {
        char *dumped = json_dumps(value, JSON_ENCODE_ANY);
        const char *text = json_is_string(value) ? json_string_value(value) : dumped;
        assert_int_equal(bw_breaker_config_set(&again, key, text, NULL, 0), 0);
        free(dumped);
    }
    assert_memory_equal(&again, &breaker, sizeof again);
    assert_true(json_number_value(json_object_get(shown, "open_backoff")) == 1.5);
    assert_true(json_is_false(json_object_get(shown, "honour_pushback")));
    assert_string_equal(text_of(shown, "jitter_seed"), "18446744073709551615");
    assert_string_equal(text_of(shown, "probe_lease_ms"), "auto");
    assert_string_equal(text_of(shown, "window"), "none");
    json_decref(json);
    scene_close(scene);
}

static void the_last_calls_are_kept(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct feed_call calls[FEED_CALLS_SHOWN + 5];
    assert_int_equal(feed_calls(scene->feed, calls, FEED_CALLS_SHOWN), 0);
    for (int i = 0; i < FEED_CALLS_SHOWN + 5; i++) {
        scene->world.b.answer.code = i == FEED_CALLS_SHOWN + 4 ? BW_NOT_FOUND : BW_OK;
        world_call(&scene->world, scene->data);
        world_advance(&scene->world, 1);
    }
    json_t *json = feed_json(scene), *shown = json_object_get(json, "calls");
    assert_int_equal(json_array_size(shown), FEED_CALLS_SHOWN);
    assert_string_equal(text_of(json_array_get(shown, 0), "at"), "2026-01-31T12:00:00.005Z");
    assert_string_equal(text_of(json_array_get(shown, FEED_CALLS_SHOWN - 1), "code"), "NOT_FOUND");
    json_decref(json);
    assert_int_equal(feed_calls(scene->feed, calls, FEED_CALLS_SHOWN + 5), FEED_CALLS_SHOWN);
    assert_string_equal(calls[0].code, "NOT_FOUND"); /* newest first */
    assert_string_equal(calls[0].outcome, "failed");
    assert_string_equal(calls[1].outcome, "ok");
    assert_int_equal(calls[FEED_CALLS_SHOWN - 1].wall_ms, START_WALL_MS + 5);
    assert_int_equal(feed_calls(scene->feed, calls, 3), 3);
    assert_string_equal(calls[0].code, "NOT_FOUND");
    scene_close(scene);
}

static void a_fault_shows_while_it_is_known(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    struct stub_fault fault = {30, 14, 2000, 5000};
    feed_fault(scene->feed, &fault);
    json_t *json = feed_json(scene);
    assert_keys(json_object_get(json, "fault"), "failure_percent status_code latency_min_ms latency_max_ms");
    assert_int_equal(number_of(json, "fault.failure_percent"), 30);
    assert_int_equal(number_of(json, "fault.status_code"), 14);
    assert_int_equal(number_of(json, "fault.latency_min_ms"), 2000);
    assert_int_equal(number_of(json, "fault.latency_max_ms"), 5000);
    json_decref(json);
    feed_fault(scene->feed, NULL);
    json = feed_json(scene);
    assert_true(json_is_null(json_object_get(json, "fault")));
    json_decref(json);
    scene_close(scene);
}

BW_TESTS(cmocka_unit_test(a_fresh_breaker_is_all_quiet), cmocka_unit_test(an_open_breaker_tells_everything),
         cmocka_unit_test(a_change_says_what_did_it),
         cmocka_unit_test(only_the_newest_changes_are_shown_oldest_first),
         cmocka_unit_test(times_in_seconds_keep_their_decimals),
         cmocka_unit_test(a_call_is_an_object_with_its_outcome), cmocka_unit_test(an_outcome_has_three_names),
         cmocka_unit_test(the_configuration_in_effect_can_be_taken_as_a_configuration),
         cmocka_unit_test(the_whole_status_has_both_breakers), cmocka_unit_test(the_last_calls_are_kept),
         cmocka_unit_test(a_fault_shows_while_it_is_known),
         cmocka_unit_test(a_circuit_held_open_by_hand_has_no_retry_time),
         cmocka_unit_test(a_fault_that_was_never_known_is_told_once))
