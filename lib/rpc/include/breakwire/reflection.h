/* reflection.h: grpc.reflection.v1 and v1alpha for a server, so that grpcurl and its kin can list, describe
 * and call its services (grpc doc/server-reflection.md). Not thread-safe. */
#ifndef BREAKWIRE_REFLECTION_H
#define BREAKWIRE_REFLECTION_H

#include <breakwire/server.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_reflection;

/* Adds both versions to the server. `descriptors`: bytes of a google.protobuf.FileDescriptorSet with imports
 * (protoc
 * --include_imports --descriptor_set_out), lent for the server's life. `services`: the full names to list,
 * lent, n of them; both versions of reflection must be among them to be listed. NULL: no memory or not a
 * descriptor set (`why` gets a sentence). Freed after the server. */
struct bw_reflection *bw_reflection_new(struct bw_server *server, struct bw_span descriptors,
                                        const char *const *services, size_t n, char *why, size_t why_size);
void bw_reflection_free(struct bw_reflection *reflection);

#ifdef __cplusplus
}
#endif
#endif
