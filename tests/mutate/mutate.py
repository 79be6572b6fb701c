#!/usr/bin/env python3
"""Changes lib/breaker in small ways, one at a time, and demands that its unit tests notice.

    tests/mutate/mutate.py --all [--report FILE]         every mutant; at least 95 % must be caught
    tests/mutate/mutate.py --draw 60 [--seed N]          so many of them; the seed is printed
    tests/mutate/mutate.py --all --file 'word.*'         those of some files
    tests/mutate/mutate.py --all --only 'TEXT' --diff    those whose name contains TEXT, each with its diff

A mutant is caught when a test fails, crashes, or does not end. One that no test notices must stand in
equivalent.list with the reason why nothing could notice it. Exit 1 when one survives that does not, when too few
are caught, or when the list names a mutant that is caught or does not exist."""
import argparse
import collections
import concurrent.futures
import difflib
import fnmatch
import glob
import pathlib
import queue
import random
import sys
import tempfile
import threading
import time

import mutants
import tree

HERE = pathlib.Path(__file__).resolve().parent
NEEDED = 0.95


def read_equivalents(path):
    """Name to reason. Lines of names, then the reason, indented; empty lines and # between."""
    reasons, names, reason = {}, [], []
    for line in [*path.read_text(encoding="utf-8").splitlines(), "end"]:
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("    "):
            reason.append(line.strip())
            continue
        if reason:
            reasons.update((name, " ".join(reason)) for name in names)
            names, reason = [], []
        names.append(line.strip())
    if names != ["end"]:
        sys.exit(f"{path}: a mutant without a reason: {names[0]}")
    return reasons


class Runner:
    """Trees for some mutants at the same time, and the order in which tests are asked."""

    def __init__(self, root, folder, jobs):
        self.root, self.folder, self.jobs = root, folder, jobs
        self.kills = collections.defaultdict(collections.Counter)
        self.free, self.sanitized, self.lock = queue.Queue(), None, threading.Lock()

    def start(self):
        """The complaint about the unchanged tree, or None."""
        first = tree.Tree(self.root, self.fresh("0"))
        complaint = first.build() or first.baseline()
        if complaint:
            return complaint
        self.seconds = first.seconds
        for number in range(self.jobs):
            self.free.put(first if number == 0 else first.copy(self.fresh(str(number))))
        return None

    def fresh(self, name):
        path = pathlib.Path(self.folder) / name
        path.mkdir()
        return path

    def order(self, file):
        name, kills = tree.stem(file), self.kills[file]

        def rank(test):
            stem = tree.stem(test)
            return (-kills[stem], stem != f"{name}_test", self.seconds[stem])

        return lambda tests: sorted(tests, key=rank)

    def run(self, mutant, text):
        here = self.free.get()
        try:
            verdict, why = here.try_text(mutant.file, mutant.apply(text), self.order(mutant.file))
        finally:
            self.free.put(here)
        if verdict == "survived":
            verdict, why = self.run_sanitized(mutant, text)
        elif verdict == "caught":
            self.kills[mutant.file][why.split(":")[0]] += 1
        return verdict, why

    def run_sanitized(self, mutant, text):
        """Once more with the sanitizers that the tests usually run with."""
        with self.lock:
            if not self.sanitized:
                self.sanitized = tree.Tree(self.root, self.fresh("sanitized"), sanitized=True)
                complaint = self.sanitized.build() or self.sanitized.baseline()
                if complaint:
                    raise RuntimeError(complaint)
            return self.sanitized.try_text(mutant.file, mutant.apply(text), self.order(mutant.file))


class Tally:
    def __init__(self, reasons, show_diff):
        self.reasons, self.show_diff = reasons, show_diff
        self.counts = collections.defaultdict(collections.Counter)
        self.survivors, self.equivalents, self.wrong = [], [], []

    def add(self, mutant, verdict, text):
        listed = mutant.name in self.reasons
        if verdict == "survived":
            verdict = "equivalent" if listed else "survived"
        elif listed:
            self.wrong.append(f"is in equivalent.list but is {verdict}: {mutant.name}")
        self.counts[mutant.file][verdict] += 1
        if verdict == "equivalent":
            self.equivalents.append(mutant)
        if verdict == "survived":
            self.survivors.append(mutant)
            print(f"SURVIVED {mutant.file}:{mutant.line}: {mutant.name}", flush=True)
            if self.show_diff:
                print(diff(mutant, text), flush=True)

    def total(self, *verdicts):
        return sum(count[verdict] for count in self.counts.values() for verdict in verdicts)

    def summary(self):
        rows = [*sorted(self.counts.items()), ("all", sum(self.counts.values(), collections.Counter()))]
        lines = [f"{'file':46}{'mutants':>8}{'caught':>8}{'equiv.':>8}{'same':>8}{'survived':>9}{'':>8}"]
        for file, count in rows:
            alive = sum(count.values()) - count["stillborn"]
            share = f"{100 * count['caught'] / alive:.1f} %" if alive else ""
            lines.append(f"{file:46}{alive:8}{count['caught']:8}{count['equivalent']:8}{count['same']:8}"
                         f"{count['survived']:9}{share:>8}")
        lines.append(f"beside them {self.total('stillborn')} that do not compile")
        return "\n".join(lines)


def diff(mutant, text):
    lines = difflib.unified_diff(text.splitlines(), mutant.apply(text).splitlines(), mutant.file, mutant.name,
                                 n=1, lineterm="")
    return "\n".join("    " + line for line in list(lines)[2:])


def collect(root, pattern, only):
    """Every mutant with the text of its file."""
    files = sorted(glob.glob("lib/breaker/**/*.[ch]", root_dir=root, recursive=True))
    found = []
    for file in files:
        text = (root / file).read_text(encoding="utf-8")
        if fnmatch.fnmatch(pathlib.PurePath(file).name, pattern):
            found += [(m, text) for m in mutants.all_mutants(file, text) if only in m.name]
    return found


def run_all(runner, chosen, tally, wanted):
    """Runs mutants in the given order until `wanted` of them were alive."""
    alive, position = 0, iter(chosen)
    with concurrent.futures.ThreadPoolExecutor(runner.jobs) as pool:
        waiting = collections.deque()
        while alive < wanted:
            while len(waiting) < 2 * runner.jobs and alive + len(waiting) < wanted + runner.jobs:
                mutant, text = next(position, (None, None))
                if mutant is None:
                    break
                waiting.append((mutant, text, pool.submit(runner.run, mutant, text)))
            if not waiting:
                break
            mutant, text, future = waiting.popleft()
            verdict, _ = future.result()
            tally.add(mutant, verdict, text)
            alive += verdict != "stillborn"


def faults(tally, args, names):
    """What is wrong with the result, as sentences."""
    found = list(tally.wrong)
    alive = tally.total("caught", "equivalent", "same", "survived")
    if tally.survivors:
        found.append(f"{len(tally.survivors)} mutants survive that equivalent.list does not name")
    if args.all and not args.only:
        found += [f"equivalent.list names a mutant that does not exist: {name}" for name in tally.reasons
                  if name not in names and fnmatch.fnmatch(name.split(" | ")[0].split("/")[-1], args.file)]
    is_whole = args.all and not args.only and args.file == "*"
    if alive and tally.total("caught") / alive < NEEDED and is_whole:
        found.append(f"{100 * tally.total('caught') / alive:.1f} % of the mutants are caught, "
                     f"{100 * NEEDED:.0f} % are needed")
    return found


def write_report(path, tally, found):
    lines = [tally.summary(), *found, "", "Equivalent, and why:"]
    lines += [f"  {m.name}\n      {tally.reasons[m.name]}" for m in tally.equivalents]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Changes lib/breaker and demands that its tests notice.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="every mutant")
    which.add_argument("--draw", type=int, metavar="N", help="N that are drawn")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="for --draw")
    parser.add_argument("--file", default="*", metavar="PATTERN", help="only of these files, as word.*")
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants with TEXT in their name")
    parser.add_argument("--diff", action="store_true", help="show what survivors change")
    parser.add_argument("--report", type=pathlib.Path, metavar="FILE", help="write the result there too")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="how many at the same time (2)")
    parser.add_argument("--root", type=pathlib.Path, default=HERE.parents[1])
    args = parser.parse_args()
    begin = time.monotonic()
    chosen = collect(args.root, args.file, args.only)
    names = {mutant.name for mutant, _ in chosen}
    tally = Tally(read_equivalents(HERE / "equivalent.list"), args.diff or bool(args.draw))
    if args.draw:
        print(f"drawn with --seed {args.seed}", flush=True)
        random.Random(args.seed).shuffle(chosen)
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        runner = Runner(args.root, folder, args.j)
        complaint = runner.start()
        if complaint:
            sys.exit(f"without any change: {complaint}")
        run_all(runner, chosen, tally, args.draw or len(chosen))
    found = faults(tally, args, names)
    print(tally.summary(), f"{time.monotonic() - begin:.0f} s", *found, sep="\n")
    if args.report:
        write_report(args.report, tally, found)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
