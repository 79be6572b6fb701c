/* service.h: grpc.testing.TestService as gRPC's doc/interop-test-descriptions.md wants it of a server.
 *
 * It honours response_size, response_status, interval_us (rounded up to ms) and the two echo keys. A core: no
 * socket and no clock; one loop, no threads. */
#ifndef INTEROP_SERVICE_H
#define INTEROP_SERVICE_H

#include <breakwire/server.h>

struct service;

/* NULL: no memory. `wake` is that of the clockwork that drives service_clocked. */
struct service *service_new(struct bw_wake wake);
/* After the server that it was added to. NULL is allowed. */
void service_free(struct service *service);
struct bw_clocked service_clocked(struct service *service);
/* Adds the methods; kept. False: no memory. UnimplementedCall is not among them: the tests want that. */
bool service_add_to(struct service *service, struct bw_server *server);

#endif
