"""The parameters of a breaker: their defaults, and which configurations are refused.

`Config(given)` takes an object as it stands in JSON: what is left out has its default. `Refused` carries the reason.
"""

CODES = ("OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
         "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
         "UNAUTHENTICATED").split()
FAILURES = ("CANCELLED UNKNOWN DEADLINE_EXCEEDED RESOURCE_EXHAUSTED INTERNAL UNAVAILABLE DATA_LOSS").split()

DEFAULTS = {
    "trip_consecutive": 3,
    "open_ms": 20000, "open_backoff": 1.0, "open_max_ms": 300000, "open_jitter": 0.0, "jitter_seed": 0,
    "window": "none", "window_calls": 100, "window_ms": 10000, "window_buckets": 10, "window_min_calls": 1,
    "trip_failure_rate": 0.0, "trip_failures": 0, "slow_call_ms": 0, "trip_slow_rate": 0.0,
    "probe_budget": 1, "probe_max_inflight": 0, "probe_successes": 1, "probe_failures": 1,
    "probe_decision": "early", "probe_sample": 1, "probe_failure_rate": 0.5, "probe_slow_rate": 0.0,
    "call_timeout_ms": 0, "probe_lease_ms": None, "probe_lease_action": "reopen",
    "half_open_max_ms": 0, "half_open_timeout_to": "open",
    "warmup_ms": 0, "failure_mask": ",".join(FAILURES), "ignore_mask": "none", "weight": "",
    "min_deadline_ms": 0, "probe_slow_is_failure": False, "honour_pushback": True, "pushback_max_ms": 60000,
    "ramp_ms": 0, "max_concurrency": 0,
}
WORDS = {
    "window": ("none", "count", "time"),
    "probe_decision": ("early", "sample"),
    "probe_lease_action": ("reopen", "replace"),
    "half_open_timeout_to": ("open", "closed"),
}
SHARES = ("open_jitter", "trip_failure_rate", "trip_slow_rate", "probe_failure_rate", "probe_slow_rate")
SWITCHES = ("probe_slow_is_failure", "honour_pushback")
TEXTS = ("failure_mask", "ignore_mask", "weight")


class Refused(Exception):
    pass


class Config:
    def __init__(self, given=None):
        for name, value in {**DEFAULTS, **check_values(given or {})}.items():
            setattr(self, name, value)
        self.failure_codes = mask_of(self.failure_mask)
        self.ignored_codes = mask_of(self.ignore_mask)
        self.weights = weights_of(self.weight)
        check_together(self)
        if not self.probe_max_inflight:
            self.probe_max_inflight = self.probe_budget
        self.lease_ms = self.probe_lease_ms
        if self.lease_ms is None:
            self.lease_ms = max(self.open_ms, self.call_timeout_ms + 1000 if self.call_timeout_ms else 0)

    def classify(self, code):
        """ok, fail or ignored; ignoring wins. A number that is no code is UNKNOWN."""
        code = code if 0 <= code <= 16 else 2
        if code in self.ignored_codes:
            return "ignored"
        return "fail" if code in self.failure_codes else "ok"


def mask_of(text):
    """The set of codes of "UNAVAILABLE,INTERNAL" or "none"."""
    names = [] if text == "none" else text.split(",")
    if any(name not in CODES for name in names):
        raise Refused(f"a mask of '{text}': gRPC codes with commas between them, or none")
    return {CODES.index(name) for name in names}


def weights_of(text):
    """17 numbers of "UNAVAILABLE=4,INTERNAL=2"; the others are 1."""
    weights = [1] * 17
    for item in text.split(",") if text else ():
        name, _, number = item.partition("=")
        if name not in CODES or not number.isdigit() or not 1 <= int(number) <= 16:
            raise Refused(f"weight '{item}': CODE=1..16")
        weights[CODES.index(name)] = int(number)
    return weights


def check_values(given):
    """Each value alone: known, of the right type, in its range."""
    for name, value in given.items():
        if name not in DEFAULTS:
            raise Refused(f"{name}: there is no such parameter")
        check_value(name, value)
    return given


def check_value(name, value):
    if name in WORDS:
        ok, allowed = value in WORDS[name], " or ".join(WORDS[name])
    elif name in SWITCHES:
        ok, allowed = isinstance(value, bool), "true or false"
    elif name in TEXTS:
        ok, allowed = isinstance(value, str), "text"
    elif name in SHARES:
        ok, allowed = isinstance(value, (int, float)) and 0 <= value <= 1, "0..1"
    elif name == "open_backoff":
        ok, allowed = isinstance(value, (int, float)) and value >= 1, "1 or more"
    else:
        ok, allowed = isinstance(value, int) and value >= 0, "a whole number"
    if name == "open_ms" and ok:
        ok, allowed = 1 <= value <= 86400000, "1..86400000"
    if name == "probe_budget" and ok:
        ok, allowed = 1 <= value <= 63, "1..63"
    if not ok:
        raise Refused(f"{name} = {value!r}: {allowed}")


def check_together(c):
    """How the values fit together."""
    by_window = c.trip_failure_rate or c.trip_failures or c.trip_slow_rate
    faults = [
        (c.probe_decision == "early" and not (c.probe_successes and c.probe_failures),
         "probe_successes and probe_failures: at least 1"),
        (c.probe_decision == "early" and c.probe_successes + c.probe_failures > c.probe_budget + 1,
         "probe_successes + probe_failures: at most probe_budget + 1, or a round could end undecided"),
        (c.probe_decision == "sample" and not 1 <= c.probe_sample <= c.probe_budget,
         "probe_sample: 1..probe_budget"),
        (c.probe_decision == "sample" and not c.probe_failure_rate,
         "probe_failure_rate: over 0 with probe_decision = sample"),
        (c.probe_max_inflight > c.probe_budget, "probe_max_inflight: at most probe_budget"),
        (by_window and c.window == "none", "trip_failure_rate, trip_failures, trip_slow_rate: need a window"),
        ((c.trip_slow_rate or c.probe_slow_rate) and not c.slow_call_ms,
         "trip_slow_rate, probe_slow_rate: need slow_call_ms"),
        (c.window == "count" and c.window_min_calls > c.window_calls, "window_min_calls: at most window_calls"),
        (c.window == "time" and (not c.window_buckets or c.window_ms % c.window_buckets),
         "window_ms: a multiple of window_buckets"),
        (c.probe_lease_ms and c.probe_lease_ms <= c.call_timeout_ms, "probe_lease_ms: over call_timeout_ms"),
        (not c.trip_consecutive and not by_window, "no trip policy at all"),
    ]
    for fault, why in faults:
        if fault:
            raise Refused(why)
