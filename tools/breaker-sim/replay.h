/* replay.h: recorded calls meet one breaker, as they overlapped.
 *
 * A call that is rejected makes no network traffic: it has no result. One that is admitted ends when it did
 * in the recording, with the code it had. The breaker is polled whenever it has something due, as a program
 * that shows its state does, so that times of states are those of the breaker and not of the next call. */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include <breakwire/breaker.h>

struct call {
    uint64_t t_ms, latency_ms;
    int code;
};

struct tally {
    uint64_t calls;
    uint64_t admitted, rejected;
    uint64_t lost;   /* rejected ones that would have succeeded */
    uint64_t failed; /* admitted ones that failed */
    uint64_t opened;
};

struct replay; /* opaque */

/* One event of the breaker, in order. Lent. */
typedef void (*replay_event_fn)(void *owner, const struct bw_event *event);

/* NULL: no memory. `config` is copied. */
struct replay *replay_new(const struct bw_breaker_config *config, replay_event_fn on_event, void *owner);
void replay_free(struct replay *replay);
/* False: no memory. Calls come in order of their start. */
bool replay_add(struct replay *replay, const struct call *call);
/* Ends what is still out and goes on until `end_ms`. */
void replay_finish(struct replay *replay, uint64_t end_ms);
/* When the last call that was let through has ended; 0 = none. */
uint64_t replay_last_end(const struct replay *replay);
const struct tally *replay_tally(const struct replay *replay);
uint64_t replay_ms_in_state(const struct replay *replay, uint64_t now_ms, enum bw_state state);

#endif
