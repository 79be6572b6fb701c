#!/usr/bin/python3
"""The rules of STYLE.md that a program can check.

    tests/layers/style.py ROOT

clang-format; functions of at most 70 lines and files of at most 500; no waiting by the clock in tests; nothing
left undone or said about machines; a README in every folder of lib/. One line per fault; exit 1 when there is one.
"""
import glob
import os
import re
import subprocess
import sys

FUNCTION_LINES_MAX, FILE_LINES_MAX, COLUMNS_MAX = 70, 500, 120
C_FOLDERS = ("lib", "client", "server", "tools", "tests", "examples", "fuzz", "bench", "interop")
# Spelled in pieces, so that this file does not accuse itself.
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X)\b")
FOREIGN = re.compile(r"\.\./sha" + r"red|/wo" + r"rk/|/ro" + r"ot/|/tmp/w" + "t-")
WAITS = re.compile(r"\b(sleep|usleep|nanosleep|sleep_for|time\.sleep)\s*\(|^\s*sleep\s+[0-9]", re.MULTILINE)
# Waits for a daemon to come up; it is a tool, no test.
MAY_WAIT = {"tests/e2e/docker-base.sh"}


def tracked(root):
    if os.path.exists(os.path.join(root, ".git")):
        out = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-co",
                              "--exclude-standard"], capture_output=True, text=True, check=True).stdout
        return [path for path in out.splitlines() if os.path.isfile(os.path.join(root, path))]
    return [os.path.relpath(path, root) for path in glob.glob(os.path.join(root, "**/*"), recursive=True)
            if os.path.isfile(path) and "/build/" not in path]


def read(root, path):
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError:
        return ""


def long_functions(path, lines):
    begin = None
    for number, line in enumerate(lines, 1):
        if line.endswith("{") and line[:1] not in (" ", "#", "}", "") and "(" in line and "=" not in line:
            begin = number
        elif line == "}" and begin:
            if number - begin + 1 > FUNCTION_LINES_MAX:
                yield f"{path}:{begin}: a function of {number - begin + 1} lines; {FUNCTION_LINES_MAX} are allowed"
            begin = None


def size_faults(path, text):
    lines = text.splitlines()
    if path.endswith((".c", ".h", ".py", ".sh", ".js")) and len(lines) > FILE_LINES_MAX:
        yield f"{path}: {len(lines)} lines; {FILE_LINES_MAX} are allowed"
    if path.endswith((".c", ".h")):
        yield from long_functions(path, lines)
    if path.endswith((".py", ".sh")) and path != "tests/e2e/docker-base.sh":
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                yield f"{path}:{number}: {len(line)} columns; {COLUMNS_MAX} are allowed"


def word_faults(path, text):
    for pattern, what in ((UNFINISHED, "is said to be unfinished"), (FOREIGN, "is no part of the project")):
        found = pattern.search(text)
        if found:
            yield f"{path}: {found.group(0)} {what}"
    if path.startswith("tests/") and path not in MAY_WAIT and WAITS.search(text):
        yield f"{path}: waits by the clock ({WAITS.search(text).group(0).strip()})"


def readme_faults(root):
    for folder in sorted(glob.glob(os.path.join(root, "lib/*/"))):
        if not os.path.exists(os.path.join(folder, "README.md")):
            yield f"{os.path.relpath(folder, root)}: has no README.md"


def format_faults(root, paths):
    c_files = [path for path in paths if path.endswith((".c", ".h")) and path.startswith(C_FOLDERS)]
    done = subprocess.run(["clang-format", "--dry-run", *c_files], cwd=root, capture_output=True, text=True)
    for line in done.stderr.splitlines():
        if "warning:" in line or "error:" in line:
            yield line.split(" [")[0]


def main():
    root = os.path.abspath(sys.argv[1])
    paths = tracked(root)
    faults = list(readme_faults(root)) + list(format_faults(root, paths))
    for path in paths:
        text = read(root, path)
        faults += list(size_faults(path, text)) + list(word_faults(path, text))
    print("\n".join(faults) if faults else f"{len(paths)} files keep to the style")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
