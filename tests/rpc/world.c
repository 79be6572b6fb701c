#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "world.h"

#include <stdio.h>

enum { STEPS_MAX = 200000, DRAIN_LEN = 64 * 1024 };

/* ---- links ---- */

static void link_end_client(struct link *link) {
    if (link->client.ops)
        link->client.ops->free(link->client.self);
    link->client = (struct bw_conn){NULL, NULL};
}

static void link_end_server(struct link *link) {
    struct bw_h2 *server = link->server;
    link->server = NULL;
    if (server)
        bw_h2_free(server);
}

static void link_end(struct link *link) {
    link_end_client(link);
    link_end_server(link);
    bw_buf_clear(&link->to_client);
}

void world_cut(struct world *world, struct link *link) {
    if (link->client.ops)
        link->client.ops->lost(link->client.self, world->now_ms, BW_LOST_ERROR);
    link_end(link);
}

static bool pump_out(struct link *link) {
    static uint8_t scratch[DRAIN_LEN];
    uint64_t now_ms = link->world->now_ms;
    if (!link->client.ops)
        return false;
    size_t n = link->client.ops->drain(link->client.self, now_ms, scratch, sizeof scratch);
    if (n == 0)
        return false;
    if (link->server)
        bw_h2_feed(link->server, now_ms, scratch, n);
    else
        bw_buf_append(&link->heard, scratch, n);
    link->client.ops->written(link->client.self, now_ms, n);
    return true;
}

static void feed_client(struct link *link) {
    size_t piece = link->world->piece;
    while (bw_buf_size(&link->to_client) && link->client.ops &&
           link->client.ops->wants(link->client.self) & BW_WANTS_READ) {
        struct bw_span all = bw_buf_span(&link->to_client);
        size_t n = piece && piece < all.len ? piece : all.len;
        link->client.ops->feed(link->client.self, link->world->now_ms, all.data, n);
        bw_buf_consume(&link->to_client, n);
    }
}

static bool pump_in(struct link *link) {
    static uint8_t scratch[DRAIN_LEN];
    uint64_t now_ms = link->world->now_ms;
    size_t n = link->server ? bw_h2_drain(link->server, now_ms, scratch, sizeof scratch) : 0;
    if (n)
        bw_h2_written(link->server, now_ms, n);
    bw_buf_append(&link->to_client, scratch, n);
    size_t before = bw_buf_size(&link->to_client);
    if (!link->world->cut_off)
        feed_client(link);
    return n || bw_buf_size(&link->to_client) < before;
}

static bool pump_ticks(struct link *link) {
    uint64_t now_ms = link->world->now_ms;
    bool any = false;
    if (link->client.ops && link->client.ops->next_deadline(link->client.self) <= now_ms) {
        link->client.ops->tick(link->client.self, now_ms);
        any = true;
    }
    if (link->server && bw_h2_next_deadline(link->server) <= now_ms) {
        bw_h2_tick(link->server, now_ms);
        any = true;
    }
    return any;
}

static bool pump_close(struct link *link) {
    if (link->client.ops && link->client.ops->wants(link->client.self) & BW_WANTS_CLOSE) {
        link_end(link);
        return true;
    }
    if (link->server && bw_h2_wants(link->server) & BW_WANTS_CLOSE && bw_buf_size(&link->to_client) == 0) {
        if (link->client.ops)
            link->client.ops->lost(link->client.self, link->world->now_ms, BW_LOST_EOF);
        link_end(link);
        return true;
    }
    return false;
}

/* ---- the driver ---- */

static void do_resolve(struct world *world, const struct bw_wish *wish) {
    struct bw_address list[8];
    size_t n = 0;
    char text[512], *rest = NULL;
    bw_buf_printf(&world->wishes, "RESOLVE %s %u; ", wish->host, wish->port);
    if (!world->addresses)
        return;
    snprintf(text, sizeof text, "%s", world->addresses);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        snprintf(list[n++].text, sizeof list[0].text, "%s", word);
    if (n)
        world->dialable.ops->resolved(world->dialable.self, world->now_ms, wish->id, list, n);
    else
        world->dialable.ops->failed(world->dialable.self, world->now_ms, wish->id,
                                    "cannot resolve b.test: unknown node or service");
}

static void do_accept(struct world *world, const struct bw_wish *wish) {
    assert_true(world->links_count < LINKS_MAX);
    struct link *link = &world->links[world->links_count++];
    *link = (struct link){.world = world, .id = wish->id};
    link->client =
        world->dialable.ops->connected(world->dialable.self, world->now_ms, wish->id, (struct bw_wake){0});
    if (link->client.ops && world->dialling == DIAL_ACCEPT)
        link_make_server(link);
}

static void do_connect(struct world *world, const struct bw_wish *wish) {
    char why[256];
    bw_buf_printf(&world->wishes, "CONNECT %s%s%s; ", wish->address.text, *wish->host ? " as " : "",
                  wish->host);
    snprintf(why, sizeof why, "cannot connect to %s: connection refused", wish->address.text);
    switch (world->dialling) {
    case DIAL_ACCEPT:
    case DIAL_RAW:
        do_accept(world, wish);
        break;
    case DIAL_REFUSE:
        world->dialable.ops->failed(world->dialable.self, world->now_ms, wish->id, why);
        break;
    case DIAL_HANG:
        break;
    }
}

static void do_close(struct world *world, const struct bw_wish *wish) {
    bw_buf_printf(&world->wishes, "CLOSE %u; ", (unsigned)wish->id);
    for (size_t i = 0; i < world->links_count; i++)
        if (world->links[i].id == wish->id)
            link_end(&world->links[i]);
}

static bool pump_wishes(struct world *world) {
    struct bw_wish wish;
    if (!world->dialable.ops->next_wish(world->dialable.self, world->now_ms, &wish))
        return false;
    world->last_wish = wish;
    if (wish.kind == BW_WISH_RESOLVE)
        do_resolve(world, &wish);
    else if (wish.kind == BW_WISH_CONNECT)
        do_connect(world, &wish);
    else
        do_close(world, &wish);
    return true;
}

static bool step(struct world *world) {
    bool any = pump_wishes(world);
    if (world->dialable.ops->next_deadline(world->dialable.self) <= world->now_ms) {
        world->dialable.ops->tick(world->dialable.self, world->now_ms);
        any = true;
    }
    for (size_t i = 0; i < world->links_count; i++) {
        struct link *link = &world->links[i];
        bool busy = pump_out(link);
        busy |= pump_in(link);
        busy |= pump_ticks(link);
        any |= busy || pump_close(link);
    }
    return any;
}

void world_settle(struct world *world) {
    int steps = 0;
    while (step(world))
        assert_true(++steps < STEPS_MAX);
}

static uint64_t next_deadline(const struct world *world) {
    uint64_t next = world->dialable.ops->next_deadline(world->dialable.self);
    for (size_t i = 0; i < world->links_count; i++) {
        const struct link *link = &world->links[i];
        uint64_t client = link->client.ops ? link->client.ops->next_deadline(link->client.self) : BW_NEVER;
        uint64_t server = link->server ? bw_h2_next_deadline(link->server) : BW_NEVER;
        next = client < next ? client : next;
        next = server < next ? server : next;
    }
    return next;
}

void world_advance(struct world *world, uint64_t ms) {
    uint64_t end_ms = world->now_ms + ms;
    for (;;) {
        world_settle(world);
        uint64_t next = next_deadline(world);
        if (next > end_ms)
            break;
        world->now_ms = next;
    }
    world->now_ms = end_ms;
}

const char *world_wishes(struct world *world) {
    static char text[4096];
    bw_span_copy_text(bw_buf_span(&world->wishes), text, sizeof text);
    bw_buf_clear(&world->wishes);
    return text;
}

struct link *world_link(struct world *world) {
    assert_true(world->links_count > 0);
    return &world->links[world->links_count - 1];
}

void world_open_config(struct world *world, const struct bw_channel_config *config) {
    char why[256];
    *world = (struct world){.now_ms = START_MS, .dialling = DIAL_ACCEPT, .answer = ANSWER};
    world->channel = bw_channel_new(config, (struct bw_wake){0}, world->now_ms, why, sizeof why);
    assert_non_null(world->channel);
    world->dialable = bw_channel_dialable(world->channel);
}

void world_open(struct world *world, const char *target) {
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = target;
    world_open_config(world, &config);
}

void world_close(struct world *world) {
    for (size_t i = 0; i < world->links_count; i++) {
        link_end(&world->links[i]);
        bw_buf_free(&world->links[i].to_client);
        bw_buf_free(&world->links[i].heard);
    }
    bw_channel_free(world->channel);
    for (size_t i = 0; i < world->calls_count; i++) {
        assert_true(world->calls[i]->ends <= 1);
        call_forget(world->calls[i]);
    }
    bw_buf_free(&world->wishes);
    bw_buf_free(&world->request);
    bw_buf_free(&world->body);
    bw_buf_free(&world->resets);
}
