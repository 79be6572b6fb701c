/* guard.h: one circuit breaker around the calls of one channel: the only place where breaker and rpc meet.
 *
 * A call is asked for with guard_start. The breaker admits it and it goes out on the channel, or it is
 * rejected at once and nothing goes out. Either way `on_done` runs exactly once, never inside guard_start,
 * and every admitted call is completed in the breaker exactly once, on every path. A clocked core of one
 * loop; plain C types only, so that who uses a guard sees neither breaker nor rpc. */
#ifndef CLIENT_GUARD_H
#define CLIENT_GUARD_H

#include <breakwire/core.h>
#include <breakwire/span.h>

struct bw_breaker_config;
struct bw_channel;
struct bw_metadata;
struct guard;
struct guard_call;

enum { GUARD_NAME_MAX = 63, GUARD_LAST_MAX = 8, GUARD_VALUE_MAX = 512 };

/* How a call ended. Everything in it is lent for the event. */
struct guard_result {
    bool rejected;           /* by the breaker: nothing was sent */
    bool forced;             /* rejected because an operator holds it open: no retry time is known */
    uint64_t retry_after_ms; /* of a rejection */
    int code;                /* gRPC status code; of a rejection UNAVAILABLE */
    const char *code_name;   /* "UNAVAILABLE" */
    const char *message;     /* of the status, or why it was rejected; never NULL */
    struct bw_span response; /* the message's bytes when code is OK */
    struct bw_span details;  /* grpc-status-details-bin, decoded */
    const struct bw_metadata *headers, *trailers; /* of the peer; NULL when there are none */
    bool has_pushback;
    int64_t pushback_ms;
    bool probe; /* this call decided a half-open round */
    uint64_t started_ms;
    uint64_t latency_ms; /* 0 when rejected */
    /* Whatever its code, it says nothing about the peer: our caller hung up or left too little time, or the
     * status was made here. */
    bool says_nothing;
    const char *state;   /* of the breaker after the call: "closed", "open", "half_open", ... */
    const char *breaker; /* its name */
};

struct guard_request {
    const char *path;                   /* "/package.Service/Method", copied */
    struct bw_span message;             /* copied */
    const struct bw_metadata *metadata; /* copied; may be NULL */
    uint64_t deadline_ms;               /* the caller's, or BW_NEVER; the guard's own timeout holds as well */
};

typedef void (*guard_done_fn)(void *user, const struct guard_result *result);

/* One state change of the breaker. Texts are static. */
struct guard_change {
    const char *breaker;
    uint64_t seq, at_ms;
    const char *from, *to, *reason;
    bool transition; /* false: only an event, such as WOULD_TRIP */
    uint64_t generation;
    double value, threshold;
    uint64_t retry_after_ms;
    const char *last_code; /* of the result that did it; NULL = none */
    unsigned last_count;
    struct {
        const char *code;
        uint32_t latency_ms;
    } last[GUARD_LAST_MAX]; /* newest first */
};

/* Told about everything, whoever asked for it. Never inside guard_start. */
struct guard_observer {
    void (*on_call)(void *user, const struct guard_result *result);
    void (*on_change)(void *user, const struct guard_change *change);
    void *user;
};

struct guard_config {
    const char *name; /* copied, at most GUARD_NAME_MAX bytes */
    const struct bw_breaker_config *breaker;
    struct bw_channel *channel; /* kept */
    uint64_t call_timeout_ms;   /* the longest a call may take */
    struct guard_observer observer;
};

/* NULL: no memory, or a breaker configuration that its check refuses. */
struct guard *guard_new(const struct guard_config *config, struct bw_wake wake, uint64_t now_ms);
/* Drops open calls without an event. Before the channel. */
void guard_free(struct guard *guard);
struct bw_clocked guard_clocked(struct guard *guard);

/* NULL: no memory; no event follows. */
struct guard_call *guard_start(struct guard *guard, uint64_t now_ms, const struct guard_request *request,
                               guard_done_fn on_done, void *user);
/* The caller has hung up: on_done does not run any more, the call ends as CANCELLED and the breaker ignores
 * it. */
void guard_cancel(struct guard_call *call, uint64_t now_ms);
size_t guard_calls(const struct guard *guard);
/* When the oldest call that is out was started, or BW_NEVER. */
uint64_t guard_oldest_call(const struct guard *guard);

/* What a status page shows. Texts are static. */
struct guard_status {
    char name[GUARD_NAME_MAX + 1];
    const char *state, *view, *last_reason; /* last_reason "" before the first transition */
    uint64_t generation, retry_after_ms;
    bool retry_known; /* false in FORCED_OPEN */
    uint32_t open_attempt, consecutive, failure_count, failure_threshold;
    uint64_t open_ms, lease_ms, call_timeout_ms;
    uint32_t probe_budget, probes_in_flight;
    bool has_failure;
    uint64_t last_failure_ms, last_transition_ms; /* on the clock of now_ms */
    uint64_t admitted, admitted_probe, ok, failed, slow, ignored, stale, twice, lost_probe;
    uint64_t rejected_open, rejected_probing, rejected_forced, rejected_concurrency, rejected_ramp;
    uint64_t opened, half_opened, closed; /* transitions into the state */
    uint32_t window_calls, window_failed, window_slow;
};
void guard_status(const struct guard *guard, uint64_t now_ms, struct guard_status *out);
const char *guard_name(const struct guard *guard);
/* enum State of breakwire.breaker.v1 for a state's name. */
int guard_state_number(const char *state);

enum guard_kind { GUARD_NUMBER, GUARD_SWITCH, GUARD_TEXT };

/* One parameter of the breaker as it is in effect. */
struct guard_parameter {
    const char *name; /* static */
    char value[GUARD_VALUE_MAX];
    enum guard_kind kind; /* NUMBER reads as one in JSON; SWITCH: "on", "off" */
};
/* The i-th, in the order of the breaker's table; false: there are no more. */
bool guard_parameter(const struct guard *guard, size_t i, struct guard_parameter *out);

/* Copies up to cap changes after seq (0 = from the first still known), oldest first; returns how many. */
size_t guard_changes(const struct guard *guard, uint64_t after_seq, struct guard_change *out, size_t cap);
/* seq of the newest change, 0 = none yet. */
uint64_t guard_last_change(const struct guard *guard);

#endif
