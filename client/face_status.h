/* face_status.h: the messages of breakwire.breaker.v1 for the face, as bytes by nanopb. Pure. */
#ifndef CLIENT_FACE_STATUS_H
#define CLIENT_FACE_STATUS_H

#include "guard.h"

#include <breakwire/buf.h>

/* Reads GetStatusRequest or WatchRequest (the same on the wire): the breaker's name, "" for all. False: no
 * parse. */
bool face_status_request(struct bw_span bytes, char name[GUARD_NAME_MAX + 1]);
/* Appends GetStatusResponse or WatchResponse (the same on the wire). n <= 8. False: no memory. */
bool face_status_response(const struct guard *const *guards, size_t n, uint64_t now_ms, struct bw_buf *out);

#endif
