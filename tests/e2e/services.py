"""What the end-to-end tests share: real programs on free ports, and ways to talk to them.

Environment: BREAKWIRE_BIN (the programs, build/dev/bin), BREAKWIRE_PROTOS (a FileDescriptorSet of all messages),
BREAKWIRE_WRAPPER (put before each program: valgrind ...), BREAKWIRE_SLOW (factor for every time limit).
Nothing here sleeps: all waiting is for an event, with a limit.
"""
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
import time
import unittest

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("BREAKWIRE_BIN", os.path.join(ROOT, "build/dev/bin"))
PROTOS = os.environ.get("BREAKWIRE_PROTOS", os.path.join(ROOT, "build/dev/tests/e2e/all.binpb"))
WRAPPER = shlex.split(os.environ.get("BREAKWIRE_WRAPPER", ""))
SLOW = float(os.environ.get("BREAKWIRE_SLOW", "1"))
LIMIT_S = 10 * SLOW

DATA, CONTROL = "breakwire.demo.v1.DataService", "breakwire.demo.v1.ControlService"
BREAKER, HEALTH = "breakwire.breaker.v1.BreakerService", "grpc.health.v1.Health"


def wait_until(is_true, what, limit_s=LIMIT_S):
    """Asks again and again; for what nobody tells us by an event."""
    never, end = threading.Event(), time.monotonic() + limit_s
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s} s in vain until {what}")
        never.wait(0.01)


# ---- messages: built from the descriptors, no generated code ----

def _load_pool():
    files = descriptor_pb2.FileDescriptorSet()
    with open(PROTOS, "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


POOL = _load_pool()
_FACTORY = message_factory.MessageFactory(POOL)


def message_class(name):
    return _FACTORY.GetPrototype(POOL.FindMessageTypeByName(name))


def message(name, /, **fields):
    return message_class(name)(**fields)


class Rpc:
    """An RPC client of one address. rpc.call("package.Service/Method", field=value) -> the response."""

    def __init__(self, address, credentials=None, **options):
        options = {"grpc.enable_retries": 0, "grpc.use_local_subchannel_pool": 1,
                   "grpc.enable_http_proxy": 0, **options}
        options = list(options.items())
        self.channel = (grpc.secure_channel(address, credentials, options) if credentials
                        else grpc.insecure_channel(address, options))

    def stub(self, path, raw=False):
        service, method = path.split("/")
        shape = POOL.FindServiceByName(service).methods_by_name[method]
        wire = descriptor_pb2.MethodDescriptorProto()
        shape.CopyToProto(wire)
        kind = ("stream" if wire.client_streaming else "unary") + "_" + (
            "stream" if wire.server_streaming else "unary")
        response = message_class(shape.output_type.full_name)
        return getattr(self.channel, kind)(
            "/" + path, request_serializer=None if raw else lambda request: request.SerializeToString(),
            response_deserializer=None if raw else response.FromString)

    def request(self, path, /, **fields):
        service, method = path.split("/")
        shape = POOL.FindServiceByName(service).methods_by_name[method]
        return message(shape.input_type.full_name, **fields)

    def call(self, path, /, timeout=LIMIT_S, metadata=None, **fields):
        return self.stub(path)(self.request(path, **fields), timeout=timeout, metadata=metadata)

    def with_call(self, path, /, timeout=LIMIT_S, metadata=None, **fields):
        """(response, call): the call has the headers and trailers."""
        return self.stub(path).with_call(self.request(path, **fields), timeout=timeout, metadata=metadata)

    def start(self, path, /, timeout=LIMIT_S, metadata=None, **fields):
        """A unary call that runs: a future."""
        return self.stub(path).future(self.request(path, **fields), timeout=timeout, metadata=metadata)

    def error(self, path, /, timeout=LIMIT_S, metadata=None, **fields):
        """The RpcError that the call must end with."""
        try:
            response = self.call(path, timeout, metadata, **fields)
        except grpc.RpcError as error:
            return error
        raise AssertionError(f"{path} answered {response}")

    def close(self):
        self.channel.close()


# ---- programs ----

class Program:
    """One of our programs, running. Its log lines are read all the time; `log` holds them decoded."""

    def __init__(self, name, *arguments, where=None, wrapper=(), stderr=subprocess.PIPE, **environment):
        self.name, self.log, self.raw = name, [], []
        self.changed = threading.Condition()
        clean = {key: value for key, value in os.environ.items()
                 if not key.startswith(("CIRCUIT_", "HTTP_", "RPC_", "SERVICE_", "LOG_")) and "proxy" not in key}
        self.process = subprocess.Popen(
            [*WRAPPER, *wrapper, os.path.join(where or BIN, name), *arguments], env={**clean, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
            start_new_session=True)
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        limit = threading.Timer(LIMIT_S * 3, self.process.kill)
        limit.start()
        self.ready = self.process.stdout.readline().strip()
        limit.cancel()
        if not self.ready:
            self.process.wait()
            self.reader.join()
            raise RuntimeError(f"{name} did not start ({self.process.returncode}): {''.join(self.raw)}")
        self.rpc_address = self.ready.split("rpc=")[1]

    def _read_log(self):
        for line in self.process.stderr or ():
            with self.changed:
                self.raw.append(line)
                try:
                    self.log.append(json.loads(line))
                except ValueError:
                    pass
                self.changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def wait_for_log(self, is_it, what, limit_s=LIMIT_S):
        """The first log line (a dict) that is_it says yes to."""
        def found():
            return next((line for line in self.log if is_it(line)), None)
        with self.changed:
            if not self.changed.wait_for(found, limit_s):
                raise AssertionError(f"{self.name} never logged {what}:\n{''.join(self.raw)}")
            return found()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, limit_s=LIMIT_S):
        """The exit code."""
        code = self.process.wait(limit_s)
        self.reader.join(LIMIT_S)
        self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()
        return code

    def stop(self):
        """SIGTERM; the exit code. A second call says the same code again."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(LIMIT_S * 3)

    def kill(self):
        self.process.kill()
        return self.wait()

    def __del__(self):
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.kill()


def start_b(address="127.0.0.1:0", **more):
    return Program("service-b", RPC_ADDRESS=address, **more)


def start_a(service_b_address, **more):
    program = Program("service-a", **{"HTTP_ADDRESS": "127.0.0.1:0", "RPC_ADDRESS": "127.0.0.1:0",
                                      "SERVICE_B_ADDRESS": service_b_address, **more})
    program.http_address = program.ready.split("http://")[1].split()[0]
    return program


class Case(unittest.TestCase):
    """A test that starts programs; whatever it leaves running must end with 0 on SIGTERM."""

    def started(self, program):
        self.addCleanup(self._end, program)
        return program

    def _end(self, program):
        if program.process.returncode is None:
            code = program.stop()
            self.assertEqual(code, 0, f"{program.name} ended with {code}:\n{''.join(program.raw[-40:])}")

    def start_b(self, **more):
        return self.started(start_b(**more))

    def start_a(self, service_b_address, **more):
        return self.started(start_a(service_b_address, **more))

    def rpc(self, address, **options):
        rpc = Rpc(address, **options)
        self.addCleanup(rpc.close)
        return rpc

    def assert_status(self, error, code, text=""):
        self.assertEqual(error.code(), code, error)
        self.assertIn(text, error.details())


# ---- HTTP as bytes ----

class Answer:
    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()

    @property
    def json(self):
        return json.loads(self.body)


def split_address(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def connect(address, limit_s=LIMIT_S):
    return socket.create_connection(split_address(address), limit_s)


def receive_all(peer):
    """What comes until the peer closes."""
    pieces = []
    while piece := peer.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def exchange(address, request):
    """Sends bytes, reads until the peer closes."""
    with connect(address) as peer:
        peer.sendall(request)
        return Answer(receive_all(peer))


def ask(address, method, target, fields=(), body=b"", host=None):
    """One request on a connection of its own. fields: pairs of name and value."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host or address}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return exchange(address, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def get(address, target, fields=(), **more):
    return ask(address, "GET", target, fields, **more)


def post(address, target, fields=(), **more):
    return ask(address, "POST", target, fields, **more)


def status_of(address):
    return get(address, "/circuit-status").json


class Events:
    """A reader of /events: next(name) waits for the next event of that name."""

    def __init__(self, address, last_id=None):
        self.peer = connect(address, LIMIT_S * 2)
        resume = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.peer.sendall(f"GET /events HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n"
                          f"{resume}\r\n".encode())
        self.file = self.peer.makefile("rb")
        self.head = self._read_head()
        self.chunked = "chunked" in self.head.fields.get("transfer-encoding", "")
        self.buffer, self.comments = b"", []

    def _read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            if not line:
                break
            head += line
        return Answer(head)

    def _more(self):
        if not self.chunked:
            piece = self.file.read1(65536)
        else:
            size = int(self.file.readline() or b"0", 16)
            piece = self.file.read(size)
            self.file.readline()
        if not piece:
            raise EOFError("the event stream has ended")
        self.buffer += piece

    def any(self):
        """(id, name, data) of the next event."""
        while True:
            while b"\n\n" not in self.buffer:
                self._more()
            block, _, self.buffer = self.buffer.partition(b"\n\n")
            lines = block.decode().split("\n")
            self.comments += [line for line in lines if line.startswith(":")]
            parts = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(":"))
            if "data" in parts:
                return parts.get("id"), parts.get("event"), json.loads(parts["data"])

    def next(self, name, is_it=lambda data: True):
        while True:
            found_id, found, data = self.any()
            if found == name and is_it(data):
                self.last_id = found_id
                return data

    def close(self):
        self.file.close()
        self.peer.close()
