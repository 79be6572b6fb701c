#include <breakwire/span.h>

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

bool bw_span_equal_nocase(struct bw_span a, struct bw_span b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool bw_span_is_nocase(struct bw_span span, const char *text) {
    return bw_span_equal_nocase(span, bw_span_text(text));
}

int bw_span_compare(struct bw_span a, struct bw_span b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

struct bw_span bw_span_trim(struct bw_span span) {
    while (span.len && is_blank(span.data[0]))
        span = bw_span_of(span.data + 1, span.len - 1);
    while (span.len && is_blank(span.data[span.len - 1]))
        span.len--;
    return span;
}

bool bw_span_to_u64(struct bw_span span, uint64_t max, uint64_t *out) {
    uint64_t number = 0;
    if (span.len == 0 || span.len > 20)
        return false;
    for (size_t i = 0; i < span.len; i++) {
        if (span.data[i] < '0' || span.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(span.data[i] - '0');
        if (number > (max - digit) / 10 || digit > max)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

size_t bw_span_copy_text(struct bw_span span, char *out, size_t cap) {
    size_t n = span.len < cap ? span.len : cap - 1;
    if (n)
        memcpy(out, span.data, n);
    out[n] = '\0';
    return n;
}
