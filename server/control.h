/* control.h: breakwire.demo.v1.ControlService: reads and sets the fault. Answers at once, whatever the fault
 * is. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "data.h"

#include <breakwire/log.h>

/* Plain data of the program; everything in it is lent. */
struct control_service {
    struct fault *fault;
    const struct data_service *data; /* for its counters */
    const struct bw_log *log;        /* a line for each change */
};

/* Adds the six methods; 0, or as bw_server_add. `control` is lent for the server's life. */
int control_service_register(struct control_service *control, struct bw_server *server);

#endif
