#!/usr/bin/env python3
"""Demands that the unit tests of lib/breaker take every branch of it both ways.

    tests/coverage/coverage.py [--build DIR]

Builds the tests of lib/breaker with the preset `coverage`, runs them, and prints what
`llvm-cov report --show-branch-summary` says. A branch that is never taken, or always, is listed with its place;
then, and when a test fails, the exit code is 1."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = "tests/breaker"
# What only threads that race come to is not covered by them: they may come there, or not.
BY_LUCK = "_(threads|stress)_test$"


def tool(name):
    """llvm's tools have their version in their name when nothing else is installed."""
    for candidate in (name, f"{name}-14"):
        if shutil.which(candidate):
            return candidate
    sys.exit(f"{name} is not installed")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(folder):
    if not (folder / "build.ninja").exists():
        run("cmake", "--preset", "coverage", "-B", folder, cwd=ROOT)
    run("ninja", "-C", folder, "-j2", f"{FOLDER}/all")


def run_tests(folder):
    """Runs every unit test; returns the programs and their merged counts."""
    chosen = ("ctest", "--test-dir", folder / FOLDER, "-L", "^unit$", "-E", BY_LUCK)
    listed = json.loads(run(*chosen, "--show-only=json-v1"))
    programs = [test["command"][0] for test in listed["tests"]]
    counts = folder / "counts"
    shutil.rmtree(counts, ignore_errors=True)
    run(*chosen, "-j2", "--output-on-failure",
        env={**os.environ, "LLVM_PROFILE_FILE": str(counts / "%p.profraw")})
    run(tool("llvm-profdata"), "merge", "-sparse", *sorted(counts.glob("*.profraw")), "-o", counts / "all")
    return programs, counts / "all"


def llvm_cov(verb, programs, counts, *options):
    objects = [word for program in programs[1:] for word in ("-object", program)]
    sources = sorted((ROOT / "lib/breaker").rglob("*.[ch]"))
    return run(tool("llvm-cov"), verb, programs[0], *objects, f"-instr-profile={counts}", *options, *sources)


def one_sided(exported):
    """Places of branches that were never taken, or always, over all programs that have them."""
    taken = {}
    for function in exported["functions"]:
        for begin, column, _, _, yes, no, file, *_ in function["branches"]:
            place = (os.path.relpath(function["filenames"][file], ROOT), begin, column)
            both = taken.setdefault(place, [0, 0])
            both[0] += yes
            both[1] += no
    for (file, line, column), (yes, no) in sorted(taken.items()):
        if file.startswith("lib/breaker/") and not (yes and no):
            sides = [name for name, count in (("true", yes), ("false", no)) if not count]
            yield f"{file}:{line}:{column}: never {' and never '.join(sides)}"


def main():
    parser = argparse.ArgumentParser(description="Demands that tests take every branch of lib/breaker both ways.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/coverage", metavar="DIR")
    options = parser.parse_args()
    folder = options.build
    build(folder)
    programs, counts = run_tests(folder)
    report = llvm_cov("report", programs, counts, "--show-branch-summary", "--show-region-summary=false")
    print("\n".join(line.replace(f"{ROOT}/lib/breaker/", "") for line in report.splitlines()))
    exported = json.loads(llvm_cov("export", programs, counts))["data"][0]
    missing, not_covered = list(one_sided(exported)), exported["totals"]["branches"]["notcovered"]
    print("\n".join(missing) if missing else "every branch is taken both ways")
    if not_covered and not missing:
        print(f"{not_covered} are taken by the tests' own copies of a function in a header alone")
    sys.exit(1 if missing or not_covered else 0)


if __name__ == "__main__":
    main()
