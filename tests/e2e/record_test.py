#!/usr/bin/python3
"""service-a --record: the calls that service-b saw, one line each, in the order of their starts."""
import json
import os
import subprocess
import tempfile
import threading
import unittest

from services import BIN, CONTROL, DATA, LIMIT_S, WRAPPER, Case, get, message, post, status_of, wait_until

INTERNAL, UNAVAILABLE = 13, 14


class Record(Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "trace.jsonl")
        self.b = self.start_b()
        self.direct = self.rpc(self.b.rpc_address)

    def record(self, **more):
        return self.start_a(self.b.rpc_address, **{"RECORD": self.path, **more})

    def set_fault(self, **fault):
        self.direct.call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", **fault))

    def received(self):
        return self.direct.call(CONTROL + "/GetFault").data_calls_received

    def lines(self, suffix=""):
        with open(self.path + suffix, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def assert_is_trace(self, lines):
        for line in lines:
            self.assertEqual(list(line), ["t_ms", "latency_ms", "code"])
        starts = [line["t_ms"] for line in lines]
        self.assertEqual(starts, sorted(starts))


class Trace(Record):
    def test_it_has_every_call_that_service_b_saw_and_no_other(self):
        a = self.record(CIRCUIT_FAIL_MAX="3", CIRCUIT_RESET_TIMEOUT="60")
        codes = []
        for fault, calls in (({}, 4), ({"failure_percent": 100}, 2), ({}, 2),
                             ({"failure_percent": 100, "status_code": UNAVAILABLE}, 5)):
            self.set_fault(**fault)
            for _ in range(calls):
                post(a.http_address, "/call-service-b")
        post(a.http_address, "/induce-failure")  # by the control breaker: not in it
        self.assertEqual(a.stop(), 0)
        lines = self.lines()
        self.assert_is_trace(lines)
        self.assertEqual([line["code"] for line in lines], [0] * 4 + [INTERNAL] * 2 + [0] * 2 + [UNAVAILABLE] * 3)
        self.assertEqual(len(lines), self.received())

    def test_calls_that_overlap_stand_in_the_order_of_their_starts_with_their_latency(self):
        a = self.record()
        client = self.rpc(a.rpc_address)
        self.set_fault(latency_min_ms=20, latency_max_ms=400)
        calls = [client.start(DATA + "/GetData") for _ in range(40)]
        for call in calls:
            call.result()
        client.close()
        self.assertEqual(a.stop(), 0)
        lines = self.lines()
        self.assert_is_trace(lines)
        self.assertEqual((len(lines), self.received()), (40, 40))
        self.assertGreaterEqual(min(line["latency_ms"] for line in lines), 20)
        self.assertGreater(len({line["latency_ms"] for line in lines}), 5)

    def test_lines_are_in_the_file_while_it_runs(self):
        a = self.record()
        post(a.http_address, "/call-service-b")
        wait_until(lambda: os.path.getsize(self.path) > 0, "a line is written")
        self.assertEqual(len(self.lines()), 1)
        self.assertEqual(a.stop(), 0)

    def test_a_caller_that_hangs_up_is_not_in_it(self):
        a = self.record(REQUEST_TIMEOUT="60")
        self.set_fault(latency_min_ms=30000, latency_max_ms=30000)
        client = self.rpc(a.rpc_address)
        call = client.start(DATA + "/GetData")
        wait_until(lambda: self.received() == 1, "the call is there")
        call.cancel()
        self.set_fault()
        wait_until(lambda: status_of(a.http_address)["counters"]["ignored"] == 1, "it is cancelled")
        post(a.http_address, "/call-service-b")
        client.close()
        self.assertEqual(a.stop(), 0)
        self.assertEqual([line["code"] for line in self.lines()], [0])

    def test_a_full_file_becomes_the_old_one_and_both_are_one_trace(self):
        a = self.record(RECORD_MAX_BYTES="4096", CIRCUIT_FAIL_MAX="65535")
        client = self.rpc(a.rpc_address)
        for _ in range(150):
            client.call(DATA + "/GetData")
        client.close()
        self.assertEqual(a.stop(), 0)
        old, new = self.lines(".1"), self.lines()
        self.assert_is_trace(old + new)
        self.assertEqual(len(old + new), 150)
        for path in (self.path, self.path + ".1"):
            self.assertLessEqual(os.path.getsize(path), 4096)

    def test_breaker_sim_reads_it(self):
        a = self.record()
        for _ in range(3):
            post(a.http_address, "/call-service-b")
        self.assertEqual(a.stop(), 0)
        config = os.path.join(self.folder.name, "a.json")
        with open(config, "w", encoding="utf-8") as file:
            file.write('{"trip_consecutive": 5}')
        done = subprocess.run([*WRAPPER, os.path.join(BIN, "breaker-sim"), "--config", config, self.path],
                              capture_output=True, text=True, timeout=LIMIT_S * 3, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Faults(Record):
    def test_a_file_that_cannot_be_written_is_exit_78_with_the_reason(self):
        for arguments, source, path in (
                ((), "environment variable RECORD", "/nonexistent/trace"),
                (("--record", "/dev/null"), "flag --record", "/dev/null")):
            environment = {**os.environ, "HTTP_ADDRESS": "127.0.0.1:0", "RPC_ADDRESS": "127.0.0.1:0"}
            if not arguments:
                environment["RECORD"] = path
            done = subprocess.run([*WRAPPER, os.path.join(BIN, "service-a"), *arguments], env=environment,
                                  capture_output=True, text=True, timeout=LIMIT_S * 3, check=False)
            self.assertEqual((done.returncode, done.stdout), (78, ""))
            self.assertIn(f'service-a: {source} is "{path}", but that file cannot be written: ', done.stderr)

    def test_a_full_disk_ends_the_recording_once_and_nothing_else(self):
        a = self.record(wrapper=("prlimit", "--fsize=1000"))
        client = self.rpc(a.rpc_address)
        for _ in range(30):
            client.call(DATA + "/GetData")
        said = a.wait_for_log(lambda line: "recording has ended" in json.dumps(line), "the end of the recording")
        self.assertIn("file too large", json.dumps(said))
        for _ in range(30):
            client.call(DATA + "/GetData")
        self.assertEqual(get(a.http_address, "/health").status, 200)
        client.close()
        self.assertEqual(a.stop(), 0)
        self.assertEqual(sum("recording has ended" in line for line in a.raw), 1)
        self.assert_is_trace(self.lines())

    def test_calls_that_the_end_of_the_program_cuts_are_not_in_it(self):
        a = self.record(REQUEST_TIMEOUT="60", DRAIN_TIMEOUT="0.1")
        post(a.http_address, "/call-service-b")
        self.set_fault(latency_min_ms=30000, latency_max_ms=30000)
        hanging = threading.Thread(target=lambda: post(a.http_address, "/call-service-b"))
        hanging.start()
        wait_until(lambda: self.received() == 2, "the call is there")
        self.assertEqual(a.stop(), 0)
        hanging.join()
        self.assertEqual([line["code"] for line in self.lines()], [0])


if __name__ == "__main__":
    unittest.main()
