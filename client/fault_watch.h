/* fault_watch.h: asks service-b for its fault once a second while somebody watches, past the breakers, so
 * that faults set by other RPC clients show on the page too. A clocked core of one loop. */
#ifndef CLIENT_FAULT_WATCH_H
#define CLIENT_FAULT_WATCH_H

#include "stub.h"

#include <breakwire/channel.h>

struct fault_watch;

/* `channel` is kept; on_fault gets NULL when service-b did not answer. NULL: no memory. */
struct fault_watch *fault_watch_new(struct bw_channel *channel, struct bw_wake wake,
                                    void (*on_fault)(void *user, const struct stub_fault *fault), void *user);
/* After the channel, whose calls may still tell it something. */
void fault_watch_free(struct fault_watch *watch);
struct bw_clocked fault_watch_clocked(struct fault_watch *watch);
/* How many watch; with none nothing is asked. */
void fault_watch_viewers(struct fault_watch *watch, size_t viewers);

#endif
