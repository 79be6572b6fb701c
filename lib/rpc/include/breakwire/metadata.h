/* metadata.h: the custom fields of a call: an ordered list of keys and values, duplicates allowed.
 *
 * Keys are lower-case [0-9a-z_.-]. A key that ends in "-bin" holds raw bytes here; base64 exists on the wire
 * only (PROTOCOL-HTTP2.md, "Custom-Metadata"). Other values are 0x20-0x7E. Reserved names (grpc-*,
 * content-type, te, host, user-agent, connection-specific and pseudo fields) cannot be added. One owner, no
 * threads. */
#ifndef BREAKWIRE_METADATA_H
#define BREAKWIRE_METADATA_H

#include <breakwire/span.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_metadata;

struct bw_metadata_entry {
    struct bw_span key, value; /* lent by the list until it changes */
};

enum bw_metadata_result {
    BW_METADATA_ADDED,
    BW_METADATA_BAD_KEY,   /* empty, or a byte outside [0-9A-Za-z_.-]; upper case is lowered */
    BW_METADATA_RESERVED,  /* the protocol's own name */
    BW_METADATA_BAD_VALUE, /* not "-bin" and a byte outside 0x20-0x7E */
    BW_METADATA_NO_MEMORY,
};

/* NULL: no memory. */
struct bw_metadata *bw_metadata_new(void);
void bw_metadata_free(struct bw_metadata *metadata); /* NULL is fine */
/* Key and value are copied. */
enum bw_metadata_result bw_metadata_add(struct bw_metadata *metadata, struct bw_span key,
                                        struct bw_span value);
size_t bw_metadata_count(const struct bw_metadata *metadata); /* of NULL: 0 */
struct bw_metadata_entry bw_metadata_get(const struct bw_metadata *metadata, size_t i);
/* The first value under key; data == NULL when there is none. */
struct bw_span bw_metadata_find(const struct bw_metadata *metadata, const char *key);
/* A copy; NULL: no memory. Of NULL: an empty list. */
struct bw_metadata *bw_metadata_copy(const struct bw_metadata *metadata);

#ifdef __cplusplus
}
#endif
#endif
