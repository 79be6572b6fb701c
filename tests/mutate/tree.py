"""A built copy of lib/breaker and its tests, in which one source at a time may be changed.

The library is a shared object, so that a changed file costs one compilation and one link, and the test programs
stay as they are. Only a changed header builds anew what includes it."""
import glob
import os
import pathlib
import re
import shutil
import subprocess
import time

INCLUDE = ["-Ilib/breaker/include", "-Itests/support", "-Itests/breaker"]
# What makes no working program is an error, whatever else would be a warning.
ERRORS = ["return-type", "int-conversion", "incompatible-pointer-types", "implicit-function-declaration",
          "array-bounds"]
FLAGS = ["-std=c11", "-O1", "-fPIC", "-fno-common", *(f"-Werror={name}" for name in ERRORS)]
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g1"]
WALL_S, MEMORY_KB = 40, 4_000_000


def stem(path):
    return pathlib.PurePath(path).name.rsplit(".", 1)[0]


class Tree:
    def __init__(self, root, folder, sanitized=False):
        self.root, self.folder, self.flags = root, pathlib.Path(folder), FLAGS + (SANITIZED if sanitized else [])
        self.sanitized = sanitized
        self.sources = sorted(glob.glob("lib/breaker/*.c", root_dir=root))
        self.tests = sorted(glob.glob("tests/breaker/*_test.c", root_dir=root))
        others = set(glob.glob("tests/breaker/*.c", root_dir=root)) - set(self.tests)
        self.helpers = sorted(others) + ["tests/support/run.c"]
        self.includes, self.seconds = {}, {}

    def run(self, command, **options):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, **options)

    def object_of(self, source, folder="obj"):
        return f"{folder}/{source.replace('/', '_')}.o"

    def compile(self, source, folder="obj"):
        """The compiler's complaint, or "". Leaves what is included in a .d file on the first time."""
        target = self.object_of(source, folder)
        depend = ["-MMD"] if folder == "obj" else []
        done = self.run(["cc", *self.flags, *depend, *INCLUDE, "-c", source, "-o", target])
        return done.stderr if done.returncode else ""

    def link_library(self, objects):
        linker = ["cc", *SANITIZED] if self.sanitized else ["ld"]
        return self.run([*linker, "-shared", *objects, "-o", "bin/libbreaker.so"]).stderr

    def link_test(self, test, objects):
        flags = SANITIZED if self.sanitized else []
        return self.run(["cc", *flags, *objects, "-o", f"bin/{stem(test)}", "-Lbin", "-lbreaker", "-lcmocka",
                         "-pthread", "-Wl,-rpath,$ORIGIN"]).stderr

    def build(self):
        """Builds everything; the complaint, or ""."""
        for name in ("lib/breaker", "tests/breaker", "tests/support"):
            shutil.copytree(self.root / name, self.folder / name, dirs_exist_ok=True)
        for name in ("obj", "bin", "changed"):
            (self.folder / name).mkdir(exist_ok=True)
        for source in [*self.sources, *self.tests, *self.helpers]:
            complaint = self.compile(source)
            if complaint:
                return complaint
            text = (self.folder / self.object_of(source)).with_suffix(".d").read_text()
            self.includes[source] = {os.path.normpath(name) for name in text.replace("\\\n", " ").split()[1:]}
        objects = [self.object_of(source) for source in self.sources]
        complaint = self.link_library(objects)
        for test in self.tests:
            complaint = complaint or self.link_test(test, self.test_objects(test, {}))
        return complaint

    def copy(self, folder):
        """Another tree in the same state."""
        other = Tree(self.root, folder, self.sanitized)
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        other.includes, other.seconds = self.includes, self.seconds
        return other

    def test_objects(self, test, changed):
        return [changed.get(name) or self.object_of(name) for name in (test, *self.helpers)]

    def first_failure(self, tests):
        """What the first test that fails says of it, or None."""
        programs = [stem(test) for test in tests]
        limits = "; ".join(f"ulimit -t {self.cpu_s(name)}; ./bin/{name} >out.{name} 2>&1 || "
                           f"{{ echo {name} $?; exit 1; }}" for name in programs)
        command = ["sh", "-c", f"ulimit -c 0; {'' if self.sanitized else f'ulimit -v {MEMORY_KB};'} {limits}"]
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, text=True, start_new_session=True,
                                   env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1"})
        try:
            said = process.communicate(timeout=WALL_S)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return f"no end after {WALL_S} s"
        if process.returncode == 0:
            return None
        name = said.split()[0] if said.split() else "?"
        log = self.folder / f"out.{name}"
        text = log.read_text(errors="replace") if log.exists() else ""
        failed = re.search(r"\[  FAILED  \] (\w+)", text)
        crashed = re.search(r"ERROR: \w+Sanitizer: \S+|runtime error: [^\n]*", text)
        return f"{name}: {(failed or crashed)[0].split('] ')[-1]}" if failed or crashed else f"{name}: {said.strip()}"

    def cpu_s(self, name):
        # `ulimit -t` can only go down in one shell: all programs have the limit of the slowest.
        return int(2 + 4 * max(self.seconds.values(), default=20))

    def baseline(self):
        """Runs every test as it is; the failure, or None. Knows afterwards how long each takes."""
        seconds = {}
        for test in self.tests:
            begin = time.monotonic()
            failure = self.first_failure([test])
            if failure:
                return failure
            seconds[stem(test)] = time.monotonic() - begin
        self.seconds = seconds
        return None

    def try_text(self, file, text, order):
        """The verdict on a changed file: ("stillborn" | "same" | "caught" | "survived", why)."""
        path = self.folder / file
        before = path.read_text()
        path.write_text(text)
        try:
            return self.judge(file, order)
        finally:
            path.write_text(before)

    def judge(self, file, order):
        changed = {}
        sources = [source for source in self.sources if file in self.includes[source]]
        for source in sources:
            complaint = self.compile(source, "changed")
            if complaint:
                return "stillborn", complaint
            changed[source] = self.object_of(source, "changed")
        tests = [test for test in [*self.helpers, *self.tests] if file in self.includes[test]]
        if not tests and all(self.is_same(source) for source in sources):
            return "same", ""
        for test in tests:
            complaint = self.compile(test, "changed")
            if complaint:
                return "caught", f"{stem(test)} does not compile"
            changed[test] = self.object_of(test, "changed")
        if all(self.is_same(name) for name in changed):
            return "same", ""
        complaint = self.link_library([changed.get(source) or self.object_of(source) for source in self.sources])
        relinked = [test for test in self.tests if set(changed) & {test, *self.helpers}]
        kept = {test: (self.folder / f"bin/{stem(test)}").read_bytes() for test in relinked}
        try:
            for test in relinked:
                complaint = complaint or self.link_test(test, self.test_objects(test, changed))
            if complaint:
                return "stillborn", complaint
            failure = self.first_failure(order(self.tests))
        finally:
            for test, program in kept.items():
                (self.folder / f"bin/{stem(test)}").write_bytes(program)
        return ("caught", failure) if failure else ("survived", "")

    def is_same(self, source):
        return (self.folder / self.object_of(source)).read_bytes() == (
            self.folder / self.object_of(source, "changed")).read_bytes()
