/* Far more than the windows to a reader that pauses: the sender is told FULL, the memory of both ends has a
 * bound, and the other streams of the connection are not held up (lines 100, 101 and 103). */
#include "both.h"

#include "run.h"

#include <malloc.h>
#include <stdlib.h>

/* The whole program's memory, wrapped by the linker. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

static size_t memory, memory_peak;

static void *count(void *block) {
    memory += block ? malloc_usable_size(block) : 0;
    memory_peak = memory > memory_peak ? memory : memory_peak;
    return block;
}

void *__wrap_malloc(size_t size) {
    return count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size) {
    return count(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size) {
    size_t before = old ? malloc_usable_size(old) : 0;
    void *block = __real_realloc(old, size);
    if (block || size == 0)
        memory -= before;
    return count(block);
}

void __wrap_free(void *block) {
    memory -= block ? malloc_usable_size(block) : 0;
    __real_free(block);
}

/* ---- a flow: one side sends, the other reads with pauses ---- */

enum {
    PIECE = 64 << 10,
    PIECES = 1024, /* 64 MiB */
    PIECES_A_TURN = 16,
    UNREAD_MAX = (1 << 20) + (256 << 10) + 2 * PIECE, /* window, queue, and what is being handed over */
    MEMORY_MAX = 8 << 20,
};

static struct both both;
static uint8_t piece[PIECE];

static struct {
    unsigned sent, fulls, read, ends;
    bool paused;
    enum bw_code code;
    struct bw_call *call;
    struct bw_server_call *server_call;
} flow;

static void look(void) {
    assert_true((size_t)(flow.sent - flow.read) * PIECE <= UNREAD_MAX);
}

/* True: all were taken. */
static bool send_all(enum bw_send (*send)(struct bw_span message)) {
    while (flow.sent < PIECES) {
        enum bw_send sent = send(bw_span_of(piece, PIECE));
        if (sent != BW_SEND_OK) {
            assert_int_equal(sent, BW_SEND_FULL);
            flow.fulls++;
            return false;
        }
        flow.sent++;
        look();
    }
    return true;
}

static bool takes_a_break(struct bw_span message) {
    assert_int_equal(message.len, PIECE);
    assert_false(flow.paused);
    flow.read++;
    flow.paused = flow.read % PIECES_A_TURN == 0;
    return flow.paused;
}

/* ---- down: the server sends ---- */

static enum bw_send send_down(struct bw_span message) {
    return bw_server_call_send(flow.server_call, message);
}

static void go_on_down(void *service, struct bw_server_call *call) {
    (void)service;
    flow.server_call = call;
    if (send_all(send_down))
        bw_server_call_finish(call, BW_OK, NULL);
}

static void start_down(void *service, struct bw_server_call *call, struct bw_span message) {
    (void)message;
    go_on_down(service, call);
}

static void down_came(void *user, struct bw_span message) {
    (void)user;
    if (takes_a_break(message))
        bw_call_pause(flow.call);
}

static void flow_ended(void *user, const struct bw_call_result *result) {
    (void)user;
    flow.code = result->code;
    flow.call = NULL;
    flow.ends++;
}

/* ---- up: the client sends ---- */

static enum bw_send send_up(struct bw_span message) {
    return bw_call_send(flow.call, message);
}

static void go_on_up(void *user) {
    (void)user;
    if (send_all(send_up))
        bw_call_half_close(flow.call);
}

static void up_came(void *service, struct bw_server_call *call, struct bw_span message) {
    (void)service;
    flow.server_call = call;
    if (takes_a_break(message))
        bw_server_call_pause(call);
}

static void up_ended(void *service, struct bw_server_call *call) {
    (void)service;
    assert_int_equal(flow.read, PIECES);
    bw_server_call_reply(call, bw_span_text("done"));
}

static void answered(void *user, struct bw_span message) {
    (void)user;
    assert_true(bw_span_is(message, "done"));
}

static void gone(void *service, struct bw_server_call *call, enum bw_call_end how) {
    (void)service;
    (void)call;
    assert_int_equal(how, BW_END_FINISHED);
    flow.server_call = NULL;
}

/* ---- the tests ---- */

static const struct bw_handler DOWN = {.on_message = start_down, .on_writable = go_on_down, .on_end = gone};
static const struct bw_handler UP = {.on_message = up_came, .on_half_close = up_ended, .on_end = gone};

static int make(void **state) {
    (void)state;
    assert_true(both_init(&both));
    const struct bw_method down = {"/f.Flow/Down", BW_SERVER_STREAMING, &DOWN, NULL, 0};
    const struct bw_method up = {"/f.Flow/Up", BW_CLIENT_STREAMING, &UP, NULL, 0};
    assert_int_equal(bw_server_add(both.service.server, &down), 0);
    assert_int_equal(bw_server_add(both.service.server, &up), 0);
    memset(&flow, 0, sizeof flow);
    memory_peak = memory;
    return 0;
}

static int end(void **state) {
    (void)state;
    both_free(&both);
    return 0;
}

static void start(const char *path, enum bw_kind kind, const struct bw_call_events *events) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = path;
    options.kind = kind;
    flow.call = bw_channel_start(both.channel, both_now(&both), &options, bw_span_of(NULL, 0), events, NULL);
    assert_non_null(flow.call);
}

/* A call beside the flow is answered at once, while the reader of the flow takes its break. */
static void others_are_served(void) {
    struct talk *talk = both_call(&both, "/t.Test/Echo", bw_span_text("quick"), 0, false, NULL);
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message quick; end OK");
    bw_buf_free(&talk->trace);
    both.talks_count--;
    service_trace(&both.service);
}

static void run(size_t memory_before) {
    both_settle(&both);
    while (flow.paused) {
        unsigned sent = flow.sent, read = flow.read;
        others_are_served();
        assert_int_equal(flow.sent, sent); /* nothing moves without the reader */
        assert_int_equal(flow.read, read);
        flow.paused = false;
        if (flow.call)
            bw_call_resume(flow.call);
        if (flow.server_call)
            bw_server_call_resume(flow.server_call);
        assert_int_equal(flow.read, read); /* not from inside */
        both_settle(&both);
    }
    assert_int_equal(flow.ends, 1);
    assert_int_equal(flow.code, BW_OK);
    assert_int_equal(flow.read, PIECES);
    assert_true(flow.fulls > PIECES / PIECES_A_TURN / 2);
    assert_true(memory_peak - memory_before < MEMORY_MAX);
}

static void a_slow_client_stops_the_server(void **state) {
    (void)state;
    static const struct bw_call_events events = {.on_message = down_came, .on_end = flow_ended};
    size_t before = memory;
    start("/f.Flow/Down", BW_SERVER_STREAMING, &events);
    run(before);
}

static void a_slow_server_stops_the_client(void **state) {
    (void)state;
    static const struct bw_call_events events = {
        .on_message = answered, .on_writable = go_on_up, .on_end = flow_ended};
    size_t before = memory;
    start("/f.Flow/Up", BW_CLIENT_STREAMING, &events);
    go_on_up(NULL);
    run(before);
}

static void a_message_larger_than_the_window_arrives(void **state) {
    (void)state; /* line 101: 3 MiB, the window is 1 MiB */
    enum { LARGE = 3 << 20 };
    uint8_t *large = calloc(1, LARGE);
    assert_non_null(large);
    struct talk *talk = both_call(&both, "/t.Test/Echo", bw_span_of(large, LARGE), 0, false, NULL);
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message of 3145728; end OK");
    free(large);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(a_slow_client_stops_the_server), TEST(a_slow_server_stops_the_client),
         TEST(a_message_larger_than_the_window_arrives))
