/* response.h: a header block of a response, as a client reads it (PROTOCOL-HTTP2.md, "Responses"). Pure. */
#ifndef RPC_RESPONSE_H
#define RPC_RESPONSE_H

#include <breakwire/buf.h>
#include <breakwire/h2.h>
#include <breakwire/metadata.h>
#include <breakwire/status.h>

/* What stands in one block: response headers, trailers, or both at once (Trailers-Only). */
struct bw_response {
    unsigned http_status; /* 0 in trailers */
    bool is_grpc;         /* content-type is application/grpc, alone or followed by '+' or ';' */
    bool is_other_codec;  /* ... and names another codec than proto */
    bool is_bad;          /* a -bin value is no base64 */
    bool no_memory;
    bool has_status;
    struct bw_span status; /* grpc-status as sent; lent, as the block */
    struct bw_buf message; /* grpc-message, decoded */
    struct bw_buf details; /* grpc-status-details-bin, decoded */
    bool has_pushback;
    int64_t pushback_ms; /* -1 = do not retry */
    struct bw_metadata *metadata;
};

void bw_response_read(const struct bw_h2_field *fields, size_t n, struct bw_response *out);
void bw_response_free(struct bw_response *response);

/* The status that a last block means, under the HTTP status of the response headers. A message that is not
 * the peer's own is put into response->message. */
enum bw_code bw_response_status(struct bw_response *response, unsigned http_status);

#endif
