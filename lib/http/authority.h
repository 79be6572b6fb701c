/* authority.h: host and port of Host fields and absolute-form targets (RFC 3986 section 3.2). Pure. */
#ifndef HTTP_AUTHORITY_H
#define HTTP_AUTHORITY_H

#include <breakwire/span.h>

enum { BW_HTTP_AUTHORITY_SIZE_MAX = 261 }; /* 255 bytes of host, ':' and a port */

/* host [":" port] with a host that is not empty; no user. The port may be empty, and is at most 65535. */
bool bw_http_authority_valid(struct bw_span authority);
/* The host of a valid one, brackets included, without one trailing dot. */
struct bw_span bw_http_authority_host(struct bw_span authority);
/* Both valid: the same host, case ignored, and the same port, 80 where there is none. */
bool bw_http_authority_same(struct bw_span a, struct bw_span b);

#endif
