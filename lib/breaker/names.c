#include <breakwire/breaker.h>

static const char *const states[] = {"closed",      "open",     "half_open",
                                     "forced_open", "disabled", "metrics_only"};
static const char *const reasons[] = {"CONSECUTIVE",       "FAILURE_COUNT", "FAILURE_RATE", "SLOW_RATE",
                                      "PROBE_FAILED",      "PROBES_OK",     "OPEN_ELAPSED", "LOST_PROBE",
                                      "HALF_OPEN_TIMEOUT", "PUSHBACK",      "OPERATOR",     "RECONFIGURED",
                                      "WOULD_TRIP",        "RESTORED"};
static const char *const decisions[] = {"admit",          "admit_probe",   "reject_open",
                                        "reject_probing", "reject_forced", "reject_concurrency",
                                        "reject_ramp"};
static const char *const verdicts[] = {"recorded", "released", "stale", "double", "unadmitted"};

#define COUNT(names)       (sizeof(names) / sizeof(names)[0])
#define NAME(names, value) ((unsigned)(value) < COUNT(names) ? (names)[value] : "unknown")

_Static_assert(COUNT(states) == BW_STATES, "a name for every state");
_Static_assert(COUNT(reasons) == BW_REASONS, "a name for every reason");
_Static_assert(COUNT(decisions) == BW_DECISIONS, "a name for every decision");

const char *bw_state_name(enum bw_state state) {
    return NAME(states, state);
}
const char *bw_reason_name(enum bw_reason reason) {
    return NAME(reasons, reason);
}
const char *bw_decision_name(enum bw_decision decision) {
    return NAME(decisions, decision);
}
const char *bw_verdict_name(enum bw_verdict verdict) {
    return NAME(verdicts, verdict);
}
