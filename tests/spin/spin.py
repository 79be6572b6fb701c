#!/usr/bin/env python3
"""Has Spin try the breaker's word in every order, and the same with bugs that it must find.

    tests/spin/spin.py [NAME ...]
    tests/spin/spin.py --trace NAME

Runs each configuration below to the end, then each planted bug until an assert fails. Prints what it took.
Fails when a correct configuration has an error, when a search was cut short, when a part of the model that is
not a process's end, or a REACHED mark, was never reached, or when a bug is not found or is found by other
invariants than its own. NAME: these alone; --trace prints how one gets to its error, step by step. Without
spin or cc it says SKIPPED and ends with 77.
"""
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().parent / "breaker.pml"
MEMORY_MB, DEPTH, TRACE_DEPTH, TIMEOUT_S = 900, 3000000, 128, 120

# Name: the macros. What is not given has the default at the top of breaker.pml.
CONFIGURATIONS = {
    "callers": "CALLERS=3 AGE_MAX=1",
    "old_times": "CALLERS=3 AGE_MAX=2 NO_POLLER",
    "replace": "CALLERS=3 AGE_MAX=2 BUDGET=2 SUCCESSES=2 LEASE_TO=HALF NO_POLLER",
    "books": "CALLERS=2 AGE_MAX=2 BOOKS TIME_READ_APART",
    "sample": "CALLERS=2 AGE_MAX=1 BUDGET=2 SAMPLE=2 NO_POLLER",
    "window": "CALLERS=3 AGE_MAX=1 WINDOW=2 BOOKS NO_POLLER",
    "places": "CALLERS=3 AGE_MAX=1 PLACES=2 NO_POLLER",
    "operators": "CALLERS=2 AGE_MAX=1 BUDGET=1 OPERATORS BOOKS NO_POLLER",
}

# Bug: the macros of its configuration, and the invariants of which one must fail.
SMALL = "CALLERS=2 AGE_MAX=1"
BUGS = {
    "NO_GENERATION": (SMALL, "I3"),
    "STALE_GIVES_SLOT_BACK": (SMALL, "I3"),
    "NO_LEASE": (SMALL, "I4"),
    "LEASE_WITH_STATE": (SMALL, "LEASE_IS_NEVER_SHORT"),
    "IGNORED_KEEPS_SLOT": (SMALL, "I2"),
    "UNLIMITED": (SMALL, "I1"),
    "OPEN_EARLY": (SMALL, "I5"),
    "TWO_WORDS": (SMALL + " BOOKS", "I5"),
    "STORE": (SMALL, "I2 I6"),
    "DOUBLE": (SMALL, "I3 I7"),
    "REJECTED_IS_SENT": (SMALL, "I8"),
    "DOUBLE/places": (SMALL + " PLACES=2", "I3"),
    "STALE_KEEPS_PLACE": (SMALL + " PLACES=2", "I3"),
    "PLACE_NEVER_TAKEN": (SMALL + " PLACES=1", "I3"),
    "SLOW_WITHOUT_TAG": (SMALL + " BUDGET=2 SAMPLE=2", "I3"),
    "WINDOW_WITHOUT_TAG": (SMALL + " WINDOW=2 BOOKS", "I3"),
}




def define(macros):
    return ["-D" + macro for macro in macros.split()]


def run(command, folder, **options):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, **options)


def make(folder, macros, *flags):
    """pan, Spin's program that searches this one model."""
    shutil.copy(MODEL, folder)
    for command in (["spin", *define(macros), "-a", MODEL.name],
                    ["cc", "-w", "-DSAFETY", "-DNOREDUCE", f"-DMEMLIM={MEMORY_MB}", *flags,
                     "-o", "pan", "pan.c"]):
        done = run(command, folder)
        if done.returncode:
            sys.exit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


def search(macros, optimization, *limits):
    """What pan printed about the model with these macros."""
    with tempfile.TemporaryDirectory() as folder:
        make(folder, macros, optimization, "-DCOLLAPSE")
        return run(["./pan", *limits], folder, timeout=TIMEOUT_S).stdout


def numbers(out):
    """States, depth, memory in MB."""
    found = [re.search(pattern, out) for pattern in
             (r"([\d.e+]+) states, stored", r"depth reached (\d+)", r"([\d.]+)\s+total actual memory usage")]
    return [float(match.group(1)) if match else 0 for match in found]


def violated(out):
    """The invariant whose assert failed, or None."""
    match = re.search(r"assertion violated (.*)", out)
    name = match and re.search(r"\b(I[1-8]|[A-Z]{4,}(_[A-Z]+)+)\b", match.group(1))
    return name.group(1) if name else match and match.group(1)


def unreached(out):
    """Lines of the model that were never reached; no process has an end to reach."""
    lines = re.findall(r"^\s+breaker\.pml:(\d+), state \d+, (.*)$", out, re.M)
    return [f"line {number}: {what}" for number, what in lines if what != '"-end-"']


def faults_of_correct(out):
    if violated(out):
        yield f"breaks {violated(out)}"
    elif "errors: 0" not in out or re.search(r"error: |Search not completed|out of memory", out):
        reason = re.search(r"error: .*|.*out of memory.*|.*not completed.*", out)
        yield f"was cut short: {reason[0] if reason else out}"
    yield from (f"never reaches {place}" for place in unreached(out))


def report(name, out, began, verdict):
    states, depth, memory = numbers(out)
    print(f"{name:<24} {states:>9.0f} states  depth {depth:>7.0f}  {memory:>4.0f} MB  "
          f"{time.monotonic() - began:5.1f} s  {verdict}", flush=True)


def try_configuration(name, macros, reached):
    began = time.monotonic()
    out = search(macros + " COVERAGE", "-O1", f"-m{DEPTH}", "-w22")
    reached.update(re.findall(r"^reached (\w+)$", out, re.M))
    faults = list(faults_of_correct(out))
    report(name, out, began, "; ".join(faults) or "all states, no error")
    return not faults


def try_coverage(reached):
    """Each REACHED of the model was reached by one configuration at least."""
    missing = set(re.findall(r"\bREACHED(?:_IF)?\(([A-Z_]+)", MODEL.read_text())) - reached
    print(f"never reached: {' '.join(sorted(missing))}" if missing else f"{len(reached)} marks, all reached")
    return not missing


def try_bug(name, macros, expected):
    began = time.monotonic()
    out = search(f"{macros} BUG_{name.split('/')[0]}", "-O0", "-m200000", "-w18")
    found = violated(out)
    is_right = found in expected.split()
    report("bug " + name, out, began, f"found by {found}" if is_right else
           f"FOUND BY {found} instead of {expected}" if found else "NOT FOUND")
    return is_right


def macros_of(name):
    if name in CONFIGURATIONS:
        return CONFIGURATIONS[name]
    if name not in BUGS:
        sys.exit(f"{name}: the names are {' '.join([*CONFIGURATIONS, *BUGS])}")
    return f"{BUGS[name][0]} BUG_{name.split('/')[0]}"


SCRATCH = {"to", "what", "i", "word4", "ticks4", "admitted4", "has_room"}


def story(out):
    """Of what `spin -t -p -g -l` prints: for each step what it changed, up to the failed assert."""
    values, steps = {}, []
    for line in out.splitlines():
        step = re.match(r"\s*(\d+):\tproc\s+(\d+) \((\w+):\d+\) breaker\.pml:(\d+)", line)
        value = re.match(r"\t\t(\S+) = (\S+)$", line)
        if line.startswith("spin: text of failed assertion"):
            return [f"{who:<26} {' '.join(f'{k}={v}' for k, v in changed.items())}"
                    for _, who, changed in steps if changed] + [line[len("spin: text of "):]]
        if step and (not steps or steps[-1][0] != step.group(1)):
            steps.append((step.group(1), f"{step.group(3)} {step.group(2)}, line {step.group(4)}", {}))
        name = value and value.group(1)
        if name and steps and name not in SCRATCH and values.get(name, "0") != value.group(2):
            values[name] = steps[-1][2][name] = value.group(2)
    return ["no failed assert in the trail", *out.splitlines()[-20:]]


def trace(name):
    """A short way into the error: the depth is doubled until there is one. (All ways of a correct model that
    are so short take minutes.)"""
    macros = macros_of(name)
    with tempfile.TemporaryDirectory() as folder:
        make(folder, macros, "-O1", "-DREACH")
        depth, found = 32, ""
        while depth <= TRACE_DEPTH and not violated(found):
            found = run(["./pan", f"-m{depth}"], folder).stdout
            depth *= 2
        if not violated(found):
            print(f"no error within {TRACE_DEPTH} steps")
            return 0
        print(f"spin {' '.join(define(macros))} -t -p -g -l {MODEL.name}, in short:")
        out = run(["spin", *define(macros), "-t", "-p", "-g", "-l", MODEL.name], folder).stdout
        print("\n".join(story(out)))
        return 0


def main():
    if not shutil.which("spin") or not shutil.which("cc"):
        print("SKIPPED: spin or cc is not installed")
        return 77
    arguments = sys.argv[1:]
    if arguments[:1] == ["--trace"]:
        return trace(*arguments[1:2] or sys.exit("--trace which?"))
    chosen = arguments or [*CONFIGURATIONS, *BUGS]
    for name in chosen:
        macros_of(name)
    reached = set()
    good = [try_configuration(name, CONFIGURATIONS[name], reached)
            for name in chosen if name in CONFIGURATIONS]
    if not arguments:
        good.append(try_coverage(reached))
    good += [try_bug(name, *BUGS[name]) for name in chosen if name in BUGS]
    seconds = sum(sum(resource.getrusage(who)[:2])
                  for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{len(good)} checks, {good.count(False)} not as they should be, {seconds:.0f} s of one processor")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
