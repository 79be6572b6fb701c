/* request.h: the header block of a request, as a server reads it (PROTOCOL-HTTP2.md, "Requests"). Pure. */
#ifndef RPC_REQUEST_H
#define RPC_REQUEST_H

#include <breakwire/h2.h>
#include <breakwire/metadata.h>
#include <breakwire/status.h>

/* What is to be answered at once, without a handler. */
enum bw_request_verdict {
    BW_REQUEST_OK,
    BW_REQUEST_HTTP,   /* an HTTP answer: http_status, no gRPC */
    BW_REQUEST_STATUS, /* a Trailers-Only answer with code and message, under http_status */
};

struct bw_request {
    struct bw_span path, authority, user_agent, method; /* lent, as the block */
    bool is_proto_subtype; /* content-type was application/grpc+proto: it is echoed */
    bool has_timeout;
    uint64_t timeout_ms;
    struct bw_metadata *metadata; /* owned by the caller after bw_request_read */
    enum bw_request_verdict verdict;
    unsigned http_status;
    enum bw_code code;
    const char *message; /* static */
    bool says_encodings; /* the answer must name the encodings we take */
};

/* Reads the block; metadata may be NULL without memory (then code is RESOURCE_EXHAUSTED). */
void bw_request_read(const struct bw_h2_field *fields, size_t n, bool too_large, struct bw_request *out);

/* "/service/Method" with both parts and nothing more. */
bool bw_request_is_path(struct bw_span path);

#endif
