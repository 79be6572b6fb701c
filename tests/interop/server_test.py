#!/usr/bin/python3
"""interop-server, asked by grpcio. One line of output for each case."""
import os
import sys
import unittest

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from certificates import Authority  # noqa: E402
from grpcio_client import CASES, SERVICE, must_be, wanted  # noqa: E402
from services import LIMIT_S, Case, Program  # noqa: E402


class Server(Case):
    def start_server(self, *arguments):
        return self.started(Program("interop-server", "--port=0", *arguments)).rpc_address

    def run_all(self, rpc, how):
        for name, case in CASES.items():
            with self.subTest(name):
                case(rpc)
                print(f"{name}: grpcio to interop-server, {how}: ok", flush=True)

    def test_every_case_passes(self):
        self.run_all(self.rpc(self.start_server()), "plain text")

    def test_every_case_passes_by_TLS(self):
        ca = Authority()
        self.addCleanup(ca.remove)
        ca.issue("server")
        address = self.start_server("--use_tls", "--tls_cert_file", ca.file("server.pem"), "--tls_key_file",
                                    ca.file("server.key"))
        credentials = grpc.ssl_channel_credentials(ca.read("ca.pem"))
        self.run_all(self.rpc(address, credentials=credentials), "TLS")

    def test_many_responses_come_in_order_each_after_its_interval_and_none_is_lost(self):
        rpc = self.rpc(self.start_server())
        sizes = list(range(500))
        answers = rpc.stub(SERVICE + "StreamingOutputCall")(wanted(*sizes, interval_us=100), timeout=LIMIT_S)
        must_be([len(answer.payload.body) for answer in answers], sizes)

    def test_a_half_duplex_call_answers_when_all_requests_are_there(self):
        rpc = self.rpc(self.start_server())
        requests = [wanted(size) for size in (31415, 9)]
        answers = rpc.stub(SERVICE + "HalfDuplexCall")(iter(requests), timeout=LIMIT_S)
        must_be([len(answer.payload.body) for answer in answers], [31415, 9])

    def test_a_negative_size_is_refused(self):
        error = self.rpc(self.start_server()).error(SERVICE + "UnaryCall", response_size=-1)
        self.assert_status(error, grpc.StatusCode.INVALID_ARGUMENT, "response_size")


if __name__ == "__main__":
    unittest.main()
