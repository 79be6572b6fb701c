/* content_type.h: reads the content-type of gRPC (PROTOCOL-HTTP2.md, "Content-Type"). Pure. */
#ifndef RPC_CONTENT_TYPE_H
#define RPC_CONTENT_TYPE_H

#include <breakwire/span.h>

/* "application/grpc" alone, or followed by '+' or ';'. */
bool bw_content_type_is_grpc(struct bw_span content_type);
/* Of such a value: is the codec after '+' one that we take - protobuf, or none named? *is_proto: it is named.
 */
bool bw_content_type_is_known_codec(struct bw_span content_type, bool *is_proto);

#endif
