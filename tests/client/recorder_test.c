/* recorder.h: a guard's calls become a trace; its lines are compared as they stand. */
#include "world.h"

#include "recorder.h"

#include <stdio.h>

struct scene {
    struct world world;
    struct guard *guard;
    struct recorder *recorder;
    struct bw_buf trace;
    unsigned writes;
    bool woken;
};

static void on_call(void *user, const struct guard_result *result) {
    struct scene *scene = user;
    recorder_call(scene->recorder, result, scene->world.now_ms);
}

static void on_lines(void *user, struct bw_span lines) {
    struct scene *scene = user;
    scene->writes++;
    bw_buf_append_span(&scene->trace, lines);
}

static void wake(void *owner) {
    ((struct scene *)owner)->woken = true;
}

static void open_scene(struct scene *scene) {
    memset(scene, 0, sizeof *scene);
    world_open(&scene->world);
    scene->guard = world_guard(&scene->world, "ServiceB_CB", NULL);
    bw_buf_init(&scene->trace, 0);
    struct recorder_config config = {scene->guard, on_lines, scene};
    scene->recorder = recorder_new(&config, (struct bw_wake){wake, scene}, scene->world.now_ms);
    assert_non_null(scene->recorder);
    world_add_clocked(&scene->world, recorder_clocked(scene->recorder));
    scene->world.on_call = on_call;
    scene->world.user = scene;
}

static void close_scene(struct scene *scene) {
    world_close(&scene->world);
    recorder_free(scene->recorder);
    bw_buf_free(&scene->trace);
}

/* "t latency code; " of each line, and forgets them. */
static const char *trace_of(struct scene *scene) {
    static char text[4096];
    size_t n = 0;
    unsigned long t_ms, latency_ms;
    int code, used;
    text[0] = '\0';
    for (const char *at = bw_buf_text(&scene->trace);
         sscanf(at, "{\"t_ms\": %lu, \"latency_ms\": %lu, \"code\": %d}\n%n", &t_ms, &latency_ms, &code,
                &used) == 3;
         at += used)
        n += (size_t)snprintf(text + n, sizeof text - n, "%lu %lu %d; ", t_ms, latency_ms, code);
    bw_buf_clear(&scene->trace);
    return text;
}

static void start_call(struct scene *scene, uint64_t after_ms, int code) {
    world_next_answer(&scene->world, (struct answer){.after_ms = after_ms, .code = code});
    world_start(&scene->world, scene->guard, NULL);
}

static void each_call_is_a_line_with_start_latency_and_code(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    world_advance(&scene.world, 7);
    start_call(&scene, 30, BW_OK);
    world_advance(&scene.world, 100);
    start_call(&scene, 5, BW_UNAVAILABLE);
    world_advance(&scene.world, RECORDER_BATCH_MS);
    assert_string_equal(bw_buf_text(&scene.trace),
                        "{\"t_ms\": 7, \"latency_ms\": 30, \"code\": 0}\n"
                        "{\"t_ms\": 107, \"latency_ms\": 5, \"code\": 14}\n");
    assert_int_equal(scene.writes, 1);
    close_scene(&scene);
}

static void lines_stand_in_the_order_of_starts_whenever_calls_end(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    start_call(&scene, 2000, BW_OK);
    world_advance(&scene.world, 10);
    start_call(&scene, 1000, BW_INTERNAL);
    world_advance(&scene.world, 10);
    start_call(&scene, 1, BW_OK);
    world_advance(&scene.world, 1500);
    assert_string_equal(trace_of(&scene), ""); /* all wait for the first */
    world_advance(&scene.world, 480 + RECORDER_BATCH_MS);
    assert_string_equal(trace_of(&scene), "0 2000 0; 10 1000 13; 20 1 0; ");
    close_scene(&scene);
}

static void a_call_that_is_out_holds_back_only_later_ones(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    start_call(&scene, 1, BW_OK);
    world_advance(&scene.world, 10);
    start_call(&scene, 2000, BW_OK);
    start_call(&scene, 1, BW_NOT_FOUND); /* at the same instant: any order will do */
    world_advance(&scene.world, 10);
    start_call(&scene, 1, BW_OK);
    world_advance(&scene.world, RECORDER_BATCH_MS);
    assert_string_equal(trace_of(&scene), "0 1 0; 10 1 5; ");
    world_advance(&scene.world, 2500);
    assert_string_equal(trace_of(&scene), "10 2000 0; 20 1 0; ");
    close_scene(&scene);
}

static void what_says_nothing_about_the_peer_is_left_out(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    struct guard_request hasty = {.path = "/breakwire.demo.v1.DataService/GetData",
                                  .deadline_ms = scene.world.now_ms + 20};
    scene.world.b.answer.never = true;
    world_start(&scene.world, scene.guard, &hasty);
    world_advance(&scene.world, 20); /* too little time */
    struct seen *gone = world_start(&scene.world, scene.guard, NULL);
    world_settle(&scene.world);
    world_cancel(&scene.world, gone); /* hung up */
    scene.world.b.answer.never = false;
    world_trip(&scene.world, scene.guard);
    world_call(&scene.world, scene.guard); /* rejected */
    world_advance(&scene.world, RECORDER_BATCH_MS);
    assert_string_equal(trace_of(&scene), "20 0 13; 20 0 13; 20 0 13; ");
    close_scene(&scene);
}

static void a_call_that_takes_too_long_is_a_line_with_DEADLINE_EXCEEDED(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    scene.world.b.answer.never = true;
    world_start(&scene.world, scene.guard, NULL);
    world_advance(&scene.world, TIMEOUT_MS + RECORDER_BATCH_MS);
    assert_string_equal(trace_of(&scene), "0 3000 4; ");
    close_scene(&scene);
}

static void the_end_writes_what_waits_and_leaves_out_what_is_out(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    start_call(&scene, 2000, BW_OK);
    world_advance(&scene.world, 10);
    start_call(&scene, 1, BW_OK);
    world_advance(&scene.world, 5);
    recorder_finish(scene.recorder);
    assert_string_equal(trace_of(&scene), "10 1 0; ");
    world_advance(&scene.world, 4000);
    assert_string_equal(trace_of(&scene), ""); /* it would stand before a line that is written */
    assert_int_equal(recorder_missed(scene.recorder), 1);
    close_scene(&scene);
}

static void nothing_to_write_wakes_nobody(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    struct bw_clocked clocked = recorder_clocked(scene.recorder);
    assert_int_equal(clocked.ops->next_deadline(clocked.self), BW_NEVER);
    start_call(&scene, 1, BW_OK);
    world_advance(&scene.world, 1 + RECORDER_BATCH_MS);
    assert_true(scene.woken);
    assert_int_equal(clocked.ops->next_deadline(clocked.self), BW_NEVER);
    assert_int_equal(scene.writes, 1);
    close_scene(&scene);
}

/* A call that hangs for ever must not keep everything in memory. */
static void too_many_lines_do_not_wait_for_one_call(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    scene.world.b.answer.never = true;
    world_start(&scene.world, scene.guard, NULL);
    world_settle(&scene.world);
    for (unsigned i = 0; i <= RECORDER_HELD_MAX; i++) {
        uint64_t jumbled = 1 + (i * 7919u) % 65537u;
        struct guard_result result = {.started_ms = scene.world.now_ms + jumbled};
        recorder_call(scene.recorder, &result, scene.world.now_ms);
    }
    struct bw_clocked clocked = recorder_clocked(scene.recorder);
    clocked.ops->tick(clocked.self, scene.world.now_ms);
    assert_int_equal(scene.writes, 1);
    recorder_finish(scene.recorder);
    unsigned long last = 0, lines = 0, t_ms;
    for (const char *at = bw_buf_text(&scene.trace); sscanf(at, "{\"t_ms\": %lu", &t_ms) == 1;
         at = strchr(at, '\n') + 1, lines++) {
        assert_true(t_ms >= last);
        last = t_ms;
    }
    assert_int_equal(lines, RECORDER_HELD_MAX + 1);
    world_advance(&scene.world, TIMEOUT_MS); /* the one that hung comes too late */
    assert_int_equal(recorder_missed(scene.recorder), 1);
    close_scene(&scene);
}

BW_TESTS(cmocka_unit_test(each_call_is_a_line_with_start_latency_and_code),
         cmocka_unit_test(lines_stand_in_the_order_of_starts_whenever_calls_end),
         cmocka_unit_test(a_call_that_is_out_holds_back_only_later_ones),
         cmocka_unit_test(what_says_nothing_about_the_peer_is_left_out),
         cmocka_unit_test(a_call_that_takes_too_long_is_a_line_with_DEADLINE_EXCEEDED),
         cmocka_unit_test(the_end_writes_what_waits_and_leaves_out_what_is_out),
         cmocka_unit_test(nothing_to_write_wakes_nobody),
         cmocka_unit_test(too_many_lines_do_not_wait_for_one_call))
