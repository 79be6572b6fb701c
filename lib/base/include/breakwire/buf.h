/* buf.h: a growable run of bytes with a limit. One owner, no threads.
 *
 * A failed append (no memory, or over `max`) changes nothing and sets `failed`, which stays: a writer may
 * append many times and look once at the end. */
#ifndef BREAKWIRE_BUF_H
#define BREAKWIRE_BUF_H

#include <breakwire/span.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_buf {
    uint8_t *data;
    size_t len, cap;
    size_t start; /* bytes already consumed at the front */
    size_t max;   /* limit for the unconsumed bytes */
    bool failed;
};

/* max: limit in bytes, 0 = no limit. Nothing is allocated yet. */
void bw_buf_init(struct bw_buf *buf, size_t max);
/* Frees the bytes; the buffer is as after init. */
void bw_buf_free(struct bw_buf *buf);
/* Empties it, keeps the memory, forgets `failed`. */
void bw_buf_clear(struct bw_buf *buf);

/* The unconsumed bytes; valid until the next append, free or consume. */
static inline struct bw_span bw_buf_span(const struct bw_buf *buf) {
    return bw_span_of(buf->data ? buf->data + buf->start : buf->data, buf->len - buf->start);
}
static inline size_t bw_buf_size(const struct bw_buf *buf) {
    return buf->len - buf->start;
}

bool bw_buf_append(struct bw_buf *buf, const void *bytes, size_t len);
bool bw_buf_append_span(struct bw_buf *buf, struct bw_span span);
bool bw_buf_append_text(struct bw_buf *buf, const char *text);
bool bw_buf_append_byte(struct bw_buf *buf, uint8_t byte);
bool bw_buf_printf(struct bw_buf *buf, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* Makes room for len bytes at the end and returns it (commit with bw_buf_grew), or NULL. */
uint8_t *bw_buf_reserve(struct bw_buf *buf, size_t len);
void bw_buf_grew(struct bw_buf *buf, size_t len);
/* Drops len bytes (<= size) from the front. */
void bw_buf_consume(struct bw_buf *buf, size_t len);
/* Appends a NUL that does not count and returns the text, or "" when it could not. Valid as bw_buf_span. */
const char *bw_buf_text(struct bw_buf *buf);

#ifdef __cplusplus
}
#endif
#endif
