#include "talk.h"

#include <run.h>
#include <stdio.h>
#include <string.h>

/* ---- the inner core ---- */

static size_t feed(void *self, uint64_t now_ms, const uint8_t *bytes, size_t len) {
    struct plain *plain = self;
    (void)now_ms;
    assert_true(plain->wants & BW_WANTS_READ);
    assert_true(bw_buf_append(&plain->in, bytes, len));
    if (plain->pauses)
        plain->wants = 0;
    return len;
}

static size_t drain(void *self, uint64_t now_ms, uint8_t *out, size_t cap) {
    struct plain *plain = self;
    struct bw_span all = bw_buf_span(&plain->out);
    size_t len = all.len < cap ? all.len : cap;
    (void)now_ms;
    if (len > 0)
        memcpy(out, all.data, len);
    bw_buf_consume(&plain->out, len);
    return len;
}

static void written(void *self, uint64_t now_ms, size_t len) {
    struct plain *plain = self;
    (void)now_ms;
    plain->written += len;
    if (len > plain->written_most)
        plain->written_most = len;
}

static void tick(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
}

static uint64_t next_deadline(const void *self) {
    (void)self;
    return BW_NEVER;
}

static unsigned wants(const void *self) {
    const struct plain *plain = self;
    return plain->wants;
}

static void lost(void *self, uint64_t now_ms, enum bw_lost reason) {
    struct plain *plain = self;
    (void)now_ms;
    assert_false(plain->is_lost);
    plain->is_lost = true;
    plain->reason = reason;
}

static void free_plain(void *self) {
    struct plain *plain = self;
    assert_false(plain->is_freed);
    plain->is_freed = true;
}

static struct bw_conn make(struct plain *plain) {
    static const struct bw_conn_ops ops = {feed,          drain, written, tick,
                                           next_deadline, wants, lost,    free_plain};
    assert_false(plain->is_made);
    plain->is_made = true;
    return (struct bw_conn){&ops, plain};
}

/* ---- the server's and the client's owners ---- */

static struct bw_conn on_accepted(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake) {
    (void)now_ms;
    (void)wake;
    assert_string_equal(peer, "10.0.0.1:77");
    return make(owner);
}

static void note(struct plain *plain, const char *why) {
    snprintf(plain->why, sizeof plain->why, "%s", why);
    plain->failures++;
}

static void on_refused(void *user, const char *peer, const char *why) {
    assert_string_equal(peer, "10.0.0.1:77");
    note(user, why);
}

static bool next_wish(void *self, uint64_t now_ms, struct bw_wish *out) {
    struct talk *talk = self;
    (void)now_ms;
    *out = talk->wish;
    talk->wish.kind = BW_WISH_NONE;
    return out->kind != BW_WISH_NONE;
}

static void resolved(void *self, uint64_t now_ms, uint64_t id, const struct bw_address *addresses, size_t n) {
    (void)self;
    (void)now_ms;
    (void)id;
    (void)addresses;
    (void)n;
}

static void failed(void *self, uint64_t now_ms, uint64_t id, const char *why) {
    struct talk *talk = self;
    (void)now_ms;
    assert_int_equal(id, 5);
    note(&talk->client, why);
}

static struct bw_conn connected(void *self, uint64_t now_ms, uint64_t id, struct bw_wake wake) {
    struct talk *talk = self;
    (void)now_ms;
    (void)wake;
    assert_int_equal(id, 5);
    return make(&talk->client);
}

/* ---- both ---- */

static void plain_begin(struct plain *plain) {
    plain->wants = BW_WANTS_READ;
    bw_buf_init(&plain->in, 0);
    bw_buf_init(&plain->out, 0);
}

static struct bw_conn dial(struct talk *talk, const char *host) {
    static const struct bw_dial_ops ops = {next_wish, resolved, failed, connected, tick, next_deadline};
    struct bw_wish wish;
    talk->wish = (struct bw_wish){.kind = BW_WISH_CONNECT, .id = 5, .address = {"10.0.0.2:88"}};
    snprintf(talk->wish.host, sizeof talk->wish.host, "%s", host);
    talk->dialer = bw_tls_dialer_new(talk->client_tls, (struct bw_dialable){&ops, talk}, bw_wire_wake());
    assert_non_null(talk->dialer);
    struct bw_dialable outer = bw_tls_dialer_dialable(talk->dialer);
    if (!outer.ops->next_wish(outer.self, BW_WIRE_START_MS, &wish))
        return (struct bw_conn){NULL, NULL};
    assert_string_equal(wish.host, "");
    return outer.ops->connected(outer.self, BW_WIRE_START_MS, 5, bw_wire_wake());
}

void talk_begin(struct talk *talk, struct bw_tls *client, struct bw_tls *server, const char *host) {
    struct bw_conn a = {NULL, NULL}, b = {NULL, NULL};
    *talk = (struct talk){.client_tls = client, .server_tls = server};
    plain_begin(&talk->client);
    plain_begin(&talk->server);
    talk->acceptor = (struct bw_tls_acceptor){server, on_accepted, &talk->server, on_refused, &talk->server};
    if (client)
        a = dial(talk, host);
    if (server)
        b = bw_tls_accept(&talk->acceptor, BW_WIRE_START_MS, "10.0.0.1:77", bw_wire_wake());
    talk->wire = bw_wire_new(a, b);
}

static void plain_end(struct plain *plain) {
    assert_int_equal(plain->is_made, plain->is_freed);
    bw_buf_free(&plain->in);
    bw_buf_free(&plain->out);
}

void talk_end(struct talk *talk) {
    bw_wire_free(talk->wire);
    bw_tls_dialer_free(talk->dialer);
    bw_tls_free(talk->client_tls);
    bw_tls_free(talk->server_tls);
    plain_end(&talk->client);
    plain_end(&talk->server);
}
