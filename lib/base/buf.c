#include <breakwire/buf.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMALLEST = 64 };

void bw_buf_init(struct bw_buf *buf, size_t max) {
    *buf = (struct bw_buf){.max = max};
}

void bw_buf_free(struct bw_buf *buf) {
    free(buf->data);
    bw_buf_init(buf, buf->max);
}

void bw_buf_clear(struct bw_buf *buf) {
    buf->len = buf->start = 0;
    buf->failed = false;
}

static void close_gap(struct bw_buf *buf) {
    if (buf->start == 0)
        return;
    memmove(buf->data, buf->data + buf->start, buf->len - buf->start);
    buf->len -= buf->start;
    buf->start = 0;
}

static bool grow(struct bw_buf *buf, size_t need) {
    size_t cap = buf->cap ? buf->cap : SMALLEST;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    uint8_t *data = realloc(buf->data, cap);
    if (!data)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

static uint8_t *fail(struct bw_buf *buf) {
    buf->failed = true;
    return NULL;
}

/* Room for len bytes behind the held ones, whatever the limit says. */
static uint8_t *make_room(struct bw_buf *buf, size_t len) {
    size_t held = bw_buf_size(buf);
    if (len > SIZE_MAX / 4 - held)
        return fail(buf);
    /* The bytes move only after as many were consumed: a queue that is never empty costs O(1) a byte. */
    if (len > buf->cap - buf->len && buf->start >= held)
        close_gap(buf);
    if ((!buf->data || len > buf->cap - buf->len) && !grow(buf, buf->len + len))
        return fail(buf);
    return buf->data + buf->len;
}

static bool over_limit(const struct bw_buf *buf, size_t len) {
    size_t held = bw_buf_size(buf);
    return buf->max && (held > buf->max || len > buf->max - held);
}

uint8_t *bw_buf_reserve(struct bw_buf *buf, size_t len) {
    return over_limit(buf, len) ? fail(buf) : make_room(buf, len);
}

void bw_buf_grew(struct bw_buf *buf, size_t len) {
    assert(len <= buf->cap - buf->len);
    buf->len += len;
}

bool bw_buf_append(struct bw_buf *buf, const void *bytes, size_t len) {
    uint8_t *at = bw_buf_reserve(buf, len);
    if (!at)
        return false;
    if (len)
        memcpy(at, bytes, len);
    buf->len += len;
    return true;
}

bool bw_buf_append_span(struct bw_buf *buf, struct bw_span span) {
    return bw_buf_append(buf, span.data, span.len);
}

bool bw_buf_append_text(struct bw_buf *buf, const char *text) {
    return bw_buf_append(buf, text, strlen(text));
}

bool bw_buf_append_byte(struct bw_buf *buf, uint8_t byte) {
    return bw_buf_append(buf, &byte, 1);
}

bool bw_buf_printf(struct bw_buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* vsnprintf's NUL needs room, but does not count against the limit. */
    uint8_t *at = n < 0 || over_limit(buf, (size_t)n) ? NULL : make_room(buf, (size_t)n + 1);
    if (at) {
        vsnprintf((char *)at, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    } else {
        buf->failed = true;
    }
    va_end(again);
    return at != NULL;
}

void bw_buf_consume(struct bw_buf *buf, size_t len) {
    assert(len <= bw_buf_size(buf));
    buf->start += len;
    if (buf->start == buf->len)
        buf->start = buf->len = 0;
}

const char *bw_buf_text(struct bw_buf *buf) {
    if (buf->len == buf->cap && !grow(buf, buf->len + 1)) {
        buf->failed = true;
        return "";
    }
    buf->data[buf->len] = '\0';
    return (const char *)buf->data + buf->start;
}
