/* recorder.h: a trace of the calls that were really made, for breaker-sim. A clocked core of one loop.
 *
 * One JSON line a call, in the order of their starts: {"t_ms": 120, "latency_ms": 35, "code": 0}. Calls end
 * in another order: a line waits until every call that was started earlier has ended. t_ms counts from the
 * creation and goes on when the file is changed, so FILE.1 and FILE together are one trace.
 *
 * Left out is what says nothing about the peer: rejected calls, calls whose caller hung up or left too little
 * time, statuses made here. If more than RECORDER_HELD_MAX lines wait for a call that hangs, they are written
 * without it, and it is left out when it ends. */
#ifndef CLIENT_RECORDER_H
#define CLIENT_RECORDER_H

#include "guard.h"

struct recorder;

enum { RECORDER_HELD_MAX = 65536, RECORDER_BATCH_MS = 500 };

struct recorder_config {
    const struct guard *guard; /* whose calls it is told */
    /* Takes whole lines, lent; never inside recorder_call. */
    void (*write)(void *owner, struct bw_span lines);
    void *owner;
};

/* NULL: no memory. */
struct recorder *recorder_new(const struct recorder_config *config, struct bw_wake wake, uint64_t now_ms);
void recorder_free(struct recorder *recorder);
struct bw_clocked recorder_clocked(struct recorder *recorder);
void recorder_call(struct recorder *recorder, const struct guard_result *result, uint64_t now_ms);
/* Writes every line there is. Calls still out are not in the trace. */
void recorder_finish(struct recorder *recorder);
/* Calls that belonged into the trace and could not be taken: hung too long, or no memory. */
uint64_t recorder_missed(const struct recorder *recorder);

#endif
