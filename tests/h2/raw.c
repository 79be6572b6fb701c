#include "raw.h"

#include "run.h"

enum { HEAD = 9 };

void raw_frame(struct bw_wire *wire, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
               size_t len) {
    const uint8_t head[HEAD] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    bw_wire_say(wire, BW_WIRE_A, head, sizeof head);
    bw_wire_say(wire, BW_WIRE_A, payload, len);
}

void raw_client_hello(struct bw_wire *wire) {
    bw_wire_say(wire, BW_WIRE_A, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    raw_frame(wire, RAW_SETTINGS, 0, 0, NULL, 0);
}

void raw_settings_ack(struct bw_wire *wire) {
    raw_frame(wire, RAW_SETTINGS, RAW_ACK, 0, NULL, 0);
}

void raw_request(struct bw_wire *wire, uint32_t id, uint8_t flags, const void *more, size_t more_len) {
    /* RFC 7541 appendix A: 3 = :method POST, 6 = :scheme http, 4 = :path, 1 = :authority */
    uint8_t block[16384] = {0x83, 0x86, 0x04, 2, '/', 'a', 0x01, 1, 'b'};
    assert_true(more_len <= sizeof block - HEAD);
    if (more_len)
        memcpy(block + HEAD, more, more_len);
    raw_frame(wire, RAW_HEADERS, flags | RAW_END_HEADERS, id, block, HEAD + more_len);
}

static void put_u32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

uint32_t raw_u32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void raw_reset(struct bw_wire *wire, uint32_t id, uint32_t code) {
    uint8_t payload[4];
    put_u32(payload, code);
    raw_frame(wire, RAW_RST_STREAM, 0, id, payload, sizeof payload);
}

void raw_window(struct bw_wire *wire, uint32_t id, uint32_t increment) {
    uint8_t payload[4];
    put_u32(payload, increment);
    raw_frame(wire, RAW_WINDOW_UPDATE, 0, id, payload, sizeof payload);
}

/* An integer with a prefix of 7 bits (RFC 7541 section 5.1). */
static size_t put_length(uint8_t *out, size_t len) {
    size_t at = 0;
    if (len < 127) {
        out[at++] = (uint8_t)len;
        return at;
    }
    out[at++] = 127;
    for (len -= 127; len >= 128; len >>= 7)
        out[at++] = (uint8_t)(len | 128);
    out[at++] = (uint8_t)len;
    return at;
}

size_t raw_field(uint8_t *out, const char *name, const char *value, size_t value_len) {
    size_t at = 0, name_len = strlen(name);
    out[at++] = 0x10;
    at += put_length(out + at, name_len);
    memcpy(out + at, name, name_len);
    at += name_len;
    at += put_length(out + at, value_len);
    memcpy(out + at, value, value_len);
    return at + value_len;
}

static bool next_frame(struct bw_span *left, struct raw_seen *out) {
    if (left->len < HEAD)
        return false;
    const uint8_t *at = left->data;
    uint32_t length = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
    if (left->len - HEAD < length)
        return false;
    *out = (struct raw_seen){at[3], at[4], raw_u32(at + 5) & 0x7fffffff, length, at + HEAD};
    *left = bw_span_of(at + HEAD + length, left->len - HEAD - length);
    return true;
}

bool raw_heard(const struct bw_wire *wire, uint8_t type, size_t n, struct raw_seen *out) {
    struct bw_span left = bw_wire_heard(wire, BW_WIRE_A);
    struct raw_seen seen;
    if (bw_span_starts(left, "PRI * "))
        left = bw_span_of(left.data + 24, left.len - 24);
    while (next_frame(&left, &seen)) {
        if (seen.type != type || n-- > 0)
            continue;
        *out = seen;
        return true;
    }
    return false;
}

size_t raw_count(const struct bw_wire *wire, uint8_t type) {
    struct raw_seen seen;
    size_t n = 0;
    while (raw_heard(wire, type, n, &seen))
        n++;
    return n;
}

void raw_assert_goaway(const struct bw_wire *wire, uint32_t code, const char *debug) {
    struct raw_seen seen = {0};
    assert_true(raw_heard(wire, RAW_GOAWAY, 0, &seen));
    assert_int_equal(raw_u32(seen.payload + 4), code);
    if (debug) {
        char text[128];
        bw_span_copy_text(bw_span_of(seen.payload + 8, seen.length - 8), text, sizeof text);
        assert_string_equal(text, debug);
    }
    assert_true(bw_wire_is_closed(wire, BW_WIRE_B));
}
