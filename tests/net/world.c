#include "world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- the loop ---- */

static void world_tick(void *self, uint64_t now) {
    struct world *world = self;
    world->check_ms = now + 1;
    world->late = now >= world->end_ms;
    if (world->late || world->is_done(world->user))
        bw_loop_stop(world->loop);
}

static uint64_t world_deadline(const void *self) {
    return ((const struct world *)self)->check_ms;
}

static const struct bw_clocked_ops world_ops = {world_tick, world_deadline};

void world_open(struct world *world) {
    bw_ignore_sigpipe();
    *world = (struct world){.loop = bw_loop_new(), .check_ms = BW_NEVER};
    assert_non_null(world->loop);
    world->clockwork = bw_loop_clocked_add(world->loop);
    assert_non_null(world->clockwork);
    bw_clockwork_start(world->clockwork, (struct bw_clocked){&world_ops, world});
}

void world_run(struct world *world, bool (*is_done)(void *user), void *user) {
    world->is_done = is_done;
    world->user = user;
    world->check_ms = 0;
    world->end_ms = bw_loop_now(world->loop) + WATCHDOG_MS;
    struct bw_wake wake = bw_clockwork_wake(world->clockwork);
    bw_wake_up(&wake);
    bw_loop_run(world->loop);
    assert_false(world->late);
}

void world_close(struct world *world) {
    bw_clockwork_free(world->clockwork);
    bw_loop_free(world->loop);
    world->loop = NULL;
}

/* ---- the connection core ---- */

static size_t peer_feed(void *self, uint64_t now, const uint8_t *bytes, size_t len) {
    struct peer *peer = self;
    (void)now;
    assert_true(peer->wants & BW_WANTS_READ);
    assert_int_equal(peer->lost, 0);
    peer->feeds++;
    if (peer->feeds_none) {
        peer->wants = BW_WANTS_CLOSE;
        return 0;
    }
    assert_true(bw_buf_append(peer->echo ? &peer->out : &peer->in, bytes, len));
    if (peer->in_max && bw_buf_size(&peer->in) >= peer->in_max)
        peer->wants &= ~(unsigned)BW_WANTS_READ;
    if (peer->on_feed)
        peer->on_feed(peer);
    return len;
}

static size_t peer_drain(void *self, uint64_t now, uint8_t *out, size_t cap) {
    struct peer *peer = self;
    (void)now;
    assert_int_equal(peer->lost, 0);
    struct bw_span bytes = bw_buf_span(&peer->out);
    size_t n = bytes.len < cap ? bytes.len : cap;
    peer->drains++;
    if (n > 0)
        memcpy(out, bytes.data, n);
    bw_buf_consume(&peer->out, n);
    return n;
}

static void peer_written(void *self, uint64_t now, size_t len) {
    (void)now;
    ((struct peer *)self)->written += len;
}

static void peer_tick(void *self, uint64_t now) {
    struct peer *peer = self;
    assert_true(now >= peer->deadline);
    peer->ticks++;
    peer->tick_ms = now;
    peer->deadline = BW_NEVER;
}

static uint64_t peer_deadline(const void *self) {
    return ((const struct peer *)self)->deadline;
}

static unsigned peer_wants(const void *self) {
    return ((const struct peer *)self)->wants;
}

static void peer_lost(void *self, uint64_t now, enum bw_lost reason) {
    struct peer *peer = self;
    (void)now;
    peer->lost++;
    peer->lost_reason = reason;
    bw_wake_up(&peer->wake); /* allowed at any moment until free returns */
}

static void peer_free(void *self) {
    struct peer *peer = self;
    bw_wake_up(&peer->wake);
    peer->wake = (struct bw_wake){NULL, NULL};
    peer->freed++;
}

static const struct bw_conn_ops peer_ops = {peer_feed,     peer_drain, peer_written, peer_tick,
                                            peer_deadline, peer_wants, peer_lost,    peer_free};

void peer_init(struct peer *peer) {
    *peer = (struct peer){.wants = BW_WANTS_READ, .deadline = BW_NEVER};
    bw_buf_init(&peer->in, 0);
    bw_buf_init(&peer->out, 0);
}

void peer_close(struct peer *peer) {
    bw_buf_free(&peer->in);
    bw_buf_free(&peer->out);
}

struct bw_conn peer_conn(struct peer *peer) {
    return (struct bw_conn){&peer_ops, peer};
}

struct bw_conn peer_accept(void *owner, uint64_t now, const char *text, struct bw_wake wake) {
    struct peer *peer = owner;
    (void)now;
    assert_true(strncmp(text, "127.0.0.1:", 10) == 0 || strncmp(text, "[::1]:", 6) == 0);
    if (!peer || peer->wake.fn)
        return (struct bw_conn){NULL, NULL};
    peer->wake = wake;
    return peer_conn(peer);
}

bool peer_is_freed(void *peer) {
    return ((struct peer *)peer)->freed > 0;
}

bool peer_is_open(void *peer) {
    return ((struct peer *)peer)->wake.fn != NULL;
}

/* ---- the dialable ---- */

static bool caller_next_wish(void *self, uint64_t now, struct bw_wish *out) {
    struct caller *caller = self;
    (void)now;
    if (caller->wishes_count == 0)
        return false;
    *out = caller->wishes[0];
    caller->wishes_count--;
    memmove(&caller->wishes[0], &caller->wishes[1], caller->wishes_count * sizeof caller->wishes[0]);
    return true;
}

static void caller_resolved(void *self, uint64_t now, uint64_t id, const struct bw_address *addresses,
                            size_t n) {
    struct caller *caller = self;
    (void)now, (void)id;
    assert_true(n > 0 && n <= 16);
    memcpy(caller->addresses, addresses, n * sizeof *addresses);
    caller->addresses_count = n;
}

static void caller_failed(void *self, uint64_t now, uint64_t id, const char *why) {
    struct caller *caller = self;
    (void)now;
    caller->failed++;
    caller->failed_id = id;
    snprintf(caller->why, sizeof caller->why, "%s", why);
}

static struct bw_conn caller_connected(void *self, uint64_t now, uint64_t id, struct bw_wake wake) {
    struct caller *caller = self;
    (void)now, (void)id;
    caller->connected++;
    if (caller->peer)
        caller->peer->wake = wake;
    struct bw_conn conn = caller->peer ? peer_conn(caller->peer) : (struct bw_conn){NULL, NULL};
    if (caller->on_connected)
        caller->on_connected(caller);
    return conn;
}

static void caller_tick(void *self, uint64_t now) {
    struct caller *caller = self;
    assert_true(now >= caller->deadline);
    caller->ticks++;
    caller->deadline = BW_NEVER;
}

static uint64_t caller_deadline(const void *self) {
    return ((const struct caller *)self)->deadline;
}

static const struct bw_dial_ops caller_ops = {caller_next_wish, caller_resolved, caller_failed,
                                              caller_connected, caller_tick,     caller_deadline};

struct bw_dialable caller_dialable(struct caller *caller) {
    return (struct bw_dialable){&caller_ops, caller};
}

void caller_wish(struct caller *caller, enum bw_wish_kind kind, uint64_t id, const char *text) {
    struct bw_wish *wish = &caller->wishes[caller->wishes_count++];
    *wish = (struct bw_wish){.kind = kind, .id = id, .port = 5001};
    if (kind == BW_WISH_RESOLVE)
        snprintf(wish->host, sizeof wish->host, "%s", text);
    if (kind == BW_WISH_CONNECT)
        snprintf(wish->address.text, sizeof wish->address.text, "%s", text);
}

bool caller_has_answer(void *self) {
    const struct caller *caller = self;
    return caller->connected || caller->failed || caller->addresses_count;
}

/* ---- sockets ---- */

struct bw_listener *listen_at(struct world *world, const char *address, struct peer *peer) {
    char why[200] = "";
    struct bw_listener *listener = bw_listener_new(world->loop, address, peer_accept, peer, why, sizeof why);
    assert_string_equal(why, "");
    assert_non_null(listener);
    return listener;
}

int raw_connect(const char *address, int receive_bytes) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    if (receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}
