"""Event scripts: one object in, one line out, as `breaker-sim --script` writes it."""
from invariants import Checked

MUST = {"acquire": {"id"}, "complete": {"id"}, "release": {"id"}, "call": set(), "force": {"to"}, "poll": set(),
        "read": set()}
MAY = {"complete": {"outcome", "code", "latency_ms", "pushback_ms"},
       "call": {"outcome", "code", "latency_ms", "pushback_ms"}, "force": {"for_ms", "handle"}}
ALLOWED = {op: keys | MAY.get(op, set()) | {"t_ms", "op"} for op, keys in MUST.items()}
OUTCOMES = ("ok", "fail", "ignored")
TARGETS = ("open", "closed", "half_open", "forced_open", "disabled", "metrics_only", "reset", "unforce")

LINE = ('{"t_ms": %d, "op": "%s", "admitted": %s, "decision": %s, "verdict": %s, "state": "%s", "view": "%s", '
        '"generation": %d, "attempt": %d, "retry_after_ms": %s, '
        '"window": {"calls": %d, "failed": %d, "slow": %d}, '
        '"transitions": {"opened": %d, "half_opened": %d, "closed": %d}}')
WORDS = {None: "null", True: "true", False: "false"}
WORDS.update((word, f'"{word}"') for word in (
    "admit", "admit_probe", "reject_open", "reject_probing", "reject_forced", "reject_concurrency", "reject_ramp",
    "recorded", "released", "stale", "double", "unadmitted"))


class ScriptError(Exception):
    pass


class Script:
    """`breaker_type` is for planting bugs."""

    def __init__(self, config, breaker_type=Checked):
        self.config = config
        self.breaker = breaker_type(config)
        self.tickets = {}
        self.now = 0

    def do(self, event):
        """The line for one event; ScriptError when it is none."""
        op = event.get("op")
        allowed = ALLOWED.get(op) if isinstance(op, str) else None
        if allowed is None:
            raise ScriptError(f"op {op!r}: one of {', '.join(MUST)}")
        if not event.keys() <= allowed or not MUST[op] <= event.keys():
            raise ScriptError(f"{op} takes {', '.join(sorted(allowed))}")
        now = whole(event, "t_ms", None)
        if now is None or now < self.now:
            raise ScriptError(f"t_ms {now}: at least {self.now}")
        admitted, decision, verdict = getattr(self, op)(now, event)
        self.now = now
        return self.line(now, op, admitted, decision, verdict)

    def line(self, now, op, admitted, decision, verdict):
        b = self.breaker
        view, retry_after = b.view(now)
        calls, failed, slow, _ = b.window.totals(now)
        return LINE % (now, op, WORDS[admitted], WORDS[decision], WORDS[verdict], b.state, view,
                       b.generation, b.attempt, "null" if retry_after is None else retry_after, calls, failed, slow,
                       b.opened, b.half_opened, b.closed)

    def acquire(self, now, event):
        key = name_of(event, "id")
        old = self.tickets.get(key)
        if old and old.admitted and not old.done:
            raise ScriptError(f"id {key!r} is still out")
        decision, ticket = self.breaker.acquire(now)
        self.tickets[key] = ticket
        return ticket.admitted, decision, None

    def complete(self, now, event):
        ticket, result = self.ticket(event), self.result(event)
        return None, None, self.breaker.complete(ticket, now, *result)

    def release(self, now, event):
        return None, None, self.breaker.release(self.ticket(event), now)

    def call(self, now, event):
        result = self.result(event)
        decision, ticket = self.breaker.acquire(now)
        verdict = self.breaker.complete(ticket, now, *result) if ticket.admitted else None
        return ticket.admitted, decision, verdict

    def poll(self, now, event):
        self.breaker.poll(now)
        return None, None, None

    def read(self, now, event):
        return None, None, None

    def force(self, now, event):
        to = event["to"]
        if to not in TARGETS:
            raise ScriptError(f"to {to!r}: one of {', '.join(TARGETS)}")
        handle = name_of(event, "handle", "")
        if to == "forced_open":
            self.breaker.hold(now, handle)
        elif to == "unforce":
            self.breaker.unhold(now, handle)
        elif to == "reset":
            self.breaker.reset(now)
        else:
            self.breaker.force(now, to, whole(event, "for_ms", 0))
        return None, None, None

    def ticket(self, event):
        key = name_of(event, "id")
        if key not in self.tickets:
            raise ScriptError(f"id {key!r} was never acquired")
        return self.tickets[key]

    def result(self, event):
        code, outcome = whole(event, "code", None), event.get("outcome")
        if (code is None) == (outcome is None):
            raise ScriptError("an outcome or a code, one of the two")
        if outcome is None:
            outcome = self.breaker.config.classify(code)
        elif outcome not in OUTCOMES:
            raise ScriptError(f"outcome {outcome!r}: one of {', '.join(OUTCOMES)}")
        return outcome, code, whole(event, "latency_ms", None), whole(event, "pushback_ms", -1, negative=True)


def whole(event, key, otherwise, negative=False):
    value = event.get(key, otherwise)
    if value is not otherwise and (type(value) is not int or (value < 0 and not negative)):
        raise ScriptError(f"{key} {value!r}: a whole number")
    return value


def name_of(event, key, otherwise=None):
    value = event.get(key, otherwise)
    if type(value) not in (str, int):
        raise ScriptError(f"{key} {value!r}: a string or an integer")
    return value
