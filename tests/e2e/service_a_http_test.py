#!/usr/bin/python3
"""service-a's HTTP side: every path, status and JSON key, and who may ask."""
import re
import socket
import unittest

from services import CONTROL, Case, Events, ask, connect, exchange, get, message, post, receive_all, status_of

ACTIONS = ("/induce-failure", "/remove-failure", "/induce-latency", "/remove-latency")
RFC3339 = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


class Http(Case):
    def setUp(self):
        self.b = self.start_b()
        self.a = self.start_a(self.b.rpc_address, CIRCUIT_RESET_TIMEOUT="30")
        self.address = self.a.http_address

    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer.raw)
        self.assertEqual(answer.fields["content-type"], "application/problem+json")
        self.assertEqual(answer.json["status"], status)
        return answer.json


class Paths(Http):
    def test_the_page_has_the_five_labels_word_for_word(self):
        page = get(self.address, "/")
        self.assertEqual(page.status, 200)
        self.assertTrue(page.fields["content-type"].startswith("text/html"))
        for label in ("Call Service B (via Circuit Breaker)", "Make Service B Fail", "Make Service B Healthy",
                      "Make Service B Slow", "Make Service B Fast"):
            self.assertIn(label, page.body.decode())

    def test_the_page_may_not_be_framed_or_load_foreign_things(self):
        page = get(self.address, "/")
        for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
            self.assertIn(rule, page.fields["content-security-policy"])
        self.assertEqual(page.fields["x-content-type-options"], "nosniff")

    def test_health_is_word_for_word(self):
        self.assertEqual(get(self.address, "/health").json, {"status": "healthy", "service": "A"})

    def test_livez_and_readyz_are_200_also_when_the_circuit_is_open(self):
        self.open_the_circuit()
        for path in ("/livez", "/readyz", "/health"):
            self.assertEqual(get(self.address, path).status, 200)

    def open_the_circuit(self):
        post(self.address, "/induce-failure")
        for _ in range(3):
            post(self.address, "/call-service-b")
        self.assertEqual(status_of(self.address)["state"], "open")

    def test_a_call_answers_message_data_and_state(self):
        for method in ("GET", "POST"):
            answer = ask(self.address, method, "/call-service-b")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.fields["cache-control"], "no-store")
            self.assertEqual(answer.fields["content-type"], "application/json")
            self.assertEqual(set(answer.json), {"message", "data", "circuit_state"})
            self.assertEqual(answer.json["message"], "Hello from Service B!")
            self.assertIn(answer.json["data"], range(1, 101))
            self.assertEqual(answer.json["circuit_state"], "closed")

    def test_a_failed_call_is_502_with_its_keys(self):
        post(self.address, "/induce-failure")
        answer = post(self.address, "/call-service-b")
        self.assertEqual((answer.status, answer.fields["cache-control"]), (502, "no-store"))
        self.assertEqual(set(answer.json), {"error", "details", "circuit_state"})
        self.assertIn("Service B is intentionally failing.", answer.json["details"])
        self.assertNotIn("retry-after", answer.fields)

    def test_the_call_that_opens_says_open(self):
        post(self.address, "/induce-failure")
        states = [post(self.address, "/call-service-b").json["circuit_state"] for _ in range(3)]
        self.assertEqual(states, ["closed", "closed", "open"])

    def test_a_rejected_call_is_503_with_RetryAfter_and_its_keys(self):
        self.open_the_circuit()
        answer = post(self.address, "/call-service-b")
        self.assertEqual((answer.status, answer.fields["cache-control"]), (503, "no-store"))
        self.assertLessEqual({"error", "details", "circuit_state", "fallback_message", "retry_after_ms"},
                             set(answer.json))
        self.assertEqual(answer.json["circuit_state"], "open")
        after_ms = answer.json["retry_after_ms"]
        self.assertTrue(29000 <= after_ms <= 30000, after_ms)
        self.assertEqual(int(answer.fields["retry-after"]), -(-after_ms // 1000))

    def test_each_action_answers_the_fault_in_force(self):
        faults = {}
        for path in ACTIONS:
            answer = post(self.address, path)
            self.assertEqual((answer.status, set(answer.json)), (200, {"fault"}))
            faults[path] = answer.json["fault"]
        self.assertEqual(faults["/induce-failure"]["failure_percent"], 100)
        self.assertEqual(faults["/remove-failure"]["failure_percent"], 0)
        self.assertEqual((faults["/induce-latency"]["latency_min_ms"], faults["/induce-latency"]["latency_max_ms"]),
                         (2000, 5000))
        self.assertEqual(faults["/remove-latency"]["latency_max_ms"], 0)

    def test_an_action_without_service_b_is_502_then_503(self):
        self.b.kill()
        codes = [post(self.address, "/induce-failure").status for _ in range(4)]
        self.assertEqual(codes, [502, 502, 502, 503])
        self.assertLessEqual({"error", "details", "circuit_state"}, set(post(self.address, ACTIONS[0]).json))


class Status(Http):
    def test_the_six_keys_of_the_original(self):
        status = status_of(self.address)
        self.assertEqual(status["circuit_breaker_name"], "ServiceB_CB")
        self.assertEqual((status["state"], status["failure_count"], status["failure_threshold"]), ("closed", 0, 3))
        self.assertEqual((status["recovery_timeout"], status["last_failure_time"]), (30, None))

    def test_the_further_keys(self):
        status = status_of(self.address)
        for key in ("view", "retry_after_ms", "generation", "window", "counters", "events", "fault", "breakers"):
            self.assertIn(key, status)
        names = [breaker["circuit_breaker_name"] for breaker in status["breakers"]]
        self.assertEqual(names, ["ServiceB_CB", "ServiceB_Control_CB"])

    def test_after_failures_it_tells_the_count_the_time_and_the_change(self):
        post(self.address, "/induce-failure")
        post(self.address, "/call-service-b")
        status = status_of(self.address)
        self.assertEqual((status["state"], status["failure_count"]), ("closed", 1))
        self.assertRegex(status["last_failure_time"], RFC3339)
        post(self.address, "/call-service-b")
        post(self.address, "/call-service-b")
        post(self.address, "/call-service-b")
        status = status_of(self.address)
        self.assertEqual((status["state"], status["view"], status["failure_count"]), ("open", "open", 3))
        self.assertTrue(0 < status["retry_after_ms"] <= 30000)
        change = status["events"][-1]
        self.assertEqual((change["from"], change["to"], change["reason"]), ("closed", "open", "CONSECUTIVE"))
        self.assertEqual((status["counters"]["failed"], status["counters"]["rejected_open"]), (3, 1))


class Refusals(Http):
    def test_an_unknown_path_is_404(self):
        for target in ("/nothing", "/health/", "//", "/%2e%2e/etc"):
            self.problem(get(self.address, target), 404)

    def test_a_wrong_method_is_405_with_Allow(self):
        for method, target, allowed in (("POST", "/health", "GET, HEAD"), ("POST", "/circuit-status", "GET, HEAD"),
                                        ("GET", "/induce-failure", "POST"), ("HEAD", "/induce-failure", "POST"),
                                        ("GET", "/remove-latency", "POST")):
            with self.subTest(method=method, target=target):
                answer = ask(self.address, method, target)
                self.assertEqual(answer.status, 405)
                self.assertLessEqual(set(allowed.split(", ")), set(re.split(r", ?", answer.fields["allow"])))
        answer = ask(self.address, "HEAD", "/call-service-b")
        self.assertEqual((answer.status, answer.body), (405, b""))
        self.assertNotIn("HEAD", answer.fields["allow"])
        self.assertEqual(self.received(), 0)

    def received(self):
        return self.rpc(self.b.rpc_address).call(CONTROL + "/GetFault").data_calls_received

    def test_HEAD_is_GET_without_a_body(self):
        answer = ask(self.address, "HEAD", "/health")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(int(answer.fields["content-length"]), len(get(self.address, "/health").body))

    def test_what_is_too_long_is_413_414_431(self):
        self.problem(post(self.address, "/call-service-b", body=b"x" * 20000), 413)
        self.problem(get(self.address, "/" + "a" * 2000), 414)
        self.problem(get(self.address, "/health", [("X-Long", "a" * 9000)]), 431)
        self.problem(get(self.address, "/health", [(f"X-{n}", "a") for n in range(60)]), 431)

    def test_malformed_requests_are_400_and_the_connection_closes(self):
        for request in (b"GET /health HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                        b"G@T /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
                        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX : 1\r\n\r\n",
                        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
                        b"GET /health HTTP/1.1\nHost: localhost\n\n",
                        b"POST /call-service-b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
                        b"Content-Length: 2\r\n\r\nab"):
            with self.subTest(request=request):
                self.assertIn(exchange(self.address, request).status, (400, 501))
        chunked = b"POST /call-service-b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        self.problem(exchange(self.address, chunked), 501)
        self.problem(exchange(self.address, b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n"), 505)
        self.assertEqual(self.received(), 0)
        self.assertEqual(get(self.address, "/health").status, 200)

    def test_rubbish_on_one_connection_is_not_noticed_by_another(self):
        with connect(self.address) as quiet:
            exchange(self.address, b"\x16\x03\x01\x02\x00" + bytes(200) + b"\r\n\r\n")
            quiet.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            self.assertIn(b"200 OK", receive_all(quiet))

    def test_one_connection_carries_many_requests_also_pipelined(self):
        one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with connect(self.address) as peer:
            peer.sendall(one * 5 + last)
            self.assertEqual(receive_all(peer).count(b"HTTP/1.1 200"), 6)

    def test_a_client_that_leaves_in_mid_call_disturbs_no_other(self):
        self.rpc(self.b.rpc_address).call(CONTROL + "/SetFault", fault=message(
            "breakwire.demo.v1.Fault", latency_min_ms=300, latency_max_ms=300))
        with connect(self.address) as peer:
            peer.sendall(b"POST /call-service-b HTTP/1.1\r\nHost: localhost\r\n\r\n")
            peer.shutdown(socket.SHUT_RDWR)
        self.assertEqual(post(self.address, "/call-service-b").status, 200)
        self.assertEqual(status_of(self.address)["state"], "closed")


class WhoMayAsk(Http):
    def status(self, method, target, *fields, host=None):
        return ask(self.address, method, target, fields, host=host).status

    def test_only_our_own_hosts_are_answered_but_probes_may_use_any(self):
        port = self.address.rpartition(":")[2]
        for host in (f"localhost:{port}", "localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9", "localhost."):
            self.assertEqual(self.status("GET", "/circuit-status", host=host), 200, host)
        for host in ("evil.example", "10.0.0.1:5000", "localhost.evil.example"):
            answer = get(self.address, "/circuit-status", host=host)
            self.problem(answer, 421)
            self.assertIn("ALLOWED_HOSTS", answer.body.decode())
            for path in ("/health", "/livez", "/readyz"):
                self.assertEqual(self.status("GET", path, host=host), 200)

    def test_ALLOWED_HOSTS_adds_names(self):
        a = self.start_a(self.b.rpc_address, ALLOWED_HOSTS="demo.example,other.example")
        self.assertEqual(get(a.http_address, "/", host="demo.example:80").status, 200)
        self.assertEqual(get(a.http_address, "/", host="third.example").status, 421)

    def test_an_absolute_target_must_agree_with_Host(self):
        self.assertEqual(self.status("GET", f"http://{self.address}/circuit-status"), 200)
        self.assertIn(self.status("GET", "http://other.example/circuit-status"), (400, 421))

    def test_an_acting_request_must_come_from_our_own_page_or_no_browser(self):
        own = f"http://{self.address}"
        acting = [("POST", "/call-service-b"), ("GET", "/call-service-b"), ("POST", "/remove-failure")]
        for method, target in acting:
            for fields, allowed in (
                    ((), True),
                    ((("Sec-Fetch-Site", "same-origin"),), True),
                    ((("Sec-Fetch-Site", "none"),), True),
                    ((("Sec-Fetch-Site", "cross-site"),), False),
                    ((("Sec-Fetch-Site", "same-site"),), False),
                    ((("Sec-Fetch-Site", "cross-site"), ("Origin", own)), False),
                    ((("Origin", own),), True),
                    ((("Origin", "http://evil.example"),), False),
                    ((("Origin", "null"),), False),
                    ((("Sec-Fetch-Site", "same-origin"), ("Sec-Purpose", "prefetch")), False),
                    ((("Sec-Purpose", "prefetch;prerender"),), False)):
                with self.subTest(method=method, target=target, fields=fields):
                    self.assertEqual(self.status(method, target, *fields), 200 if allowed else 403)

    def test_a_foreign_page_may_navigate_here_but_not_read_or_hold_streams(self):
        foreign = ("Sec-Fetch-Site", "cross-site")
        document = (("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))
        self.assertEqual(self.status("GET", "/", foreign, *document), 200)
        self.assertEqual(self.status("GET", "/", foreign, document[0], ("Sec-Fetch-Dest", "iframe")), 403)
        for target in ("/events", "/circuit-status"):
            self.assertEqual(self.status("GET", target, foreign, ("Sec-Fetch-Mode", "cors")), 403)

    def test_no_answer_has_CORS_fields(self):
        for target in ("/", "/circuit-status", "/health", "/nothing"):
            answer = get(self.address, target, [("Origin", "http://evil.example")])
            self.assertEqual([name for name in answer.fields if name.startswith("access-control")], [])


class EventStream(Http):
    def events(self, last_id=None):
        events = Events(self.address, last_id)
        self.addCleanup(events.close)
        return events

    def test_a_full_snapshot_comes_first(self):
        events = self.events()
        self.assertTrue(events.head.fields["content-type"].startswith("text/event-stream"))
        _, name, data = events.any()
        self.assertEqual(name, "snapshot")
        self.assertEqual(set(data), set(status_of(self.address)))

    def test_calls_changes_and_faults_come_as_they_happen(self):
        events = self.events()
        post(self.address, "/induce-failure")
        self.assertEqual(events.next("fault", lambda fault: fault and fault["failure_percent"])["failure_percent"], 100)
        for _ in range(3):
            post(self.address, "/call-service-b")
        calls = [events.next("call", lambda call: call["breaker"] == "ServiceB_CB") for _ in range(3)]
        self.assertEqual([call["outcome"] for call in calls], ["failed"] * 3)
        change = events.next("state")
        self.assertEqual((change["from"], change["to"]), ("closed", "open"))
        post(self.address, "/call-service-b")
        self.assertEqual(events.next("call")["outcome"], "rejected")

    def test_the_configuration_comes_too(self):
        self.assertEqual(self.events().next("config")["failure_threshold"], 3)

    def test_a_fault_set_by_an_RPC_client_shows_within_seconds(self):
        events = self.events()
        self.rpc(self.b.rpc_address).call(CONTROL + "/SetFault", fault=message(
            "breakwire.demo.v1.Fault", failure_percent=42))
        events.next("fault", lambda fault: fault and fault["failure_percent"] == 42)

    def test_LastEventID_replays_what_was_missed(self):
        first = self.events()
        post(self.address, "/call-service-b")
        first.next("call")
        seen = first.last_id
        first.close()
        post(self.address, "/call-service-b")
        post(self.address, "/call-service-b")
        again = self.events(seen)
        self.assertEqual([again.next("call")["outcome"] for _ in range(2)], ["ok", "ok"])
        self.assertNotEqual(again.last_id, seen)

    def test_SIGTERM_ends_the_streams_and_does_not_wait_for_them(self):
        events = self.events()
        events.next("snapshot")
        self.assertEqual(self.a.stop(), 0)
        with self.assertRaises(EOFError):
            while True:
                events.any()


if __name__ == "__main__":
    unittest.main()
