/* breaker.h: a circuit breaker stops calls to a peer that fails, and finds out when it is well again.
 *
 *     bw_breaker_config_default(&config);
 *     b = bw_breaker_new("payments", &config, now_ms);
 *     ...
 *     if (bw_admitted(bw_breaker_acquire(b, now_ms, &ticket, &retry_after_ms))) {
 *         ... make the call ...
 *         struct bw_result result = {.outcome = worked ? BW_SUCCESS : BW_FAILURE,
 *                                    .code = worked ? 0 : 14,            gRPC's UNAVAILABLE, for the
 * statistics .latency_ms = -1,                   measure it .pushback_ms = -1};                 the peer
 * asked for nothing bw_breaker_complete(b, &ticket, now_ms, &result);      exactly once, or
 * bw_breaker_release } else
 *         ... answer at once, without a call: try again in retry_after_ms ...
 *
 * CLOSED lets every call through and counts failures in a row. `trip_consecutive` of them make it OPEN: calls
 * are rejected for `open_ms`. Then it is HALF_OPEN: one call, the probe, goes through; its success closes the
 * breaker, its failure opens it again. A probe that never ends loses its place after a lease.
 *
 * Every state has a generation, and every admitted call carries that of its admission. A result that comes
 * back in another generation is `stale`: it is counted and changes nothing. So a slow call from before the
 * trip can neither close a breaker over a dead peer nor reopen one that healed.
 *
 * Rules for all of it:
 *  - Time is an argument: `now_ms` is monotonic, in milliseconds, from any origin; it never steps back.
 *    Deadlines are inclusive: at exactly the deadline the time is over.
 *  - Nothing happens by itself: a due transition is made by the next acquire or poll, never by reading.
 *  - Any thread may call anything on one breaker at any time. acquire, complete, release, poll and snapshot
 *    take no lock, save for a short one around a count window of over 46 calls (23 with slow_call_ms, any
 * with weights and trip_failures); force, hold, reset, reconfigure, configured, save and load share another.
 * A ticket belongs to one thread at a time.
 *  - Nothing blocks, calls back, or reads a clock; nothing allocates but bw_breaker_new.
 *  - Only libc is needed. gRPC status codes are plain ints 0..16; any other number counts as 2, UNKNOWN. */
#ifndef BREAKWIRE_BREAKER_H
#define BREAKWIRE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is declared here is what the shared library exports, and nothing else. */
#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct bw_breaker; /* opaque */

enum {
    BW_BREAKER_NAME_MAX = 63,     /* bytes of a breaker's or a holder's name */
    BW_BREAKER_HOLDERS_MAX = 32,  /* names that hold FORCED_OPEN at the same time */
    BW_BREAKER_EVENTS_KEPT = 256, /* events a breaker remembers */
    BW_BREAKER_CODES = 17,        /* gRPC status codes, 0..16 */
};

/* As a retry_after_ms, a due time or the time of the last failure: "nobody knows", "never". */
#define BW_BREAKER_NEVER UINT64_MAX
/* As probe_lease_ms: the longer of open_ms and call_timeout_ms + 1000. */
#define BW_BREAKER_LEASE_AUTO UINT64_MAX

/* ---- States, decisions, outcomes ----------------------------------------------------------------- */

enum bw_state {
    BW_CLOSED,       /* calls pass, results are judged */
    BW_OPEN,         /* calls are rejected until the deadline */
    BW_HALF_OPEN,    /* a few probes pass and decide */
    BW_FORCED_OPEN,  /* calls are rejected as long as somebody holds it */
    BW_DISABLED,     /* calls pass, results are only counted */
    BW_METRICS_ONLY, /* as CLOSED, but a trip is only an event */
};
#define BW_STATES 6

/* What a state change or event was made by. */
enum bw_reason {
    BW_REASON_CONSECUTIVE,       /* trip: failures in a row */
    BW_REASON_FAILURE_COUNT,     /* trip: failures in the window */
    BW_REASON_FAILURE_RATE,      /* trip: share of failures in the window */
    BW_REASON_SLOW_RATE,         /* trip: share of slow calls in the window */
    BW_REASON_PROBE_FAILED,      /* the half-open round ended badly */
    BW_REASON_PROBES_OK,         /* the half-open round ended well */
    BW_REASON_OPEN_ELAPSED,      /* the open time is over */
    BW_REASON_LOST_PROBE,        /* probes were still out at the end of the lease */
    BW_REASON_HALF_OPEN_TIMEOUT, /* nobody probed for half_open_max_ms */
    BW_REASON_PUSHBACK,     /* no move: the open time was taken from the answer, being longer than our own */
    BW_REASON_OPERATOR,     /* force, hold, release_hold, reset */
    BW_REASON_RECONFIGURED, /* bw_breaker_reconfigure */
    BW_REASON_WOULD_TRIP,   /* no move: METRICS_ONLY would have opened */
    BW_REASON_RESTORED,     /* bw_breaker_load */
};
#define BW_REASONS 14

/* Everything up to BW_ADMIT_PROBE is a yes. */
enum bw_decision {
    BW_ADMIT,
    BW_ADMIT_PROBE,    /* this call decides for all others */
    BW_REJECT_OPEN,    /* retry_after_ms: until the deadline */
    BW_REJECT_PROBING, /* half-open, no slot free; retry_after_ms: until the lease ends, 0 without a lease */
    BW_REJECT_FORCED,  /* retry_after_ms: BW_BREAKER_NEVER */
    BW_REJECT_CONCURRENCY, /* max_concurrency calls are in flight; retry_after_ms 0 */
    BW_REJECT_RAMP,        /* just closed, not everybody at once; retry_after_ms 0 */
};
#define BW_DECISIONS 7

static inline bool bw_admitted(enum bw_decision decision) {
    return decision <= BW_ADMIT_PROBE;
}

enum bw_outcome {
    BW_SUCCESS,
    BW_FAILURE,
    BW_IGNORED, /* says nothing about the peer, for example cancelled by our own caller: the slot goes back */
};

enum bw_verdict {
    BW_RECORDED,   /* counted and judged */
    BW_RELEASED,   /* ignored or released: the slot went back */
    BW_STALE,      /* admitted in another generation: counted as stale, nothing else */
    BW_DOUBLE,     /* this ticket was completed before: counted as double, nothing else */
    BW_UNADMITTED, /* this ticket was rejected, or never acquired: nothing at all */
};

/* The words of the enums as they stand in JSON, metrics and logs: "half_open", "CONSECUTIVE", "reject_open",
 * "recorded". Static text; a number outside the enum gives "unknown". */
const char *bw_state_name(enum bw_state state);
const char *bw_reason_name(enum bw_reason reason);
const char *bw_decision_name(enum bw_decision decision);
const char *bw_verdict_name(enum bw_verdict verdict);

/* ---- Configuration ------------------------------------------------------------------------------- */

enum bw_window { BW_WINDOW_NONE, BW_WINDOW_COUNT, BW_WINDOW_TIME };
enum bw_probe_decision { BW_DECIDE_EARLY, BW_DECIDE_SAMPLE };
enum bw_lease_action { BW_LEASE_REOPEN, BW_LEASE_REPLACE };
enum bw_half_open_to { BW_HALF_OPEN_TO_OPEN, BW_HALF_OPEN_TO_CLOSED };

/* Fill it with bw_breaker_config_default, set members or use bw_breaker_config_set, then let
 * bw_breaker_config_check say what does not fit. Every value means what it says, 0 included. What each one
 * does, its range and its default stand in bw_breaker_params. */
struct bw_breaker_config {
    size_t size; /* set by bw_breaker_config_default; anything else is refused */

    /* When it opens, and for how long. */
    uint64_t open_ms;
    double open_backoff;
    uint64_t open_max_ms;
    double open_jitter;
    uint64_t jitter_seed;
    uint32_t trip_consecutive;

    /* Trips by what the window holds. */
    enum bw_window window;
    uint32_t window_calls;
    uint32_t window_buckets;
    uint32_t window_min_calls;
    uint32_t trip_failures;
    uint64_t window_ms;
    double trip_failure_rate;
    uint64_t slow_call_ms;
    double trip_slow_rate;

    /* The half-open round. */
    uint32_t probe_budget;
    uint32_t probe_max_inflight;
    uint32_t probe_successes;
    uint32_t probe_failures;
    enum bw_probe_decision probe_decision;
    uint32_t probe_sample;
    double probe_failure_rate;
    double probe_slow_rate;
    uint64_t call_timeout_ms;
    uint64_t probe_lease_ms;
    uint64_t half_open_max_ms;
    enum bw_lease_action probe_lease_action;
    enum bw_half_open_to half_open_timeout_to;
    bool probe_slow_is_failure;

    /* What counts, and how much. */
    bool honour_pushback;
    uint8_t weight[BW_BREAKER_CODES];
    uint32_t failure_mask; /* bit n = gRPC code n */
    uint32_t ignore_mask;  /* wins over failure_mask */
    uint32_t max_concurrency;
    uint64_t ramp_ms;
    uint64_t warmup_ms;
    uint64_t min_deadline_ms;
    uint64_t pushback_max_ms;
};

void bw_breaker_config_default(struct bw_breaker_config *config);

/* 0, or -1 with a sentence in `why` that names field, value and allowed range. `why` may be NULL. */
int bw_breaker_config_check(const struct bw_breaker_config *config, char *why, size_t why_size);

enum bw_param_type {
    BW_PARAM_COUNT,   /* uint32_t */
    BW_PARAM_MS,      /* uint64_t, milliseconds */
    BW_PARAM_SEED,    /* uint64_t, no unit */
    BW_PARAM_FACTOR,  /* double */
    BW_PARAM_SHARE,   /* double, 0..1 */
    BW_PARAM_SWITCH,  /* bool; text "on" or "off", "true" or "false", "1" or "0" */
    BW_PARAM_CHOICE,  /* an enum; text is one of `choices` */
    BW_PARAM_CODES,   /* uint32_t mask; text "UNAVAILABLE,INTERNAL", "none", or the mask, "16384", "0x4000" */
    BW_PARAM_WEIGHTS, /* uint8_t[17]; text "UNAVAILABLE=4,INTERNAL=2" (others 1), or 17 numbers with commas */
};

/* One row of the table that environment, flags, JSON keys, --print-config, the page's editor and the
 * documentation are made from. */
struct bw_breaker_param {
    const char *name; /* also the name of the member of bw_breaker_config */
    enum bw_param_type type;
    const char *unit; /* "ms", "calls", ..., "" */
    double min, max;  /* inclusive; meaningless for SWITCH and CHOICE */
    const char *default_text;
    const char *choices; /* CHOICE: words with spaces between, in the order of the enum; else NULL */
    const char *meaning; /* one line */
    size_t offset;       /* of the member */
};
extern const struct bw_breaker_param bw_breaker_params[];
extern const size_t bw_breaker_params_count;
/* The row of that name, or NULL. */
const struct bw_breaker_param *bw_breaker_param(const char *name);

/* Sets one parameter from text. 0, or -1 with a sentence in `why` and `config` unchanged: unknown name, not a
 * value, or out of range. How parameters fit together is for config_check. */
int bw_breaker_config_set(struct bw_breaker_config *config, const char *name, const char *text, char *why,
                          size_t why_size);
/* Writes the value of one parameter as config_set takes it. Returns the length the text needs (as snprintf),
 * or -1 for an unknown name. */
int bw_breaker_config_get(const struct bw_breaker_config *config, const char *name, char *text,
                          size_t text_size);

/* What the caller knows about a call beyond its status code. A set. */
enum {
    BW_CALL_CANCELLED_BY_CALLER = 1, /* our side hung up */
    BW_CALL_MADE_LOCALLY = 2,        /* the status never came from the peer, such as a message too large */
    BW_CALL_SHORT_DEADLINE = 4,      /* it started with less than min_deadline_ms left */
};

/* The outcome of a gRPC status under the masks of `config`. The peer is judged, not the answer: NOT_FOUND is
 * a success. CANCELLED by our caller, RESOURCE_EXHAUSTED made locally, and DEADLINE_EXCEEDED of a call that
 * had too little time from the start are BW_IGNORED. */
enum bw_outcome bw_breaker_classify(const struct bw_breaker_config *config, int grpc_code, unsigned flags);

/* ---- Life ---------------------------------------------------------------------------------------- */

/* A closed breaker. Name and config are copied. NULL: no memory, a name over BW_BREAKER_NAME_MAX bytes, or a
 * configuration that config_check refuses. */
struct bw_breaker *bw_breaker_new(const char *name, const struct bw_breaker_config *config, uint64_t now_ms);
/* Only what bw_breaker_new made, and when no thread is in any of its functions; NULL is fine. */
void bw_breaker_free(struct bw_breaker *breaker);

/* The same in memory of the caller, aligned as malloc's and at least bw_breaker_size bytes: nothing to
 * free. */
size_t bw_breaker_size(const struct bw_breaker_config *config);
struct bw_breaker *bw_breaker_init(void *memory, const char *name, const struct bw_breaker_config *config,
                                   uint64_t now_ms);

/* ---- Calls --------------------------------------------------------------------------------------- */

/* The permit of one call, in the caller's memory; plain data, may be moved, never shared. Its members are the
 * breaker's own. {0} is a ticket that was never acquired. */
struct bw_ticket {
    uint64_t started_ms;
    uint32_t generation;
    uint8_t stage;
    uint8_t overdue;
    uint8_t has_place;
    uint8_t unused; /* 0 */
};

struct bw_result {
    enum bw_outcome outcome;
    int code; /* gRPC status code, of a success too: for counters, events, weights; 0 and 14 will do */
    int64_t latency_ms;  /* -1 = measure it: now - acquire */
    int64_t pushback_ms; /* what the peer asked for (grpc-retry-pushback-ms); negative = nothing */
};

/* May this call be made? `*ticket` and `*retry_after_ms` are always written (the latter may be NULL). Every
 * admitted ticket must be completed or released exactly once, on every path. A rejected one need not be. */
enum bw_decision bw_breaker_acquire(struct bw_breaker *breaker, uint64_t now_ms, struct bw_ticket *ticket,
                                    uint64_t *retry_after_ms);
/* The call has ended. Judged in this order: unadmitted, done before, other generation, ignored, recorded. */
enum bw_verdict bw_breaker_complete(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                    const struct bw_result *result);
/* Was it admitted, and neither completed nor released yet? */
bool bw_ticket_is_out(const struct bw_ticket *ticket);
/* The call was never made, or says nothing about the peer. The same as completing with BW_IGNORED. */
void bw_breaker_release(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms);
/* The call has just passed slow_call_ms and is still out: it counts as slow now, which may trip, and not
 * again when it ends. The ticket stays to be completed. Call it once; again, or without slow_call_ms, it does
 * nothing. */
void bw_breaker_overdue(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms);

/* ---- Time ---------------------------------------------------------------------------------------- */

/* Makes the transition that is due at now_ms, if one is: end of the open time, of a lease, of an idle
 * half-open. Returns whether the state moved. Optional: acquire does the same; poll makes it visible without
 * a call. */
bool bw_breaker_poll(struct bw_breaker *breaker, uint64_t now_ms);
/* When poll has something to do next (may be in the past), or BW_BREAKER_NEVER. */
uint64_t bw_breaker_next_due(const struct bw_breaker *breaker, uint64_t now_ms);

/* ---- Operators ----------------------------------------------------------------------------------- */

/* What the functions below return beside 0. */
enum {
    BW_BREAKER_REFUSED = -1,       /* no such state to force, or bytes that are no saved breaker */
    BW_BREAKER_FULL = -2,          /* BW_BREAKER_HOLDERS_MAX others hold it already */
    BW_BREAKER_UNKNOWN = -3,       /* no such holder */
    BW_BREAKER_NAME = -4,          /* a name that is too long, or of another breaker */
    BW_BREAKER_VERSION = -5,       /* saved by another version */
    BW_BREAKER_CONFIGURATION = -6, /* config_check refuses it */
    BW_BREAKER_MEMORY = -7,        /* a count window for which the breaker has no memory */
};

/* Moves to OPEN (for `for_ms`, 0 = the policy's own time), HALF_OPEN (a new round), CLOSED, DISABLED or
 * METRICS_ONLY, whatever the state is, and forgets all holders. In the state already: OPEN starts its time
 * again, the others stay as they are. FORCED_OPEN is refused: hold it. */
int bw_breaker_force(struct bw_breaker *breaker, uint64_t now_ms, enum bw_state to, uint64_t for_ms);
/* A new generation of CLOSED, always; forgets all holders. */
void bw_breaker_reset(struct bw_breaker *breaker, uint64_t now_ms);
/* FORCED_OPEN until every holder has released it; then CLOSED. Holding twice under one name is one hold.
 * `holder` is copied; NULL or "" is one unnamed holder. */
int bw_breaker_hold(struct bw_breaker *breaker, uint64_t now_ms, const char *holder);
int bw_breaker_release_hold(struct bw_breaker *breaker, uint64_t now_ms, const char *holder);
/* Takes another configuration without losing state: HALF_OPEN starts a new round, elsewhere everything stays,
 * a running deadline and the window too. Only a window of another kind or size starts empty. A count window
 * of up to 1024 calls always has memory; a larger one must be in the configuration that the breaker was made
 * with, or is refused with BW_BREAKER_MEMORY. `config` is copied. */
int bw_breaker_reconfigure(struct bw_breaker *breaker, const struct bw_breaker_config *config,
                           uint64_t now_ms);
/* Copies the configuration in use. */
void bw_breaker_configured(const struct bw_breaker *breaker, struct bw_breaker_config *config);

/* ---- Reading ------------------------------------------------------------------------------------- */

struct bw_breaker_counters {
    uint64_t admitted; /* = ok + failed + ignored + stale + still out; probes included */
    uint64_t admitted_probe;
    uint64_t rejected[BW_DECISIONS]; /* by bw_decision; 0 at the admitting ones */
    uint64_t ok;
    uint64_t failed;
    uint64_t failed_code[BW_BREAKER_CODES]; /* sums up to failed */
    uint64_t slow;                          /* of ok and failed, or overdue */
    uint64_t ignored;
    uint64_t stale;
    uint64_t twice; /* second completions */
    uint64_t lost_probe;
    uint64_t entered[BW_STATES];     /* transitions into the state, from another one */
    uint64_t ms_in_state[BW_STATES]; /* up to now */
};

struct bw_breaker_snapshot {
    char name[BW_BREAKER_NAME_MAX + 1];
    enum bw_state state;   /* as stored */
    enum bw_state view;    /* what an acquire at this instant would be decided in; it may still be rejected */
    uint64_t generation;   /* 1 at the start, + 1 with every transition */
    uint32_t open_attempt; /* openings since it was last closed; stays at 15 */
    /* For the view. OPEN: until the deadline; HALF_OPEN without a slot: until the lease ends; FORCED_OPEN:
     * BW_BREAKER_NEVER; else 0. */
    uint64_t retry_after_ms;
    uint32_t consecutive;      /* weighted failures in a row, while CLOSED or METRICS_ONLY; else 0 */
    uint32_t failure_count;    /* the same, but in other states the count at which CLOSED was left */
    uint32_t trip_consecutive; /* the threshold */
    uint64_t open_ms;          /* the first open time, as configured */
    uint64_t probe_lease_ms;   /* in effect; 0 = none */
    uint32_t probe_budget;
    uint32_t probes_in_flight;
    uint32_t probes_ok, probes_failed;                 /* finished in this round */
    uint32_t window_calls, window_failed, window_slow; /* 0 without a window */
    uint32_t holders;                                  /* of FORCED_OPEN */
    uint64_t last_failure_ms;    /* now_ms of the last recorded failure, or BW_BREAKER_NEVER */
    int last_failure_code;       /* -1 = none */
    enum bw_reason last_reason;  /* of the last transition; meaningless in generation 1 */
    uint64_t last_transition_ms; /* creation counts */
    struct bw_breaker_counters counters;
};

/* The view alone, without adding counters up: cheap enough for every call. */
enum bw_state bw_breaker_view(const struct bw_breaker *breaker, uint64_t now_ms);
/* A picture of now_ms. State, generation and what depends on them belong together; counters of calls that
 * other threads are making at this moment may be ahead or behind. */
void bw_breaker_snapshot(const struct bw_breaker *breaker, uint64_t now_ms, struct bw_breaker_snapshot *out);
/* Transitions counted by from, to and reason, for labelled metrics. */
uint64_t bw_breaker_transitions(const struct bw_breaker *breaker, enum bw_state from, enum bw_state to,
                                enum bw_reason reason);

/* What an event was seen after: one recorded result. */
struct bw_event_call {
    int code;
    uint32_t latency_ms;
};

struct bw_event {
    uint64_t seq; /* 1, 2, 3, ... per breaker */
    uint64_t at_ms;
    enum bw_state from, to;
    /* A new generation began. False for WOULD_TRIP, for PUSHBACK, and for RECONFIGURED outside HALF_OPEN. */
    bool transition;
    uint64_t generation; /* after it; of two events by two threads at the same instant it tells the order */
    enum bw_reason reason;
    enum bw_reason cause; /* of WOULD_TRIP: the reason it would have opened for; else the reason */
    /* Why: `value` reached `threshold`. CONSECUTIVE: failures in a row, FAILURE_COUNT: failures in the
     * window, both with their weights. FAILURE_RATE, SLOW_RATE: share of the calls in the window. WOULD_TRIP:
     * as its cause. PROBE_FAILED, PROBES_OK: probes, or the share of a sample. OPEN_ELAPSED: ms after the
     * deadline, 0. LOST_PROBE: probes lost, the lease in ms. HALF_OPEN_TIMEOUT: 0, half_open_max_ms.
     * PUSHBACK: ms asked for, our own ms. Else 0, 0. */
    double value, threshold;
    int code;         /* of the result that did it; -1 = no result did */
    uint64_t open_ms; /* to OPEN: how long; else 0 */
    uint32_t last_count;
    struct bw_event_call last[8]; /* the last recorded results, newest first */
};

/* Copies up to `cap` events after `after_seq` (0 = from the first), oldest first, and returns how many. A
 * first `seq` above after_seq + 1 means that the events between are lost: the ring keeps
 * BW_BREAKER_EVENTS_KEPT. */
size_t bw_breaker_events(const struct bw_breaker *breaker, uint64_t after_seq, struct bw_event *out,
                         size_t cap);

/* ---- Over a restart ------------------------------------------------------------------------------ */

struct bw_instant {
    uint64_t now_ms;  /* monotonic, as everywhere */
    uint64_t wall_ms; /* since 1970: only to know how long we were away */
};

/* Writes state, remaining time, attempt, streak and holders as versioned bytes; counters and events are not
 * in them. Returns the size needed: nothing was written when that is above `cap`. */
size_t bw_breaker_save(const struct bw_breaker *breaker, struct bw_instant at, void *bytes, size_t cap);
/* Takes saved bytes over, as a new generation with reason RESTORED. The time away counts; a wall clock that
 * stepped back counts as no time. HALF_OPEN comes back as a new round. 0, or REFUSED, VERSION or NAME and
 * nothing changed. The bytes need not be trusted. */
int bw_breaker_load(struct bw_breaker *breaker, struct bw_instant at, const void *bytes, size_t len);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
