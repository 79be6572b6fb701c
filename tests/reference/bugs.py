"""Bugs for the model, each a mixin before Breaker or Checked: what a comparison that is worth something notices.

INVARIANTS names the invariant that notices a bug in the model alone, where there is one.
"""
import copy

from windows import CountWindow, NoWindow, TimeWindow


class NoGenerationCheck:
    def complete(self, ticket, *rest):
        if not ticket.done:
            ticket.generation = self.generation
        return super().complete(ticket, *rest)


class NoLease:
    def due(self, now):
        due = super().due(now)
        return None if due and due[1] == "lost probe" else due


class IgnoredKeepsItsSlot:
    keeps = False

    def complete(self, ticket, now, outcome, *rest):
        self.keeps = outcome == "ignored"
        return super().complete(ticket, now, outcome, *rest)

    def give_slot_back(self, now):
        if not self.keeps:
            super().give_slot_back(now)


class UnlimitedProbes:
    def has_slot(self):
        return True


class OpenBeforeItsDeadline:
    def due(self, now):
        return super().due(now + 16 if self.state == "open" else now)


class ExclusiveDeadline:
    def due(self, now):
        return None if self.state == "open" and now == self.deadline else super().due(now)


class ExclusiveLease:
    def due(self, now):
        due = super().due(now)
        return None if due and due[1] == "lost probe" and now == self.since + self.config.lease_ms else due


class StreakNotReset:
    def judge(self, now, failed, *rest):
        streak, generation = self.streak, self.generation
        super().judge(now, failed, *rest)
        if not failed and generation == self.generation:
            self.streak = streak


class WindowNotEmptied:
    kept = None

    def enter(self, now, to):
        if not isinstance(self.window, NoWindow):
            self.kept = self.window
        super().enter(now, to)
        if to == "closed" and self.kept:
            self.window = self.kept


class SlowAtTheLimit:
    def complete(self, ticket, now, outcome, code=None, latency=None, pushback=-1):
        latency = now - ticket.started if latency is None else latency
        return super().complete(ticket, now, outcome, code, latency + 1, pushback)


class RampOffByOne:
    def enter(self, now, to):
        super().enter(now, to)
        self.ramp_calls = 1


class RampStaysAtItsEnd:
    def ramp_passes(self, now):
        if self.ramp_start is not None and now == self.ramp_start + self.config.ramp_ms:
            return False
        return super().ramp_passes(now)


class SampleForgetsAFailure:
    def judge_sample(self):
        self.round_failed -= 1
        verdict = super().judge_sample()
        self.round_failed += 1
        return verdict


class HolderCountsTwice:
    def hold(self, now, holder):
        held = self.state == "forced_open" and holder in self.holders
        super().hold(now, holder)
        if held:
            self.holders.append(holder)


class FirstReleaseEndsTheHold:
    def unhold(self, now, holder):
        if holder in self.holders:
            self.holders = [holder]
        super().unhold(now, holder)


class AttemptNotReset:
    def enter(self, now, to):
        attempt = self.attempt
        super().enter(now, to)
        self.attempt = attempt


class DoubleCounts:
    def complete(self, ticket, *rest):
        ticket.done = False
        return super().complete(ticket, *rest)


class LeaseStartsWithTheState:
    def acquire(self, now):
        since, generation = self.since, self.generation
        decision = super().acquire(now)
        if generation == self.generation:
            self.since = since
        return decision


class SuccessesNeverTrip:
    successful = False

    def judge(self, now, failed, *rest):
        self.successful = not failed
        super().judge(now, failed, *rest)

    def trip_reason(self, now):
        return None if self.successful else super().trip_reason(now)


class RatesTripAboveOnly:
    def __init__(self, config):
        super().__init__(changed(config, trip_failure_rate=config.trip_failure_rate and config.trip_failure_rate + 1e-7,
                                 trip_slow_rate=config.trip_slow_rate and config.trip_slow_rate + 1e-7))


class RejectsPushTheDeadlineOut:
    def acquire(self, now):
        decision = super().acquire(now)
        if decision[0] == "reject_open":
            self.deadline += 16
        return decision


class CompleteMakesDueTransitions:
    def complete(self, ticket, now, *rest):
        self.make_due_transition(now, "acquire")
        return super().complete(ticket, now, *rest)


class ForceOpenIsANoOp:
    def force(self, now, to, for_ms=0):
        if to != self.state:
            super().force(now, to, for_ms)


class StaleKeepsItsCallSlot:
    def complete(self, ticket, *rest):
        out = self.calls_out
        verdict = super().complete(ticket, *rest)
        if verdict == "stale":
            self.calls_out = out
        return verdict


class ClosesInTheOldGeneration:
    def enter(self, now, to):
        super().enter(now, to)
        if to == "closed":
            self.generation -= 1


class OneBucketLess:
    def enter(self, now, to):
        super().enter(now, to)
        if isinstance(self.window, TimeWindow) and self.window.buckets > 1:
            self.window.buckets -= 1


class OneCallMore:
    def enter(self, now, to):
        super().enter(now, to)
        if isinstance(self.window, CountWindow):
            self.window.size += 1


class RejectedCallsAreMade:
    """A rejected call goes out to the server, which counts it."""

    def acquire(self, now):
        decision, ticket = super().acquire(now)
        self.requests += decision.startswith("reject")
        return decision, ticket


class StaleIsNotCounted:
    def complete(self, ticket, *rest):
        verdict = super().complete(ticket, *rest)
        if verdict == "stale":
            self.stale -= 1
        return verdict


def changed(config, **values):
    config = copy.copy(config)
    for name, value in values.items():
        setattr(config, name, value)
    return config


def forgets(**values):
    """A bug that is a parameter of another value."""
    class Forgets:
        def __init__(self, config):
            super().__init__(changed(config, **values))
    return Forgets


BUGS = {
    bug.__name__: bug for bug in (
        NoGenerationCheck, NoLease, IgnoredKeepsItsSlot, UnlimitedProbes, OpenBeforeItsDeadline, ExclusiveDeadline,
        ExclusiveLease, StreakNotReset, WindowNotEmptied, SlowAtTheLimit, RampOffByOne, RampStaysAtItsEnd,
        SampleForgetsAFailure, HolderCountsTwice, FirstReleaseEndsTheHold, AttemptNotReset, DoubleCounts,
        LeaseStartsWithTheState, SuccessesNeverTrip, RatesTripAboveOnly, RejectsPushTheDeadlineOut,
        CompleteMakesDueTransitions, ForceOpenIsANoOp, StaleKeepsItsCallSlot, ClosesInTheOldGeneration, OneBucketLess,
        OneCallMore)
}
BUGS.update(
    NoMinimumOfCalls=forgets(window_min_calls=1), NoWarmUp=forgets(warmup_ms=0), NoWeights=forgets(weights=[1] * 17),
    NoJitter=forgets(open_jitter=0.0), NoLimitOfBackoff=forgets(open_max_ms=1 << 40),
    NoLimitOfPushback=forgets(pushback_max_ms=1 << 40), NoLimitOfCalls=forgets(max_concurrency=0),
    ReplaceOpens=forgets(probe_lease_action="reopen"), IdleAlwaysOpens=forgets(half_open_timeout_to="open"),
    SlowProbesAreWell=forgets(probe_slow_is_failure=False), NothingIsIgnored=forgets(ignored_codes=frozenset()),
)
# Seen by no line of a script, by the invariant alone.
UNSEEN = {"StaleIsNotCounted": StaleIsNotCounted, "RejectedCallsAreMade": RejectedCallsAreMade}
INVARIANTS = {
    "UnlimitedProbes": ("I1",), "IgnoredKeepsItsSlot": ("I2",), "NoGenerationCheck": ("I2", "I3"),
    "DoubleCounts": ("I3",), "StaleKeepsItsCallSlot": ("I3",), "NoLease": ("I4",), "ExclusiveDeadline": ("I4",),
    "OpenBeforeItsDeadline": ("I5",), "ClosesInTheOldGeneration": ("I6",), "StaleIsNotCounted": ("I7",),
    "RejectedCallsAreMade": ("I8",),
}
