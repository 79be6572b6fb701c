/* head.h: reads the head of one HTTP/1.1 request (RFC 9112 sections 2 to 6), strictly. Pure; allocates
 * nothing.
 *
 * The caller keeps all bytes of the request so far in one run and shows that run again with more at its end.
 * Verdicts depend on the bytes alone, not on how they were cut. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <breakwire/http.h>

/* A part of the run. */
struct bw_http_piece {
    uint16_t at, len;
};

struct bw_http_head {
    /* progress */
    size_t scanned;    /* bytes judged */
    size_t line;       /* where the line being read begins */
    bool after_cr;     /* the last byte was CR */
    bool in_fields;    /* the request line is complete */
    bool skipped_line; /* an empty line came first */

    /* the request line */
    unsigned method;                  /* BW_HTTP_GET ..., 0 = not known yet */
    uint8_t minor;                    /* of HTTP/1.x */
    struct bw_http_piece authority;   /* of an absolute-form target; empty: origin-form */
    struct bw_http_piece path, query; /* an empty path means "/" */

    /* the fields */
    struct {
        struct bw_http_piece name, value;
    } fields[BW_HTTP_FIELDS_MAX];
    size_t fields_count;
    struct bw_http_piece host;
    unsigned hosts, lengths;                       /* how many of them came */
    bool bad_length, long_length;                  /* not decimal; over the limit */
    bool coded, expects_continue, expects_another; /* Transfer-Encoding; Expect */
    bool close;                                    /* Connection: close, or HTTP/1.0 */
    size_t body_size;

    size_t size;     /* bytes of the head, once complete */
    const char *why; /* of a refusal, in a sentence; a constant */
};

enum { BW_HTTP_HEAD_MORE = 0, BW_HTTP_HEAD_DONE = 1 };

void bw_http_head_init(struct bw_http_head *head);
/* MORE, DONE, or the status (>= 400) to refuse with; after the latter two, not again. */
int bw_http_head_read(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span run);
/* Something of a request came, more than the empty line that may precede it. */
bool bw_http_head_begun(const struct bw_http_head *head);

static inline struct bw_span bw_http_piece_of(struct bw_http_piece piece, const uint8_t *run) {
    return bw_span_of(run + piece.at, piece.len);
}

/* RFC 9110 section 5.6.2 */
bool bw_http_is_token(struct bw_span text);

#endif
