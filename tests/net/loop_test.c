#include "world.h"

#include <signal.h>
#include <unistd.h>

struct ticker {
    struct bw_clockwork *clockwork;
    uint64_t deadline, ticks_ms[8];
    unsigned ticks;
    uint64_t step_ms;
    bool frees_itself;
    struct bw_loop *stops;
};

static void tick(void *self, uint64_t now) {
    struct ticker *ticker = self;
    ticker->ticks_ms[ticker->ticks % 8] = now;
    ticker->ticks++;
    ticker->deadline = ticker->step_ms && ticker->ticks < 3 ? now + ticker->step_ms : BW_NEVER;
    if (ticker->stops)
        bw_loop_stop(ticker->stops);
    if (ticker->frees_itself)
        bw_clockwork_free(ticker->clockwork);
}

static uint64_t next_deadline(const void *self) {
    return ((const struct ticker *)self)->deadline;
}

static const struct bw_clocked_ops ticker_ops = {tick, next_deadline};

static void start(struct world *world, struct ticker *ticker) {
    ticker->clockwork = bw_loop_clocked_add(world->loop);
    assert_non_null(ticker->clockwork);
    bw_clockwork_start(ticker->clockwork, (struct bw_clocked){&ticker_ops, ticker});
}

static bool ticked_once(void *ticker) {
    return ((struct ticker *)ticker)->ticks >= 1;
}

static bool ticked_three_times(void *ticker) {
    return ((struct ticker *)ticker)->ticks >= 3;
}

static void deadline_zero_is_at_once(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct ticker ticker = {.deadline = 0};
    start(&world, &ticker);
    world_run(&world, ticked_once, &ticker);
    assert_int_equal(ticker.ticks, 1);
    bw_clockwork_free(ticker.clockwork);
    world_close(&world);
}

static void a_clocked_thing_rearms_itself_and_is_never_early(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct ticker ticker = {.deadline = bw_loop_now(world.loop) + 5, .step_ms = 7};
    uint64_t first = ticker.deadline;
    start(&world, &ticker);
    world_run(&world, ticked_three_times, &ticker);
    assert_int_equal(ticker.ticks, 3);
    assert_true(ticker.ticks_ms[0] >= first);
    assert_true(ticker.ticks_ms[1] >= ticker.ticks_ms[0] + 7);
    assert_true(ticker.ticks_ms[2] >= ticker.ticks_ms[1] + 7);
    bw_clockwork_free(ticker.clockwork);
    world_close(&world);
}

static void never_does_not_tick_until_a_wake_brings_a_deadline(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct ticker sleeper = {.deadline = BW_NEVER}, other = {.deadline = 0, .step_ms = 2};
    start(&world, &sleeper);
    start(&world, &other);
    world_run(&world, ticked_three_times, &other);
    assert_int_equal(sleeper.ticks, 0);
    sleeper.deadline = bw_loop_now(world.loop) + 3;
    struct bw_wake wake = bw_clockwork_wake(sleeper.clockwork);
    bw_wake_up(&wake);
    world_run(&world, ticked_once, &sleeper);
    assert_int_equal(sleeper.ticks, 1);
    bw_clockwork_free(sleeper.clockwork);
    bw_clockwork_free(other.clockwork);
    world_close(&world);
}

static void a_clockwork_may_be_freed_inside_its_tick(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct ticker ticker = {.deadline = 0, .frees_itself = true};
    start(&world, &ticker);
    world_run(&world, ticked_once, &ticker);
    world_close(&world);
}

static void a_clockwork_may_outlive_its_loop(void **state) {
    (void)state;
    struct bw_loop *loop = bw_loop_new();
    struct bw_clockwork *clockwork = bw_loop_clocked_add(loop);
    struct bw_wake wake = bw_clockwork_wake(clockwork);
    bw_wake_up(&wake);
    bw_loop_free(loop);
    bw_wake_up(&wake);
    bw_clockwork_free(clockwork);
}

/* Two that wake each other for ever: the loop still reaches its timers and sockets. */
struct waker {
    struct bw_wake other;
};

static void wake_other(void *self, uint64_t now) {
    (void)now;
    bw_wake_up(&((struct waker *)self)->other);
}

static uint64_t at_once(const void *self) {
    (void)self;
    return 0;
}

static const struct bw_clocked_ops waker_ops = {wake_other, at_once};

static void a_storm_of_wakes_starves_nobody(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct bw_clockwork *a = bw_loop_clocked_add(world.loop), *b = bw_loop_clocked_add(world.loop);
    struct waker to_b = {bw_clockwork_wake(b)}, to_a = {bw_clockwork_wake(a)};
    bw_clockwork_start(a, (struct bw_clocked){&waker_ops, &to_b});
    bw_clockwork_start(b, (struct bw_clocked){&waker_ops, &to_a});
    struct ticker ticker = {.deadline = bw_loop_now(world.loop) + 5};
    start(&world, &ticker);
    world_run(&world, ticked_once, &ticker);
    bw_clockwork_free(a);
    bw_clockwork_free(b);
    bw_clockwork_free(ticker.clockwork);
    world_close(&world);
}

struct counter {
    struct bw_loop *loop;
    unsigned ticks;
};

static void count_to_a_hundred(void *self, uint64_t now) {
    struct counter *counter = self;
    (void)now;
    if (++counter->ticks == 100)
        bw_loop_stop(counter->loop);
}

static const struct bw_clocked_ops counter_ops = {count_to_a_hundred, at_once};

static void the_loop_does_not_sleep_while_something_is_marked(void **state) {
    (void)state;
    struct bw_loop *loop = bw_loop_new();
    struct counter counter = {loop, 0};
    struct ticker watchdog = {.deadline = bw_loop_now(loop) + WATCHDOG_MS, .stops = loop};
    struct bw_clockwork *busy = bw_loop_clocked_add(loop);
    watchdog.clockwork = bw_loop_clocked_add(loop);
    bw_clockwork_start(busy, (struct bw_clocked){&counter_ops, &counter});
    bw_clockwork_start(watchdog.clockwork, (struct bw_clocked){&ticker_ops, &watchdog});
    bw_loop_run(loop);
    assert_int_equal(watchdog.ticks, 0);
    bw_clockwork_free(busy);
    bw_clockwork_free(watchdog.clockwork);
    bw_loop_free(loop);
}

static void on_signal(void *user, int signum) {
    assert_int_equal(signum, SIGUSR1);
    ++*(int *)user;
}

static bool counted(void *user) {
    return *(int *)user > 0;
}

static void a_signal_is_delivered_by_the_loop(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    int count = 0;
    assert_true(bw_loop_on_signal(world.loop, SIGUSR1, on_signal, &count));
    assert_false(bw_loop_on_signal(world.loop, SIGKILL, on_signal, &count));
    raise(SIGUSR1);
    assert_int_equal(count, 0);
    world_run(&world, counted, &count);
    assert_int_equal(count, 1);
    world_close(&world);
}

static void a_stop_before_the_run_makes_it_return(void **state) {
    (void)state;
    struct bw_loop *loop = bw_loop_new();
    bw_loop_stop(loop);
    bw_loop_run(loop);
    bw_loop_free(loop);
    bw_loop_free(NULL);
}

static void random_bytes_differ_and_the_wall_clock_is_in_this_century(void **state) {
    (void)state;
    uint8_t a[16], b[16];
    assert_true(bw_random_bytes(a, sizeof a) && bw_random_bytes(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(bw_wall_ms() > UINT64_C(1700000000000) && bw_wall_ms() < UINT64_C(4102444800000));
}

static void the_ready_line_is_one_line_on_stdout(void **state) {
    (void)state;
    int ends[2], saved = dup(STDOUT_FILENO);
    char text[32] = "";
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    bool said = bw_net_ready_line("ready 127.0.0.1:5001");
    dup2(saved, STDOUT_FILENO);
    close(ends[1]);
    close(saved);
    assert_true(said);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 21);
    assert_string_equal(text, "ready 127.0.0.1:5001\n");
    close(ends[0]);
}

BW_TESTS(cmocka_unit_test(deadline_zero_is_at_once),
         cmocka_unit_test(a_clocked_thing_rearms_itself_and_is_never_early),
         cmocka_unit_test(never_does_not_tick_until_a_wake_brings_a_deadline),
         cmocka_unit_test(a_clockwork_may_be_freed_inside_its_tick),
         cmocka_unit_test(a_clockwork_may_outlive_its_loop),
         cmocka_unit_test(a_storm_of_wakes_starves_nobody),
         cmocka_unit_test(the_loop_does_not_sleep_while_something_is_marked),
         cmocka_unit_test(a_signal_is_delivered_by_the_loop),
         cmocka_unit_test(a_stop_before_the_run_makes_it_return),
         cmocka_unit_test(random_bytes_differ_and_the_wall_clock_is_in_this_century),
         cmocka_unit_test(the_ready_line_is_one_line_on_stdout))
