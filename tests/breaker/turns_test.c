/* Who needs the operators' lock waits for it, and what operators do is told exactly. It looks inside the
 * library. */
#define _XOPEN_SOURCE 700 /* setitimer */

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "run.h"
#include "scene.h"

#include "../../lib/breaker/inside.h"

static struct bw_breaker *locked;
static volatile sig_atomic_t was_let_in;

/* Runs when the function has spun for some CPU time. */
static void let_in(int signal_number) {
    (void)signal_number;
    was_let_in = 1;
    bw_inside_unlock(locked);
}

static void force(struct scene *s) {
    bw_breaker_force(s->breaker, 0, BW_DISABLED, 0);
}
static void reset(struct scene *s) {
    bw_breaker_reset(s->breaker, 0);
}
static void hold(struct scene *s) {
    bw_breaker_hold(s->breaker, 0, "ann");
}
static void release_hold(struct scene *s) {
    bw_breaker_release_hold(s->breaker, 0, "ann");
}
static void reconfigure(struct scene *s) {
    bw_breaker_reconfigure(s->breaker, &s->config, 0);
}
static void configured(struct scene *s) {
    bw_breaker_configured(s->breaker, &s->config);
}
static void save(struct scene *s) {
    bw_breaker_save(s->breaker, (struct bw_instant){0, 0}, NULL, 0);
}
static void load(struct scene *s) {
    static const char bytes[] = "bwBR\1\5scene\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_int_equal(bw_breaker_load(s->breaker, (struct bw_instant){0, 0}, bytes, 36), 0);
}

static void everybody_waits_for_the_lock_and_gives_it_back(void **state) {
    (void)state;
    static void (*const uses[])(struct scene *) = {force,       reset,      hold, release_hold,
                                                   reconfigure, configured, save, load};
    struct sigaction action = {.sa_handler = let_in}, before;
    struct itimerval soon = {.it_value = {.tv_usec = 20000}}, never = {.it_value = {0}};
    sigaction(SIGVTALRM, &action, &before);
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        struct scene s;
        scene_start(&s, "");
        locked = s.breaker;
        was_let_in = 0;
        bw_inside_lock(s.breaker);
        setitimer(ITIMER_VIRTUAL, &soon, NULL);
        uses[i](&s);
        if (!was_let_in)
            fail_msg("use %zu did not wait", i);
        setitimer(ITIMER_VIRTUAL, &never, NULL);
        assert_false(atomic_flag_test_and_set(&s.breaker->lock));
        bw_inside_unlock(s.breaker);
        scene_end(&s);
    }
    sigaction(SIGVTALRM, &before, NULL);
}

static void what_operators_do_has_no_code(void **state) {
    (void)state;
    struct scene s;
    struct bw_event events[8];
    scene_start(&s, "open_ms=100");
    scene_play(&s,
               "1 reset\n2 force open 70\n3 force open\n4 force half_open\n5 reconfigure open_ms=160\n"
               "6 hold\n7 reconfigure open_ms=100\n8 release_hold\n");
    static const uint64_t open_ms[] = {0, 70, 100, 0, 0, 0, 0, 0};
    assert_int_equal(bw_breaker_events(s.breaker, 0, events, 8), 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(events[i].at_ms, i + 1);
        assert_int_equal(events[i].code, -1);
        assert_int_equal(events[i].open_ms, open_ms[i]);
        assert_int_equal(events[i].transition, i != 6);
    }
    scene_end(&s);
}

static void only_states_that_can_be_forced_are(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    for (int to = -1; to < 9; to++)
        assert_int_equal(bw_breaker_force(s.breaker, 0, (enum bw_state)to, 0),
                         to < 0 || to > 5 || to == 3 ? BW_BREAKER_REFUSED : 0);
    char name[65] = "";
    memset(name, 'x', 64);
    assert_int_equal(bw_breaker_hold(s.breaker, 0, name), BW_BREAKER_NAME);
    name[63] = 0;
    assert_int_equal(bw_breaker_hold(s.breaker, 0, name), 0);
    s.config.trip_consecutive = 70000;
    assert_int_equal(bw_breaker_reconfigure(s.breaker, &s.config, 0), BW_BREAKER_CONFIGURATION);
    scene_end(&s);
}

static void the_snapshot_tells_the_code_and_no_time_before_the_start(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start_at(&s, "trip_consecutive=9 open_ms=100 open_backoff=2 probe_lease_ms=700", 50);
    assert_int_equal(atomic_load(&s.breaker->generation), 1);
    scene_play(&s, "50 call fail code=15\n");
    bw_breaker_snapshot(s.breaker, 49, &p);
    assert_int_equal(p.last_failure_code, 15);
    assert_int_equal(p.last_failure_ms, 50);
    assert_int_equal(p.counters.ms_in_state[BW_CLOSED], 0);
    assert_int_equal(p.open_ms, 100);
    assert_int_equal(p.probe_lease_ms, 700);
    scene_end(&s);
}

static void a_state_was_entered_as_often_as_it_was_for_any_reason_from_another_state(void **state) {
    (void)state;
    struct scene s;
    struct bw_breaker_snapshot p;
    scene_start(&s, "");
    for (int from = 0; from < BW_STATES; from++)
        for (int to = 0; to < BW_STATES; to++)
            for (int reason = 0; reason < BW_REASONS; reason++)
                atomic_store(&s.breaker->transitions[from][to][reason],
                             1 + (uint64_t)(100 * to + 1000 * from));
    bw_breaker_snapshot(s.breaker, 0, &p);
    for (int to = 0; to < BW_STATES; to++)
        assert_int_equal(p.counters.entered[to], BW_REASONS * (5 + 5 * 100 * to + 1000 * (15 - to)));
    scene_end(&s);
}

static void versions_of_the_policy_take_turns_in_two_cells(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "open_ms=100");
    uint64_t first = atomic_load(&s.breaker->policy_version);
    scene_play(&s, "0 reconfigure open_ms=200\n");
    assert_int_equal(atomic_load(&s.breaker->policy_version), first + 1);
    scene_play(&s, "0 reconfigure open_ms=300\n");
    assert_int_equal(atomic_load(&s.breaker->policy_version), first + 2);
    assert_memory_not_equal(&s.breaker->policy_cells[0], &s.breaker->policy_cells[1],
                            sizeof s.breaker->policy_cells[0]);
    scene_end(&s);
}

BW_TESTS(cmocka_unit_test(everybody_waits_for_the_lock_and_gives_it_back),
         cmocka_unit_test(what_operators_do_has_no_code),
         cmocka_unit_test(only_states_that_can_be_forced_are),
         cmocka_unit_test(the_snapshot_tells_the_code_and_no_time_before_the_start),
         cmocka_unit_test(a_state_was_entered_as_often_as_it_was_for_any_reason_from_another_state),
         cmocka_unit_test(versions_of_the_policy_take_turns_in_two_cells))
