#!/usr/bin/python3
"""What must be seen to happen: the circuit opens, keeps calls away, probes once, heals; with the real programs."""
import signal
import statistics
import tempfile
import threading
import time
import unittest

from relay import Relay
from services import (CONTROL, DATA, HEALTH, SLOW, Case, Events, get, message, post, split_address, start_b, status_of,
                      wait_until)

OPEN_S = 0.5


class Circuit(Case):
    """service-a -- relay -- service-b, an open time of half a second."""

    def setUp(self):
        self.b = self.start_b()
        self.relay = Relay(self.b.rpc_address)
        self.addCleanup(self.relay.close)
        self.a = self.start_a(self.relay.address, **{"CIRCUIT_RESET_TIMEOUT": str(OPEN_S), **self.settings()})
        self.address, self.direct = self.a.http_address, self.rpc(self.b.rpc_address)

    def settings(self):
        return {}

    def set_fault(self, **fault):
        self.direct.call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", **fault))

    def received(self):
        return self.direct.call(CONTROL + "/GetFault").data_calls_received

    def click(self):
        return post(self.address, "/call-service-b")

    def open_it(self):
        self.set_fault(failure_percent=100)
        self.assertEqual([self.click().status for _ in range(3)], [502, 502, 502])
        self.assertEqual(status_of(self.address)["state"], "open")

    def wait_for_view(self, view):
        wait_until(lambda: status_of(self.address)["view"] == view, f"it is {view}")

    def at_once(self, n):
        """n clicks at the same time: their status codes, sorted."""
        answers, threads = [], []
        for _ in range(n):
            threads.append(threading.Thread(target=lambda: answers.append(self.click().status)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return sorted(answers)


class LongOpen(Circuit):
    def settings(self):
        return {"CIRCUIT_RESET_TIMEOUT": "30"}

    def test_three_failures_open_it_and_the_fourth_call_never_reaches_service_b(self):
        self.open_it()
        answer = self.click()
        self.assertEqual(answer.status, 503)
        self.assertGreaterEqual(int(answer.fields["retry-after"]), 29)
        self.assertEqual((self.received(), self.relay.calls), (3, 3))

    def test_a_rejected_call_is_answered_at_once(self):
        self.open_it()
        took = []
        for _ in range(50):
            began = time.monotonic()
            self.assertEqual(self.click().status, 503)
            took.append(time.monotonic() - began)
        self.assertLess(statistics.median(took), 0.02 * SLOW)
        self.assertEqual(self.relay.calls, 3)

    def test_a_healed_service_b_is_not_called_before_the_time_is_over(self):
        self.open_it()
        self.set_fault()
        self.assertEqual([self.click().status for _ in range(5)], [503] * 5)
        self.assertEqual(self.relay.calls, 3)

    def test_data_and_control_have_separate_breakers_so_the_healing_button_works(self):
        self.open_it()
        self.assertEqual(post(self.address, "/remove-failure").status, 200)
        states = {one["circuit_breaker_name"]: one["state"] for one in status_of(self.address)["breakers"]}
        self.assertEqual(states, {"ServiceB_CB": "open", "ServiceB_Control_CB": "closed"})

    def test_the_liveness_of_service_b_does_not_depend_on_the_fault(self):
        self.open_it()
        self.set_fault(failure_percent=100, latency_min_ms=5000, latency_max_ms=5000)
        for service in ("", DATA):
            self.assertEqual(self.direct.call(HEALTH + "/Check", service=service).status, 1)


class ShortOpen(Circuit):
    def test_the_countdown_is_not_pushed_out_by_clicks(self):
        self.open_it()
        opened, left = time.monotonic(), []
        while (answer := self.click()).status == 503:
            left.append(answer.json["retry_after_ms"])
        self.assertLess(time.monotonic() - opened, OPEN_S + 1 * SLOW)
        self.assertEqual(left, sorted(left, reverse=True))
        self.assertEqual(answer.status, 502)

    def test_after_the_open_time_exactly_one_probe_goes_through_and_closes_it(self):
        self.open_it()
        self.set_fault(latency_min_ms=300, latency_max_ms=300)
        self.wait_for_view("half_open")
        self.assertEqual(self.at_once(8), [200] + [503] * 7)
        self.assertEqual((self.received(), self.relay.calls), (4, 4))
        self.assertEqual(status_of(self.address)["state"], "closed")

    def test_a_failing_probe_opens_it_again(self):
        self.open_it()
        self.wait_for_view("half_open")
        self.assertEqual(self.click().status, 502)
        self.assertEqual(status_of(self.address)["state"], "open")
        self.assertEqual(self.click().status, 503)
        self.assertEqual(self.relay.calls, 4)

    def test_half_open_is_seen_by_watchers_without_any_call(self):
        events = Events(self.address)
        self.addCleanup(events.close)
        self.open_it()
        events.next("state", lambda change: change["to"] == "half_open")

    def test_half_open_left_alone_for_longer_than_its_lease_closes_on_the_next_success(self):
        self.open_it()
        self.set_fault()
        self.wait_for_view("half_open")

        def is_past_its_lease():
            status = status_of(self.address)
            return status["in_state_ms"] > status["probe_lease_ms"] + 100
        wait_until(is_past_its_lease, "the lease is over", 30)
        self.assertEqual(status_of(self.address)["view"], "half_open")
        self.assertEqual(self.click().status, 200)
        self.assertEqual(status_of(self.address)["state"], "closed")

    def test_each_change_is_logged_as_it_happens_with_its_reason(self):
        self.open_it()
        def change(to):
            return self.a.wait_for_log(
                lambda line: line["message"] == "circuit changed" and line["to"] == to, f"the change to {to}")
        opened = change("open")
        self.assertEqual((opened["breaker"], opened["from"], opened["reason"], opened["last_code"]),
                         ("ServiceB_CB", "closed", "CONSECUTIVE", "INTERNAL"))
        self.assertEqual((opened["value"], opened["threshold"], opened["retry_after_ms"]), (3, 3, OPEN_S * 1000))
        self.assertEqual(change("half_open")["from"], "open")
        self.set_fault()
        self.wait_for_view("half_open")
        self.click()
        self.assertEqual(change("closed")["from"], "half_open")

    def test_circuit_status_answers_200_always(self):
        codes = [get(self.address, "/circuit-status").status]
        self.open_it()
        codes.append(get(self.address, "/circuit-status").status)
        self.wait_for_view("half_open")
        codes.append(get(self.address, "/circuit-status").status)
        self.b.kill()
        codes.append(get(self.address, "/circuit-status").status)
        self.assertEqual(codes, [200] * 4)

    def test_one_click_is_one_request(self):
        for n in range(1, 6):
            self.assertEqual(self.click().status, 200)
            self.assertEqual((self.received(), self.relay.calls), (n, n))


class SlowCalls(Circuit):
    def settings(self):
        return {"REQUEST_TIMEOUT": "0.2", "CIRCUIT_RESET_TIMEOUT": "30"}

    def test_slow_calls_are_failures_and_their_late_answers_change_nothing(self):
        self.set_fault(latency_min_ms=600, latency_max_ms=600)
        self.assertEqual(self.at_once(3), [502, 502, 502])
        opened = status_of(self.address)
        self.assertEqual((opened["state"], opened["last_reason"]), ("open", "CONSECUTIVE"))
        self.set_fault()
        wait_until(lambda: status_of(self.address)["in_state_ms"] > 700, "the answers would have come")
        later = status_of(self.address)
        self.assertEqual((later["state"], later["generation"]), ("open", opened["generation"]))
        self.assertEqual(later["counters"]["ok"], 0)


class FileTimeout(Circuit):
    """The file gives one breaker a shorter call_timeout_ms than REQUEST_TIMEOUT."""

    def settings(self):
        file = tempfile.NamedTemporaryFile("w", suffix=".json")
        self.addCleanup(file.close)
        file.write('{"breakers": {"ServiceB_CB": {"call_timeout_ms": 200}}}')
        file.flush()
        return {"CONFIG_FILE": file.name, "REQUEST_TIMEOUT": "30"}

    def test_a_call_takes_no_longer_than_its_breakers_timeout_in_the_file(self):
        status = status_of(self.address)
        self.assertEqual([one["request_timeout"] for one in status["breakers"]], [0.2, 30])
        self.set_fault(latency_min_ms=60000, latency_max_ms=60000)
        answer = self.click()
        self.assertEqual(answer.status, 502)
        self.assertIn("DEADLINE_EXCEEDED", answer.json["details"])


class Settings(Circuit):
    def settings(self):
        return {"CIRCUIT_FAIL_MAX": "5", "CIRCUIT_RESET_TIMEOUT": "12.5"}

    def test_settings_take_effect(self):
        self.set_fault(failure_percent=100)
        self.assertEqual([self.click().status for _ in range(6)], [502] * 5 + [503])
        status = status_of(self.address)
        self.assertEqual((status["failure_threshold"], status["recovery_timeout"]), (5, 12.5))
        self.assertTrue(11000 < status["retry_after_ms"] <= 12500)


class Broken(Case):
    """service-b dies; no relay between."""

    def setUp(self):
        self.b = self.start_b()
        self.a = self.start_a(self.b.rpc_address, CIRCUIT_RESET_TIMEOUT=str(OPEN_S), REQUEST_TIMEOUT="5")

    def click(self):
        return post(self.a.http_address, "/call-service-b").status

    def restart_b(self):
        port = split_address(self.b.rpc_address)[1]
        self.b = self.started(start_b(f"127.0.0.1:{port}"))

    def view(self):
        return status_of(self.a.http_address)["view"]

    def test_kill_in_mid_call_is_502_at_once_and_after_a_restart_the_next_probe_closes(self):
        direct = self.rpc(self.b.rpc_address)
        direct.call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", latency_min_ms=60000,
                                                         latency_max_ms=60000))
        codes = []
        caller = threading.Thread(target=lambda: codes.append(self.click()))
        caller.start()
        wait_until(lambda: direct.call(CONTROL + "/GetFault").data_calls_received == 1, "the call is there")
        began = time.monotonic()
        self.assertEqual(self.b.kill(), -signal.SIGKILL)
        caller.join()
        self.assertEqual(codes, [502])
        self.assertLess(time.monotonic() - began, 1 * SLOW)
        self.assertEqual([self.click() for _ in range(3)], [502, 502, 503])
        self.restart_b()
        wait_until(lambda: self.view() == "half_open", "it may be probed")
        self.assertEqual(self.click(), 200)
        self.assertEqual(self.view(), "closed")

    def test_a_long_outage_does_not_delay_the_first_good_probe(self):
        self.b.kill()
        self.assertEqual([self.click() for _ in range(3)], [502] * 3)
        for _ in range(4):
            wait_until(lambda: self.view() == "half_open", "it may be probed")
            self.assertEqual(self.click(), 502)
        self.restart_b()
        wait_until(lambda: self.view() == "half_open", "it may be probed")
        self.assertEqual(self.click(), 200)

    def test_a_rolling_restart_of_service_b_loses_no_call(self):
        self.assertEqual(self.click(), 200)
        self.assertEqual(self.b.stop(), 0)
        self.restart_b()
        self.assertEqual(self.click(), 200)

    def test_service_a_is_ready_before_service_b_is_there(self):
        port = split_address(self.b.rpc_address)[1]
        self.b.stop()
        a = self.start_a(f"127.0.0.1:{port}", CIRCUIT_RESET_TIMEOUT=str(OPEN_S))
        self.assertEqual(post(a.http_address, "/call-service-b").status, 502)
        self.restart_b()
        self.assertEqual(post(a.http_address, "/call-service-b").status, 200)


if __name__ == "__main__":
    unittest.main()
