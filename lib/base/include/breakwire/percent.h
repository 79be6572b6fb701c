/* percent.h: the percent-encoding of grpc-message (gRPC PROTOCOL-HTTP2.md, "Percent-Encoded"). Pure. */
#ifndef BREAKWIRE_PERCENT_H
#define BREAKWIRE_PERCENT_H

#include <breakwire/buf.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Appends the text with every byte outside 0x20-0x7E, every '%', and a leading or trailing space written as
 * %XX (upper-case hex). The ends are encoded because HTTP/2 stacks refuse or strip them (RFC 9113 8.2.1). */
bool bw_percent_encode(struct bw_buf *out, struct bw_span text);

/* Appends the decoded bytes. A '%' without two hex digits stays as it is: decoding never fails on input. */
bool bw_percent_decode(struct bw_buf *out, struct bw_span text);

#ifdef __cplusplus
}
#endif
#endif
