#include "world.h"

#include "fault_watch.h"

#define FAULT "\x0a\x02\x08\x64" /* GetFaultResponse{fault: {failure_percent: 100}} */

struct told {
    unsigned known, unknown;
    struct stub_fault last;
};

struct scene {
    struct world world;
    struct fault_watch *watch;
    struct told told;
};

static void on_fault(void *user, const struct stub_fault *fault) {
    struct told *told = user;
    if (!fault) {
        told->unknown++;
        return;
    }
    told->known++;
    told->last = *fault;
}

static struct scene *scene_open(void) {
    static struct scene scene;
    scene.told = (struct told){.known = 0};
    world_open(&scene.world);
    scene.world.b.answer.response = bw_span_text(FAULT);
    scene.watch = fault_watch_new(scene.world.to_b.channel, bw_wire_wake(), on_fault, &scene.told);
    assert_non_null(scene.watch);
    world_add_clocked(&scene.world, fault_watch_clocked(scene.watch));
    return &scene;
}

static void scene_close(struct scene *scene) {
    world_close(&scene->world);
    fault_watch_free(scene->watch);
}

static void nobody_is_asked_while_nobody_watches(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    world_advance(&scene->world, 5000);
    assert_int_equal(scene->world.b.received, 0);
    assert_int_equal(scene->world.to_b.dials, 0);
    scene_close(scene);
}

static void the_first_viewer_asks_at_once_and_then_once_a_second(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    fault_watch_viewers(scene->watch, 1);
    assert_int_equal(scene->told.known, 0);
    world_settle(&scene->world);
    assert_string_equal(scene->world.b.path, STUB_GET_FAULT_PATH);
    assert_int_equal(scene->told.known, 1);
    assert_int_equal(scene->told.last.failure_percent, 100);
    world_advance(&scene->world, 999);
    assert_int_equal(scene->world.b.received, 1);
    world_advance(&scene->world, 1);
    assert_int_equal(scene->world.b.received, 2);
    world_advance(&scene->world, 8000);
    assert_int_equal(scene->world.b.received, 10);
    scene_close(scene);
}

static void more_viewers_do_not_ask_more(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    for (size_t viewers = 1; viewers < 10; viewers++) {
        fault_watch_viewers(scene->watch, viewers);
        world_settle(&scene->world);
    }
    assert_int_equal(scene->world.b.received, 1);
    scene_close(scene);
}

static void it_stops_with_the_last_viewer(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    fault_watch_viewers(scene->watch, 2);
    world_settle(&scene->world);
    fault_watch_viewers(scene->watch, 1);
    world_advance(&scene->world, 1000);
    assert_int_equal(scene->world.b.received, 2);
    fault_watch_viewers(scene->watch, 0);
    world_advance(&scene->world, 5000);
    assert_int_equal(scene->world.b.received, 2);
    scene_close(scene);
}

static void silence_makes_the_fault_unknown_and_does_not_pile_up(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    fault_watch_viewers(scene->watch, 1);
    world_advance(&scene->world, 899);
    assert_int_equal(scene->told.unknown, 0);
    world_advance(&scene->world, 1);
    assert_int_equal(scene->told.unknown, 1);
    assert_int_equal(scene->told.known, 0);
    world_advance(&scene->world, 3000);
    assert_int_equal(scene->world.b.received, 4);
    assert_int_equal(bw_channel_calls(scene->world.to_b.channel), 0);
    scene_close(scene);
}

static void an_answer_without_a_fault_is_unknown(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    fault_watch_viewers(scene->watch, 1);
    world_settle(&scene->world);
    scene->world.b.answer.response = bw_span_text("\x0a\x7f");
    world_advance(&scene->world, 1000);
    assert_int_equal(scene->told.unknown, 1);
    scene->world.b.answer = (struct answer){.code = BW_UNIMPLEMENTED};
    world_advance(&scene->world, 1000);
    assert_int_equal(scene->told.unknown, 2);
    assert_int_equal(scene->told.known, 1);
    scene_close(scene);
}

static void it_may_go_while_a_question_is_out(void **state) {
    (void)state;
    struct scene *scene = scene_open();
    scene->world.b.answer.never = true;
    fault_watch_viewers(scene->watch, 1);
    world_settle(&scene->world);
    scene_close(scene); /* the sanitizer tells of leaks */
}

BW_TESTS(cmocka_unit_test(nobody_is_asked_while_nobody_watches),
         cmocka_unit_test(the_first_viewer_asks_at_once_and_then_once_a_second),
         cmocka_unit_test(more_viewers_do_not_ask_more), cmocka_unit_test(it_stops_with_the_last_viewer),
         cmocka_unit_test(silence_makes_the_fault_unknown_and_does_not_pile_up),
         cmocka_unit_test(an_answer_without_a_fault_is_unknown),
         cmocka_unit_test(it_may_go_while_a_question_is_out))
