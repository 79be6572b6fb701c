#!/usr/bin/env python3
"""Compares breaker-sim with the reference model, line by line, on random configurations and events.

    tests/reference/differential.py build/dev/bin/breaker-sim [--seed N] [--only K] [--long]

At the end stands how often each row of the table of transitions happened; a row that never did is a failure.
--seed and --only repeat a run, or one configuration of it; --long is ten times as many events.
"""
import argparse
import concurrent.futures
import json
import random
import sys
import time

from compare import BATCH, Program, available_cores, explain, run_program
from config import Config, Refused
from generate import Events, random_config, spoil
from invariants import Checked
from rows import ROWS, table
from script import Script

NO_EVENTS = (
    '{"t_ms": 16, "op": "dance"}', '{"t_ms": 16}', '{"op": "read"}', '{"t_ms": 0, "op": "read"}',
    '{"t_ms": 16, "op": "read", "id": 1}', '{"t_ms": 16, "op": "acquire"}', '{"t_ms": 16, "op": "acquire", "id": null}',
    '{"t_ms": 16, "op": "complete", "id": "never", "outcome": "ok"}', '{"t_ms": 16, "op": "release", "id": "never"}',
    '{"t_ms": 16, "op": "acquire", "id": "out"}', '{"t_ms": 16, "op": "call"}', '{"t_ms": 16, "op": "force"}',
    '{"t_ms": 16, "op": "call", "outcome": "ok", "code": 0}', '{"t_ms": 16, "op": "call", "outcome": "perhaps"}',
    '{"t_ms": 16, "op": "force", "to": "half"}', '{"t_ms": 16.5, "op": "read"}', '{"t_ms": "16", "op": "read"}',
    '[]', 'read', '{"t_ms": 16, "op": "read"',
)


def random_run(seed, number, breaker_type=Checked):
    """(configuration, script on the model, random events), the same ones each time."""
    rng = random.Random(f"{seed}/{number}")
    given = random_config(rng, number)
    script = Script(Config(given), breaker_type)
    return given, script, Events(rng, script, calm=rng.choice((0.05, 0.2, 0.6)))


def events_again(seed, number, count, breaker_type):
    """The first events of a run that is over; none of them was kept."""
    _, script, events = random_run(seed, number, breaker_type)
    again = []
    try:
        for _ in range(count):
            again.append(events.next())
            script.do(again[-1])
    except AssertionError:
        pass
    return again


def run_one(program, seed, number, count, breaker_type=Checked, explains=True):
    """One configuration: (rows counted, events compared, None or what differs)."""
    given, script, events = random_run(seed, number, breaker_type)
    other, played, broken = Program(program, given), 0, None
    while played < count and not other.differs and not broken:
        batch, lines = [], []
        try:
            for _ in range(min(BATCH, count - played)):
                event = events.next()
                batch.append(event)
                lines.append(script.do(event))
        except AssertionError as error:
            broken = f"the model breaks {error}"
        played += len(batch)
        other.play(batch, lines)
    rows = script.breaker.rows
    same = other.end() and not broken
    unknown = rows.keys() - set(ROWS)
    if same and unknown:
        return rows, played, f"there are no such rows: {unknown}"
    if same or not explains:
        return rows, played, None if same else "a line differs"
    again = events_again(seed, number, played, breaker_type)
    return rows, played, explain(program, given, again, breaker_type)


def refusals(program, seed, count):
    """What the model refuses, the program refuses: invalid configurations, and lines that are no events."""
    rng = random.Random(f"{seed}/refused")
    for number in range(count):
        given = spoil(rng, random_config(rng, number))
        try:
            Config(given)
            return f"the model takes {json.dumps(given)}"
        except Refused as why:
            code, lines, complaint = run_program(program, given, "")
            if code != 78 or lines or not complaint:
                return f"exit {code} '{complaint}' and not 78 for {json.dumps(given)}: {why}"
    good = '{"t_ms": 16, "op": "acquire", "id": "out"}\n'
    for line in NO_EVENTS:
        code, lines, complaint = run_program(program, {}, good + line + "\n" + good)
        if code != 2 or len(lines) != 1 or ":2: " not in complaint:
            return f"exit {code}, {len(lines)} lines, '{complaint}' for {line}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--configs", type=int, default=20)
    parser.add_argument("--events", type=int, default=100000)
    parser.add_argument("--long", action="store_true", help="ten times as many events")
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    count = 10 * options.events if options.long else options.events
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    why = refusals(options.program, options.seed, 100)
    if why:
        print(why)
        return 1
    numbers = range(options.configs) if options.only is None else [options.only]
    totals, compared, faults = dict.fromkeys(ROWS, 0), 0, 0
    with concurrent.futures.ProcessPoolExecutor(min(2, available_cores())) as pool:
        jobs = {pool.submit(run_one, options.program, options.seed, n, count): n for n in numbers}
        for job in concurrent.futures.as_completed(jobs):
            rows, events, differs = job.result()
            compared += events
            for row, times in rows.items():
                totals[row] = totals.get(row, 0) + times
            if differs:
                faults += 1
                print(f"configuration {jobs[job]} of seed {options.seed} differs\n{differs}\n", flush=True)
    text, missing = table(totals)
    print(text)
    print(f"{compared} events of {len(numbers)} configurations compared in {time.monotonic() - began:.0f} s, "
          f"{faults} differ; seed {options.seed}")
    for row in missing if options.only is None else ():
        print(f"never happened: {row}")
    return 1 if faults or (missing and options.only is None) else 0


if __name__ == "__main__":
    sys.exit(main())
