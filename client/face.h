/* face.h: what service-a offers to RPC clients: service-b's RPCs through the guards, and the circuit status.
 *
 * /breakwire.demo.v1.DataService/ and ControlService/ are forwarded as bytes, undecoded, so unknown fields
 * survive; metadata, deadline and cancellation pass through. A call that the breaker rejects is answered
 * UNAVAILABLE with google.rpc.RetryInfo, grpc-retry-pushback-ms and the trailer x-circuit-state. One loop. */
#ifndef CLIENT_FACE_H
#define CLIENT_FACE_H

#include "guard.h"

#include <breakwire/server.h>

struct face;

struct face_config {
    struct guard *data_guard, *control_guard; /* kept */
};

/* Adds its methods to the server. NULL: no memory. */
struct face *face_new(const struct face_config *config, struct bw_server *server);
/* After the server's connections are gone. */
void face_free(struct face *face);
/* A breaker has changed: its watchers are told. */
void face_changed(struct face *face, const char *breaker, uint64_t now_ms);
/* Ends the streams of all watchers (UNAVAILABLE), so that a drain need not wait for them. */
void face_drain(struct face *face);

#endif
