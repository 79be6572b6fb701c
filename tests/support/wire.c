#include "wire.h"

#include "run.h"

#include <breakwire/buf.h>

#include <stdlib.h>

enum { STEPS_MAX = 1000000, DRAIN_LEN = 64 * 1024 };

struct end {
    struct bw_conn conn;
    struct bw_buf out; /* on the way to the other end */
    size_t room;       /* SIZE_MAX: not blocked */
    size_t unwritten;  /* drained, and its core was not told that it left */
    bool closed;
};

struct bw_wire {
    struct end ends[2];
    uint64_t now_ms;
    size_t piece;
    uint8_t scratch[DRAIN_LEN];
};

struct bw_wire *bw_wire_new_at(struct bw_conn a, struct bw_conn b, uint64_t now_ms) {
    struct bw_wire *wire = calloc(1, sizeof *wire);
    assert_non_null(wire);
    wire->ends[BW_WIRE_A] = (struct end){.conn = a, .room = SIZE_MAX};
    wire->ends[BW_WIRE_B] = (struct end){.conn = b, .room = SIZE_MAX};
    wire->now_ms = now_ms;
    wire->piece = SIZE_MAX;
    return wire;
}

struct bw_wire *bw_wire_new(struct bw_conn a, struct bw_conn b) {
    return bw_wire_new_at(a, b, BW_WIRE_START_MS);
}

void bw_wire_free(struct bw_wire *wire) {
    if (!wire)
        return;
    for (int i = 0; i < 2; i++) {
        struct end *end = &wire->ends[i];
        if (end->conn.ops)
            end->conn.ops->free(end->conn.self);
        bw_buf_free(&end->out);
    }
    free(wire);
}

uint64_t bw_wire_now(const struct bw_wire *wire) {
    return wire->now_ms;
}

void bw_wire_pieces(struct bw_wire *wire, size_t n) {
    wire->piece = n;
}

void bw_wire_block(struct bw_wire *wire, int end, size_t room) {
    wire->ends[end].room = room;
}

static bool is_live(const struct end *end) {
    return end->conn.ops && !end->closed;
}

static bool written(struct bw_wire *wire, struct end *end, size_t len) {
    end->unwritten -= len;
    if (is_live(end) && len)
        end->conn.ops->written(end->conn.self, wire->now_ms, len);
    return len > 0;
}

/* As lib/net: what was drained and not written is kept, and nothing more is drained meanwhile. */
static bool drain(struct bw_wire *wire, struct end *end) {
    if (!is_live(end) || (end->room != SIZE_MAX && bw_buf_size(&end->out) >= end->room))
        return false;
    size_t cap = end->room < DRAIN_LEN ? end->room - bw_buf_size(&end->out) : DRAIN_LEN;
    size_t n = end->conn.ops->drain(end->conn.self, wire->now_ms, wire->scratch, cap);
    assert_true(bw_buf_append(&end->out, wire->scratch, n));
    end->unwritten += n;
    return n > 0;
}

/* Hands one piece to a core; true = it took it. */
static bool feed_piece(struct bw_wire *wire, struct end *to, const uint8_t *bytes, size_t len) {
    const struct bw_conn_ops *ops = to->conn.ops;
    if (!is_live(to) || !(ops->wants(to->conn.self) & BW_WANTS_READ))
        return false;
    size_t taken = ops->feed(to->conn.self, wire->now_ms, bytes, len);
    if (taken < len)
        assert_true(ops->wants(to->conn.self) & BW_WANTS_CLOSE);
    return true;
}

static bool deliver(struct bw_wire *wire, struct end *from, struct end *to) {
    size_t before = bw_buf_size(&from->out);
    if (from->room != SIZE_MAX)
        return false;
    if (!to->conn.ops)
        return written(wire, from, from->unwritten);
    while (bw_buf_size(&from->out) > 0) {
        struct bw_span all = bw_buf_span(&from->out);
        size_t n = all.len < wire->piece ? all.len : wire->piece;
        if (!to->closed && !feed_piece(wire, to, all.data, n))
            break;
        bw_buf_consume(&from->out, n);
        written(wire, from, from->conn.ops ? n : 0);
    }
    return bw_buf_size(&from->out) < before;
}

static bool tick(struct bw_wire *wire, struct end *end) {
    const struct bw_conn_ops *ops = end->conn.ops;
    if (!is_live(end) || ops->next_deadline(end->conn.self) > wire->now_ms)
        return false;
    ops->tick(end->conn.self, wire->now_ms);
    return true;
}

static void lose(struct bw_wire *wire, struct end *end, enum bw_lost reason) {
    if (is_live(end))
        end->conn.ops->lost(end->conn.self, wire->now_ms, reason);
    end->closed = true;
}

/* An end that wants CLOSE and has said everything is closed; then the other one sees the end of its input. */
static bool close_end(struct bw_wire *wire, struct end *end, struct end *other) {
    if (end->closed && !other->closed && bw_buf_size(&end->out) == 0 && other->conn.ops) {
        lose(wire, other, BW_LOST_EOF);
        return true;
    }
    if (!is_live(end) || !(end->conn.ops->wants(end->conn.self) & BW_WANTS_CLOSE))
        return false;
    if (other->conn.ops && bw_buf_size(&end->out) > 0 && end->room == SIZE_MAX)
        return false;
    lose(wire, end, BW_LOST_SHUTDOWN);
    return true;
}

bool bw_wire_step(struct bw_wire *wire) {
    bool any = false;
    for (int i = 0; i < 2; i++) {
        struct end *end = &wire->ends[i], *other = &wire->ends[1 - i];
        bool busy = drain(wire, end);
        busy |= deliver(wire, end, other);
        busy |= tick(wire, end);
        any |= busy || close_end(wire, end, other); /* closed only when there is nothing more to say */
    }
    return any;
}

void bw_wire_settle(struct bw_wire *wire) {
    int steps = 0;
    while (bw_wire_step(wire))
        assert_true(++steps < STEPS_MAX);
}

static uint64_t next_deadline(const struct bw_wire *wire) {
    uint64_t next = BW_NEVER;
    for (int i = 0; i < 2; i++) {
        const struct end *end = &wire->ends[i];
        uint64_t due = is_live(end) ? end->conn.ops->next_deadline(end->conn.self) : BW_NEVER;
        if (due < next)
            next = due;
    }
    return next;
}

void bw_wire_advance(struct bw_wire *wire, uint64_t ms) {
    uint64_t end_ms = wire->now_ms + ms;
    for (;;) {
        bw_wire_settle(wire);
        uint64_t next = next_deadline(wire);
        if (next > end_ms)
            break;
        wire->now_ms = next;
    }
    wire->now_ms = end_ms;
}

void bw_wire_cut(struct bw_wire *wire, enum bw_lost reason) {
    lose(wire, &wire->ends[BW_WIRE_A], reason);
    lose(wire, &wire->ends[BW_WIRE_B], reason);
}

bool bw_wire_is_closed(const struct bw_wire *wire, int end) {
    return wire->ends[end].closed;
}

void bw_wire_say(struct bw_wire *wire, int end, const void *bytes, size_t len) {
    assert_true(bw_buf_append(&wire->ends[end].out, bytes, len));
}

struct bw_span bw_wire_heard(const struct bw_wire *wire, int end) {
    return bw_buf_span(&wire->ends[1 - end].out);
}

void bw_wire_forget(struct bw_wire *wire, int end) {
    bw_buf_clear(&wire->ends[1 - end].out);
}
