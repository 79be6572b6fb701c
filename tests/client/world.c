#include "world.h"

#include <stdio.h>

enum { STEPS_MAX = 100000 };

/* ---- connections ---- */

static struct link *add_link(struct world *world, struct side *side, uint64_t id, struct bw_wire *wire) {
    assert_true(world->links_count < LINKS_MAX);
    struct link *link = &world->links[world->links_count++];
    *link = (struct link){side, id, wire};
    return link;
}

static void remove_link(struct world *world, size_t i) {
    bw_wire_cut(world->links[i].wire, BW_LOST_SHUTDOWN);
    bw_wire_free(world->links[i].wire);
    world->links[i] = world->links[--world->links_count];
}

static void do_connect(struct world *world, struct side *side, const struct bw_wish *wish) {
    side->dials++;
    if (side->dialling == DIAL_REFUSE)
        side->dialable.ops->failed(side->dialable.self, world->now_ms, wish->id,
                                   "cannot connect: connection refused");
    if (side->dialling != DIAL_ACCEPT)
        return;
    struct bw_conn client =
        side->dialable.ops->connected(side->dialable.self, world->now_ms, wish->id, bw_wire_wake());
    struct bw_conn server = bw_server_accept(side->server, world->now_ms, "127.0.0.1:40000", bw_wire_wake());
    assert_non_null(client.ops);
    assert_non_null(server.ops);
    add_link(world, side, wish->id, bw_wire_new_at(client, server, world->now_ms));
}

static void do_close(struct world *world, const struct side *side, uint64_t id) {
    for (size_t i = 0; i < world->links_count; i++)
        if (world->links[i].side == side && world->links[i].id == id) {
            remove_link(world, i);
            return;
        }
}

static bool step_side(struct world *world, struct side *side) {
    const struct bw_dial_ops *ops = side->dialable.ops;
    struct bw_wish wish;
    bool any = false;
    if (ops->next_wish(side->dialable.self, world->now_ms, &wish)) {
        assert_int_not_equal(wish.kind, BW_WISH_RESOLVE); /* the targets are addresses */
        if (wish.kind == BW_WISH_CONNECT)
            do_connect(world, side, &wish);
        else
            do_close(world, side, wish.id);
        any = true;
    }
    if (ops->next_deadline(side->dialable.self) <= world->now_ms) {
        ops->tick(side->dialable.self, world->now_ms);
        any = true;
    }
    return any;
}

static bool step_links(struct world *world) {
    bool any = false;
    for (size_t i = 0; i < world->links_count; i++)
        any |= bw_wire_step(world->links[i].wire);
    for (size_t i = world->links_count; i-- > 0;)
        if (bw_wire_is_closed(world->links[i].wire, BW_WIRE_A) &&
            bw_wire_is_closed(world->links[i].wire, BW_WIRE_B) && world->links[i].side)
            remove_link(world, i);
    return any;
}

static bool step_clocked(struct world *world) {
    bool any = false;
    for (size_t i = 0; i < world->clocked_count; i++) {
        struct bw_clocked *clocked = &world->clocked[i];
        if (clocked->ops->next_deadline(clocked->self) > world->now_ms)
            continue;
        clocked->ops->tick(clocked->self, world->now_ms);
        any = true;
    }
    return any;
}

static bool step(struct world *world) {
    bool any = step_side(world, &world->to_b);
    any |= step_side(world, &world->to_a);
    any |= step_links(world);
    any |= step_clocked(world);
    any |= service_b_step(world);
    return any;
}

void world_settle(struct world *world) {
    int steps = 0;
    while (step(world))
        assert_true(++steps < STEPS_MAX);
}

void world_advance(struct world *world, uint64_t ms) {
    world_settle(world);
    for (; ms; ms--) {
        world->now_ms++;
        for (size_t i = 0; i < world->links_count; i++)
            bw_wire_advance(world->links[i].wire, 1);
        world_settle(world);
    }
}

struct bw_wire *world_browser(struct world *world, struct bw_conn conn) {
    assert_non_null(conn.ops);
    struct bw_wire *wire = bw_wire_new_at(conn, (struct bw_conn){NULL, NULL}, world->now_ms);
    add_link(world, NULL, 0, wire);
    return wire;
}

void world_remove_browser(struct world *world, struct bw_wire *browser) {
    for (size_t i = 0; i < world->links_count; i++)
        if (world->links[i].wire == browser) {
            bw_wire_cut(browser, BW_LOST_EOF);
            remove_link(world, i);
            return;
        }
}

void world_b_dies(struct world *world) {
    world->to_b.dialling = DIAL_REFUSE;
    for (size_t i = world->links_count; i-- > 0;)
        if (world->links[i].side == &world->to_b) {
            bw_wire_cut(world->links[i].wire, BW_LOST_ERROR);
            remove_link(world, i);
        }
    world_settle(world);
}

void world_b_lives(struct world *world) {
    world->to_b.dialling = DIAL_ACCEPT;
}

/* ---- life ---- */

static void open_side(struct side *side, const char *target, uint64_t now_ms) {
    char why[256];
    struct bw_channel_config channel;
    struct bw_server_config server;
    bw_channel_config_default(&channel);
    channel.target = target;
    bw_server_config_default(&server);
    *side = (struct side){.channel = bw_channel_new(&channel, bw_wire_wake(), now_ms, why, sizeof why),
                          .server = bw_server_new(&server)};
    assert_non_null(side->channel);
    assert_non_null(side->server);
    side->dialable = bw_channel_dialable(side->channel);
}

void world_open(struct world *world) {
    *world = (struct world){.now_ms = START_MS};
    open_side(&world->to_b, "127.0.0.1:5001", world->now_ms);
    open_side(&world->to_a, "127.0.0.1:5002", world->now_ms);
    service_b_add(world);
    bw_buf_init(&world->trace, 0);
}

void world_disconnect(struct world *world) {
    while (world->links_count)
        remove_link(world, world->links_count - 1);
}

static void seen_free(struct seen *seen) {
    assert_true(seen->ends <= 1);
    bw_metadata_free(seen->headers);
    bw_metadata_free(seen->trailers);
    bw_buf_free(&seen->response);
    bw_buf_free(&seen->details);
}

void world_close(struct world *world) {
    world_disconnect(world);
    for (size_t i = 0; i < world->guards_count; i++)
        guard_free(world->guards[i]);
    bw_channel_free(world->to_b.channel);
    bw_channel_free(world->to_a.channel);
    bw_server_free(world->to_b.server);
    bw_server_free(world->to_a.server);
    for (size_t i = 0; i < world->seen_count; i++)
        seen_free(&world->seen[i]);
    service_b_free(&world->b);
    bw_buf_free(&world->trace);
}

/* ---- time ---- */

static uint64_t now_of(void *owner) {
    return ((const struct world *)owner)->now_ms;
}

static uint64_t wall_of(void *owner) {
    return START_WALL_MS + now_of(owner) - START_MS;
}

struct times world_times(struct world *world) {
    return (struct times){now_of, wall_of, world, START_MS};
}

void world_add_clocked(struct world *world, struct bw_clocked clocked) {
    assert_true(world->clocked_count < CLOCKED_MAX);
    world->clocked[world->clocked_count++] = clocked;
}

/* ---- guards ---- */

/* The newest breaker: the linker leads guard_new here (--wrap). */
static struct bw_breaker *made;

struct bw_breaker *__real_bw_breaker_new(const char *name, const struct bw_breaker_config *config,
                                         uint64_t now_ms);
struct bw_breaker *__wrap_bw_breaker_new(const char *name, const struct bw_breaker_config *config,
                                         uint64_t now_ms);
struct bw_breaker *__wrap_bw_breaker_new(const char *name, const struct bw_breaker_config *config,
                                         uint64_t now_ms) {
    made = __real_bw_breaker_new(name, config, now_ms);
    return made;
}

void world_hold(struct world *world, const struct guard *guard) {
    for (size_t i = 0; i < world->guards_count; i++)
        if (world->guards[i] == guard) {
            struct bw_clocked clocked = guard_clocked(world->guards[i]);
            assert_int_equal(bw_breaker_hold(world->breakers[i], world->now_ms, "a test"), 0);
            clocked.ops->tick(clocked.self, world->now_ms);
        }
    world_settle(world);
}

static void on_call(void *user, const struct guard_result *result) {
    struct world *world = user;
    bw_buf_printf(&world->trace, "%s %s %s%s; ", result->rejected ? "reject" : "call", result->code_name,
                  result->state, result->probe ? " probe" : "");
    if (world->on_call)
        world->on_call(world->user, result);
}

static void on_change(void *user, const struct guard_change *change) {
    struct world *world = user;
    bw_buf_printf(&world->trace, "%s>%s %s; ", change->from, change->to, change->reason);
    if (world->on_change)
        world->on_change(world->user, change);
}

const char *world_trace(struct world *world) {
    static char text[8192];
    bw_span_copy_text(bw_buf_span(&world->trace), text, sizeof text);
    bw_buf_clear(&world->trace);
    return text;
}

void world_breaker_config(struct bw_breaker_config *config) {
    bw_breaker_config_default(config);
    config->trip_consecutive = TRIP;
    config->open_ms = OPEN_MS;
    config->call_timeout_ms = TIMEOUT_MS;
    config->min_deadline_ms = TIMEOUT_MS / 2;
}

struct guard *world_guard(struct world *world, const char *name, const struct bw_breaker_config *breaker) {
    struct bw_breaker_config usual;
    world_breaker_config(&usual);
    struct guard_config config = {.name = name,
                                  .breaker = breaker ? breaker : &usual,
                                  .channel = world->to_b.channel,
                                  .call_timeout_ms = TIMEOUT_MS,
                                  .observer = {on_call, on_change, world}};
    struct guard *guard = guard_new(&config, bw_wire_wake(), world->now_ms);
    assert_non_null(guard);
    assert_true(world->guards_count < GUARDS_MAX);
    world->breakers[world->guards_count] = made;
    world->guards[world->guards_count++] = guard;
    world_add_clocked(world, guard_clocked(guard));
    return guard;
}

static void copy_text(char *out, size_t cap, const char *text) {
    bw_span_copy_text(bw_span_text(text), out, cap);
}

static void on_done(void *user, const struct guard_result *result) {
    struct seen *seen = user;
    seen->call = NULL;
    seen->ends++;
    seen->rejected = result->rejected;
    seen->forced = result->forced;
    seen->probe = result->probe;
    seen->has_pushback = result->has_pushback;
    seen->code = result->code;
    seen->retry_after_ms = result->retry_after_ms;
    seen->latency_ms = result->latency_ms;
    seen->pushback_ms = result->pushback_ms;
    copy_text(seen->code_name, sizeof seen->code_name, result->code_name);
    copy_text(seen->message, sizeof seen->message, result->message);
    copy_text(seen->state, sizeof seen->state, result->state);
    copy_text(seen->breaker, sizeof seen->breaker, result->breaker);
    bw_buf_append_span(&seen->response, result->response);
    bw_buf_append_span(&seen->details, result->details);
    seen->headers = bw_metadata_copy(result->headers);
    seen->trailers = bw_metadata_copy(result->trailers);
}

struct seen *world_start(struct world *world, struct guard *guard, const struct guard_request *request) {
    struct guard_request usual = {.path = "/breakwire.demo.v1.DataService/GetData",
                                  .message = bw_span_text("ping"),
                                  .deadline_ms = BW_NEVER};
    assert_true(world->seen_count < SEEN_MAX);
    struct seen *seen = &world->seen[world->seen_count++];
    bw_buf_init(&seen->response, 0);
    bw_buf_init(&seen->details, 0);
    seen->call = guard_start(guard, world->now_ms, request ? request : &usual, on_done, seen);
    assert_non_null(seen->call);
    assert_int_equal(seen->ends, 0);
    return seen;
}

struct seen *world_call(struct world *world, struct guard *guard) {
    struct seen *seen = world_start(world, guard, NULL);
    world_settle(world);
    return seen;
}

void world_cancel(struct world *world, struct seen *seen) {
    guard_cancel(seen->call, world->now_ms);
    seen->call = NULL;
}

void world_trip(struct world *world, struct guard *guard) {
    for (int i = 0; i < TRIP; i++) {
        world_next_answer(world, (struct answer){.code = BW_INTERNAL, .message = "failing"});
        assert_int_equal(world_call(world, guard)->code, BW_INTERNAL);
    }
    assert_string_equal(world_state(world, guard), "open");
}

const char *world_state(const struct world *world, const struct guard *guard) {
    struct guard_status status;
    guard_status(guard, world->now_ms, &status);
    return status.state;
}
