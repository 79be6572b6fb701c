#include "peer.h"

enum { GOT_MAX = 1 << 23 };

static void on_wake(void *driver) {
    struct peer *peer = driver;
    peer->wakes++;
}

bool peer_try_open(struct peer *peer, struct bw_http_server *server, uint64_t now_ms) {
    *peer = (struct peer){.now_ms = now_ms, .drain_size = 700};
    bw_buf_init(&peer->got, 0);
    peer->conn = bw_http_accept(server, now_ms, "192.0.2.1:4711", (struct bw_wake){on_wake, peer});
    return peer->conn.ops != NULL;
}

void peer_open(struct peer *peer, struct bw_http_server *server, uint64_t now_ms) {
    assert_true(peer_try_open(peer, server, now_ms));
}

/* Like lib/net: nothing is drained while drained bytes wait for the socket. */
static void drain(struct peer *peer) {
    size_t n = 1;
    while (n > 0 && peer->unwritten == 0) {
        uint8_t *at = bw_buf_reserve(&peer->got, peer->drain_size);
        assert_non_null(at);
        n = peer->conn.ops->drain(peer->conn.self, peer->now_ms, at, peer->drain_size);
        assert_true(n <= peer->drain_size);
        if (peer->blocked)
            peer->unwritten = n;
        else if (n > 0)
            peer->conn.ops->written(peer->conn.self, peer->now_ms, n);
        bw_buf_grew(&peer->got, n);
        assert_true(bw_buf_size(&peer->got) < GOT_MAX); /* else it never stops */
    }
}

void peer_turn(struct peer *peer) {
    for (int i = 0; i < 100 && !peer->left; i++) {
        drain(peer);
        if (peer->conn.ops->next_deadline(peer->conn.self) > peer->now_ms)
            return;
        peer->conn.ops->tick(peer->conn.self, peer->now_ms);
    }
    assert_true(peer->left); /* else it asks for ticks for ever: a driver would spin */
}

void peer_send_bytes(struct peer *peer, const void *bytes, size_t len) {
    assert_true(peer_wants_read(peer));
    assert_int_equal(peer->conn.ops->feed(peer->conn.self, peer->now_ms, bytes, len), len);
    peer_turn(peer);
}

void peer_send(struct peer *peer, const char *text) {
    peer_send_bytes(peer, text, strlen(text));
}

void peer_wait_until(struct peer *peer, uint64_t now_ms) {
    for (;;) {
        uint64_t next = peer->conn.ops->next_deadline(peer->conn.self);
        if (next > now_ms)
            break;
        if (next > peer->now_ms)
            peer->now_ms = next;
        peer_turn(peer);
    }
    peer->now_ms = now_ms;
    peer_turn(peer);
}

void peer_take(struct peer *peer, size_t n) {
    assert_true(n <= peer->unwritten);
    peer->unwritten -= n;
    peer->conn.ops->written(peer->conn.self, peer->now_ms, n);
    peer_turn(peer);
}

void peer_unblock(struct peer *peer) {
    size_t n = peer->unwritten;
    peer->blocked = false;
    peer->unwritten = 0;
    if (n > 0)
        peer->conn.ops->written(peer->conn.self, peer->now_ms, n);
    peer_turn(peer);
}

void peer_leave(struct peer *peer) {
    peer->left = true;
    peer->conn.ops->lost(peer->conn.self, peer->now_ms, BW_LOST_EOF);
}

void peer_close(struct peer *peer) {
    if (!peer->left)
        peer->conn.ops->lost(peer->conn.self, peer->now_ms, BW_LOST_SHUTDOWN);
    peer->conn.ops->free(peer->conn.self);
    bw_buf_free(&peer->got);
}

bool peer_wants_read(const struct peer *peer) {
    return peer->conn.ops->wants(peer->conn.self) & BW_WANTS_READ;
}

bool peer_is_ended(const struct peer *peer) {
    return peer->conn.ops->wants(peer->conn.self) & BW_WANTS_CLOSE;
}

const char *peer_text(struct peer *peer) {
    return bw_buf_text(&peer->got);
}

void peer_forget(struct peer *peer) {
    bw_buf_clear(&peer->got);
}
