/* span.h: bytes that somebody else owns, and text read from them. Plain data; nothing here allocates. */
#ifndef BREAKWIRE_SPAN_H
#define BREAKWIRE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_span {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

static inline struct bw_span bw_span_of(const void *data, size_t len) {
    struct bw_span span = {(const uint8_t *)data, len};
    return span;
}

static inline struct bw_span bw_span_text(const char *text) {
    return bw_span_of(text, strlen(text));
}

static inline bool bw_span_equal(struct bw_span a, struct bw_span b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bw_span_is(struct bw_span span, const char *text) {
    return bw_span_equal(span, bw_span_text(text));
}

static inline bool bw_span_starts(struct bw_span span, const char *prefix) {
    size_t n = strlen(prefix);
    return span.len >= n && memcmp(span.data, prefix, n) == 0;
}

/* ASCII case-insensitive equality (field names, tokens of HTTP: RFC 9110 section 5.1; hosts: RFC 3986). */
bool bw_span_equal_nocase(struct bw_span a, struct bw_span b);
bool bw_span_is_nocase(struct bw_span span, const char *text);

/* The order of bytes, a prefix before what it begins: negative, 0 or positive, as memcmp. */
int bw_span_compare(struct bw_span a, struct bw_span b);

/* Strips spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3). */
struct bw_span bw_span_trim(struct bw_span span);

/* Reads an unsigned decimal number of 1..20 digits and nothing else. False: not one, or above max; *out
 * untouched. */
bool bw_span_to_u64(struct bw_span span, uint64_t max, uint64_t *out);

/* Copies as a C string, cut to cap - 1 bytes; NULs are copied as they are. Returns the bytes copied. cap
 * >= 1. */
size_t bw_span_copy_text(struct bw_span span, char *out, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
