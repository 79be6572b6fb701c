#!/usr/bin/env python3
"""Hypothesis drives model and program together, one line at a time, and shrinks what differs by itself.

    tests/reference/stateful_test.py build/dev/bin/breaker-sim
"""
import json
import random
import subprocess
import sys

from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from compare import config_file
from config import Config
from generate import GRID, KINDS, random_config
from script import Script

OUTCOMES = strategies.sampled_from(("ok", "fail", "fail", "ignored"))
IDS = strategies.integers(0, 7)
LATENCIES = strategies.none() | strategies.integers(0, 400)


class Together(RuleBasedStateMachine):
    program = None

    @initialize(seed=strategies.integers(0, 10**6), kind=strategies.integers(0, KINDS - 1))
    def start(self, seed, kind):
        given = random_config(random.Random(seed), kind)
        self.script, self.now, self.file = Script(Config(given)), 0, config_file(given)
        self.process = subprocess.Popen([Together.program, "--config", self.file.name, "--script", "-"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def teardown(self):
        if hasattr(self, "process"):
            self.process.stdin.close()
            self.process.stdout.read()
            self.process.stdout.close()
            assert self.process.wait() == 0
            self.file.close()

    def both(self, op, **event):
        event = {"t_ms": self.now, "op": op, **{key: value for key, value in event.items() if value is not None}}
        expected = self.script.do(event)
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        got = self.process.stdout.readline().rstrip("\n")
        assert got == expected, f"{event}\nmodel:   {expected}\nprogram: {got}"

    def is_out(self, key):
        ticket = self.script.tickets.get(key)
        return ticket is not None and ticket.admitted and not ticket.done

    @rule(steps=strategies.integers(0, 300))
    def time_passes(self, steps):
        self.now += GRID * steps

    @precondition(lambda self: self.script.breaker.state in ("open", "half_open"))
    @rule(beside=strategies.sampled_from((-GRID, 0, GRID)))
    def time_passes_to_what_is_due(self, beside):
        breaker = self.script.breaker
        due = breaker.deadline if breaker.state == "open" else breaker.since + breaker.config.lease_ms
        self.now = max(self.now, due + beside)

    @rule(outcome=OUTCOMES, latency=LATENCIES, pushback=strategies.none() | strategies.integers(-1, 9000))
    def call(self, outcome, latency, pushback):
        self.both("call", outcome=outcome, latency_ms=latency, pushback_ms=pushback)

    @rule(code=strategies.integers(0, 16), times=strategies.integers(1, 6))
    def calls_with_a_code(self, code, times):
        for _ in range(times):
            self.both("call", code=code)

    @rule(key=IDS)
    def acquire(self, key):
        if not self.is_out(key):
            self.both("acquire", id=key)

    @rule(key=IDS, outcome=OUTCOMES, latency=LATENCIES)
    def complete(self, key, outcome, latency):
        if key in self.script.tickets:
            self.both("complete", id=key, outcome=outcome, latency_ms=latency)

    @rule(key=IDS)
    def release(self, key):
        if key in self.script.tickets:
            self.both("release", id=key)

    @rule(op=strategies.sampled_from(("poll", "read")))
    def look(self, op):
        self.both(op)

    @rule(to=strategies.sampled_from(("open", "closed", "half_open", "disabled", "metrics_only", "reset")))
    def force(self, to):
        self.both("force", to=to)

    @rule(to=strategies.sampled_from(("forced_open", "unforce")), handle=strategies.sampled_from((None, "a", "b", 1)))
    def hold(self, to, handle):
        self.both("force", to=to, handle=handle)


def main():
    Together.program = sys.argv[1]
    run_state_machine_as_test(Together, settings=settings(
        max_examples=100, stateful_step_count=60, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck)))
    print("100 runs of up to 60 steps: model and program agree")


if __name__ == "__main__":
    main()
