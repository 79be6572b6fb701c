#include <breakwire/base64.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool bw_base64_encode(struct bw_buf *out, struct bw_span bytes) {
    uint32_t bits = 0;
    unsigned held = 0;
    bool ok = true;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = (bits << 8 | bytes.data[i]) & 0xFFFF;
        held += 8;
        for (; held >= 6; held -= 6)
            ok = bw_buf_append_byte(out, (uint8_t)alphabet[bits >> (held - 6) & 63]) && ok;
    }
    if (held)
        ok = bw_buf_append_byte(out, (uint8_t)alphabet[bits << (6 - held) & 63]) && ok;
    return ok;
}

static int value_of(uint8_t c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4: padding only completes a group of four. */
static bool drop_padding(struct bw_span *text) {
    size_t padding = 0;
    while (text->len && padding < 2 && text->data[text->len - 1] == '=') {
        text->len--;
        padding++;
    }
    if (padding && (text->len + padding) % 4 != 0)
        return false;
    return text->len % 4 != 1;
}

bool bw_base64_decode(struct bw_buf *out, struct bw_span text) {
    if (!drop_padding(&text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (value_of(text.data[i]) < 0)
            return false;
    uint8_t *at = bw_buf_reserve(out, text.len / 4 * 3 + text.len % 4 * 3 / 4);
    if (!at)
        return false;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        bits = (bits << 6 | (uint32_t)value_of(text.data[i])) & 0xFFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            at[n++] = (uint8_t)(bits >> held);
        }
    }
    bw_buf_grew(out, n);
    return true;
}
