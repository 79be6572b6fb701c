#!/usr/bin/python3
"""Records outage.jsonl: 100 seconds of calls to a service-b that has a bad day.

    examples/traces/record.py build/release/bin FILE

Starts service-b, and service-a with --record and a breaker that never opens, so that the trace has what service-b
would have answered to every call. Then it calls through service-a twenty times a second.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/e2e"))
import services  # noqa: E402

CALLS_PER_SECOND = 20
UNAVAILABLE = 14
HEALTHY = {"latency_min_ms": 5, "latency_max_ms": 30, "failure_percent": 1}
# Seconds, and what is wrong with service-b for so long.
STORY = (
    (18, HEALTHY),
    (12, {"failure_percent": 100, "status_code": UNAVAILABLE}),  # it is down
    (8, HEALTHY),
    (10, {"latency_min_ms": 5, "latency_max_ms": 60, "failure_percent": 50, "status_code": UNAVAILABLE}),
    (22, HEALTHY),
    (6, {"latency_min_ms": 200, "latency_max_ms": 900, "failure_percent": 30}),  # overloaded
    (24, HEALTHY),
)


def main(folder, path):
    services.BIN = os.path.abspath(folder)
    b = services.start_b()
    a = services.start_a(b.rpc_address, RECORD=os.path.abspath(path), CIRCUIT_FAIL_MAX="65535")
    direct, through = services.Rpc(b.rpc_address), services.Rpc(a.rpc_address)
    calls, start = [], time.monotonic()
    for seconds, fault in STORY:
        direct.call(services.CONTROL + "/SetFault", fault=services.message("breakwire.demo.v1.Fault", **fault))
        for _ in range(seconds * CALLS_PER_SECOND):
            calls.append(through.start(services.DATA + "/GetData"))
            time.sleep(max(0, start + len(calls) / CALLS_PER_SECOND - time.monotonic()))
    for call in calls:
        call.exception()
    print(f"{len(calls)} calls", "recorded" if a.stop() == 0 and b.stop() == 0 else "and a program that ended badly")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
