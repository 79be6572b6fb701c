#!/usr/bin/python3
"""RPC by TLS, as grpcio and plain sockets see it: lines 2, 3 and 5 of the table in tests/README.md."""
import shutil
import signal
import ssl
import subprocess
import threading
import unittest
import warnings

import grpc

from certificates import Authority
from services import BIN, DATA, LIMIT_S, WRAPPER, Case, connect, receive_all, split_address

GET_DATA = DATA + "/GetData"


class Secured(Case):
    @classmethod
    def setUpClass(cls):
        cls.ca, cls.other = Authority(), Authority("another ca")
        cls.addClassCleanup(cls.ca.remove)
        cls.addClassCleanup(cls.other.remove)
        for name in ("server", "client"):
            cls.ca.issue(name)
        cls.other.issue("client")

    def settings(self, **more):
        return {"RPC_TLS_CERTIFICATE": self.ca.file("server.pem"), "RPC_TLS_KEY": self.ca.file("server.key"),
                "LOG_LEVEL": "debug", **more}

    def start_secured(self, **more):
        return self.start_b(**self.settings(**more))

    def client(self, address, ca=None, own=None):
        """An RPC client that trusts `ca`, and has the certificate `client` of `own`."""
        credentials = grpc.ssl_channel_credentials(
            (ca or self.ca).read("ca.pem"), own and own.read("client.key"), own and own.read("client.pem"))
        return self.rpc(address, credentials=credentials)

    def refusal(self, program, text):
        return program.wait_for_log(lambda line: line["message"] == "a TLS handshake failed" and
                                    text in line["why"], f"a refusal with {text}")


class Server(Secured):
    def test_grpcio_is_answered(self):
        client = self.client(self.start_secured().rpc_address)
        self.assertEqual(client.call(GET_DATA).message, "Hello from Service B!")

    def test_a_name_that_is_in_the_certificate_is_as_good_as_the_address(self):
        port = self.start_secured().rpc_address.rpartition(":")[2]
        self.assertEqual(self.client("localhost:" + port).call(GET_DATA).message, "Hello from Service B!")

    def test_a_client_that_does_not_trust_our_CA_leaves_and_the_log_says_why(self):
        program = self.start_secured()
        error = self.client(program.rpc_address, ca=self.other).error(GET_DATA, timeout=LIMIT_S)
        self.assert_status(error, grpc.StatusCode.UNAVAILABLE)
        self.refusal(program, "closed during the TLS handshake")

    def test_a_plain_text_client_is_closed(self):
        program = self.start_secured()
        for first_bytes in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost: b\r\n\r\n"):
            with connect(program.rpc_address) as peer:
                peer.sendall(first_bytes)
                self.assertLess(len(receive_all(peer)), 16)  # at most an alert
        self.refusal(program, "version number")
        self.refusal(program, "http request")

    def test_a_TLS_client_of_a_plain_text_port_gets_no_further(self):
        client = self.client(self.start_b().rpc_address)
        self.assert_status(client.error(GET_DATA), grpc.StatusCode.UNAVAILABLE)

    def shake(self, program, protocols, version=None):
        context = ssl.create_default_context(cafile=self.ca.file("ca.pem"))
        if protocols:
            context.set_alpn_protocols(protocols)
        if version:
            warnings.simplefilter("ignore", DeprecationWarning)
            context.maximum_version = context.minimum_version = version
        with connect(program.rpc_address) as raw:
            with context.wrap_socket(raw, server_hostname=split_address(program.rpc_address)[0]) as peer:
                return peer.selected_alpn_protocol(), peer.version()

    def test_line_2_a_client_without_h2_is_refused(self):
        program = self.start_secured()
        for protocols, why in (([], "offers no protocol"), (["http/1.1"], "does not offer our protocol")):
            with self.assertRaisesRegex(ssl.SSLError, "no application protocol"):
                self.shake(program, protocols)
            self.refusal(program, why)
        self.assertEqual(self.shake(program, ["http/1.1", "h2"])[0], "h2")

    def test_line_3_TLS_1_2_and_1_3_are_spoken_and_nothing_older(self):
        program = self.start_secured()
        self.assertEqual(self.shake(program, ["h2"], ssl.TLSVersion.TLSv1_2), ("h2", "TLSv1.2"))
        self.assertEqual(self.shake(program, ["h2"], ssl.TLSVersion.TLSv1_3), ("h2", "TLSv1.3"))
        with self.assertRaises((ssl.SSLError, OSError)):
            self.shake(program, ["h2"], ssl.TLSVersion.TLSv1_1)

    @unittest.skipIf(WRAPPER, "the health check has one second, whatever the program runs under")
    def test_the_health_check_speaks_TLS_when_the_program_does(self):
        program = self.start_secured()
        for settings, code in ((self.settings(), 0), ({}, 2)):
            done = subprocess.run([*WRAPPER, BIN + "/service-b", "healthcheck"], timeout=LIMIT_S, check=False,
                                  env={"RPC_ADDRESS": program.rpc_address, **settings})
            self.assertEqual(done.returncode, code)


class Mutual(Secured):
    def test_a_client_with_a_certificate_of_the_client_CA_is_answered(self):
        program = self.start_secured(RPC_TLS_CLIENT_CA=self.ca.file("ca.pem"))
        self.assertEqual(self.client(program.rpc_address, own=self.ca).call(GET_DATA).message,
                         "Hello from Service B!")

    def test_a_client_without_one_or_with_one_of_another_CA_is_refused(self):
        program = self.start_secured(RPC_TLS_CLIENT_CA=self.ca.file("ca.pem"))
        for own, why in ((None, "did not return a certificate"), (self.other, "verify failed")):
            self.assert_status(self.client(program.rpc_address, own=own).error(GET_DATA),
                               grpc.StatusCode.UNAVAILABLE)
            self.refusal(program, why)


class Reload(Secured):
    def setUp(self):
        self.ca.issue("renewed")
        for kind in (".pem", ".key"):
            shutil.copy(self.ca.file("server" + kind), self.ca.file("current" + kind))
        self.program = self.start_secured(RPC_TLS_CERTIFICATE=self.ca.file("current.pem"),
                                          RPC_TLS_KEY=self.ca.file("current.key"))

    def replace(self, name):
        for kind in (".pem", ".key"):
            shutil.copy(self.ca.file(name + kind), self.ca.file("current" + kind))

    def common_name(self):
        context = ssl.create_default_context(cafile=self.ca.file("ca.pem"))
        context.set_alpn_protocols(["h2"])
        with connect(self.program.rpc_address) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as peer:
                return dict(pair[0] for pair in peer.getpeercert()["subject"])["commonName"]

    def reload(self, message):
        self.program.signal(signal.SIGHUP)
        return self.program.wait_for_log(lambda line: line["message"] == message, message)

    def test_SIGHUP_shows_the_new_certificate_to_new_connections_and_no_call_fails(self):
        ended, failures, calls = threading.Event(), [], []

        def call_on_and_on(client):
            while not ended.is_set():
                try:
                    calls.append(client.call(GET_DATA))
                except grpc.RpcError as error:
                    failures.append(error)
        callers = [threading.Thread(target=call_on_and_on, args=(self.client(self.program.rpc_address),))
                   for _ in range(3)]
        for caller in callers:
            caller.start()
        self.assertEqual(self.common_name(), "server")
        self.replace("renewed")
        self.reload("the files of TLS are read again")
        self.assertEqual(self.common_name(), "renewed")
        self.client(self.program.rpc_address).call(GET_DATA)
        before = len(calls)
        while len(calls) < before + 50 and not failures:
            self.client(self.program.rpc_address).call(GET_DATA)
        ended.set()
        for caller in callers:
            caller.join()
        self.assertEqual(failures, [])

    def test_files_that_cannot_be_read_leave_what_is_there_in_use(self):
        self.ca.issue("broken")
        shutil.copy(self.ca.file("broken.pem"), self.ca.file("current.pem"))  # and the key is still the other one
        line = self.reload("TLS goes on with what was read before")
        self.assertIn(self.ca.file("current.key"), line["why"])
        self.assertIn("key values mismatch", line["why"])
        self.assertEqual(self.common_name(), "server")


class Client(Secured):
    """service-a calls service-b by TLS; its own face is plain or secured."""

    def start_caller(self, service_b, **more):
        settings = {"SERVICE_B_TLS": "on", "SERVICE_B_TLS_CA": self.ca.file("ca.pem"), "REQUEST_TIMEOUT": str(LIMIT_S)}
        return self.start_a(service_b.rpc_address.replace("127.0.0.1", "localhost"), **{**settings, **more})

    def failure(self, program):
        """What the call through service-a fails with."""
        error = self.rpc(program.rpc_address).error(GET_DATA)
        self.assert_status(error, grpc.StatusCode.UNAVAILABLE)
        return error.details()

    def test_service_a_reaches_a_service_b_whose_name_and_CA_are_right(self):
        program = self.start_caller(self.start_secured())
        self.assertEqual(self.rpc(program.rpc_address).call(GET_DATA).message, "Hello from Service B!")

    def test_mutual_TLS_and_a_secured_face_and_a_renewal_by_SIGHUP(self):
        ca = self.ca.file("ca.pem")
        program = self.start_caller(
            self.start_secured(RPC_TLS_CLIENT_CA=ca), **self.settings(RPC_TLS_CLIENT_CA=ca),
            SERVICE_B_TLS_CERTIFICATE=self.ca.file("client.pem"), SERVICE_B_TLS_KEY=self.ca.file("client.key"))
        client = self.client(program.rpc_address, own=self.ca)
        self.assertEqual(client.call(GET_DATA).message, "Hello from Service B!")
        program.signal(signal.SIGHUP)
        program.wait_for_log(lambda line: line["message"] == "the files of TLS are read again", "the reload")
        self.assertEqual(client.call(GET_DATA).message, "Hello from Service B!")

    def test_a_CA_that_is_not_trusted_a_wrong_name_and_a_certificate_that_is_missing_are_told(self):
        self.ca.issue("elsewhere", "DNS:elsewhere.test")
        plain, secured = self.start_b(), self.start_secured()
        elsewhere = self.start_secured(RPC_TLS_CERTIFICATE=self.ca.file("elsewhere.pem"),
                                       RPC_TLS_KEY=self.ca.file("elsewhere.key"))
        mutual = self.start_secured(RPC_TLS_CLIENT_CA=self.ca.file("ca.pem"))
        for service_b, more, why in (
                (secured, {"SERVICE_B_TLS_CA": self.other.file("ca.pem")}, "certificate verify failed"),
                (elsewhere, {}, "as localhost: certificate verify failed: hostname mismatch"),
                (mutual, {}, "certificate required"), (plain, {}, "closed during the TLS handshake")):
            with self.subTest(why=why):
                self.assertIn(why, self.failure(self.start_caller(service_b, **more)))


class Settings(Secured):
    def refused(self, text, **settings):
        for arguments in ([], ["--check-config"]):
            done = subprocess.run([*WRAPPER, BIN + "/service-b", *arguments], capture_output=True, text=True,
                                  timeout=LIMIT_S, check=False, env={"RPC_ADDRESS": "127.0.0.1:0", **settings})
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertRegex(done.stderr, text)

    def test_a_certificate_without_key_a_key_without_certificate_and_a_client_CA_alone_are_refused(self):
        self.refused("RPC_TLS_CERTIFICATE is set, but there is no RPC_TLS_KEY",
                     RPC_TLS_CERTIFICATE=self.ca.file("server.pem"))
        self.refused("RPC_TLS_KEY is set, but there is no RPC_TLS_CERTIFICATE",
                     RPC_TLS_KEY=self.ca.file("server.key"))
        self.refused("RPC_TLS_CLIENT_CA is set, but there is no RPC_TLS_CERTIFICATE",
                     RPC_TLS_CLIENT_CA=self.ca.file("ca.pem"))

    def test_settings_of_service_a_that_would_do_nothing_are_refused(self):
        done = subprocess.run([*WRAPPER, BIN + "/service-a", "--check-config"], capture_output=True, text=True,
                              timeout=LIMIT_S, check=False, env={"SERVICE_B_TLS_CA": self.ca.file("ca.pem")})
        self.assertEqual(done.returncode, 78)
        self.assertIn("SERVICE_B_TLS_CA is set, but SERVICE_B_TLS is off", done.stderr)

    def test_a_file_that_cannot_be_used_is_named_with_the_reason(self):
        self.refused("cannot use the certificate file /no/such.pem: No such file or directory",
                     **self.settings(RPC_TLS_CERTIFICATE="/no/such.pem"))
        self.refused("cannot use the key file .*client.key: key values mismatch",
                     **self.settings(RPC_TLS_KEY=self.ca.file("client.key")))
        self.refused("cannot use the CA file .*server.key: ",
                     **self.settings(RPC_TLS_CLIENT_CA=self.ca.file("server.key")))


if __name__ == "__main__":
    unittest.main()
