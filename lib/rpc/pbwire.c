#include "pbwire.h"

static void put_raw_varint(struct bw_buf *out, uint64_t value) {
    while (value >= 0x80) {
        bw_buf_append_byte(out, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    bw_buf_append_byte(out, (uint8_t)value);
}

void bw_pbwire_put_varint(struct bw_buf *out, uint32_t field, uint64_t value) {
    put_raw_varint(out, (uint64_t)field << 3 | BW_PB_VARINT);
    put_raw_varint(out, value);
}

void bw_pbwire_put_bytes(struct bw_buf *out, uint32_t field, struct bw_span value) {
    put_raw_varint(out, (uint64_t)field << 3 | BW_PB_BYTES);
    put_raw_varint(out, value.len);
    bw_buf_append_span(out, value);
}

static void skip(struct bw_span *rest, size_t len) {
    *rest = bw_span_of(rest->data + len, rest->len - len);
}

static bool take_varint(struct bw_span *rest, uint64_t *out) {
    uint64_t value = 0;
    for (size_t i = 0; i < rest->len && i < 10; i++) {
        value |= (uint64_t)(rest->data[i] & 0x7F) << (7 * i);
        if (!(rest->data[i] & 0x80)) {
            skip(rest, i + 1);
            *out = value;
            return true;
        }
    }
    return false;
}

static bool take_fixed(struct bw_span *rest, size_t len, uint64_t *out) {
    if (rest->len < len)
        return false;
    *out = 0;
    for (size_t i = 0; i < len; i++)
        *out |= (uint64_t)rest->data[i] << (8 * i);
    skip(rest, len);
    return true;
}

static bool take_bytes(struct bw_span *rest, struct bw_span *out) {
    uint64_t len;
    if (!take_varint(rest, &len) || len > rest->len)
        return false;
    *out = bw_span_of(rest->data, (size_t)len);
    skip(rest, (size_t)len);
    return true;
}

bool bw_pbwire_next(struct bw_span *rest, struct bw_pbwire_field *out) {
    struct bw_span left = *rest;
    uint64_t key;
    if (rest->len == 0 || !take_varint(&left, &key) || key >> 3 == 0 || key >> 3 > 0x1FFFFFFF)
        return false;
    struct bw_pbwire_field field = {.number = (uint32_t)(key >> 3), .type = (enum bw_pbwire_type)(key & 7)};
    bool ok = false;
    switch (key & 7) {
    case BW_PB_VARINT:
        ok = take_varint(&left, &field.varint);
        break;
    case BW_PB_FIXED64:
        ok = take_fixed(&left, 8, &field.varint);
        break;
    case BW_PB_BYTES:
        ok = take_bytes(&left, &field.bytes);
        break;
    case BW_PB_FIXED32:
        ok = take_fixed(&left, 4, &field.varint);
        break;
    }
    if (!ok)
        return false;
    *rest = left;
    *out = field;
    return true;
}
