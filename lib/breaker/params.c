#include <breakwire/breaker.h>

#include "window.h"
#include "word.h"

#define DAY_MS  86400000.0
#define SPAN_MS ((double)BW_WORD_SPAN_MAX_MS)
/* A timeout that a lease can still outlast. */
#define CALL_MS 60000000.0

#define ROW(member, type, unit, min, max, default_text, choices, meaning)                                    \
    {                                                                                                        \
#member, BW_PARAM_##type, unit, min, max, default_text, choices, meaning,                            \
            offsetof(struct bw_breaker_config, member)                                                       \
    }

/* clang-format off */
const struct bw_breaker_param bw_breaker_params[] = {
    ROW(trip_consecutive, COUNT, "failures", 0, 65535, "3", NULL,
        "failures in a row that open it; 0 = off"),
    ROW(open_ms, MS, "ms", 1, DAY_MS, "20000", NULL,
        "how long it stays open the first time"),
    ROW(open_backoff, FACTOR, "", 1, 1000, "1", NULL,
        "the open time grows by this factor with every reopening, until it closes"),
    ROW(open_max_ms, MS, "ms", 0, DAY_MS, "300000", NULL,
        "where that growth ends; never below open_ms"),
    ROW(open_jitter, SHARE, "", 0, 1, "0", NULL,
        "up to this share of the open time is taken off, differently each time"),
    ROW(jitter_seed, SEED, "", 0, 18446744073709551615.0, "0", NULL,
        "makes the jitter of this breaker differ from others'"),
    ROW(window, CHOICE, "", 0, 0, "none", "none count time",
        "what rates and counts are taken over: nothing, the last calls, the last while"),
    ROW(window_calls, COUNT, "calls", 1, 100000, "20", NULL,
        "size of the count window"),
    ROW(window_ms, MS, "ms", 1, DAY_MS, "10000", NULL,
        "length of the time window"),
    ROW(window_buckets, COUNT, "buckets", 1, BW_WINDOW_BUCKETS_MAX, "10", NULL,
        "how many parts the time window moves in"),
    ROW(window_min_calls, COUNT, "calls", 1, 100000, "1", NULL,
        "with fewer calls in the window nothing trips on it"),
    ROW(trip_failure_rate, SHARE, "", 0, 1, "0", NULL,
        "share of failures in the window that opens it; 0 = off"),
    ROW(trip_failures, COUNT, "failures", 0, 65535, "0", NULL,
        "failures in the window that open it; 0 = off"),
    ROW(slow_call_ms, MS, "ms", 0, DAY_MS, "0", NULL,
        "a call is slow when it takes longer; 0 = none is"),
    ROW(trip_slow_rate, SHARE, "", 0, 1, "0", NULL,
        "share of slow calls in the window that opens it; 0 = off"),
    ROW(probe_budget, COUNT, "probes", 1, 63, "1", NULL,
        "probes of one half-open round, in flight and finished"),
    ROW(probe_max_inflight, COUNT, "probes", 0, 63, "0", NULL,
        "probes at the same time; 0 = probe_budget"),
    ROW(probe_successes, COUNT, "probes", 1, 63, "1", NULL,
        "good probes that close it"),
    ROW(probe_failures, COUNT, "probes", 1, 63, "1", NULL,
        "bad probes that open it again"),
    ROW(probe_decision, CHOICE, "", 0, 0, "early", "early sample",
        "early: by probe_successes and probe_failures; sample: by the rates of probe_sample probes"),
    ROW(probe_sample, COUNT, "probes", 0, 63, "0", NULL,
        "probes that a sample consists of"),
    ROW(probe_failure_rate, SHARE, "", 0, 1, "0.5", NULL,
        "share of failures that makes a sample bad"),
    ROW(probe_slow_rate, SHARE, "", 0, 1, "0", NULL,
        "share of slow calls that makes a sample bad; 0 = off"),
    ROW(probe_slow_is_failure, SWITCH, "", 0, 1, "off", NULL,
        "a slow probe counts as a bad one"),
    ROW(call_timeout_ms, MS, "ms", 0, CALL_MS, "0", NULL,
        "the longest a call may take, so that the lease can outlast it; 0 = unknown"),
    ROW(probe_lease_ms, MS, "ms", 0, SPAN_MS, "auto", NULL,
        "probes still out after this are lost; auto = open_ms or call_timeout_ms + 1000; 0 = wait for ever"),
    ROW(probe_lease_action, CHOICE, "", 0, 0, "reopen", "reopen replace",
        "what follows lost probes: open again, or a new half-open round at once"),
    ROW(half_open_max_ms, MS, "ms", 0, SPAN_MS, "0", NULL,
        "how long half-open may wait for a first probe; 0 = for ever"),
    ROW(half_open_timeout_to, CHOICE, "", 0, 0, "open", "open closed",
        "where it goes then"),
    ROW(warmup_ms, MS, "ms", 0, DAY_MS, "0", NULL,
        "nothing trips for this long after creation"),
    ROW(failure_mask, CODES, "", 0, 131071,
        "CANCELLED,UNKNOWN,DEADLINE_EXCEEDED,RESOURCE_EXHAUSTED,INTERNAL,UNAVAILABLE,DATA_LOSS", NULL,
        "gRPC codes that are failures"),
    ROW(ignore_mask, CODES, "", 0, 131071, "none", NULL,
        "gRPC codes that say nothing; wins over failure_mask"),
    ROW(weight, WEIGHTS, "", 1, 16, "1", NULL,
        "how much a failure with this code adds to the failures in a row"),
    ROW(min_deadline_ms, MS, "ms", 0, DAY_MS, "0", NULL,
        "DEADLINE_EXCEEDED of a call that started with less time than this says nothing"),
    ROW(honour_pushback, SWITCH, "", 0, 1, "on", NULL,
        "stay open at least as long as the answer asked for"),
    ROW(pushback_max_ms, MS, "ms", 0, DAY_MS, "60000", NULL,
        "the longest that an answer may ask for"),
    ROW(ramp_ms, MS, "ms", 0, DAY_MS, "0", NULL,
        "after closing, admit from 10 to 100 % of the calls over this time; 0 = all at once"),
    ROW(max_concurrency, COUNT, "calls", 0, 65535, "0", NULL,
        "calls in flight at the same time; 0 = unlimited"),
};
/* clang-format on */
const size_t bw_breaker_params_count = sizeof bw_breaker_params / sizeof bw_breaker_params[0];
