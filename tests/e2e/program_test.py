#!/usr/bin/python3
"""Both programs as programs: command line, configuration, exit codes, signals, health check, log."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from services import (BIN, CONTROL, DATA, LIMIT_S, SLOW, WRAPPER, Case, connect, get, message, post, start_b,
                      wait_until)

PROGRAMS = ("service-a", "service-b")


def run(name, *arguments, **environment):
    """The finished program: code, out, err."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CIRCUIT_", "HTTP_", "RPC_"))}
    done = subprocess.run([*WRAPPER, os.path.join(BIN, name), *arguments], env={**clean, **environment},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S * 3)
    return done.returncode, done.stdout, done.stderr


class CommandLine(unittest.TestCase):
    def test_help_names_every_setting_and_its_default(self):
        for name in PROGRAMS:
            code, out, err = run(name, "--help")
            self.assertEqual((code, err), (0, ""))
            for word in ("--rpc-address", "--drain-timeout", "--print-config", "healthcheck", "default 10"):
                self.assertIn(word, out)
        self.assertIn("--circuit-fail-max", run("service-a", "--help")[1])

    def test_version_has_the_versions_of_the_libraries(self):
        for name, codec in (("service-a", "nanopb"), ("service-b", "protobuf-c")):
            code, out, _ = run(name, "--version")
            self.assertEqual(code, 0)
            self.assertRegex(out, rf"^{name} \d+\.\d+\.\d+ .*nghttp2 \d.*libuv \d.*{codec}.\d")

    def test_an_unknown_flag_or_argument_is_exit_2_and_named(self):
        for name in PROGRAMS:
            for arguments, word in ((("--no-such-flag",), "--no-such-flag"), (("surplus",), "surplus"),
                                    (("--rpc-address",), "rpc-address")):
                code, out, err = run(name, *arguments)
                self.assertEqual((code, out), (2, ""), arguments)
                self.assertIn(word, err)
                self.assertEqual(err.count("\n"), 1)


class Configuration(unittest.TestCase):
    def refused(self, *arguments, **environment):
        """What service-a says; exit 78, and the same under --check-config and --print-config."""
        code, out, err = run("service-a", *arguments, **environment)
        self.assertEqual((code, out), (78, ""), err)
        for action in ("--check-config", "--print-config"):
            self.assertEqual(run("service-a", action, *arguments, **environment), (78, "", err))
        return err

    def test_bad_environment_is_exit_78_naming_variable_value_and_range(self):
        for name, value, limit in (
                ("CIRCUIT_FAIL_MAX", "0", "1 to 65535"), ("CIRCUIT_FAIL_MAX", "65536", "1 to 65535"),
                ("CIRCUIT_FAILURE_THRESHOLD", "three", "1 to 65535"),
                ("CIRCUIT_RESET_TIMEOUT", "0.04", "0.05 to 86400"),
                ("CIRCUIT_RECOVERY_TIMEOUT", "86401", "0.05 to 86400"), ("REQUEST_TIMEOUT", "-1", "0.05 to 3600"),
                ("SERVICE_B_ADDRESS", "nowhere", "HOST:PORT"), ("HTTP_ADDRESS", "127.0.0.1:65536", "65535"),
                ("LOG_LEVEL", "loud", "debug"), ("DRAIN_TIMEOUT", "x", "seconds")):
            with self.subTest(name=name, value=value):
                err = self.refused(**{name: value})
                self.assertIn(f"{name} is {value}", err.replace('"', ""))
                self.assertIn(limit, err)

    def test_an_empty_value_is_refused(self):
        self.assertIn("CIRCUIT_FAIL_MAX", self.refused(CIRCUIT_FAIL_MAX=""))

    def test_both_names_of_a_pair_may_be_given_when_they_agree(self):
        pair = {"CIRCUIT_RESET_TIMEOUT": "5", "CIRCUIT_RECOVERY_TIMEOUT": "5.0"}
        self.assertEqual(run("service-a", "--check-config", **pair), (0, "", ""))
        err = self.refused(CIRCUIT_FAIL_MAX="3", CIRCUIT_FAILURE_THRESHOLD="4")
        self.assertIn("CIRCUIT_FAIL_MAX", err)
        self.assertIn("CIRCUIT_FAILURE_THRESHOLD", err)

    def test_print_config_shows_value_and_origin_and_flag_wins_over_environment_over_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"circuit_fail_max": 7, "request_timeout": 1.5, "log_level": "debug"}, file)
            file.flush()
            code, out, _ = run("service-a", "--print-config", "--config", file.name, "--circuit-fail-max=9",
                               REQUEST_TIMEOUT="2", CIRCUIT_FAIL_MAX="8")
        self.assertEqual(code, 0)
        for line in ("CIRCUIT_FAIL_MAX = 9  # flag", "REQUEST_TIMEOUT = 2  # environment",
                     "LOG_LEVEL = debug  # file", "CIRCUIT_RESET_TIMEOUT = 20  # default"):
            self.assertIn(line, out.splitlines())

    def test_a_file_with_an_unknown_key_or_that_is_not_there_is_refused_naming_it(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"no_such_key": 1}')
            file.flush()
            self.assertIn("no_such_key", self.refused("--config", file.name))
        self.assertIn("/no/such/file", self.refused("--config", "/no/such/file"))


class Running(Case):
    def test_a_taken_port_is_exit_1_naming_the_address(self):
        b = self.start_b()
        code, out, err = run("service-b", RPC_ADDRESS=b.rpc_address)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(b.rpc_address, err)
        for variable in ("HTTP_ADDRESS", "RPC_ADDRESS"):
            other = {"HTTP_ADDRESS": "127.0.0.1:0", "RPC_ADDRESS": "127.0.0.1:0", variable: b.rpc_address}
            code, out, err = run("service-a", **other)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(b.rpc_address, err)
            self.assertIn(variable, err)

    def test_stdout_has_exactly_the_ready_line(self):
        b = self.start_b()
        a = self.start_a(b.rpc_address)
        self.assertRegex(b.ready, r"^service-b ready rpc=127\.0\.0\.1:\d+$")
        self.assertRegex(a.ready, r"^service-a ready http://127\.0\.0\.1:\d+ rpc=127\.0\.0\.1:\d+$")
        post(a.http_address, "/call-service-b")
        for program in (a, b):
            program.signal(signal.SIGTERM)
            self.assertEqual(program.process.stdout.read(), "")

    def test_SIGTERM_and_SIGINT_end_both_with_0_at_once_when_nothing_is_in_work(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            b = self.start_b()
            a = self.start_a(b.rpc_address)
            with connect(a.http_address), connect(b.rpc_address):  # idle connections do not hold it up
                for program in (a, b):
                    began = time.monotonic()
                    program.signal(number)
                    self.assertEqual(program.wait(), 0)
                    self.assertLess(time.monotonic() - began, 3 * SLOW)

    def slow_call(self, milliseconds, **environment):
        """service-b with one call in work, and its future."""
        b = self.started(start_b(**environment))
        client = self.rpc(b.rpc_address)
        client.call(CONTROL + "/SetFault", fault=message(
            "breakwire.demo.v1.Fault", latency_min_ms=milliseconds, latency_max_ms=milliseconds))
        call = client.start(DATA + "/GetData", timeout=60)
        wait_until(lambda: client.call(CONTROL + "/GetFault").data_calls_received == 1, "the call has arrived")
        return b, call

    def test_a_second_SIGTERM_ends_it_at_once(self):
        b, _ = self.slow_call(60000)
        b.signal(signal.SIGTERM)
        b.wait_for_log(lambda line: line["message"] == "draining", "that it drains")
        began = time.monotonic()
        b.signal(signal.SIGTERM)
        self.assertEqual(b.wait(), 1)
        self.assertLess(time.monotonic() - began, 2 * SLOW)

    def test_the_drain_ends_with_its_timeout(self):
        b, call = self.slow_call(60000, DRAIN_TIMEOUT="0.3")
        self.assertEqual(b.stop(), 0)
        self.assertIsNotNone(call.exception())

    def test_service_a_finishes_its_calls_before_it_ends(self):
        b = self.start_b()
        a = self.start_a(b.rpc_address)
        client = self.rpc(b.rpc_address)
        client.call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", latency_min_ms=400,
                                                         latency_max_ms=400))
        with connect(a.http_address) as peer:
            peer.sendall(b"POST /call-service-b HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: client.call(CONTROL + "/GetFault").data_calls_received == 1, "the call is there")
            a.signal(signal.SIGTERM)
            self.assertIn(b"200 OK", peer.recv(65536))
        self.assertEqual(a.wait(), 0)

    def test_SIGHUP_and_a_peer_that_is_gone_kill_neither(self):
        b = self.start_b()
        a = self.start_a(b.rpc_address)
        for program in (a, b):
            program.signal(signal.SIGHUP)
            program.signal(signal.SIGPIPE)
        for _ in range(20):
            with connect(a.http_address) as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        self.assertEqual(get(a.http_address, "/health").status, 200)
        self.assertEqual(post(a.http_address, "/call-service-b").status, 200)

    def test_a_log_that_nobody_reads_any_more_does_not_kill(self):
        reader, writer = os.pipe()
        os.close(reader)
        b = self.started(start_b(stderr=writer))
        os.close(writer)
        client = self.rpc(b.rpc_address)
        for _ in range(3):
            client.call(CONTROL + "/InduceFailure")
        client.call(CONTROL + "/RemoveFailure")
        self.assertEqual(client.call(DATA + "/GetData").message, "Hello from Service B!")

    def test_a_full_log_holds_nothing_up(self):
        reader, writer = os.pipe()
        b = self.started(start_b(stderr=writer))
        os.close(writer)
        client = self.rpc(b.rpc_address)
        for _ in range(2000):
            client.call(CONTROL + "/RemoveFailure")
        self.assertEqual(client.call(DATA + "/GetData").message, "Hello from Service B!")
        os.close(reader)


class HealthCheck(Case):
    def code(self, *arguments, **environment):
        return run("service-b", "healthcheck", *arguments, **environment)[0]

    def test_the_exit_codes_are_those_of_grpc_health_probe(self):
        b = self.start_b()
        self.assertEqual(self.code(b.rpc_address), 0)
        port = b.rpc_address.rpartition(":")[2]
        for address in (b.rpc_address, f"0.0.0.0:{port}"):
            self.assertEqual(self.code(RPC_ADDRESS=address), 0)
        a = self.start_a(b.rpc_address)
        self.assertEqual(run("service-a", "healthcheck", RPC_ADDRESS=a.rpc_address)[0], 0)
        self.assertEqual(self.code("one", "two"), 1)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.assertEqual(self.code(f"127.0.0.1:{port}"), 2)

    def test_a_service_that_does_not_answer_is_not_waited_for(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            began = time.monotonic()
            self.assertIn(self.code("127.0.0.1:%d" % silent.getsockname()[1]), (2, 3))
            self.assertLess(time.monotonic() - began, 4 * SLOW)


class Log(Case):
    def test_every_line_is_JSON_with_time_level_program_and_message(self):
        b = self.start_b()
        a = self.start_a(b.rpc_address)
        post(a.http_address, "/induce-failure")
        for _ in range(4):
            post(a.http_address, "/call-service-b")
        a.wait_for_log(lambda line: line["message"] == "circuit changed", "the change")
        for program in (a, b):
            program.stop()
            self.assertEqual(len(program.log), len(program.raw), program.raw)
            for line in program.log:
                self.assertLessEqual({"time", "level", "program", "message"}, set(line))
                self.assertEqual(line["program"], program.name)

    def test_a_run_of_identical_failures_is_one_line_a_second_with_a_count(self):
        b = self.start_b()
        a = self.start_a(b.rpc_address, CIRCUIT_FAIL_MAX="3")
        post(a.http_address, "/induce-failure")
        for _ in range(103):
            post(a.http_address, "/call-service-b")
        line = a.wait_for_log(lambda line: line["message"] == "calls rejected", "the count")
        self.assertGreater(line["count"], 10)
        rejected = [line for line in a.log if line["message"].endswith("rejected")]
        self.assertLess(len(rejected), 5)

    def test_listening_beyond_this_machine_is_one_warning(self):
        b = self.started(start_b("0.0.0.0:0"))
        b.stop()
        self.assertEqual([line["level"] for line in b.log].count("warn"), 1)

    def test_text_is_for_people(self):
        b = self.start_b(LOG_FORMAT="text")
        b.stop()
        self.assertEqual(b.log, [])
        self.assertIn("listening", "".join(b.raw))


if __name__ == "__main__":
    unittest.main()
