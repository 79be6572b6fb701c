#!/usr/bin/python3
"""service-b as an RPC client of another make (grpcio) sees it."""
import queue
import threading
import time
import unittest

import grpc

from services import CONTROL, DATA, HEALTH, Case, Rpc, message, start_b, wait_until

GET_DATA = DATA + "/GetData"
NAMES = {DATA, CONTROL, HEALTH, "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}


class ServiceB(Case):
    def setUp(self):
        self.b = self.start_b()
        self.client = self.rpc(self.b.rpc_address)

    def set_fault(self, **fault):
        return self.client.call(CONTROL + "/SetFault", fault=message("breakwire.demo.v1.Fault", **fault)).fault

    def counts(self):
        answer = self.client.call(CONTROL + "/GetFault")
        return answer.data_calls_received, answer.data_calls_failed


class Data(ServiceB):
    def test_a_call_is_greeted_with_a_number_from_1_to_100(self):
        numbers = set()
        for _ in range(200):
            answer = self.client.call(GET_DATA)
            self.assertEqual(answer.message, "Hello from Service B!")
            numbers.add(answer.data)
        self.assertTrue(numbers <= set(range(1, 101)) and len(numbers) > 20, numbers)
        self.assertEqual(self.counts(), (200, 0))

    def test_an_induced_failure_is_INTERNAL_with_its_sentence_until_it_is_removed(self):
        self.client.call(CONTROL + "/InduceFailure")
        self.assert_status(self.client.error(GET_DATA), grpc.StatusCode.INTERNAL,
                           "Service B is intentionally failing.")
        self.assertEqual(self.counts(), (1, 1))
        self.client.call(CONTROL + "/RemoveFailure")
        self.client.call(GET_DATA)
        self.assertEqual(self.counts(), (2, 1))

    def test_any_status_code_can_be_induced(self):
        for code in grpc.StatusCode:
            number = code.value[0]
            if number == 0:
                continue
            with self.subTest(code=code):
                self.set_fault(failure_percent=100, status_code=number)
                self.assert_status(self.client.error(GET_DATA), code)

    def test_a_share_of_calls_fails(self):
        self.set_fault(failure_percent=50)
        failed = 0
        for _ in range(200):
            try:
                self.client.call(GET_DATA)
            except grpc.RpcError:
                failed += 1
        self.assertTrue(50 < failed < 150, failed)
        self.assertEqual(self.counts(), (200, failed))

    def test_an_unknown_method_and_an_unknown_service_are_UNIMPLEMENTED(self):
        for path in ("/" + DATA + "/Nothing", "/no.such.Service/Get"):
            call = self.client.channel.unary_unary(path)
            with self.assertRaises(grpc.RpcError) as caught:
                call(b"", timeout=5)
            self.assert_status(caught.exception, grpc.StatusCode.UNIMPLEMENTED)

    def test_metadata_goes_in_and_does_no_harm(self):
        metadata = [("x-text", "value"), ("x-bytes-bin", bytes(range(256))), ("x-text", "again")]
        self.assertEqual(self.client.call(GET_DATA, metadata=metadata).message, "Hello from Service B!")

    def test_a_request_that_does_not_parse_is_refused_and_the_service_lives(self):
        with self.assertRaises(grpc.RpcError):
            self.client.stub(CONTROL + "/SetFault", raw=True)(b"\xff\xff\xff", timeout=5)
        self.client.call(GET_DATA)


class Control(ServiceB):
    def test_each_switch_says_the_fault_now_in_force(self):
        def fault(path):
            now = self.client.call(CONTROL + path).fault
            return now.failure_percent, now.latency_min_ms, now.latency_max_ms
        self.assertEqual(fault("/InduceFailure"), (100, 0, 0))
        self.assertEqual(fault("/InduceLatency"), (100, 2000, 5000))
        self.assertEqual(fault("/RemoveFailure"), (0, 2000, 5000))
        self.assertEqual(fault("/GetFault"), (0, 2000, 5000))
        self.assertEqual(fault("/RemoveLatency"), (0, 0, 0))

    def test_SetFault_sets_all_of_it(self):
        self.set_fault(failure_percent=40, status_code=14, latency_min_ms=1, latency_max_ms=2)
        now = self.client.call(CONTROL + "/GetFault").fault
        self.assertEqual((now.failure_percent, now.status_code, now.latency_min_ms, now.latency_max_ms),
                         (40, 14, 1, 2))

    def test_SetFault_out_of_range_names_field_and_range_and_changes_nothing(self):
        for field, value, limit in (("failure_percent", 101, "100"), ("status_code", 17, "16"),
                                    ("latency_max_ms", 60001, "60000"), ("latency_min_ms", 5, "0")):
            with self.subTest(field=field):
                fault = message("breakwire.demo.v1.Fault", **{field: value})
                error = self.client.error(CONTROL + "/SetFault", fault=fault)
                self.assert_status(error, grpc.StatusCode.INVALID_ARGUMENT, field)
                self.assertIn(limit, error.details())
        error = self.client.error(CONTROL + "/SetFault")
        self.assert_status(error, grpc.StatusCode.INVALID_ARGUMENT, "fault")
        now = self.client.call(CONTROL + "/GetFault").fault
        self.assertEqual((now.failure_percent, now.latency_min_ms, now.latency_max_ms), (0, 0, 0))


class Time(ServiceB):
    def test_a_deadline_ends_a_slow_call_on_both_sides(self):
        self.set_fault(latency_min_ms=60000, latency_max_ms=60000)
        began = time.monotonic()
        self.assert_status(self.client.error(GET_DATA, timeout=0.05), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertLess(time.monotonic() - began, 2)

    def test_a_cancelled_call_ends_and_the_connection_goes_on(self):
        self.set_fault(latency_min_ms=60000, latency_max_ms=60000)
        call = self.client.start(GET_DATA)
        wait_until(lambda: self.counts()[0] == 1, "the call has arrived")
        self.assertTrue(call.cancel())
        self.set_fault()
        self.client.call(GET_DATA)

    def test_a_slow_call_is_as_slow_as_was_asked(self):
        self.set_fault(latency_min_ms=80, latency_max_ms=80)
        began = time.monotonic()
        self.client.call(GET_DATA)
        self.assertGreaterEqual(time.monotonic() - began, 0.08)

    def test_control_and_health_answer_while_100_calls_are_slow(self):
        self.client.call(CONTROL + "/InduceLatency")
        calls = [self.client.start(GET_DATA) for _ in range(100)]
        wait_until(lambda: self.counts()[0] == 100, "all have arrived")
        self.client.call(HEALTH + "/Check")
        self.client.call(CONTROL + "/RemoveLatency")
        for call in calls:
            call.cancel()

    def test_SIGTERM_lets_a_slow_call_finish(self):
        self.set_fault(latency_min_ms=300, latency_max_ms=300)
        call = self.client.start(GET_DATA)
        wait_until(lambda: self.counts()[0] == 1, "the call has arrived")
        self.assertEqual(self.b.stop(), 0)
        self.assertEqual(call.result().message, "Hello from Service B!")


class Health(ServiceB):
    def check(self, service):
        return self.client.call(HEALTH + "/Check", service=service).status

    def test_every_service_and_the_whole_are_SERVING_also_under_a_fault(self):
        self.client.call(CONTROL + "/InduceFailure")
        for service in NAMES | {""}:
            with self.subTest(service=service):
                self.assertEqual(self.check(service), 1)

    def test_an_unknown_service_is_NOT_FOUND(self):
        error = self.client.error(HEALTH + "/Check", service="no.such.Service")
        self.assert_status(error, grpc.StatusCode.NOT_FOUND)

    def watch(self, service):
        """A queue of the statuses that Watch says; ends with the error."""
        said = queue.Queue()
        stream = self.client.stub(HEALTH + "/Watch")(self.client.request(HEALTH + "/Watch", service=service))

        def read():
            try:
                for answer in stream:
                    said.put(answer.status)
            except grpc.RpcError as error:
                said.put(error)
        threading.Thread(target=read, daemon=True).start()
        self.addCleanup(stream.cancel)
        return said

    def test_Watch_says_the_status_at_once_and_NOT_SERVING_when_draining(self):
        said = self.watch(DATA)
        self.assertEqual(said.get(timeout=10), 1)
        unknown = self.watch("no.such.Service")
        self.assertEqual(unknown.get(timeout=10), 3)
        self.set_fault(latency_min_ms=200, latency_max_ms=200)
        call = self.client.start(GET_DATA)
        wait_until(lambda: self.counts()[0] == 1, "the call has arrived")
        self.assertEqual(self.b.stop(), 0)
        self.assertEqual(said.get(timeout=10), 2)
        call.result()


class Reflection(ServiceB):
    def ask(self, version, **request):
        package = f"grpc.reflection.{version}"
        stub = self.client.stub(package + ".ServerReflection/ServerReflectionInfo")
        return next(iter(stub(iter([message(package + ".ServerReflectionRequest", **request)]), timeout=10)))

    def test_both_versions_list_every_service(self):
        for version in ("v1", "v1alpha"):
            with self.subTest(version=version):
                answer = self.ask(version, list_services="")
                self.assertEqual({service.name for service in answer.list_services_response.service}, NAMES)

    def test_a_symbol_comes_with_its_file_and_all_it_imports(self):
        for version in ("v1", "v1alpha"):
            answer = self.ask(version, file_containing_symbol=DATA)
            files = answer.file_descriptor_response.file_descriptor_proto
            self.assertTrue(any(b"breakwire/demo/v1/demo.proto" in file for file in files))

    def test_an_unknown_symbol_is_an_error_response_and_the_stream_goes_on(self):
        answer = self.ask("v1", file_containing_symbol="no.such.Thing")
        self.assertEqual(answer.error_response.error_code, grpc.StatusCode.NOT_FOUND.value[0])


class Two(Case):
    def test_a_client_that_goes_in_mid_call_disturbs_no_other(self):
        b = self.start_b()
        other, leaving = self.rpc(b.rpc_address), Rpc(b.rpc_address)
        other.call(CONTROL + "/InduceLatency")
        call = leaving.start(GET_DATA)
        wait_until(lambda: other.call(CONTROL + "/GetFault").data_calls_received == 1, "it has arrived")
        leaving.close()
        self.assertIsNotNone(call)
        other.call(CONTROL + "/RemoveLatency")
        other.call(GET_DATA)

    def test_two_services_run_beside_each_other_on_free_ports(self):
        one, other = self.started(start_b()), self.started(start_b())
        self.assertNotEqual(one.rpc_address, other.rpc_address)


if __name__ == "__main__":
    unittest.main()
