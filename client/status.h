/* status.h: everything service-a says as JSON about its breakers, calls and service-b's fault. Pure.
 * The keys are those of /circuit-status and of the events; docs/http.md describes them. */
#ifndef CLIENT_STATUS_H
#define CLIENT_STATUS_H

#include "guard.h"
#include "stub.h"
#include "times.h"

#include <breakwire/json_writer.h>

/* The keys of one breaker, inside an object that the caller has begun: circuit_breaker_name, state,
 * failure_count, failure_threshold, recovery_timeout, last_failure_time first. */
void status_breaker_keys(struct bw_json *json, const struct guard *guard, const struct times *times);
/* The key "configuration": an object of all parameters in effect, as "breakers" of the file takes it. */
void status_configuration(struct bw_json *json, const struct guard *guard);
/* One finished or rejected call, as an object. */
void status_call(struct bw_json *json, const struct guard_result *result, const struct times *times);
/* The keys of one change, inside an object that the caller has begun; and the whole object. */
void status_change_keys(struct bw_json *json, const struct guard_change *change, const struct times *times);
void status_change(struct bw_json *json, const struct guard_change *change, const struct times *times);
/* service-b's fault as an object; null when it is not known. */
void status_fault(struct bw_json *json, const struct stub_fault *fault);
/* "ok", "failed" or "rejected". */
const char *status_outcome(const struct guard_result *result);

#endif
