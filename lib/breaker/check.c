#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "config.h"

/* Where a sentence goes; NULL and 0 when nobody wants it. */
struct why {
    char *text;
    size_t size;
};

static bool refuse(struct why why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct why why, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (why.text)
        vsnprintf(why.text, why.size, format, args);
    va_end(args);
    return false;
}

/* A round must never end undecided: whatever the results, one of the two numbers is reached. */
static bool check_early_decision(const struct bw_breaker_config *c, struct why why) {
    if (c->probe_successes + c->probe_failures <= c->probe_budget + 1)
        return true;
    return refuse(why,
                  "probe_successes: %" PRIu32 " and probe_failures %" PRIu32
                  " cannot both be reached, their sum must be at most probe_budget + 1 = %" PRIu32,
                  c->probe_successes, c->probe_failures, c->probe_budget + 1);
}

static bool check_sample(const struct bw_breaker_config *c, struct why why) {
    if (c->probe_failure_rate <= 0)
        return refuse(why,
                      "probe_failure_rate: 0 is not allowed with probe_decision sample, no sample could be "
                      "good; only more, up to 1");
    if (c->probe_sample >= 1 && c->probe_sample <= c->probe_budget)
        return true;
    return refuse(why, "probe_sample: %" PRIu32 " is not allowed, only 1..probe_budget = %" PRIu32,
                  c->probe_sample, c->probe_budget);
}

static bool check_probes(const struct bw_breaker_config *c, struct why why) {
    if (c->probe_max_inflight > c->probe_budget)
        return refuse(why, "probe_max_inflight: %" PRIu32 " is not allowed, only 0..probe_budget = %" PRIu32,
                      c->probe_max_inflight, c->probe_budget);
    if (c->probe_lease_ms && c->probe_lease_ms <= c->call_timeout_ms) /* "auto" is above them all */
        return refuse(why,
                      "probe_lease_ms: %" PRIu64 " is not allowed, only more than call_timeout_ms = %" PRIu64,
                      c->probe_lease_ms, c->call_timeout_ms);
    return c->probe_decision == BW_DECIDE_SAMPLE ? check_sample(c, why) : check_early_decision(c, why);
}

static bool check_window(const struct bw_breaker_config *c, struct why why) {
    bool needs_window = c->trip_failure_rate > 0 || c->trip_failures || c->trip_slow_rate > 0;
    if (c->window == BW_WINDOW_NONE && needs_window)
        return refuse(why,
                      "window: \"none\" is not allowed with trip_failure_rate, trip_failures or "
                      "trip_slow_rate, only count or time");
    if (c->window == BW_WINDOW_COUNT && c->window_min_calls > c->window_calls)
        return refuse(why, "window_min_calls: %" PRIu32 " is not allowed, only 1..window_calls = %" PRIu32,
                      c->window_min_calls, c->window_calls);
    if (c->window == BW_WINDOW_TIME && c->window_ms % c->window_buckets)
        return refuse(why,
                      "window_ms: %" PRIu64 " is not allowed, only multiples of window_buckets = %" PRIu32,
                      c->window_ms, c->window_buckets);
    return true;
}

static bool check_slow(const struct bw_breaker_config *c, struct why why) {
    const char *user = c->trip_slow_rate > 0      ? "trip_slow_rate"
                       : c->probe_slow_rate > 0   ? "probe_slow_rate"
                       : c->probe_slow_is_failure ? "probe_slow_is_failure"
                                                  : NULL;
    if (user && !c->slow_call_ms)
        return refuse(why, "slow_call_ms: 0 is not allowed with %s, only 1..86400000 ms", user);
    return true;
}

static bool check_trips(const struct bw_breaker_config *c, struct why why) {
    if (c->trip_consecutive || c->trip_failures || c->trip_failure_rate > 0 || c->trip_slow_rate > 0)
        return true;
    return refuse(why, "trip_consecutive: 0 is not allowed when nothing else trips, only 1..65535 failures");
}

static bool check_rows(const struct bw_breaker_config *c, struct why why) {
    for (size_t i = 0; i < bw_breaker_params_count; i++)
        if (!bw_config_in_range(c, &bw_breaker_params[i], why.text, why.size))
            return false;
    return true;
}

int bw_breaker_config_check(const struct bw_breaker_config *config, char *why_text, size_t why_size) {
    struct why why = {why_text, why_size};
    if (config->size != sizeof *config) {
        refuse(why, "size: %zu is not allowed, only %zu: start from bw_breaker_config_default", config->size,
               sizeof *config);
        return -1;
    }
    bool fits = check_rows(config, why) && check_trips(config, why) && check_window(config, why) &&
                check_slow(config, why) && check_probes(config, why);
    return fits ? 0 : -1;
}
