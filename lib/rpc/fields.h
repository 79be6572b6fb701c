/* fields.h: a header block in the making: fields in order, encoded values kept until it is sent. */
#ifndef RPC_FIELDS_H
#define RPC_FIELDS_H

#include <breakwire/buf.h>
#include <breakwire/h2.h>
#include <breakwire/metadata.h>
#include <breakwire/status.h>

enum { BW_FIELDS_INLINE = 16 };

/* Usual blocks need no allocation. Names and plain values are lent; encoded ones lie in `encoded`. */
struct bw_fields {
    struct bw_h2_field *items;
    size_t *places; /* of an encoded value in `encoded`, or SIZE_MAX */
    size_t n, cap;
    struct bw_buf encoded;
    bool failed; /* no memory: the block must not be sent */
    struct bw_h2_field inline_items[BW_FIELDS_INLINE];
    size_t inline_places[BW_FIELDS_INLINE];
};

void bw_fields_init(struct bw_fields *fields);
void bw_fields_free(struct bw_fields *fields);

void bw_fields_add(struct bw_fields *fields, const char *name, struct bw_span value);
/* The same, never indexed by HPACK: a token, or a value that changes with each call. */
void bw_fields_add_unindexed(struct bw_fields *fields, const char *name, struct bw_span value);
/* Copies the value. */
void bw_fields_add_copy(struct bw_fields *fields, const char *name, struct bw_span value);
/* grpc-message, percent-encoded, at most 1 KiB of it; left out when empty. */
void bw_fields_add_message(struct bw_fields *fields, const char *message);
void bw_fields_add_status(struct bw_fields *fields, enum bw_code code);
/* NAME in base64 (a "-bin" field). */
void bw_fields_add_binary(struct bw_fields *fields, const char *name, struct bw_span bytes);
/* All of the metadata, "-bin" values in base64. NULL: none. */
void bw_fields_add_metadata(struct bw_fields *fields, const struct bw_metadata *metadata);
/* The block, valid until the next change; NULL when `failed`. */
const struct bw_h2_field *bw_fields_block(struct bw_fields *fields);

#endif
