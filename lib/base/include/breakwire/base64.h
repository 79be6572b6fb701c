/* base64.h: standard base64 (RFC 4648 section 4) as gRPC's "-bin" metadata uses it. Pure. */
#ifndef BREAKWIRE_BASE64_H
#define BREAKWIRE_BASE64_H

#include <breakwire/buf.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Appends the encoding without padding (what gRPC asks senders for). */
bool bw_base64_encode(struct bw_buf *out, struct bw_span bytes);

/* Appends the decoded bytes; padded and unpadded text are both taken (gRPC asks receivers for both). False:
 * not base64, or no memory; the buffer is then as before. Unused trailing bits are ignored. */
bool bw_base64_decode(struct bw_buf *out, struct bw_span text);

#ifdef __cplusplus
}
#endif
#endif
