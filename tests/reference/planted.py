#!/usr/bin/env python3
"""Plants bugs in the model, one at a time: the comparison has to notice each of them, and so has its invariant.

    tests/reference/planted.py build/dev/bin/breaker-sim [--seed 1] [--only NAME]
"""
import argparse
import concurrent.futures
import sys

from bugs import BUGS, INVARIANTS, UNSEEN
from compare import available_cores
from differential import random_run, run_one
from generate import KINDS
from invariants import Checked
from model import Breaker

EVENTS = 4000  # per configuration


def noticed_by_comparing(program, seed, name):
    """After how many events a line differed, or None."""
    breaker_type = type(name, (BUGS[name], Breaker), {})
    seen = 0
    for number in range(KINDS):
        _, events, differs = run_one(program, seed, number, EVENTS, breaker_type, explains=False)
        seen += events
        if differs:
            return seen
    return None


def noticed_by_invariants(seed, name):
    """The first invariants that the model breaks, one for each configuration that shows one."""
    breaker_type = type(name, ({**BUGS, **UNSEEN}[name], Checked), {})
    found = set()
    for number in range(KINDS):
        _, script, events = random_run(seed, number, breaker_type)
        try:
            for _ in range(EVENTS):
                script.do(events.next())
        except AssertionError as broken:
            found.add(str(broken)[:2])
        if found & set(INVARIANTS[name]):
            break
    return found


def judge(program, seed, name):
    """(whether it was noticed, a line about it)."""
    text, good = [], True
    if name in BUGS:
        events = noticed_by_comparing(program, seed, name)
        good = events is not None
        text.append(f"noticed within {events} events" if good else "NOT NOTICED by comparing")
    if name in INVARIANTS:
        found = noticed_by_invariants(seed, name)
        good = good and bool(found & set(INVARIANTS[name]))
        text.append(f"breaks {' '.join(sorted(found)) or 'NO INVARIANT'}")
    return good, f"{name:28} {', '.join(text)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    options = parser.parse_args()
    names = [options.only] if options.only else [*BUGS, *UNSEEN]
    missed = 0
    with concurrent.futures.ProcessPoolExecutor(min(2, available_cores())) as pool:
        jobs = [pool.submit(judge, options.program, options.seed, name) for name in names]
        for job in jobs:
            good, line = job.result()
            missed += not good
            print(line, flush=True)
    print(f"{len(names)} bugs planted, {missed} not noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
