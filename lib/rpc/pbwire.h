/* pbwire.h: the few words of the protobuf wire format that health, reflection and status details need, so
 * that this library forces no codec on its users. Pure. Source: protobuf.dev, "Encoding". */
#ifndef RPC_PBWIRE_H
#define RPC_PBWIRE_H

#include <breakwire/buf.h>

enum bw_pbwire_type { BW_PB_VARINT = 0, BW_PB_FIXED64 = 1, BW_PB_BYTES = 2, BW_PB_FIXED32 = 5 };

/* Writing: each appends one field; trouble is in out->failed. Default values are written too. */
void bw_pbwire_put_varint(struct bw_buf *out, uint32_t field, uint64_t value);
void bw_pbwire_put_bytes(struct bw_buf *out, uint32_t field, struct bw_span value);

/* Reading one field after the other. */
struct bw_pbwire_field {
    uint32_t number;
    enum bw_pbwire_type type;
    uint64_t varint;      /* VARINT, FIXED32, FIXED64 */
    struct bw_span bytes; /* BYTES; lent */
};

/* Takes the next field off `rest`. False: `rest` is empty (all read) or malformed (then it is not empty).
 * Groups are malformed here: proto3 has none. */
bool bw_pbwire_next(struct bw_span *rest, struct bw_pbwire_field *out);

#endif
