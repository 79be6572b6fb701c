#include <breakwire/percent.h>

static bool is_plain(struct bw_span text, size_t i) {
    uint8_t c = text.data[i];
    bool at_an_end = i == 0 || i + 1 == text.len;
    return c >= 0x20 && c <= 0x7E && c != '%' && !(c == ' ' && at_an_end);
}

bool bw_percent_encode(struct bw_buf *out, struct bw_span text) {
    static const char hex[] = "0123456789ABCDEF";
    bool ok = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint8_t escaped[3] = {'%', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
        ok = (is_plain(text, i) ? bw_buf_append_byte(out, c) : bw_buf_append(out, escaped, 3)) && ok;
    }
    return ok;
}

static int hex_value(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool bw_percent_decode(struct bw_buf *out, struct bw_span text) {
    bool ok = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '%' && text.len - i > 2 && hex_value(text.data[i + 1]) >= 0 &&
            hex_value(text.data[i + 2]) >= 0) {
            c = (uint8_t)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
            i += 2;
        }
        ok = bw_buf_append_byte(out, c) && ok;
    }
    return ok;
}
