/* Every allocation of a channel and a server fails once, and from there on: nothing crashes or leaks, and
 * every call that was started ends once. Linked with --wrap for malloc, calloc and realloc. */
#include "both.h"

#include "run.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool armed;
static long countdown; /* allocations that still succeed; < 0: no limit */
static bool fails_for_ever;

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

void *__wrap_malloc(size_t size) {
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size) {
    return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size) {
    return may_allocate() ? __real_realloc(old, size) : NULL;
}

/* ---- a driver that allocates nothing ---- */

static struct both both;
static struct bw_conn client, server; /* ops NULL: not connected */
static uint64_t now_ms;
static unsigned connects;

enum { CONNECTS_MAX = 3, PIPE = 64 * 1024, TURNS_MAX = 10000 };

static void disconnect(void) {
    if (!client.ops)
        return;
    client.ops->lost(client.self, now_ms, BW_LOST_EOF);
    client.ops->free(client.self);
    server.ops->lost(server.self, now_ms, BW_LOST_EOF);
    server.ops->free(server.self);
    client.ops = server.ops = NULL;
}

static void connect_to(const struct bw_dialable *dialable, uint64_t id) {
    struct bw_conn accepted = {NULL, NULL};
    if (++connects <= CONNECTS_MAX && !client.ops)
        accepted = bw_server_accept(both.service.server, now_ms, "peer", bw_wire_wake());
    if (!accepted.ops) {
        dialable->ops->failed(dialable->self, now_ms, id, "refused");
        return;
    }
    client = dialable->ops->connected(dialable->self, now_ms, id, bw_wire_wake());
    server = accepted;
    if (!client.ops) {
        server.ops->free(server.self);
        server.ops = NULL;
    }
}

static bool tend(void) {
    struct bw_dialable dialable = bw_channel_dialable(both.channel);
    struct bw_wish wish;
    bool any = false;
    if (dialable.ops->next_deadline(dialable.self) <= now_ms) {
        dialable.ops->tick(dialable.self, now_ms);
        any = true;
    }
    while (dialable.ops->next_wish(dialable.self, now_ms, &wish)) {
        if (wish.kind == BW_WISH_CONNECT)
            connect_to(&dialable, wish.id);
        any = true;
    }
    return any;
}

static bool move_bytes(const struct bw_conn *from, const struct bw_conn *to) {
    static uint8_t bytes[PIPE];
    size_t n = from->ops->drain(from->self, now_ms, bytes, sizeof bytes);
    if (n) {
        from->ops->written(from->self, now_ms, n);
        if (to->ops->wants(to->self) & BW_WANTS_READ)
            to->ops->feed(to->self, now_ms, bytes, n);
    }
    bool is_due = from->ops->next_deadline(from->self) <= now_ms;
    if (is_due)
        from->ops->tick(from->self, now_ms);
    return n > 0 || is_due;
}

static void settle(void) {
    for (int i = 0; i < TURNS_MAX; i++) {
        bool any = tend();
        if (client.ops) {
            any |= move_bytes(&client, &server);
            any |= move_bytes(&server, &client);
            bool over = (client.ops->wants(client.self) | server.ops->wants(server.self)) & BW_WANTS_CLOSE;
            if (!any && over) {
                disconnect();
                any = true;
            }
        }
        if (!any)
            return;
    }
    fail_msg("it never comes to rest");
}

/* ---- the scene ---- */

static struct bw_metadata *metadata;

static struct talk *call(const char *path, const char *message, bool server_streaming) {
    return both_call(&both, path, bw_span_text(message), 1000, server_streaming, metadata);
}

static void say(struct talk *talk, const char *message) {
    if (talk->call)
        bw_call_send(talk->call, bw_span_text(message));
}

static void half_close(struct talk *talk) {
    if (talk->call)
        bw_call_half_close(talk->call);
}

/* Pauses at both ends, so that messages are held. */
static void stream_both_ways(void) {
    struct talk *collect = both_begin(&both, "/t.Test/Collect", BW_CLIENT_STREAMING, 1000);
    struct talk *chat = both_begin(&both, "/t.Test/Chat", BW_BIDI_STREAMING, 1000);
    both.service.pauses = true;
    say(collect, "one");
    say(collect, "two");
    say(chat, "one");
    if (chat->call)
        bw_call_pause(chat->call);
    settle();
    say(chat, "two");
    half_close(collect);
    half_close(chat);
    for (int i = 0; i < 8; i++) {
        settle();
        both.service.pauses = false;
        for (size_t k = 0; k < 2; k++)
            if (both.service.talks[k])
                bw_server_call_resume(both.service.talks[k]);
    }
    if (chat->call)
        bw_call_resume(chat->call);
    settle();
}

static void talk_a_lot(void) {
    bw_health_set(both.health, "zoo.Zoo", BW_SERVING);
    call("/t.Test/Echo", "hello", false);
    call("/t.Test/Fail", "no %good", false);
    call("/t.Test/Meta", "meta", false);
    settle();
    call("/t.Test/Many", "400", true);
    call("/grpc.health.v1.Health/Watch", "", true);
    call("/grpc.health.v1.Health/Check", "", false);
    call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "\x1a\x10zoo/animal.proto", true);
    call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "\x3a\x01*", true);
    struct talk *cancelled = call("/t.Test/Later", "cancelled", false);
    call("/t.Test/Later", "too late", false);
    call("/t.Test/Nothing", "unknown", false);
    settle();
    stream_both_ways();
    if (cancelled->call)
        bw_call_cancel(cancelled->call, now_ms);
    bw_health_set(both.health, "", BW_NOT_SERVING);
    settle();
    bw_health_shutdown(both.health);
    bw_server_drain(both.service.server, now_ms);
    settle();
    now_ms += 1000;
    settle();
}

static bool play(long allocations, bool for_ever) {
    armed = true;
    countdown = allocations;
    fails_for_ever = for_ever;
    now_ms = BW_WIRE_START_MS;
    connects = 0;
    both.service.held_count = 0;
    if (both_init(&both))
        talk_a_lot();
    bool had_enough = countdown > 0;
    armed = false;
    disconnect();
    for (size_t i = 0; i < both.talks_count; i++)
        if (both.talks[i].ends != both.talks[i].started)
            fail_msg("allocation %ld: call %zu ended %u times", allocations, i, both.talks[i].ends);
    return had_enough;
}

static void any_allocation_may_fail_once_or_for_ever(void **state) {
    (void)state;
    metadata = bw_metadata_new();
    bw_metadata_add(metadata, bw_span_text("h-key"), bw_span_text("value"));
    bw_metadata_add(metadata, bw_span_text("t-key-bin"), bw_span_text("value"));
    bool had_enough = false;
    for (long n = 0; !had_enough; n++) {
        had_enough = play(n, false);
        both_free(&both);
        play(n, true);
        both_free(&both);
    }
    bw_metadata_free(metadata);
}

static void with_memory_every_call_of_the_scene_goes_as_it_should(void **state) {
    (void)state;
    static const enum bw_code codes[] = {BW_OK,
                                         BW_INVALID_ARGUMENT,
                                         BW_OK,
                                         BW_OK,
                                         BW_UNAVAILABLE,
                                         BW_OK,
                                         BW_OK,
                                         BW_OK,
                                         BW_CANCELLED,
                                         BW_DEADLINE_EXCEEDED,
                                         BW_UNIMPLEMENTED,
                                         BW_OK,
                                         BW_OK};
    assert_false(play(-1, false));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_int_equal(both.talks[i].code, codes[i]);
    assert_int_equal(connects, 1);
    both_free(&both);
}

BW_TESTS(cmocka_unit_test(with_memory_every_call_of_the_scene_goes_as_it_should),
         cmocka_unit_test(any_allocation_may_fail_once_or_for_ever))
