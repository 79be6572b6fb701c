#!/usr/bin/python3
"""The documents tell the truth: every command of README.md runs, both languages have the same, files named exist.

A block ```bash of README.md is run as it stands, in the project's folder, against a demo of its own on free ports
(127.0.0.1:5000 and so on are replaced). A command whose program is not on this machine is reported as skipped.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from services import LIMIT_S, ROOT, Case, get, start_a, start_b  # noqa: E402

RELEASE = os.environ.get("BREAKWIRE_RELEASE", os.path.join(ROOT, "build/release/bin"))
# Tested elsewhere because they are the whole: this test is a part of ./check, and the containers have compose.sh.
ELSEWHERE = {"./run": "ends by Ctrl-C: test_run_starts_the_demo_and_ends_by_SIGINT", "./check": "runs this test",
             "docker-compose up --build": "tests/e2e/compose.sh"}
# What an answer must contain, by a part of the command.
EXPECTED = {
    "/call-service-b": "Hello from Service B!",
    "5002 list": "breakwire.breaker.v1.BreakerService",
    "5001 list": "breakwire.demo.v1.DataService",
    "DataService/GetData": "Hello from Service B!",
    "example-get-data": "Hello from Service B!",
    "/circuit-status": '"circuit_breaker_name":"ServiceB_CB"',
    "/events": "event: snapshot",
    "/induce-failure": '"failure_percent":100',
    "service-a --print-config": "CIRCUIT_FAIL_MAX = 3  # default",
    "--trip-consecutive 5": "breakers.ServiceB_CB.trip_consecutive = 5  # flag",
    "CIRCUIT_OPEN_BACKOFF=2": "breakers.ServiceB_CB.open_backoff = 2  # environment",
}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", read(path), re.M | re.S)


def help_of(program):
    return subprocess.run([os.path.join(RELEASE, program), "--help"], capture_output=True, text=True, check=True).stdout


def documents():
    found = [name for name in os.listdir(ROOT) if name.endswith(".md")]
    for folder in ("lib", "client", "server", "web", "tests", "examples", "docs", "tools", "fuzz", "bench"):
        for place, _, names in os.walk(os.path.join(ROOT, folder)):
            found += [os.path.relpath(os.path.join(place, name), ROOT) for name in names if name.endswith(".md")]
    return sorted(found)


class Text(unittest.TestCase):
    def test_both_languages_have_the_same_commands_and_code(self):
        for language in ("bash", "c", "json"):
            self.assertEqual(blocks("README.md", language), blocks("README.es.md", language))
        self.assertGreater(len(blocks("README.md", "bash")), 8)

    def test_both_languages_have_the_same_settings(self):
        settings = [re.findall(r"`([A-Z]+_[A-Z_]+)`", read(path)) for path in ("README.md", "README.es.md")]
        self.assertEqual(settings[0], settings[1])

    def test_every_setting_of_the_programs_is_in_the_README_and_no_other(self):
        shown = set()
        for name in ("service-a", "service-b"):
            flags = re.findall(r"^  --([a-z-]+) [A-Z:,]+$", help_of(name), re.M)
            shown |= {flag.upper().replace("-", "_") for flag in flags}
        table = read("README.md").split("## Configuration")[1]
        told = {name for cell in re.findall(r"^\|([^|]+)\|", table, re.M) for name in re.findall(r"`([A-Z_]+)`", cell)}
        told -= {"CIRCUIT_FAILURE_THRESHOLD", "CIRCUIT_RECOVERY_TIMEOUT", "CONFIG_FILE"}
        self.assertEqual(shown - {"CONFIG"}, told)

    def test_the_table_of_breaker_parameters_is_that_of_the_program(self):
        """--help makes its lines from bw_breaker_params; a row that differs is shown as it should be."""
        lines = re.findall(r"^  --([a-z-]+) VALUE  (.*) \((.*?)(?:; default (.*))?\)$", help_of("service-a"), re.M)
        wanted = [(flag.replace("-", "_"), *rest) for flag, *rest in lines]
        self.assertGreater(len(wanted), 30)
        rows = {path: re.findall(r"^\| `([a-z_]+)` \| (.*) \| (.*) \| (.*) \|$", read(path), re.M)
                for path in ("README.md", "README.es.md")}
        self.assertEqual(rows["README.md"], wanted)
        without = [[(row[0], *row[2:]) for row in rows[path]] for path in rows]
        self.assertEqual(without[0], without[1])

    def test_every_link_to_a_file_leads_somewhere(self):
        for path in documents():
            for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", read(path)):
                if not link.startswith(("http:", "https:")):
                    with self.subTest(document=path, link=link):
                        self.assertTrue(os.path.exists(os.path.join(ROOT, os.path.dirname(path), link)))

    def test_ARCHITECTURE_names_files_that_exist(self):
        named = re.findall(r"`((?:lib|client|server|web|tests|proto|cmake)/[\w./-]+)`", read("ARCHITECTURE.md"))
        self.assertGreater(len(named), 5)
        for name in set(named):
            with self.subTest(name=name):
                self.assertTrue(os.path.exists(os.path.join(ROOT, name)))

    def test_each_README_of_a_folder_names_each_source_file_in_it(self):
        for path in documents():
            folder = os.path.dirname(path)
            if folder.startswith(("lib/", "client", "server", "tools/", "bench")) and path.endswith("README.md"):
                for name in os.listdir(os.path.join(ROOT, folder)):
                    if name.endswith(".c"):
                        with self.subTest(document=path):
                            self.assertIn(name.removesuffix(".c"), read(path))


class Commands(Case):
    def setUp(self):
        self.b = self.started(start_b(where=RELEASE))
        self.a = self.started(start_a(self.b.rpc_address, where=RELEASE))
        self.ports = {"5000": self.a.http_address, "5001": self.b.rpc_address, "5002": self.a.rpc_address}

    def here(self, command):
        """The command, for this demo's ports and this build."""
        for port, address in self.ports.items():
            command = re.sub(rf"\b(?:127\.0\.0\.1|localhost):{port}\b", address, command)
        return command.replace("build/release/bin/", RELEASE + "/")

    def run_block(self, block):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.here(block)], cwd=ROOT, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S * 3, check=False)
        self.assertEqual(done.returncode, 0, f"{block}\n{done.stdout}{done.stderr}")
        for part, expected in EXPECTED.items():
            if part in block:
                self.assertIn(expected, done.stdout, block)

    def test_every_command_of_the_README_runs(self):
        for block in blocks("README.md", "bash"):
            words = shlex.split(block.splitlines()[0])
            program = next(word for word in words if not re.match(r"\w+=", word))
            if block.strip() in ELSEWHERE:
                continue
            if not shutil.which(program) and not os.path.exists(os.path.join(ROOT, program)):
                print(f"SKIPPED: readme_test: {program} is not there: {block.strip()}", flush=True)
                continue
            with self.subTest(command=block):
                self.run_block(block)

    def test_run_starts_the_demo_and_ends_by_SIGINT(self):
        environment = {**os.environ, "HTTP_PORT": "0", "RPC_PORT": "0", "B_PORT": "0"}
        run = subprocess.Popen(["./run"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        limit = threading.Timer(LIMIT_S * 12, run.kill)
        limit.start()
        url = next((line.split("http://")[1].split()[0] for line in run.stdout if "http://" in line), None)
        self.assertIsNotNone(url, "./run did not come up")
        self.assertEqual(get(url, "/").status, 200)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(LIMIT_S * 2), 0)
        limit.cancel()
        run.stdout.close()


if __name__ == "__main__":
    if not os.path.exists(os.path.join(RELEASE, "service-a")):
        print(f"SKIPPED: readme_test: no release build in {RELEASE}")
        sys.exit(77)
    unittest.main()
