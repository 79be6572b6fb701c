/* response.h: writes answers into a buffer (RFC 9112 section 4, RFC 9457). Pure. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <breakwire/buf.h>
#include <breakwire/http.h>

struct bw_http_answer {
    int status;
    const char *content_type; /* NULL: none */
    struct bw_span fields;    /* complete field lines, may be empty */
    struct bw_span body;
    bool body_apart; /* the body is not appended: somebody sends it after */
    bool endless;    /* the body ends with the connection: no Content-Length */
    bool to_head;    /* the request was HEAD */
    bool close;
};

/* The status has a body at all (RFC 9110 section 6.4.1). */
bool bw_http_response_has_body(int status);
/* Appends the answer, or nothing (false: no memory). */
bool bw_http_response_write(struct bw_buf *out, const struct bw_http_config *config,
                            const struct bw_http_answer *answer);
/* Appends one field line; control characters in the value become spaces. */
bool bw_http_response_field(struct bw_buf *out, const char *name, const char *value);
/* Appends the JSON of a problem; title and detail may be NULL. */
bool bw_http_response_problem(struct bw_buf *out, int status, const char *title, const char *detail);

#endif
