"""The cases of gRPC's doc/interop-test-descriptions.md as a grpcio client: CASES[name](rpc) raises when it fails."""
import queue

import grpc

from services import LIMIT_S, message

SERVICE = "grpc.testing.TestService/"
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001F608\t\n"
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
METADATA = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
REQUESTS, RESPONSES = (27182, 8, 1828, 45904), (31415, 9, 2653, 58979)


def must_be(value, wanted):
    if value != wanted:
        raise AssertionError(f"{value!r} is not {wanted!r}")


def payload(size):
    return {"body": bytes(size)}


def wanted(*sizes, body=0, **fields):
    return message("grpc.testing.StreamingOutputCallRequest", payload=payload(body),
                   response_parameters=[{"size": size, **fields} for size in sizes])


class Talk:
    """A FullDuplexCall whose requests are given one by one."""

    def __init__(self, rpc, timeout=LIMIT_S, metadata=None):
        self.requests = queue.Queue()
        self.call = rpc.stub(SERVICE + "FullDuplexCall")(iter(self.requests.get, None), timeout=timeout,
                                                         metadata=metadata)

    def ask(self, request):
        self.requests.put(request)

    def end(self):
        self.requests.put(None)
        must_be(list(self.call), [])
        must_be(self.call.code(), grpc.StatusCode.OK)


def status_of(call):
    try:
        list(call)
    except grpc.RpcError:
        pass
    return call.code(), call.details()


def empty_unary(rpc):
    must_be(rpc.call(SERVICE + "EmptyCall").ByteSize(), 0)


def large_unary(rpc):
    answer = rpc.call(SERVICE + "UnaryCall", response_size=314159, payload=payload(271828))
    must_be(answer.payload.body, bytes(314159))


def client_streaming(rpc):
    requests = [message("grpc.testing.StreamingInputCallRequest", payload=payload(size)) for size in REQUESTS]
    answer = rpc.stub(SERVICE + "StreamingInputCall")(iter(requests), timeout=LIMIT_S)
    must_be(answer.aggregated_payload_size, 74922)


def server_streaming(rpc):
    answers = rpc.stub(SERVICE + "StreamingOutputCall")(wanted(*RESPONSES), timeout=LIMIT_S)
    must_be([len(answer.payload.body) for answer in answers], list(RESPONSES))


def ping_pong(rpc):
    talk = Talk(rpc)
    for request, response in zip(REQUESTS, RESPONSES):
        talk.ask(wanted(response, body=request))
        must_be(len(next(talk.call).payload.body), response)
    talk.end()


def empty_stream(rpc):
    Talk(rpc).end()


def custom_metadata(rpc):
    answer, call = rpc.with_call(SERVICE + "UnaryCall", metadata=METADATA, response_size=314159,
                                 payload=payload(271828))
    must_be(len(answer.payload.body), 314159)
    talk = Talk(rpc, metadata=METADATA)
    talk.ask(wanted(314159, body=271828))
    must_be(len(next(talk.call).payload.body), 314159)
    talk.end()
    for ended in (call, talk.call):
        must_be(dict(ended.initial_metadata()).get(INITIAL), METADATA[0][1])
        must_be(dict(ended.trailing_metadata()).get(TRAILING), METADATA[1][1])


def status_code_and_message(rpc):
    status = {"code": 2, "message": "test status message"}
    error = rpc.error(SERVICE + "UnaryCall", response_status=status)
    must_be((error.code(), error.details()), (grpc.StatusCode.UNKNOWN, status["message"]))
    talk = Talk(rpc)
    talk.ask(message("grpc.testing.StreamingOutputCallRequest", response_status=status))
    talk.requests.put(None)
    must_be(status_of(talk.call), (grpc.StatusCode.UNKNOWN, status["message"]))


def special_status_message(rpc):
    error = rpc.error(SERVICE + "UnaryCall", response_status={"code": 2, "message": SPECIAL})
    must_be((error.code(), error.details()), (grpc.StatusCode.UNKNOWN, SPECIAL))


def unimplemented_method(rpc):
    must_be(rpc.error(SERVICE + "UnimplementedCall").code(), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(rpc):
    error = rpc.error("grpc.testing.UnimplementedService/UnimplementedCall")
    must_be(error.code(), grpc.StatusCode.UNIMPLEMENTED)


def cancel_after_begin(rpc):
    requests = queue.Queue()
    call = rpc.stub(SERVICE + "StreamingInputCall").future(iter(requests.get, None), timeout=LIMIT_S)
    call.cancel()
    must_be(call.code(), grpc.StatusCode.CANCELLED)
    requests.put(None)


def cancel_after_first_response(rpc):
    talk = Talk(rpc)
    talk.ask(wanted(31415, body=27182))
    must_be(len(next(talk.call).payload.body), 31415)
    talk.call.cancel()
    must_be(status_of(talk.call)[0], grpc.StatusCode.CANCELLED)
    talk.requests.put(None)


def timeout_on_sleeping_server(rpc):
    talk = Talk(rpc, timeout=0.001)
    talk.ask(wanted(31415, body=27182, interval_us=60_000_000))
    must_be(status_of(talk.call)[0], grpc.StatusCode.DEADLINE_EXCEEDED)
    talk.requests.put(None)


CASES = {case.__name__: case for case in (
    empty_unary, large_unary, client_streaming, server_streaming, ping_pong, empty_stream, custom_metadata,
    status_code_and_message, special_status_message, unimplemented_method, unimplemented_service,
    cancel_after_begin, cancel_after_first_response, timeout_on_sleeping_server)}
