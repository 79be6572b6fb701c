"""A breaker that asserts I1..I8 after every operation; each message names the number.

It keeps the tickets itself and counts from them, so that it does not believe the counters it checks.
"""
from model import Breaker


class Checked(Breaker):
    def __init__(self, config=None):
        super().__init__(config)
        self.out = {}             # admitted and not completed, by identity
        self.moves = 0            # calls of enter(): transition events
        self.requests = 0         # the server's own counter: it sees what is not rejected
        self.longest_open = max(self.config.open_ms, self.config.open_max_ms)  # grows with for_ms and pushback

    def acquire(self, now):
        early = self.state == "open" and now < self.deadline
        before = self.state, self.generation
        decision, ticket = super().acquire(now)
        if ticket.admitted:
            assert not early, f"I5: {decision} at {now}, the deadline is {self.deadline}"
            self.out[id(ticket)] = ticket
        self.requests += not decision.startswith("reject")
        assert self.admitted == self.requests, \
            f"I8: {decision}, {self.requests} requests, {self.admitted} admitted"
        self.check(now, before)
        return decision, ticket

    def complete(self, ticket, now, outcome, code=None, latency=None, pushback=-1):
        before, picture, slots = (self.state, self.generation), self.picture(now), self.calls_out
        self.longest_open = max(self.longest_open, pushback)
        verdict = super().complete(ticket, now, outcome, code, latency, pushback)
        gone = self.out.pop(id(ticket), None)
        if verdict in ("stale", "double", "unadmitted"):
            assert picture == self.picture(now), f"I3: a {verdict} result changed {picture} to {self.picture(now)}"
            assert (gone is not None) == (verdict == "stale"), f"I3: {verdict}"
            assert slots - self.calls_out == (verdict == "stale" and ticket.limited), \
                f"I3: a {verdict} result gave {slots - self.calls_out} slots back"
        self.check(now, before)
        return verdict

    def enter(self, now, to):
        self.moves += 1
        super().enter(now, to)

    def poll(self, now):
        before = self.state, self.generation
        super().poll(now)
        self.check(now, before)

    def force(self, now, to, for_ms=0):
        before = self.state, self.generation
        self.longest_open = max(self.longest_open, for_ms)
        super().force(now, to, for_ms)
        self.check(now, before)

    def reset(self, now):
        before = self.state, self.generation
        super().reset(now)
        self.check(now, before)

    def hold(self, now, holder):
        before = self.state, self.generation
        super().hold(now, holder)
        self.check(now, before)

    def unhold(self, now, holder):
        before = self.state, self.generation
        super().unhold(now, holder)
        self.check(now, before)

    def gone(self):
        return self.ok + self.failed + self.ignored + self.stale

    def picture(self, now):
        return (self.state, self.generation, self.attempt, self.streak, self.deadline, self.in_flight, self.round_ok,
                self.round_failed, self.round_slow, self.since, self.window.totals(now), self.ok, self.failed,
                self.ignored, self.admitted)

    def check(self, now, before):
        state, c = self.state, self.config
        if state == "half_open":
            finished = self.round_ok + self.round_failed
            assert self.in_flight <= c.probe_max_inflight, f"I1: {self.in_flight} probes in flight"
            assert self.in_flight + finished <= c.probe_budget, f"I1: {self.in_flight} + {finished} probes"
            live = sum(ticket.generation == self.generation for ticket in self.out.values())
            assert live == self.in_flight, f"I2: {self.in_flight} probes in flight, {live} of them live"
        else:
            assert self.in_flight == 0, f"I2: {self.in_flight} probes in flight in {state}"
        self.check_waiting(now)
        if before[0] != state:
            assert before[1] < self.generation, f"I6: from {before[0]} to {state} in generation {self.generation}"
        assert self.generation == 1 + self.moves, f"I6: generation {self.generation}, {self.moves} transitions"
        assert self.admitted == self.gone() + len(self.out), \
            f"I7: {self.admitted} admitted, {self.gone()} done, {len(self.out)} out"
        if c.max_concurrency:
            assert self.calls_out == len(self.out), f"I3: {self.calls_out} slots taken, {len(self.out)} calls out"

    def check_waiting(self, now):
        """I4: how long until a call is admitted when nobody ever answers. Without a lease, or with each slot of
        max_concurrency taken by a call that never ends, that may be never."""
        c, wait = self.config, 0
        if self.state == "open":
            wait = max(self.deadline - now, 0)
            assert self.due(now + wait), f"I4: open, and nothing is due at {now + wait}"
        elif self.state == "half_open" and c.lease_ms and not self.has_slot():
            wait = max(self.since + c.lease_ms - now, 0)
            assert self.due(now + wait), f"I4: no slot, and nothing is due at {now + wait}"
            wait += c.open_max_ms if c.probe_lease_action == "reopen" else 0
        limit = self.longest_open + c.lease_ms + 16
        assert wait <= limit, f"I4: {wait} ms until the next call is admitted, {limit} are allowed"
        assert self.state != "half_open" or self.in_flight or self.has_slot(), "I4: no slot, and no probe holds one"
