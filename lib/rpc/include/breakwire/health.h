/* health.h: grpc.health.v1.Health for a server: Check and Watch (grpc doc/health-checking.md). Not
 * thread-safe. */
#ifndef BREAKWIRE_HEALTH_H
#define BREAKWIRE_HEALTH_H

#include <breakwire/server.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bw_serving { BW_SERVING_UNKNOWN = 0, BW_SERVING = 1, BW_NOT_SERVING = 2, BW_SERVICE_UNKNOWN = 3 };

struct bw_health;

/* Adds the service to the server. "" (the whole server) is SERVING from the start. NULL: no memory. Freed
 * after the server. */
struct bw_health *bw_health_new(struct bw_server *server);
void bw_health_free(struct bw_health *health);
/* Sets a service's status and tells its watchers; the name is copied. False: no memory. Ignored after
 * shutdown. */
bool bw_health_set(struct bw_health *health, const char *service, enum bw_serving status);
/* Everything is NOT_SERVING from now on; watchers hear it, later sets are ignored. */
void bw_health_shutdown(struct bw_health *health);

/* For clients: the request and the answer of Check as bytes. */
bool bw_health_request(struct bw_buf *out, const char *service);
enum bw_serving bw_health_response(struct bw_span bytes);
#define BW_HEALTH_CHECK_PATH "/grpc.health.v1.Health/Check"

#ifdef __cplusplus
}
#endif
#endif
