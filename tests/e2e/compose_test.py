#!/usr/bin/python3
"""docker-compose.yml: builds, is healthy, and does what the demo promises through published ports.

compose.sh runs it. One project of its own, free ports, short times by environment, everything taken down at the end.
"""
import json
import os
import socket
import subprocess
import sys
import time
import unittest

from services import CONTROL, ROOT, Rpc, get, message, post, status_of, wait_until

PROJECT = f"breakwire-test-{os.getpid()}"
OPEN_S = 2.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, check=True, limit_s=300, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=limit_s, **more)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def compose_command():
    """docker-compose 1.29, or the plugin of v2."""
    if subprocess.run(["docker-compose", "--version"], capture_output=True, check=False).returncode == 0:
        return ["docker-compose"]
    return ["docker", "compose"]


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ports = {name: str(free_port()) for name in ("HTTP_PORT", "RPC_PORT", "B_PORT")}
        cls.environment = {**os.environ, **cls.ports, "CIRCUIT_RESET_TIMEOUT": str(OPEN_S), "REQUEST_TIMEOUT": "1"}
        cls.command = [*compose_command(), "-p", PROJECT]
        cls.http = "127.0.0.1:" + cls.ports["HTTP_PORT"]
        cls.b = Rpc("127.0.0.1:" + cls.ports["B_PORT"])
        cls.addClassCleanup(cls.compose, "down", "-v", "-t", "5", check=False)
        print("compose: building", flush=True)
        cls.compose("build", limit_s=1200)
        print("compose: starting", flush=True)
        cls.compose("up", "-d")
        cls.wait_healthy()

    @classmethod
    def compose(cls, *arguments, **more):
        return run(*cls.command, *arguments, cwd=ROOT, env=cls.environment, **more)

    @classmethod
    def container(cls, service):
        return cls.compose("ps", "-q", service).strip()

    @classmethod
    def inspect(cls, service):
        return json.loads(run("docker", "inspect", cls.container(service)))[0]

    @classmethod
    def wait_healthy(cls):
        def healthy():
            return all(cls.inspect(name)["State"]["Health"]["Status"] == "healthy"
                       for name in ("service-a", "service-b"))
        wait_until(healthy, "both are healthy", 60)
        cls.b.close()
        cls.b = Rpc("127.0.0.1:" + cls.ports["B_PORT"])

    def setUp(self):
        self.set_fault()
        wait_until(lambda: status_of(self.http)["view"] != "open", "the open time is over", OPEN_S * 3)
        wait_until(lambda: self.click().status == 200, "the circuit is closed", OPEN_S * 3)

    def set_fault(self, **fault):
        self.b.call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", **fault))

    def received(self):
        return self.b.call(CONTROL + "/GetFault").data_calls_received

    def click(self):
        return post(self.http, "/call-service-b")

    def open_it(self):
        self.assertEqual(post(self.http, "/induce-failure").status, 200)
        self.assertEqual([self.click().status for _ in range(3)], [502, 502, 502])

    def test_the_page_is_there_and_settings_of_the_compose_file_count(self):
        page = get(self.http, "/")
        self.assertEqual(page.status, 200)
        self.assertIn(b"Call Service B (via Circuit Breaker)", page.body)
        status = status_of(self.http)
        self.assertEqual((status["failure_threshold"], status["recovery_timeout"]), (3, OPEN_S))

    def test_1_three_failures_open_it_and_the_fourth_call_never_reaches_service_b(self):
        before = self.received()
        self.open_it()
        answer = self.click()
        self.assertEqual(answer.status, 503)
        self.assertIn("retry-after", answer.fields)
        self.assertEqual(self.received() - before, 3)

    def test_2_clicks_do_not_push_the_countdown_out_and_one_probe_decides(self):
        self.open_it()
        began, before = time.monotonic(), self.received()
        while self.click().status == 503:
            self.assertLess(time.monotonic() - began, OPEN_S + 1)
        self.assertGreaterEqual(time.monotonic() - began, OPEN_S - 0.2)
        self.assertEqual(self.received() - before, 1)
        self.assertEqual(self.click().status, 503)

    def test_3_a_healed_service_b_is_left_alone_until_the_time_is_over(self):
        self.open_it()
        before = self.received()
        self.assertEqual(post(self.http, "/remove-failure").status, 200)
        self.assertEqual(self.click().status, 503)
        self.assertEqual(self.received(), before)
        wait_until(lambda: status_of(self.http)["view"] == "half_open", "it is half-open", OPEN_S * 3)
        self.assertEqual(self.click().json["circuit_state"], "closed")

    def test_4_slow_calls_are_failures(self):
        self.set_fault(latency_min_ms=1500, latency_max_ms=1500)
        self.assertEqual([self.click().status for _ in range(3)], [502, 502, 502])
        self.assertEqual(status_of(self.http)["state"], "open")

    def test_5_circuit_status_answers_always_and_one_click_is_one_request(self):
        before = self.received()
        self.assertEqual(self.click().status, 200)
        self.assertEqual(self.received() - before, 1)
        self.open_it()
        self.assertEqual(get(self.http, "/circuit-status").status, 200)

    def test_6_liveness_does_not_depend_on_the_fault_and_up_works_again(self):
        self.open_it()
        self.compose("restart", "-t", "10", "service-a")
        self.wait_healthy()
        self.compose("up", "-d")
        self.wait_healthy()
        self.assertEqual(self.inspect("service-b")["State"]["Health"]["Status"], "healthy")
        self.assertEqual(self.click().status, 502)

    def test_7_the_log_shows_each_transition_with_its_reason(self):
        self.open_it()
        lines = self.compose("logs", "--no-color", "service-a")
        self.assertIn('"reason":"CONSECUTIVE"', lines)

    def test_8_sigterm_ends_both_with_0_also_with_a_fault_left_and_up_works_again(self):
        containers = [self.container(name) for name in ("service-a", "service-b")]
        self.open_it()
        self.compose("stop", "-t", "14")
        codes = [json.loads(run("docker", "inspect", one))[0]["State"]["ExitCode"] for one in containers]
        self.compose("up", "-d")
        self.wait_healthy()
        self.assertEqual(codes, [0, 0])
        self.assertEqual(self.click().status, 200)

    def test_the_images_have_no_compiler_and_no_curl_and_run_as_a_user(self):
        for name in ("service-a", "service-b"):
            image = self.inspect(name)["Image"]
            found = run("docker", "run", "--rm", "--entrypoint", "sh", image, "-c",
                        "for tool in gcc cc cmake curl wget; do command -v $tool; done; id -u")
            self.assertNotEqual(found.strip(), "0")
            self.assertTrue(found.strip().isdigit(), found)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed", flush=True)
    sys.exit(1 if bad else 0)
