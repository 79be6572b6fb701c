/* No memory, at every place where some is asked for. */
#include "end.h"
#include "h2_internal.h"

#include "run.h"

struct failing {
    size_t client_at, server_at;
    bool on; /* and all that follow */
};

static struct bw_h2 *failing_end(struct end *end, enum bw_h2_role role, size_t fail_at, bool on) {
    struct bw_h2_config config;
    bw_h2_config_default(&config, role);
    *end = (struct end){.quiet = true};
    end->h2 = bw_h2_new_failing(&config, &end_events, end, bw_wire_wake(), BW_WIRE_START_MS, fail_at, on);
    return end->h2;
}

static void answer_if_possible(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    end_respond(stream, false);
    end_send(stream, "hello");
    end_trailers(stream);
}

/* Three requests, one of them reset, then a drain. Returns how many allocations the ends asked for. */
static struct failing play(struct failing how, size_t *told) {
    struct end client, server;
    struct failing asked = {0};
    *told = 0;
    struct bw_h2 *a = failing_end(&client, BW_H2_CLIENT, how.client_at, how.on);
    struct bw_h2 *b = failing_end(&server, BW_H2_SERVER, how.server_at, how.on);
    if (!a || !b) {
        bw_h2_free(a);
        bw_h2_free(b);
        return asked;
    }
    server.on_request_end = answer_if_possible;
    struct bw_wire *wire = bw_wire_new(end_conn(&client), end_conn(&server));
    size_t made = 0;
    for (int i = 0; i < 3; i++) {
        struct bw_h2_stream *stream = end_request(&client, "/a", false);
        if (!stream)
            continue;
        made++;
        end_send(stream, "question");
        bw_h2_finish(stream);
        if (i == 1)
            bw_h2_reset(stream, BW_H2_CANCEL);
    }
    bw_wire_settle(wire);
    if (!bw_wire_is_closed(wire, BW_WIRE_B))
        bw_h2_shutdown(b, bw_wire_now(wire), "graceful_stop");
    bw_wire_advance(wire, 60000);
    asked = (struct failing){a->memory.calls, b->memory.calls, false};
    bw_wire_free(wire);
    assert_int_equal(client.closed, made); /* each request ended, once */
    assert_int_equal(server.closed, server.requests);
    *told = client.closed;
    end_clean(&client);
    end_clean(&server);
    return asked;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    size_t told;
    struct failing asked = play((struct failing){0}, &told);
    assert_int_equal(told, 3);
    assert_true(asked.client_at > 20 && asked.server_at > 20);
    for (int on = 0; on < 2; on++) {
        for (size_t n = 1; n <= asked.client_at; n++)
            play((struct failing){.client_at = n, .on = on}, &told);
        for (size_t n = 1; n <= asked.server_at; n++)
            play((struct failing){.server_at = n, .on = on}, &told);
    }
}

static void the_cap_holds_and_forgets_what_was_freed(void **state) {
    (void)state;
    struct bw_h2_memory memory = {.used_max = 100};
    void *a = bw_h2_memory_alloc(&memory, 60);
    assert_non_null(a);
    assert_null(bw_h2_memory_alloc(&memory, 41));
    assert_null(bw_h2_memory_realloc(&memory, a, 101));
    a = bw_h2_memory_realloc(&memory, a, 100);
    assert_non_null(a);
    assert_null(bw_h2_memory_alloc(&memory, SIZE_MAX));
    bw_h2_memory_free(&memory, a);
    bw_h2_memory_free(&memory, NULL);
    assert_int_equal(memory.used, 0);
}

static size_t size_of(const struct end *end) {
    return sizeof(struct bw_h2) + end->h2->memory.used;
}

static void an_idle_connection_is_small(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    bw_wire_settle(pair.wire);
    assert_true(size_of(&pair.client) < 32 * 1024 && size_of(&pair.server) < 32 * 1024);
    pair.server.on_request_end = end_answer;
    pair.client.quiet = pair.server.quiet = true;
    for (int i = 0; i < 3000; i++) {
        end_request(&pair.client, "/a", true);
        bw_wire_settle(pair.wire);
    }
    assert_true(size_of(&pair.client) < 32 * 1024);
    assert_true(size_of(&pair.server) <
                128 * 1024); /* nghttp2 remembers closed streams, as many as may be open */
    pair_free(&pair);
}

BW_TESTS(cmocka_unit_test(every_allocation_may_fail),
         cmocka_unit_test(the_cap_holds_and_forgets_what_was_freed),
         cmocka_unit_test(an_idle_connection_is_small))
