#!/usr/bin/python3
"""service-b under load (h2load, 10 connections of 100 streams): every call counted, memory flat, few system calls.

BREAKWIRE_RELEASE: the release build; without it, or without h2load, this is skipped.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from services import BIN, CONTROL, DATA, HEALTH, Case, Program, wait_until

RELEASE = os.environ.get("BREAKWIRE_RELEASE", BIN)
SECONDS = float(os.environ.get("BREAKWIRE_LOAD_S", "20"))
EMPTY_MESSAGE = bytes(5)  # a frame of gRPC: not compressed, length 0


class Load(Case):
    def start(self, where, wrapper=()):
        self.b = self.started(Program("service-b", where=where, wrapper=wrapper, RPC_ADDRESS="127.0.0.1:0"))
        self.client = self.rpc(self.b.rpc_address)
        file = tempfile.NamedTemporaryFile()
        self.addCleanup(file.close)
        file.write(EMPTY_MESSAGE)
        file.flush()
        self.data = file.name

    def h2load(self, n):
        return subprocess.Popen(
            ["h2load", "-t1", f"-n{n}", "-c10", "-m100", "-d", self.data, "-H", "content-type: application/grpc",
             "-H", "te: trailers", f"http://{self.b.rpc_address}/{DATA}/GetData"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, load):
        """Calls a second, of a load that must have been answered whole."""
        out, _ = load.communicate(timeout=300)
        n, succeeded = re.search(r"requests: (\d+) total,.* (\d+) succeeded", out).groups()
        self.assertEqual(n, succeeded, out)
        return float(re.search(r"([\d.]+) req/s", out).group(1))

    def counts(self):
        answer = self.client.call(CONTROL + "/GetFault")
        return answer.data_calls_received, answer.data_calls_failed

    def memory_kib(self):
        with open(f"/proc/{self.b.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))

    def load_for_a_while(self, where):
        """(KiB after a quarter of the time, KiB at its end)."""
        self.start(where)
        rate = self.finish(self.h2load(20000))
        n = int(rate * SECONDS)
        load = self.h2load(n)
        try:
            load.wait(SECONDS / 4)
        except subprocess.TimeoutExpired:
            pass
        early = self.memory_kib()
        self.finish(load)
        late = self.memory_kib()
        self.assertEqual(self.counts(), (n + 20000, 0))
        print(f"{where}: {n} calls, {rate:.0f}/s at first, {early} KiB then {late} KiB", file=sys.stderr)
        return early, late

    def test_release_counts_every_call_and_keeps_its_memory(self):
        early, late = self.load_for_a_while(RELEASE)
        self.assertLessEqual(late - early, 1024)

    def test_with_sanitizers_every_call_is_counted_too(self):
        self.load_for_a_while(BIN)

    def end_traced(self):
        """SIGTERM for the program; strace, which is our child, passes none on."""
        with open(f"/proc/{self.b.pid}/task/{self.b.pid}/children", encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGTERM)
        self.assertEqual(self.b.wait(), 0)

    def test_a_call_costs_at_most_a_tenth_of_a_system_call(self):
        n = 200000
        with tempfile.NamedTemporaryFile("r") as table:
            self.start(RELEASE, wrapper=["strace", "-f", "-c", "-o", table.name])
            self.finish(self.h2load(n))
            self.end_traced()
            calls = int(re.search(r"^100\.00 +[\d.]+ +(?:\d+ +)?(\d+) +(?:\d+ +)?total$", table.read(), re.M).group(1))
        print(f"{calls / n:.3f} system calls a call", file=sys.stderr)
        self.assertLessEqual(calls / n, 0.1)

    def test_control_and_health_answer_within_50_ms_while_100_calls_are_slow(self):
        self.start(RELEASE)
        self.client.call(CONTROL + "/InduceLatency")
        calls = [self.client.start(DATA + "/GetData") for _ in range(100)]
        wait_until(lambda: self.counts()[0] == 100, "all have arrived")
        self.client.call(HEALTH + "/Check", timeout=0.05)
        self.client.call(CONTROL + "/RemoveLatency", timeout=0.05)
        self.client.call(DATA + "/GetData", timeout=0.05)
        for call in calls:
            call.cancel()


def missing():
    if not os.path.exists(os.path.join(RELEASE, "service-b")):
        return f"no release build in {RELEASE}"
    return next((f"{tool} is not there" for tool in ("h2load", "strace") if not shutil.which(tool)), None)


if __name__ == "__main__":
    if missing():
        print(f"SKIPPED: load_test: {missing()}")
        sys.exit(77)
    unittest.main()
