#include "status.h"

#include <breakwire/log.h>

enum { CHANGES_SHOWN = 16 };

static void put_wall(struct bw_json *json, const char *key, const struct times *times, uint64_t at_ms) {
    char text[BW_RFC3339_MAX];
    bw_rfc3339(times_wall_of(times, at_ms), text);
    bw_json_put_text(json, key, text);
}

static void put_seconds(struct bw_json *json, const char *key, uint64_t ms) {
    bw_json_key(json, key);
    bw_json_double(json, (double)ms / 1000.0);
}

static void window_keys(struct bw_json *json, const struct guard_status *status) {
    bw_json_key(json, "window");
    bw_json_object_begin(json);
    bw_json_put_u64(json, "calls", status->window_calls);
    bw_json_put_u64(json, "failed", status->window_failed);
    bw_json_put_u64(json, "slow", status->window_slow);
    bw_json_object_end(json);
}

static void counters_keys(struct bw_json *json, const struct guard_status *status) {
    const struct {
        const char *key;
        uint64_t value;
    } counters[] = {
        {"admitted", status->admitted},
        {"admitted_probe", status->admitted_probe},
        {"ok", status->ok},
        {"failed", status->failed},
        {"slow", status->slow},
        {"ignored", status->ignored},
        {"stale", status->stale},
        {"double", status->twice},
        {"lost_probe", status->lost_probe},
        {"rejected_open", status->rejected_open},
        {"rejected_probing", status->rejected_probing},
        {"rejected_forced", status->rejected_forced},
        {"rejected_concurrency", status->rejected_concurrency},
        {"rejected_ramp", status->rejected_ramp},
        {"opened", status->opened},
        {"half_opened", status->half_opened},
        {"closed", status->closed},
    };
    bw_json_key(json, "counters");
    bw_json_object_begin(json);
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        bw_json_put_u64(json, counters[i].key, counters[i].value);
    bw_json_object_end(json);
}

/* The newest changes, oldest first. */
static void events_keys(struct bw_json *json, const struct guard *guard, const struct times *times) {
    struct guard_change changes[CHANGES_SHOWN];
    uint64_t newest = guard_last_change(guard);
    uint64_t after = newest > CHANGES_SHOWN ? newest - CHANGES_SHOWN : 0;
    size_t n = guard_changes(guard, after, changes, CHANGES_SHOWN);
    bw_json_key(json, "events");
    bw_json_array_begin(json);
    for (size_t i = 0; i < n; i++)
        status_change(json, &changes[i], times);
    bw_json_array_end(json);
}

static void first_keys(struct bw_json *json, const struct guard_status *status, const struct times *times) {
    bw_json_put_text(json, "circuit_breaker_name", status->name);
    bw_json_put_text(json, "state", status->state);
    bw_json_put_u64(json, "failure_count", status->failure_count);
    bw_json_put_u64(json, "failure_threshold", status->failure_threshold);
    put_seconds(json, "recovery_timeout", status->open_ms);
    if (status->has_failure) {
        put_wall(json, "last_failure_time", times, status->last_failure_ms);
    } else {
        bw_json_key(json, "last_failure_time");
        bw_json_null(json);
    }
}

static void further_keys(struct bw_json *json, const struct guard_status *status, const struct times *times) {
    bw_json_put_text(json, "view", status->view);
    bw_json_key(json, "retry_after_ms");
    if (status->retry_known)
        bw_json_u64(json, status->retry_after_ms);
    else
        bw_json_null(json);
    bw_json_put_u64(json, "generation", status->generation);
    bw_json_put_u64(json, "open_attempt", status->open_attempt);
    bw_json_put_u64(json, "consecutive_failures", status->consecutive);
    bw_json_put_text(json, "last_reason", status->last_reason);
    put_wall(json, "since", times, status->last_transition_ms);
    bw_json_put_u64(json, "in_state_ms", times_now(times) - status->last_transition_ms);
    put_seconds(json, "request_timeout", status->call_timeout_ms);
    bw_json_put_u64(json, "probe_budget", status->probe_budget);
    bw_json_put_u64(json, "probes_in_flight", status->probes_in_flight);
    bw_json_put_u64(json, "probe_lease_ms", status->lease_ms);
}

void status_breaker_keys(struct bw_json *json, const struct guard *guard, const struct times *times) {
    struct guard_status status;
    guard_status(guard, times_now(times), &status);
    first_keys(json, &status, times);
    further_keys(json, &status, times);
    window_keys(json, &status);
    counters_keys(json, &status);
    events_keys(json, guard, times);
}

void status_configuration(struct bw_json *json, const struct guard *guard) {
    struct guard_parameter parameter;
    bw_json_key(json, "configuration");
    bw_json_object_begin(json);
    for (size_t i = 0; guard_parameter(guard, i, &parameter); i++) {
        bw_json_key(json, parameter.name);
        if (parameter.kind == GUARD_NUMBER)
            bw_json_raw(json, bw_span_text(parameter.value));
        else if (parameter.kind == GUARD_SWITCH)
            bw_json_bool(json, strcmp(parameter.value, "on") == 0);
        else
            bw_json_text(json, parameter.value);
    }
    bw_json_object_end(json);
}

const char *status_outcome(const struct guard_result *result) {
    return result->rejected ? "rejected" : result->code == 0 ? "ok" : "failed";
}

void status_call(struct bw_json *json, const struct guard_result *result, const struct times *times) {
    bw_json_object_begin(json);
    bw_json_put_text(json, "breaker", result->breaker);
    put_wall(json, "at", times, times_now(times));
    bw_json_put_text(json, "outcome", status_outcome(result));
    bw_json_put_text(json, "code", result->code_name);
    bw_json_put_text(json, "message", result->message);
    bw_json_put_u64(json, "latency_ms", result->latency_ms);
    bw_json_put_bool(json, "probe", result->probe);
    bw_json_put_u64(json, "retry_after_ms", result->retry_after_ms);
    bw_json_put_text(json, "circuit_state", result->state);
    bw_json_object_end(json);
}

void status_change_keys(struct bw_json *json, const struct guard_change *change, const struct times *times) {
    bw_json_put_text(json, "breaker", change->breaker);
    put_wall(json, "at", times, change->at_ms);
    bw_json_put_u64(json, "seq", change->seq);
    bw_json_put_text(json, "from", change->from);
    bw_json_put_text(json, "to", change->to);
    bw_json_put_text(json, "reason", change->reason);
    bw_json_key(json, "value");
    bw_json_double(json, change->value);
    bw_json_key(json, "threshold");
    bw_json_double(json, change->threshold);
    bw_json_put_text(json, "code", change->last_code);
    bw_json_put_u64(json, "retry_after_ms", change->retry_after_ms);
    bw_json_put_u64(json, "generation", change->generation);
    bw_json_key(json, "last");
    bw_json_array_begin(json);
    for (unsigned i = 0; i < change->last_count; i++) {
        bw_json_object_begin(json);
        bw_json_put_text(json, "code", change->last[i].code);
        bw_json_put_u64(json, "latency_ms", change->last[i].latency_ms);
        bw_json_object_end(json);
    }
    bw_json_array_end(json);
}

void status_change(struct bw_json *json, const struct guard_change *change, const struct times *times) {
    bw_json_object_begin(json);
    status_change_keys(json, change, times);
    bw_json_object_end(json);
}

void status_fault(struct bw_json *json, const struct stub_fault *fault) {
    if (!fault) {
        bw_json_null(json);
        return;
    }
    bw_json_object_begin(json);
    bw_json_put_u64(json, "failure_percent", fault->failure_percent);
    bw_json_put_u64(json, "status_code", fault->status_code);
    bw_json_put_u64(json, "latency_min_ms", fault->latency_min_ms);
    bw_json_put_u64(json, "latency_max_ms", fault->latency_max_ms);
    bw_json_object_end(json);
}
