#!/usr/bin/env python3
"""Plants bugs on purpose, one at a time, and demands that the tests of the library notice each of them.

    tests/planted/planted.py tests/planted/breaker.list [-j N] [--only ID] [--root DIR]

In a temporary copy of the tree each bug is put in, the library and its tests are built with `cc -O1 -g`, and
the tests are run in the listed order until one fails. A crash or 20 seconds without an end counts as
noticed. A bug that no test notices, that does not compile, or whose text does not stand in its file exactly
once is a failure: exit 1. So is a test that fails with no bug planted.

A list is a header, then bugs. Lines that begin with # and empty lines between bugs are comments.

    sources: lib/breaker/*.c                  the library that bugs are put into; patterns from the root
    with: lib/base/*.c tests/support/run.c    compiled once and linked to every test
    include: lib/breaker/include tests/support
    flags: -std=c11                           for compiling
    link: -lcmocka -pthread                   for linking
    tests: tests/breaker/*_test.c             each one a program; run in this order

    == no-generation-check
    A result of another generation is judged like one of this.
    file: lib/breaker/breaker.c
    -- old
    the text that stands in the file exactly once, whole lines or a part of a line
    -- new
    what replaces it (may be empty)

`old` and `new` go up to the next line with "-- new", "== " or the end, without the last line break.
"""
import argparse
import concurrent.futures
import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

TIMEOUT_S = 20
HEADER_KEYS = {"sources", "with", "include", "flags", "link", "tests"}


class Bug:
    def __init__(self, name):
        self.name, self.sentence, self.file, self.old, self.new = name, "", "", "", ""


def parse_bug(chunk, where):
    """One bug: `chunk` is what follows "== "."""
    head, found_old, rest = chunk.partition("\n-- old\n")
    old, found_new, new = rest.partition("\n-- new\n")
    if not found_new and old.endswith("\n-- new"):
        old, found_new = old[: -len("\n-- new")], True
    lines = [line for line in head.splitlines() if line.strip() and line[0] != "#"]
    if not (found_old and found_new and len(lines) == 3 and lines[2].startswith("file: ")):
        name = lines[0] if lines else ""
        sys.exit(f"{where}: bug '{name}' needs a name, one sentence, file:, -- old and -- new")
    bug = Bug(lines[0].strip())
    bug.sentence, bug.file = lines[1].strip(), lines[2].removeprefix("file: ").strip()
    bug.old, bug.new = old, re.sub(r"(\n#[^\n]*|\n)*\Z", "", new)
    return bug


def parse_list(path):
    head, *chunks = re.split(r"^== ", path.read_text(), flags=re.M)
    header = {key: [] for key in HEADER_KEYS}
    for line in head.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        key, _, value = line.partition(":")
        if key not in HEADER_KEYS:
            sys.exit(f"{path}: unknown key '{key}', allowed are {', '.join(sorted(HEADER_KEYS))}")
        header[key] += value.split()
    bugs = [parse_bug(chunk, path) for chunk in chunks]
    names = [bug.name for bug in bugs]
    if len(names) != len(set(names)):
        sys.exit(f"{path}: a name stands there twice")
    return header, bugs


def expand(root, patterns):
    """The files of the patterns, in the order given, each once."""
    files = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern, root_dir=root))
        if not found:
            sys.exit(f"no file is called {pattern}")
        files += [name for name in found if name not in files]
    return files


class Tree:
    """A copy of the tree with its own object files."""

    def __init__(self, root, header, folder):
        self.folder = pathlib.Path(folder)
        self.header = header
        for name in ("lib", "tests"):
            shutil.copytree(root / name, self.folder / name)
        self.library = expand(self.folder, header["sources"])
        self.tests = expand(self.folder, header["tests"])
        self.others = [f for f in expand(self.folder, header["with"]) if f not in self.library]

    def run(self, command, **options):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, errors="replace",
                              **options)

    def compile(self, source):
        includes = [f"-I{name}" for name in self.header["include"]]
        flags = ["-O1", "-g", *self.header["flags"], *includes]
        return self.run(["cc", *flags, "-MMD", "-c", source, "-o", source + ".o"])

    def link(self, test):
        objects = [name + ".o" for name in [test, *self.others, *self.library]]
        return self.run(["cc", *objects, "-o", test + ".bin", *self.header["link"]])

    def build(self, sources):
        for done in (self.compile(source) for source in sources):
            if done.returncode:
                return done.stderr
        return ""

    def build_all(self):
        return self.build([*self.others, *self.library, *self.tests])

    def first_failure(self):
        """What failed first, or None: every test passed."""
        for test in self.tests:
            linked = self.link(test)
            if linked.returncode:
                raise RuntimeError(linked.stderr)
            name = pathlib.Path(test).stem
            try:
                done = self.run([f"./{test}.bin"], timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                return f"{name}: no end after {TIMEOUT_S} s"
            if done.returncode < 0:
                return f"{name}: signal {-done.returncode}"
            if done.returncode:
                failed = re.search(r"\[  FAILED  \] (\w+)", done.stdout + done.stderr)
                return f"{name}: {failed.group(1)}" if failed else f"{name}: exit {done.returncode}"
        return None

    def users_of(self, file):
        """What is compiled anew when the file changes, as the compiler told."""
        sources = [*self.library, *self.others, *self.tests]
        told = {source: (self.folder / source).with_suffix(".c.d").read_text() for source in sources}
        return [source for source in sources if file in map(os.path.normpath, told[source].split())]

    def keep_objects(self, sources):
        for source in sources:
            os.replace(self.folder / f"{source}.o", self.folder / f"{source}.o.kept")

    def restore_objects(self, sources):
        for source in sources:
            os.replace(self.folder / f"{source}.o.kept", self.folder / f"{source}.o")

    def plant(self, bug):
        """Puts a bug in. Returns whether it was noticed, and by what or why not."""
        path = self.folder / bug.file
        text = path.read_text() if path.is_file() else ""
        if text.count(bug.old) != 1:
            return False, f"DOES NOT APPLY: the old text stands {text.count(bug.old)} times in {bug.file}"
        changed = self.users_of(bug.file)
        self.keep_objects(changed)
        try:
            path.write_text(text.replace(bug.old, bug.new))
            errors = self.build(changed)
            if errors:
                return False, "DOES NOT COMPILE: " + errors.strip().splitlines()[0]
            failure = self.first_failure()
            return failure is not None, failure or "SURVIVES: every test passes"
        finally:
            path.write_text(text)
            self.restore_objects(changed)


def check_all(root, header, bugs, jobs, folder):
    trees = [Tree(root, header, f"{folder}/{i}") for i in range(jobs)]
    errors = trees[0].build_all()
    failure = errors or trees[0].first_failure()
    if failure:
        print(f"without any bug: {failure}")
        return 1
    for tree in trees[1:]:
        shutil.rmtree(tree.folder)
        shutil.copytree(trees[0].folder, tree.folder)

    free, lock = list(trees), threading.Lock()

    def plant(bug):
        with lock:
            tree = free.pop()
        try:
            return tree.plant(bug)
        finally:
            with lock:
                free.append(tree)

    missed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for bug, (noticed, answer) in zip(bugs, pool.map(plant, bugs)):
            missed += not noticed
            print(f"{'noticed' if noticed else 'MISSED '} {bug.name}: {answer}", flush=True)
            if not noticed:
                print(f"        {bug.sentence}")
    print(f"{len(bugs)} bugs planted, {len(bugs) - missed} noticed, {missed} missed")
    return 1 if missed else 0


def unlisted(root, bugs):
    """The bugs that tests/README.md does not name: there every reader finds what the tests notice."""
    text = " ".join((root / "tests" / "README.md").read_text(encoding="utf-8").split())
    return [bug.name for bug in bugs if f"`{bug.name}`: {bug.sentence}" not in text]


def main():
    parser = argparse.ArgumentParser(description="Plants bugs and demands that the tests notice them.")
    parser.add_argument("list", type=pathlib.Path)
    parser.add_argument("-j", type=int, default=2, metavar="N", help="how many at the same time (2)")
    parser.add_argument("--only", metavar="ID", help="plant this one only")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    args = parser.parse_args()
    header, bugs = parse_list(args.list)
    chosen = [bug for bug in bugs if args.only in (None, bug.name)]
    if not chosen:
        sys.exit(f"{args.list}: no such bug")
    missing = unlisted(args.root, bugs)
    if missing:
        sys.exit(f"tests/README.md does not list {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        sys.exit(check_all(args.root, header, chosen, max(1, min(args.j, len(chosen))), folder))


if __name__ == "__main__":
    main()
