/* descriptors.h: a google.protobuf.FileDescriptorSet, indexed: files by name, files by the symbols they
 * define. Read once at start; the bytes are lent. Source: google/protobuf/descriptor.proto. */
#ifndef RPC_DESCRIPTORS_H
#define RPC_DESCRIPTORS_H

#include <breakwire/span.h>

struct bw_descriptors;

/* One file of the set. */
struct bw_file_descriptor {
    struct bw_span name, package, bytes; /* bytes: its FileDescriptorProto */
};

/* NULL: no memory, or not a descriptor set (*malformed tells which). */
struct bw_descriptors *bw_descriptors_new(struct bw_span set, bool *malformed);
void bw_descriptors_free(struct bw_descriptors *descriptors);

size_t bw_descriptors_count(const struct bw_descriptors *descriptors);
const struct bw_file_descriptor *bw_descriptors_file(const struct bw_descriptors *descriptors, size_t i);
/* The place of the file with that name, or the one that defines the symbol (a full name, without a leading
 * dot); SIZE_MAX = none. */
size_t bw_descriptors_by_name(const struct bw_descriptors *descriptors, struct bw_span name);
size_t bw_descriptors_by_symbol(const struct bw_descriptors *descriptors, struct bw_span symbol);
/* The next file that file i imports, by place; one that the set lacks is passed over. Begin with *cursor =
 * {0}. SIZE_MAX = no more. */
size_t bw_descriptors_import(const struct bw_descriptors *descriptors, size_t i, struct bw_span *cursor);

#endif
