#include "fault.h"

#include <stdio.h>

enum { INTERNAL = 13 };

void fault_init(struct fault *fault) {
    *fault = (struct fault){.status_code = INTERNAL};
}

void fault_induce_failure(struct fault *fault) {
    fault->failure_percent = FAULT_PERCENT_MAX;
    fault->status_code = INTERNAL;
}

void fault_remove_failure(struct fault *fault) {
    fault->failure_percent = 0;
}

void fault_induce_latency(struct fault *fault) {
    fault->latency_min_ms = FAULT_SLOW_MIN_MS;
    fault->latency_max_ms = FAULT_SLOW_MAX_MS;
}

void fault_remove_latency(struct fault *fault) {
    fault->latency_min_ms = fault->latency_max_ms = 0;
}

static bool in_range(const char *field, uint32_t value, uint32_t min, uint32_t max, char *why,
                     size_t why_size) {
    if (value >= min && value <= max)
        return true;
    snprintf(why, why_size, "fault.%s is %u, allowed are %u..%u", field, value, min, max);
    return false;
}

bool fault_set(struct fault *fault, const struct fault *wanted, char *why, size_t why_size) {
    struct fault set = *wanted;
    if (set.status_code == 0)
        set.status_code = INTERNAL;
    if (!in_range("failure_percent", set.failure_percent, 0, FAULT_PERCENT_MAX, why, why_size) ||
        !in_range("status_code", set.status_code, 1, FAULT_CODE_MAX, why, why_size) ||
        !in_range("latency_max_ms", set.latency_max_ms, 0, FAULT_LATENCY_MAX_MS, why, why_size) ||
        !in_range("latency_min_ms", set.latency_min_ms, 0, set.latency_max_ms, why, why_size))
        return false;
    *fault = set;
    return true;
}

struct fault_verdict fault_meet(const struct fault *fault, struct bw_random *random) {
    return (struct fault_verdict){
        .fails = bw_random_between(random, 1, 100) <= fault->failure_percent,
        .code = (int)fault->status_code,
        .delay_ms = bw_random_between(random, fault->latency_min_ms, fault->latency_max_ms),
    };
}
