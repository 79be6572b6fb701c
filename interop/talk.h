/* talk.h: what a streaming call still owes its client: responses of a size, each an interval after the last,
 * then a status. They go out in order, as fast as there is room. One loop, no threads. */
#ifndef INTEROP_TALK_H
#define INTEROP_TALK_H

#include <breakwire/server.h>
#include <breakwire/timers.h>

/* Those of one service that wait for their time. */
struct talks {
    struct bw_timers timers;
    struct bw_wake wake;
};

struct owed; /* one response, or the status */

struct talk {
    struct talks *all;
    struct bw_server_call *call;
    struct bw_timer timer;
    struct owed *first, *last;
    size_t owed_count;
    uint64_t last_sent_ms;
    bool ends_after_all, has_ended, is_paused;
    uint64_t bytes_received; /* the service's own */
};

/* NULL: no memory. The call's on_end is to free it. */
struct talk *talk_new(struct talks *all, struct bw_server_call *call);
void talk_free(struct talk *talk); /* NULL is allowed */

/* One more response, with a payload of `size` zeros. Sent by talk_go_on. False: no memory. */
bool talk_ask(struct talk *talk, size_t size, uint64_t interval_ms);
/* The call ends with this status after what was asked so far. False: no memory. */
bool talk_ask_status(struct talk *talk, enum bw_code code, const char *message);
/* Sends what is due. */
void talk_go_on(struct talk *talk);
/* Sends what is due, and OK after the last. */
void talk_end_after_all(struct talk *talk);
void talks_tick(struct talks *all, uint64_t now_ms);

/* Sends one response at once: payload in field 1, as in both kinds of responses. CLOSED: no memory, too. */
enum bw_send talk_send(struct bw_server_call *call, size_t size);

#endif
