/* fault.h: the fault that service-b simulates: a share of failing calls and a random delay. Pure. */
#ifndef SERVER_FAULT_H
#define SERVER_FAULT_H

#include <breakwire/random.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    FAULT_PERCENT_MAX = 100,
    FAULT_CODE_MAX = 16,
    FAULT_LATENCY_MAX_MS = 60000,
    FAULT_SLOW_MIN_MS = 2000, /* what InduceLatency sets */
    FAULT_SLOW_MAX_MS = 5000,
};

struct fault {
    uint32_t failure_percent; /* 0..100 */
    uint32_t status_code;     /* 1..16 */
    uint32_t latency_min_ms, latency_max_ms;
};

/* What one call meets. */
struct fault_verdict {
    bool fails;
    int code;          /* the status of a failing call */
    uint64_t delay_ms; /* before the answer, failing or not */
};

/* No failure, no delay; a failing call would say INTERNAL. */
void fault_init(struct fault *fault);
void fault_induce_failure(struct fault *fault);
void fault_remove_failure(struct fault *fault);
void fault_induce_latency(struct fault *fault);
void fault_remove_latency(struct fault *fault);
/* Takes all of `wanted`; its status_code 0 means INTERNAL. False: out of range, nothing changed, and `why`
 * names the field, the value and the range. */
bool fault_set(struct fault *fault, const struct fault *wanted, char *why, size_t why_size);
struct fault_verdict fault_meet(const struct fault *fault, struct bw_random *random);

#endif
