/* status.h: the seventeen status codes of gRPC and how transports' words become one of them. Pure.
 * Sources: grpc doc/statuscodes.md, doc/http-grpc-status-mapping.md, doc/PROTOCOL-HTTP2.md ("HTTP2 Transport
 * Mapping"). */
#ifndef BREAKWIRE_STATUS_H
#define BREAKWIRE_STATUS_H

#include <breakwire/buf.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bw_code {
    BW_OK = 0,
    BW_CANCELLED = 1,
    BW_UNKNOWN = 2,
    BW_INVALID_ARGUMENT = 3,
    BW_DEADLINE_EXCEEDED = 4,
    BW_NOT_FOUND = 5,
    BW_ALREADY_EXISTS = 6,
    BW_PERMISSION_DENIED = 7,
    BW_RESOURCE_EXHAUSTED = 8,
    BW_FAILED_PRECONDITION = 9,
    BW_ABORTED = 10,
    BW_OUT_OF_RANGE = 11,
    BW_UNIMPLEMENTED = 12,
    BW_INTERNAL = 13,
    BW_UNAVAILABLE = 14,
    BW_DATA_LOSS = 15,
    BW_UNAUTHENTICATED = 16,
};
#define BW_CODES 17

/* "OK", "CANCELLED", ...; "UNKNOWN" for a number outside 0..16. Static text. */
const char *bw_code_name(int code);
/* The reverse; -1 when it is no name. */
int bw_code_from_name(struct bw_span name);

/* The code for a response without grpc-status, from its HTTP status (http-grpc-status-mapping.md). */
enum bw_code bw_code_from_http(unsigned http_status);
/* The code for a stream that the peer reset (PROTOCOL-HTTP2.md, "Errors"). */
enum bw_code bw_code_from_reset(uint32_t h2_error);
/* Reads grpc-status: decimal, no sign. Not a number: BW_UNKNOWN and false; outside 0..16: BW_UNKNOWN and
 * true. */
bool bw_code_parse(struct bw_span text, enum bw_code *out);

/* google.rpc.Status as bytes, for grpc-status-details-bin (googleapis google/rpc/status.proto): code, message
 * and, when retry_after_ms >= 0, one google.rpc.RetryInfo (error_details.proto) in its details. False: no
 * memory. */
bool bw_status_details(struct bw_buf *out, enum bw_code code, const char *message, int64_t retry_after_ms);
/* Finds the RetryInfo in such bytes: its delay in ms, or -1 when there is none or the bytes are malformed. */
int64_t bw_status_details_retry_ms(struct bw_span details);

#ifdef __cplusplus
}
#endif
#endif
