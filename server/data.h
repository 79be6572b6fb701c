/* data.h: breakwire.demo.v1.DataService: the calls that a circuit breaker guards. A clocked core: delayed
 * answers wait in a heap of timers, never in a sleep, so control and health are answered while data is slow.
 * One loop. */
#ifndef SERVER_DATA_H
#define SERVER_DATA_H

#include "fault.h"

#include <breakwire/server.h>

struct data_service;

struct data_counts {
    uint64_t received; /* GetData calls whose request arrived */
    uint64_t failed;   /* of those, answered with an error */
};

/* `fault` is lent for the service's life, and read at each call. NULL: no memory. */
struct data_service *data_service_new(const struct fault *fault, uint64_t seed, struct bw_wake wake);
/* After the server's connections are gone. */
void data_service_free(struct data_service *data);
/* Adds GetData; 0, or as bw_server_add. */
int data_service_register(struct data_service *data, struct bw_server *server);
struct data_counts data_service_counts(const struct data_service *data);
struct bw_clocked data_service_clocked(struct data_service *data);

#endif
