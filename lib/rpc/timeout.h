/* timeout.h: the value of grpc-timeout (PROTOCOL-HTTP2.md, "Timeout"). Pure. */
#ifndef RPC_TIMEOUT_H
#define RPC_TIMEOUT_H

#include <breakwire/span.h>

enum { BW_TIMEOUT_TEXT_MAX = 12 };

/* 1..8 digits and a unit of H M S m u n. Less than a millisecond is rounded up, 0 stays 0. False: malformed.
 */
bool bw_timeout_parse(struct bw_span text, uint64_t *timeout_ms);
/* The finest unit, not below milliseconds, that needs 8 digits at most, rounded up: a peer never gets less
 * time than asked for. timeout_ms > 0. Returns the length. */
size_t bw_timeout_format(uint64_t timeout_ms, char out[BW_TIMEOUT_TEXT_MAX]);

#endif
