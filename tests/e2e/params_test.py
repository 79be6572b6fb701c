#!/usr/bin/python3
"""Every breaker parameter is a setting of service-a, and what is in effect shows in every place that tells it."""
import os
import subprocess
import tempfile
import unittest

from services import BIN, BREAKER, CONTROL, LIMIT_S, WRAPPER, Case, get, message, post, status_of


def config_lines(*arguments, **environment):
    """What --print-config says of each parameter of the data breaker: {name: (value, origin)}."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CIRCUIT_")}
    done = subprocess.run([*WRAPPER, os.path.join(BIN, "service-a"), "--print-config", *arguments],
                          env={**clean, **environment}, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    prefix, found = "breakers.ServiceB_CB.", {}
    for line in done.stdout.splitlines():
        if line.startswith(prefix):
            name, rest = line.removeprefix(prefix).split(" = ", 1)
            found[name] = tuple(rest.split("  # "))
    return found


def as_text(value):
    """A value of the JSON as --print-config writes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


class Parameters(Case):
    def setUp(self):
        self.b = self.start_b()

    def set_fault(self, **fault):
        self.rpc(self.b.rpc_address).call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", **fault))

    def test_status_rpc_and_print_config_tell_the_same(self):
        given = {"CIRCUIT_OPEN_BACKOFF": "1.5", "CIRCUIT_WEIGHT": "INTERNAL=2", "CIRCUIT_PROBE_BUDGET": "2",
                 "CIRCUIT_HONOUR_PUSHBACK": "off", "CIRCUIT_FAIL_MAX": "9"}
        a = self.start_a(self.b.rpc_address, **given)
        printed = {name: value for name, (value, _) in config_lines(**given).items()}
        shown = status_of(a.http_address)["configuration"]
        self.assertEqual({name: as_text(value) for name, value in shown.items()}, printed)
        told, _ = self.rpc(a.rpc_address).call(BREAKER + "/GetStatus").breakers
        self.assertEqual(dict(told.parameters), printed)
        self.assertEqual((printed["trip_consecutive"], printed["open_backoff"]), ("9", "1.5"))

    def test_the_origin_of_each_breakers_value_is_told(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"circuit_open_ms": 700, "circuit_warmup_ms": 5,'
                       ' "breakers": {"ServiceB_CB": {"open_ms": 800}}}')
            file.flush()
            lines = config_lines("--ramp-ms", "9", "--config", file.name, CIRCUIT_WARMUP_MS="6", REQUEST_TIMEOUT="4")
        self.assertEqual(lines["open_ms"], ("800", "file"))
        self.assertEqual(lines["warmup_ms"], ("6", "environment"))
        self.assertEqual(lines["ramp_ms"], ("9", "flag"))
        self.assertEqual(lines["open_jitter"], ("0", "default"))
        self.assertEqual(lines["min_deadline_ms"], ("2000", "environment"))

    def test_a_failure_rate_opens_the_circuit(self):
        a = self.start_a(self.b.rpc_address, CIRCUIT_TRIP_CONSECUTIVE="0", CIRCUIT_WINDOW="count",
                         CIRCUIT_TRIP_FAILURE_RATE="0.5", CIRCUIT_WINDOW_MIN_CALLS="4")
        for rate, n in ((0, 2), (100, 2)):
            self.set_fault(failure_percent=rate)
            for _ in range(n):
                post(a.http_address, "/call-service-b")
        status = status_of(a.http_address)
        self.assertEqual((status["state"], status["last_reason"]), ("open", "FAILURE_RATE"))

    def test_a_call_that_hangs_opens_the_circuit_before_it_ends(self):
        a = self.start_a(self.b.rpc_address, CIRCUIT_WINDOW="count", CIRCUIT_TRIP_SLOW_RATE="1",
                         CIRCUIT_SLOW_CALL_MS="50", REQUEST_TIMEOUT="60")
        self.set_fault(latency_min_ms=30000, latency_max_ms=30000)
        client = self.rpc(a.rpc_address)
        hanging = client.start("breakwire.demo.v1.DataService/GetData")
        path = BREAKER + "/Watch"
        stream = client.stub(path)(client.request(path, name="ServiceB_CB"), timeout=LIMIT_S)
        reason = next(status.last_reason for answer in stream for status in answer.breakers if status.generation > 1)
        self.assertEqual(reason, "SLOW_RATE")
        self.assertFalse(hanging.done())
        hanging.cancel()
        stream.cancel()

    def test_more_calls_than_allowed_at_the_same_time_are_rejected_with_the_reason(self):
        a = self.start_a(self.b.rpc_address, CIRCUIT_MAX_CONCURRENCY="1", REQUEST_TIMEOUT="60")
        self.set_fault(latency_min_ms=30000, latency_max_ms=30000)
        client = self.rpc(a.rpc_address)
        hanging = client.start("breakwire.demo.v1.DataService/GetData")
        while status_of(a.http_address)["counters"]["admitted"] == 0:
            pass
        answer = get(a.http_address, "/call-service-b")
        self.assertEqual((answer.status, answer.json["circuit_state"]), (503, "closed"))
        self.assertIn("at the same time", answer.json["error"])
        self.assertEqual(status_of(a.http_address)["counters"]["rejected_concurrency"], 1)
        hanging.cancel()


if __name__ == "__main__":
    unittest.main()
