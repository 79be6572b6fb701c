#include "stub.h"

#include <breakwire/demo/v1/demo.pb.h>
#include <pb_decode.h>

#include <stdlib.h>
#include <string.h>

enum { INTERNAL = 13 };

_Static_assert(sizeof(((breakwire_demo_v1_GetDataResponse *)0)->message) == STUB_MESSAGE_MAX + 1,
               "demo.options says how long the message may be");

struct stub_call {
    struct guard_call *call;
    stub_data_fn on_data; /* one of the two is set */
    stub_fault_fn on_fault;
    void *user;
};

static bool decode(const pb_msgdesc_t *fields, struct bw_span bytes, void *message) {
    pb_istream_t stream = pb_istream_from_buffer(bytes.data, bytes.len);
    return pb_decode(&stream, fields, message);
}

static struct stub_fault from_wire(const breakwire_demo_v1_Fault *wire) {
    return (struct stub_fault){wire->failure_percent, wire->status_code, wire->latency_min_ms,
                               wire->latency_max_ms};
}

/* The code of a response that came well but does not parse (gRPC statuscodes.md). */
static struct guard_result unparsed(const struct guard_result *result) {
    struct guard_result bad = *result;
    bad.code = INTERNAL;
    bad.code_name = "INTERNAL";
    bad.message = "the response does not parse";
    return bad;
}

static void on_data_done(void *user, const struct guard_result *result) {
    struct stub_call *call = user;
    breakwire_demo_v1_GetDataResponse wire = breakwire_demo_v1_GetDataResponse_init_zero;
    struct stub_data data;
    if (result->code != 0) {
        call->on_data(call->user, result, NULL);
    } else if (!decode(breakwire_demo_v1_GetDataResponse_fields, result->response, &wire)) {
        struct guard_result bad = unparsed(result);
        call->on_data(call->user, &bad, NULL);
    } else {
        memcpy(data.message, wire.message, sizeof data.message);
        data.data = wire.data;
        call->on_data(call->user, result, &data);
    }
    free(call);
}

/* All switches answer {Fault fault = 1}: one message on the wire. */
static void on_fault_done(void *user, const struct guard_result *result) {
    struct stub_call *call = user;
    breakwire_demo_v1_SetFaultResponse wire = breakwire_demo_v1_SetFaultResponse_init_zero;
    if (result->code != 0) {
        call->on_fault(call->user, result, NULL);
    } else if (!decode(breakwire_demo_v1_SetFaultResponse_fields, result->response, &wire)) {
        struct guard_result bad = unparsed(result);
        call->on_fault(call->user, &bad, NULL);
    } else {
        struct stub_fault fault = from_wire(&wire.fault);
        call->on_fault(call->user, result, &fault);
    }
    free(call);
}

/* All requests of the demo but SetFault's are empty: no bytes. */
static struct stub_call *start(struct guard *guard, uint64_t now_ms, const char *path, guard_done_fn on_done,
                               const struct stub_call *wanted) {
    struct stub_call *call = malloc(sizeof *call);
    if (!call)
        return NULL;
    *call = *wanted;
    struct guard_request request = {
        .path = path, .message = stub_get_fault_request(), .deadline_ms = BW_NEVER};
    call->call = guard_start(guard, now_ms, &request, on_done, call);
    if (call->call)
        return call;
    free(call);
    return NULL;
}

struct stub_call *stub_get_data(struct guard *data_guard, uint64_t now_ms, stub_data_fn on_done, void *user) {
    struct stub_call wanted = {.on_data = on_done, .user = user};
    return start(data_guard, now_ms, "/breakwire.demo.v1.DataService/GetData", on_data_done, &wanted);
}

struct stub_call *stub_control(struct guard *control_guard, uint64_t now_ms, enum stub_control which,
                               stub_fault_fn on_done, void *user) {
    static const char *const paths[] = {
        [STUB_INDUCE_FAILURE] = "/breakwire.demo.v1.ControlService/InduceFailure",
        [STUB_REMOVE_FAILURE] = "/breakwire.demo.v1.ControlService/RemoveFailure",
        [STUB_INDUCE_LATENCY] = "/breakwire.demo.v1.ControlService/InduceLatency",
        [STUB_REMOVE_LATENCY] = "/breakwire.demo.v1.ControlService/RemoveLatency",
    };
    struct stub_call wanted = {.on_fault = on_done, .user = user};
    return start(control_guard, now_ms, paths[which], on_fault_done, &wanted);
}

void stub_cancel(struct stub_call *call, uint64_t now_ms) {
    guard_cancel(call->call, now_ms);
    free(call);
}

struct bw_span stub_get_fault_request(void) {
    return bw_span_of(NULL, 0);
}

bool stub_get_fault_response(struct bw_span bytes, struct stub_fault *fault) {
    breakwire_demo_v1_GetFaultResponse wire = breakwire_demo_v1_GetFaultResponse_init_zero;
    if (!decode(breakwire_demo_v1_GetFaultResponse_fields, bytes, &wire) || !wire.has_fault)
        return false;
    *fault = from_wire(&wire.fault);
    return true;
}
