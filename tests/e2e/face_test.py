#!/usr/bin/python3
"""service-a's RPC side: the same guarded calls for RPC clients, and the circuit's status."""
import time
import unittest

import grpc

from services import (BREAKER, CONTROL, DATA, HEALTH, SLOW, Case, message, message_class, post, status_of, wait_until)

GET_DATA = DATA + "/GetData"
OPEN, CLOSED = 2, 1


class Face(Case):
    def setUp(self):
        self.b = self.start_b()
        self.a = self.start_a(self.b.rpc_address, CIRCUIT_RESET_TIMEOUT="10")
        self.client, self.direct = self.rpc(self.a.rpc_address), self.rpc(self.b.rpc_address)

    def set_fault(self, **fault):
        self.direct.call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", **fault))

    def assert_between(self, before, told_ms, after):
        """A time to wait that was told between two looks at /circuit-status lies between theirs: exact, however slow
        the machine is."""
        self.assertGreaterEqual(before, told_ms)
        self.assertGreaterEqual(told_ms, after)

    def received(self):
        return self.direct.call(CONTROL + "/GetFault").data_calls_received

    def open_it(self):
        self.set_fault(failure_percent=100)
        for _ in range(3):
            self.assert_status(self.client.error(GET_DATA), grpc.StatusCode.INTERNAL,
                               "Service B is intentionally failing.")


class Forwarding(Face):
    def test_a_call_goes_through_to_service_b(self):
        self.assertEqual(self.client.call(GET_DATA).message, "Hello from Service B!")
        self.assertEqual(self.received(), 1)
        self.assertEqual(status_of(self.a.http_address)["counters"]["ok"], 1)

    def test_control_calls_go_through_too(self):
        self.assertEqual(self.client.call(CONTROL + "/InduceFailure").fault.failure_percent, 100)
        self.assertEqual(self.direct.call(CONTROL + "/GetFault").fault.failure_percent, 100)

    def test_a_call_with_metadata_goes_through(self):
        metadata = [("x-caller", "somebody"), ("x-bytes-bin", bytes(range(256)))]
        self.assertEqual(self.client.call(GET_DATA, metadata=metadata).message, "Hello from Service B!")

    def test_unknown_fields_of_a_request_survive(self):
        raw = self.client.stub(GET_DATA, raw=True)(b"\xc2\x3e\x05hello", timeout=5)
        self.assertEqual(message_class("breakwire.demo.v1.GetDataResponse").FromString(raw).message,
                         "Hello from Service B!")

    def test_anything_else_is_UNIMPLEMENTED_and_does_not_reach_service_b(self):
        for path in ("/no.such.Service/Get", "/breakwire.demo.v1.Other/Get", "/breakwire.demo.v1.DataServiceX/Get"):
            with self.assertRaises(grpc.RpcError) as caught:
                self.client.channel.unary_unary(path)(b"", timeout=5)
            self.assert_status(caught.exception, grpc.StatusCode.UNIMPLEMENTED)
        self.assertEqual(self.received(), 0)

    def test_a_cancelled_call_is_cancelled_at_service_b_and_counts_as_nothing(self):
        self.set_fault(latency_min_ms=60000, latency_max_ms=60000)
        call = self.client.start(GET_DATA)
        wait_until(lambda: self.received() == 1, "the call has arrived")
        call.cancel()
        wait_until(lambda: status_of(self.a.http_address)["counters"]["ignored"] == 1, "the cancel has arrived")
        self.assertEqual(status_of(self.a.http_address)["failure_count"], 0)

    def test_a_deadline_of_50_ms_holds(self):
        self.set_fault(latency_min_ms=60000, latency_max_ms=60000)
        began = time.monotonic()
        self.assert_status(self.client.error(GET_DATA, timeout=0.05), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertLess(time.monotonic() - began, 1 * SLOW)

    def test_the_own_deadline_holds_where_the_caller_has_a_longer_one(self):
        a = self.start_a(self.b.rpc_address, REQUEST_TIMEOUT="0.2")
        self.set_fault(latency_min_ms=60000, latency_max_ms=60000)
        error = self.rpc(a.rpc_address).error(GET_DATA, timeout=30)
        self.assert_status(error, grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertEqual(status_of(a.http_address)["failure_count"], 1)

    def test_both_faces_share_one_breaker(self):
        self.open_it()
        self.assertEqual(post(self.a.http_address, "/call-service-b").status, 503)
        self.assertEqual(self.received(), 3)


class Rejected(Face):
    def retry_info(self, error):
        trailers = dict(error.trailing_metadata())
        status = message_class("google.rpc.Status").FromString(trailers["grpc-status-details-bin"])
        self.assertEqual(status.code, grpc.StatusCode.UNAVAILABLE.value[0])
        self.assertEqual(status.details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo")
        info = message_class("google.rpc.RetryInfo").FromString(status.details[0].value)
        return info.retry_delay.seconds * 1000 + info.retry_delay.nanos // 10**6, trailers

    def test_an_open_circuit_answers_UNAVAILABLE_with_the_breakers_name(self):
        self.open_it()
        self.assert_status(self.client.error(GET_DATA), grpc.StatusCode.UNAVAILABLE, "ServiceB_CB")
        self.assertEqual(self.received(), 3)

    def test_RetryInfo_pushback_and_circuit_status_say_the_same_time(self):
        self.open_it()
        before = status_of(self.a.http_address)["retry_after_ms"]
        error = self.client.error(GET_DATA)
        after = status_of(self.a.http_address)["retry_after_ms"]
        delay, trailers = self.retry_info(error)
        self.assert_between(before, delay, after)
        self.assertEqual(int(trailers["grpc-retry-pushback-ms"]), delay)
        self.assertEqual(trailers["x-circuit-state"], "open")

    def test_control_is_not_locked_out(self):
        self.open_it()
        self.assertEqual(self.client.call(CONTROL + "/RemoveFailure").fault.failure_percent, 0)


class Status(Face):
    def test_GetStatus_tells_all_breakers_or_the_named_one(self):
        every = self.client.call(BREAKER + "/GetStatus").breakers
        self.assertEqual([one.name for one in every], ["ServiceB_CB", "ServiceB_Control_CB"])
        one, = self.client.call(BREAKER + "/GetStatus", name="ServiceB_CB").breakers
        self.assertEqual((one.state, one.view, one.consecutive_failures), (CLOSED, CLOSED, 0))
        error = self.client.error(BREAKER + "/GetStatus", name="Nothing")
        self.assert_status(error, grpc.StatusCode.NOT_FOUND, "Nothing")

    def test_GetStatus_and_circuit_status_agree_on_an_open_circuit(self):
        self.open_it()
        before = status_of(self.a.http_address)["retry_after_ms"]
        one, = self.client.call(BREAKER + "/GetStatus", name="ServiceB_CB").breakers
        there = status_of(self.a.http_address)
        self.assertEqual((one.state, one.view, one.last_reason), (OPEN, OPEN, "CONSECUTIVE"))
        self.assertEqual((one.generation, one.open_attempt), (there["generation"], there["open_attempt"]))
        self.assert_between(before, one.retry_after_ms, there["retry_after_ms"])

    def test_Watch_sends_all_at_once_then_each_change(self):
        path = BREAKER + "/Watch"
        stream = self.client.stub(path)(self.client.request(path), timeout=30)
        self.assertEqual(len(next(stream).breakers), 2)
        self.open_it()
        one, = next(stream).breakers
        self.assertEqual((one.name, one.state), ("ServiceB_CB", OPEN))
        stream.cancel()

    def test_Watch_ends_when_service_a_ends(self):
        path = BREAKER + "/Watch"
        stream = self.client.stub(path)(self.client.request(path), timeout=30)
        next(stream)
        self.assertEqual(self.a.stop(), 0)
        with self.assertRaises(grpc.RpcError) as caught:
            next(stream)
        self.assert_status(caught.exception, grpc.StatusCode.UNAVAILABLE)


class Standard(Face):
    def test_health_is_SERVING_for_each_service_also_with_an_open_circuit(self):
        self.open_it()
        for service in ("", DATA, CONTROL, BREAKER, HEALTH):
            self.assertEqual(self.client.call(HEALTH + "/Check", service=service).status, 1)

    def test_reflection_lists_what_it_offers(self):
        for package in ("grpc.reflection.v1", "grpc.reflection.v1alpha"):
            stub = self.client.stub(package + ".ServerReflection/ServerReflectionInfo")
            ask = message(package + ".ServerReflectionRequest", list_services="")
            names = {one.name for one in next(iter(stub(iter([ask]), timeout=10))).list_services_response.service}
            self.assertLessEqual({DATA, CONTROL, BREAKER, HEALTH}, names)


if __name__ == "__main__":
    unittest.main()
