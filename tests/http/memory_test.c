/* Every allocation of the library fails once, and from there on; and what a connection may hold has a limit.
 * Linked with --wrap for malloc, calloc, realloc and free, which count and fail only while `armed`. */
#include "app.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);

/* Each block carries its size in front. */
enum { FRONT = 16 };

static bool armed;
static long countdown; /* allocations that still succeed; < 0: no limit */
static bool fails_for_ever;
static size_t live, peak;

static bool may_allocate(void) {
    if (!armed || countdown < 0)
        return true;
    if (countdown > 0) {
        countdown--;
        return true;
    }
    if (!fails_for_ever)
        countdown = -1;
    return false;
}

static void *mark(char *block, size_t size) {
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    live += size;
    peak = live > peak ? live : peak;
    return block + FRONT;
}

void *__wrap_malloc(size_t size) {
    return may_allocate() ? mark(__real_malloc(size + FRONT), size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size) {
    return may_allocate() ? mark(__real_calloc(1, n * size + FRONT), n * size) : NULL;
}

void __wrap_free(void *old) {
    size_t size;
    if (!old)
        return;
    memcpy(&size, (char *)old - FRONT, sizeof size);
    live -= size;
    __real_free((char *)old - FRONT);
}

void *__wrap_realloc(void *old, size_t size) {
    size_t old_size = 0;
    if (old)
        memcpy(&old_size, (char *)old - FRONT, sizeof old_size);
    void *block = __wrap_malloc(size);
    if (!block)
        return NULL;
    if (old)
        memcpy(block, old, old_size < size ? old_size : size);
    __wrap_free(old);
    return block;
}

/* ---- a driver that allocates nothing -------------------------------------------------------- */

struct line {
    struct bw_conn conn;
    uint64_t now_ms;
    char got[200000];
    size_t size;
    bool blocked;
};

static struct line line;

static void turn(void) {
    size_t n;
    for (int i = 0; i < 100; i++) {
        while (!line.blocked && (n = line.conn.ops->drain(line.conn.self, line.now_ms,
                                                          (uint8_t *)line.got + line.size, 4096)) > 0) {
            line.size += n;
            line.conn.ops->written(line.conn.self, line.now_ms, n);
            assert_true(line.size < sizeof line.got - 4096);
        }
        if (line.conn.ops->next_deadline(line.conn.self) > line.now_ms)
            return;
        line.conn.ops->tick(line.conn.self, line.now_ms);
    }
    fail();
}

static bool open_line(struct app *app) {
    line.now_ms = 1000;
    line.size = 0;
    line.blocked = false;
    line.conn = bw_http_accept(app->server, line.now_ms, "peer", (struct bw_wake){NULL, NULL});
    return line.conn.ops != NULL;
}

static bool wants_read(void) {
    return line.conn.ops->wants(line.conn.self) & BW_WANTS_READ;
}

static void give(const char *bytes, size_t len) {
    while (len > 0 && wants_read()) {
        size_t n = len < 1000 ? len : 1000;
        line.conn.ops->feed(line.conn.self, line.now_ms, (const uint8_t *)bytes, n);
        turn();
        bytes += n;
        len -= n;
    }
}

static void give_text(const char *text) {
    give(text, strlen(text));
}

static void close_line(void) {
    line.conn.ops->lost(line.conn.self, line.now_ms, BW_LOST_EOF);
    line.conn.ops->free(line.conn.self);
}

/* ---- failing allocations -------------------------------------------------------------------- */

#define H "Host: h\r\n"

static const char *const scenes[] = {
    "GET /echo HTTP/1.1\r\n" H "\r\nHEAD /static HTTP/1.1\r\n" H "\r\n",
    "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    "GET /static HTTP/1.1\r\n" H "\r\nGET /large HTTP/1.1\r\n" H "\r\n",
    "GET /nothing HTTP/1.1\r\n" H "\r\nGET /write HTTP/1.1\r\n" H "\r\nOPTIONS /echo HTTP/1.1\r\n" H "\r\n",
    "GET /echo HTTP/1.1\r\nHost: evil\r\n\r\nBAD\r\n",
    "GET /later HTTP/1.1\r\n" H "\r\nGET /later HTTP/1.1\r\n" H "\r\n",
    "GET /events HTTP/1.1\r\n" H "\r\n",
    "HEAD /events HTTP/1.1\r\n" H "\r\n",
};

static void play_events(struct app *app) {
    for (int i = 0; i < 3 && app->streams_count > 0 && app->streams[0]; i++) {
        bw_http_stream_send(app->streams[0], "1", "name", bw_span_text("some data\nof two lines"));
        line.now_ms += 15000;
        turn();
    }
    if (app->streams_count > 0 && app->streams[0])
        bw_http_stream_end(app->streams[0]);
    turn();
}

static void play(struct app *app, const char *scene) {
    if (!open_line(app))
        return;
    give_text(scene);
    for (int i = 0; i < 2 && app->open_count > 0; i++) {
        app_answer(app);
        turn();
    }
    play_events(app);
    close_line();
}

/* Plays with the nth allocation failing. True: there were that many. */
static bool play_failing(const char *scene, long nth, bool for_ever) {
    struct app app;
    size_t before = live;
    app_run(&app);
    countdown = nth;
    fails_for_ever = for_ever;
    armed = true;
    play(&app, scene);
    bool failed = for_ever ? countdown == 0 : countdown < 0;
    armed = false;
    assert_int_equal(app_counts(&app).connections, 0);
    assert_int_equal(app_counts(&app).exchanges, 0);
    assert_int_equal(app_counts(&app).streams, 0);
    assert_true(line.size == 0 || memcmp(line.got, "HTTP/1.1 ", 9) == 0);
    app_stop(&app);
    assert_int_equal(live, before);
    return failed;
}

static void no_failing_allocation_crashes_or_leaks(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            long nth = 0;
            while (nth < 1000 && play_failing(scenes[i], nth, for_ever))
                nth++;
            assert_in_range(nth, 3, 200);
        }
}

/* ---- limits --------------------------------------------------------------------------------- */

enum { IDLE_MAX = 32 * 1024 };

static void an_idle_connection_is_small_after_large_ones(void **state) {
    (void)state;
    static char request[17000] = "POST /echo HTTP/1.1\r\n" H "Content-Length: 16384\r\n\r\n";
    struct app app;
    app_run(&app);
    size_t before = live;
    assert_true(open_line(&app));
    size_t head = strlen(request);
    memset(request + head, 'x', 16384);
    give(request, head + 16384);
    give_text("GET /large HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(app_counts(&app).answers[2], 2);
    bw_buf_free(&app.seen);
    assert_true(live - before < IDLE_MAX / 2);
    close_line();
    app_stop(&app);
}

static void a_flood_of_requests_to_a_blocked_client_stays_small(void **state) {
    (void)state;
    struct app app;
    app_run(&app);
    assert_true(open_line(&app));
    size_t before = live;
    peak = live;
    line.blocked = true;
    for (int i = 0; i < 20000 && wants_read(); i++)
        give_text("GET /large HTTP/1.1\r\n" H "\r\n");
    assert_false(wants_read());
    assert_true(peak - before < 4 * 65536);
    close_line();
    app_stop(&app);
}

static void endless_heads_and_bodies_stay_small(void **state) {
    (void)state;
    static const char *const starts[] = {
        "G", "GET /", "GET / HTTP/1.1\r\nX: ", "POST /echo HTTP/1.1\r\n" H "Content-Length: 16384\r\n\r\n"};
    static char filling[1000];
    memset(filling, 'x', sizeof filling);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct app app;
        app_run(&app);
        assert_true(open_line(&app));
        size_t before = live;
        peak = live;
        give_text(starts[i]);
        for (int k = 0; k < 1000 && wants_read(); k++)
            give(filling, sizeof filling);
        assert_false(wants_read());
        assert_true(peak - before < 4 * 16384 + 8192);
        close_line();
        app_stop(&app);
    }
}

static void events_for_a_blocked_client_stay_small(void **state) {
    (void)state;
    struct app app;
    app_run(&app);
    assert_true(open_line(&app));
    give_text("GET /events HTTP/1.1\r\n" H "\r\n");
    line.blocked = true;
    assert_true(bw_http_stream_send(app.streams[0], NULL, NULL, bw_span_text("x")));
    assert_true(line.conn.ops->drain(line.conn.self, line.now_ms, (uint8_t *)line.got, 4096) > 0);
    size_t before = live;
    peak = live;
    for (int i = 0; i < 100000; i++)
        assert_true(bw_http_stream_send(app.streams[0], NULL, "call", bw_span_text("{\"n\":123456789}")));
    assert_true(peak - before <= 4 * 65536);
    assert_true(app_counts(&app).events_lost > 90000);
    close_line();
    app_stop(&app);
}

BW_TESTS(cmocka_unit_test(no_failing_allocation_crashes_or_leaks),
         cmocka_unit_test(an_idle_connection_is_small_after_large_ones),
         cmocka_unit_test(a_flood_of_requests_to_a_blocked_client_stays_small),
         cmocka_unit_test(endless_heads_and_bodies_stay_small),
         cmocka_unit_test(events_for_a_blocked_client_stay_small))
