"""The breaker as its specification describes it: a reference model in plain ints and lists, made for reading.

`Breaker(config)` is created at 0 ms. `acquire` returns (decision, ticket), `complete` a verdict; `force`, `reset`,
`hold`, `unhold`, `poll` return nothing. `view(now)` is (state, retry_after_ms) of what the next call meets. Numbers of
invariants (I1..I7) are asserted in invariants.py.

Where the specification leaves room, this is the reading:
 1. A force to OPEN while OPEN is an entry to OPEN: attempt + 1. The counters of transitions count other states only.
 2. A left out lease is open_ms when call_timeout_ms is 0 (unknown), even where 0 + 1000 would be longer.
 3. retry_after_ms belongs to the view. Where a transition is due, it is that of the state after it: a round whose lease
    is over and that would reopen shows the whole open time. Without a lease and without a slot it is 0.
 4. Jitter looks at the generation before the opening, at the 17 bits that the word keeps of it.
 5. A result's pushback counts for any opening by that result, also when a success or a sample made it; it is first
    limited to pushback_max_ms.
 6. A sample counts a slow probe as failed with probe_slow_is_failure, and decides alone: probe_successes and
    probe_failures do not apply.
 7. warm-up is over at created + warmup_ms, that instant included; failures before count in streak and window.
 8. Releasing a ticket is completing it as ignored, and so has the same verdicts: double, stale, released, unadmitted.
 9. A hold under a second name while FORCED_OPEN changes the holders only. Any force ends the hold, so `force`
    to FORCED_OPEN is `hold`. Releasing a name that does not hold changes nothing.
10. The window of a time window starts at the exact instant of the generation; `since` of a round and the start of a
    ramp are rounded up to 16 ms.
11. A round's `since` is written when the round begins and when in flight goes 0 -> 1 or 1 -> 0; an opening or closing
    result does not need it any more.
12. A failure without a code has code UNAVAILABLE for its weight.
"""
from collections import Counter

from config import Config
from rows import ROWS
from windows import NoWindow, new_window

ATTEMPT_MAX, STREAK_MAX = 15, 65535
TOLERANCE = 1e-9
DEFAULT_CODE = {"ok": 0, "fail": 14, "ignored": 1}


def rate_is_reached(rate, count, calls):
    """Does count of calls reach the share? None never does, however small it is."""
    return count > 0 and calls * rate <= count + TOLERANCE


def up_to_16(now):
    return (now + 15) // 16 * 16


def share_of(seed, generation):
    """splitmix64: a number in [0, 1) for the jitter."""
    mask = (1 << 64) - 1
    x = (seed + (generation + 1) * 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return ((x ^ (x >> 31)) >> 11) / 9007199254740992.0


class Ticket:
    __slots__ = ("generation", "started", "admitted", "done", "limited")

    def __init__(self, generation, started, admitted, limited):
        self.generation, self.started, self.admitted, self.limited = generation, started, admitted, limited
        self.done = False


class Breaker:
    def __init__(self, config=None):
        self.config = config or Config()
        self.state, self.generation, self.attempt = "closed", 1, 0
        self.streak = 0                     # CLOSED and METRICS_ONLY
        self.would_trip = False             # METRICS_ONLY, once per generation
        self.deadline = 0                   # OPEN
        self.in_flight = self.round_ok = self.round_failed = self.round_slow = self.since = 0  # HALF_OPEN
        self.holders = []                   # FORCED_OPEN
        self.ramp_start, self.ramp_calls = None, 0  # CLOSED; None: no ramp
        self.window = new_window(self.config, 0)
        self.calls_out = 0                  # against max_concurrency
        self.opened = self.half_opened = self.closed = 0
        self.admitted = self.ok = self.failed = self.ignored = self.stale = self.double = 0
        self.rows = Counter(dict.fromkeys(ROWS, 0))

    # ---- Calls ----

    def acquire(self, now):
        self.make_due_transition(now, "acquire")
        decision = self.decide(now)
        admitted = decision in ("admit", "admit_probe")
        limited = admitted and self.config.max_concurrency > 0
        if admitted:
            self.admitted += 1
            self.calls_out += limited
        if decision == "admit_probe":
            if self.in_flight == 0:
                self.since = up_to_16(now)
            self.in_flight += 1
        return decision, Ticket(self.generation, now, admitted, limited)

    def decide(self, now):
        """First the state, then the limit of calls, then the ramp."""
        state, limit = self.state, self.config.max_concurrency
        if state == "open":
            self.rows["open", "acquire", "now < deadline", "open"] += 1
            return "reject_open"
        if state == "forced_open":
            self.rows["forced_open", "acquire", "", "forced_open"] += 1
            return "reject_forced"
        if state == "disabled":
            self.rows["disabled", "acquire", "", "disabled"] += 1
            return "admit"
        if state == "half_open" and not self.has_slot():
            self.rows["half_open", "acquire", "no slot", "half_open"] += 1
            return "reject_probing"
        if limit and self.calls_out >= limit:
            self.rows[state, "acquire", "concurrency: rejected", state] += 1
            return "reject_concurrency"
        if state == "half_open":
            self.rows["half_open", "acquire", "slot free", "half_open"] += 1
            return "admit_probe"
        if state == "closed" and not self.ramp_passes(now):
            self.rows["closed", "acquire", "ramp: rejected", "closed"] += 1
            return "reject_ramp"
        self.rows[state, "acquire", "", state] += 1
        return "admit"

    def has_slot(self):
        c = self.config
        return (self.in_flight < c.probe_max_inflight
                and self.in_flight + self.round_ok + self.round_failed < c.probe_budget)

    def ramp_passes(self, now):
        """The share is 10 % + 90 % of the elapsed part; a call passes when floor(n x share) grows."""
        ramp_ms = self.config.ramp_ms
        if self.ramp_start is None or now - self.ramp_start >= ramp_ms:
            return True
        self.ramp_calls += 1
        n, elapsed = self.ramp_calls, max(now - self.ramp_start, 0)
        above, below = ramp_ms + 9 * elapsed, 10 * ramp_ms
        if n * above // below == (n - 1) * above // below:
            return False
        self.rows["closed", "acquire", "ramp: passes", "closed"] += 1
        return True

    def complete(self, ticket, now, outcome, code=None, latency=None, pushback=-1):
        state = self.state
        if not ticket.admitted:
            self.rows[state, "result of a rejected call", "", state] += 1
            return "unadmitted"
        if ticket.done:
            self.double += 1
            self.rows[state, "second completion", "", state] += 1
            return "double"
        ticket.done = True
        self.calls_out -= ticket.limited
        if ticket.generation != self.generation:
            self.stale += 1
            self.rows[state, "result of another generation", "", state] += 1
            return "stale"
        if outcome == "ignored":
            self.ignored += 1
            self.rows[state, "ignored or released", "", state] += 1
            if state == "half_open":
                self.give_slot_back(now)
            return "released"
        failed = outcome == "fail"
        self.failed += failed
        self.ok += not failed
        if latency is None:
            latency = now - ticket.started
        slow = 0 < self.config.slow_call_ms < latency
        weight = self.config.weights[DEFAULT_CODE[outcome] if code is None else code if 0 <= code <= 16 else 2]
        if state == "half_open":
            self.judge_probe(now, failed, slow, pushback)
        elif state == "disabled":
            self.rows["disabled", "result", "", "disabled"] += 1
        else:
            self.judge(now, failed, slow, weight if failed else 0, pushback)
        return "recorded"

    def release(self, ticket, now):
        return self.complete(ticket, now, "ignored")

    # ---- CLOSED and METRICS_ONLY ----

    def judge(self, now, failed, slow, weight, pushback):
        state = self.state
        had_streak = self.streak > 0
        self.streak = min(self.streak + weight, STREAK_MAX) if failed else 0
        self.window.add(now, failed, slow, weight)
        reason = self.trip_reason(now)
        if reason and now < self.config.warmup_ms:
            self.rows[state, "result", "a trip, but warming up", state] += 1
        elif reason and state == "metrics_only":
            self.rows[state, "result", "would trip again" if self.would_trip else reason, state] += 1
            self.would_trip = True
        elif reason:
            self.rows["closed", "result", reason, "open"] += 1
            self.open(now, pushback=pushback)
        elif failed:
            self.rows[state, "result fail", "no trip", state] += 1
        else:
            self.rows[state, "result ok", "streak > 0" if had_streak else "streak 0", state] += 1

    def trip_reason(self, now):
        c = self.config
        if c.trip_consecutive and self.streak >= c.trip_consecutive:
            return "CONSECUTIVE"
        calls, failed, slow, weight = self.window.totals(now)
        if calls == 0 or calls < c.window_min_calls:
            return None
        if c.trip_failures and weight >= c.trip_failures:
            return "FAILURE_COUNT"
        if c.trip_failure_rate and rate_is_reached(c.trip_failure_rate, failed, calls):
            return "FAILURE_RATE"
        if c.trip_slow_rate and rate_is_reached(c.trip_slow_rate, slow, calls):
            return "SLOW_RATE"
        return None

    # ---- HALF_OPEN ----

    def give_slot_back(self, now):
        self.in_flight -= 1
        if self.in_flight == 0:
            self.since = up_to_16(now)

    def judge_probe(self, now, failed, slow, pushback):
        c = self.config
        if slow and not failed and c.probe_slow_is_failure:
            self.rows["half_open", "result", "ok, but slow is failure", ""] += 1
            failed = True
        self.round_failed += failed
        self.round_ok += not failed
        self.round_slow += slow
        self.give_slot_back(now)
        verdict, why = self.judge_sample() if c.probe_decision == "sample" else self.judge_early()
        self.rows["half_open", "result", why, verdict] += 1
        if verdict == "open":
            if c.honour_pushback and min(pushback, c.pushback_max_ms) > self.own_open_ms():
                self.rows["half_open", "result", "failed, pushback is longer", "open"] += 1
            self.open(now, pushback=pushback)
        elif verdict == "closed":
            self.enter(now, "closed")

    def judge_early(self):
        if self.round_failed >= self.config.probe_failures:
            return "open", "failures >= probe_failures"
        if self.round_ok >= self.config.probe_successes:
            return "closed", "successes >= probe_successes"
        return "half_open", "undecided"

    def judge_sample(self):
        c, n = self.config, self.round_ok + self.round_failed
        if n < c.probe_sample:
            return "half_open", "undecided"
        if rate_is_reached(c.probe_failure_rate, self.round_failed, n):
            return "open", "sample bad: failed"
        if c.probe_slow_rate and rate_is_reached(c.probe_slow_rate, self.round_slow, n):
            return "open", "sample bad: slow"
        return "closed", "sample good"

    # ---- Time ----

    def due(self, now):
        """(where to, why) of the transition that acquire and poll would make, or None."""
        c = self.config
        if self.state == "open" and now >= self.deadline:
            return "half_open", "now = deadline" if now == self.deadline else "now > deadline"
        if self.state == "half_open":
            if self.in_flight and c.lease_ms and now >= self.since + c.lease_ms:
                return "half_open" if c.probe_lease_action == "replace" else "open", "lost probe"
            if not self.in_flight and c.half_open_max_ms and now >= self.since + c.half_open_max_ms:
                return c.half_open_timeout_to, "idle"
        return None

    def make_due_transition(self, now, on):
        due = self.due(now)
        if due is None:
            return False
        to, why = due
        if on == "poll" and self.state == "open":
            why = "now >= deadline"
        self.rows[self.state, on, why, to] += 1
        if to == "open":
            self.open(now)
        else:
            self.enter(now, to)
        return True

    def poll(self, now):
        state = self.state
        if not self.make_due_transition(now, "poll"):
            why = {"open": "now < deadline", "half_open": "nothing due"}.get(state, "")
            self.rows[state, "poll", why, state] += 1

    def view(self, now):
        """The state that a call would be decided in now, and how long it would have to wait (None: nobody knows)."""
        due = self.due(now)
        if due:
            return due[0], self.own_open_ms() if due[0] == "open" else 0
        if self.state == "open":
            return "open", self.deadline - now
        if self.state == "half_open" and self.config.lease_ms and not self.has_slot():
            return "half_open", self.since + self.config.lease_ms - now
        return self.state, None if self.state == "forced_open" else 0

    # ---- Entering a state: each one is a new generation ----

    def enter(self, now, to):
        if to != self.state:
            self.opened += to in ("open", "forced_open")
            self.half_opened += to == "half_open"
            self.closed += to == "closed"
        self.state = to
        self.generation += 1
        self.holders = []
        self.streak, self.would_trip = 0, False
        self.in_flight = self.round_ok = self.round_failed = self.round_slow = 0
        self.window = new_window(self.config, now) if to in ("closed", "metrics_only") else NoWindow()
        self.ramp_start, self.ramp_calls = None, 0
        if to == "half_open":
            self.since = up_to_16(now)
        if to == "closed":
            self.attempt = 0
            if self.config.ramp_ms:
                self.ramp_start = up_to_16(now)

    def open(self, now, for_ms=0, pushback=-1):
        c = self.config
        open_ms = for_ms or self.own_open_ms()
        if c.honour_pushback and min(pushback, c.pushback_max_ms) > open_ms:
            open_ms = min(pushback, c.pushback_max_ms)
            if self.state == "closed":
                self.rows["closed", "result", "trips, pushback is longer", "open"] += 1
        if not for_ms and self.backed_off(self.attempt + 1) == c.open_max_ms:
            self.rows["any", "entry to OPEN", "backoff limited by open_max_ms", "open"] += 1
        if self.attempt == ATTEMPT_MAX:
            self.rows["any", "entry to OPEN", "attempt stays at 15", "open"] += 1
        self.attempt = min(self.attempt + 1, ATTEMPT_MAX)
        self.enter(now, "open")
        self.deadline = now + open_ms

    def own_open_ms(self):
        """The open time of the next attempt: backoff, its limit, jitter."""
        c = self.config
        open_ms = self.backed_off(min(self.attempt + 1, ATTEMPT_MAX))
        open_ms -= int(open_ms * c.open_jitter * share_of(c.jitter_seed, self.generation % (1 << 17)))
        return max(open_ms, 1)

    def backed_off(self, attempt):
        c = self.config
        return int(min(c.open_ms * c.open_backoff ** (attempt - 1), max(c.open_max_ms, c.open_ms)))

    # ---- Operators ----

    def force(self, now, to, for_ms=0):
        self.rows[self.state, "force", "", to] += 1
        if to == "open":
            self.open(now, for_ms)
        elif to != self.state:
            self.enter(now, to)

    def reset(self, now):
        self.rows[self.state, "reset", "", "closed"] += 1
        self.enter(now, "closed")

    def hold(self, now, holder):
        if self.state != "forced_open":
            self.rows[self.state, "hold", "", "forced_open"] += 1
            self.enter(now, "forced_open")
            self.holders = [holder]
        elif holder in self.holders:
            self.rows["forced_open", "hold", "by the same holder", "forced_open"] += 1
        else:
            self.rows["forced_open", "hold", "", "forced_open"] += 1
            self.holders.append(holder)

    def unhold(self, now, holder):
        if holder not in self.holders:
            self.rows[self.state, "release of an unknown hold", "", self.state] += 1
            return
        self.holders.remove(holder)
        why = "others hold" if self.holders else "the last"
        self.rows["forced_open", "release of a hold", why, "forced_open" if self.holders else "closed"] += 1
        if not self.holders:
            self.enter(now, "closed")
