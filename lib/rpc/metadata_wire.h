/* metadata_wire.h: metadata as it stands in header fields: "-bin" values in base64, reserved names left out.
 */
#ifndef RPC_METADATA_WIRE_H
#define RPC_METADATA_WIRE_H

#include <breakwire/buf.h>
#include <breakwire/metadata.h>

bool bw_metadata_is_binary(struct bw_span key);
/* A name that the protocol keeps for itself. */
bool bw_metadata_is_reserved(struct bw_span key);

/* Adds a received field. RESERVED: not metadata, nothing added. BAD_VALUE: a "-bin" value that is no base64,
 * or a text with bytes that are dropped. */
enum bw_metadata_result bw_metadata_add_wire(struct bw_metadata *metadata, struct bw_span key,
                                             struct bw_span value);

#endif
