#include "control.h"

#include <breakwire/demo/v1/demo.pb-c.h>

#include <stdio.h>

enum { REQUEST_MAX = 1024, RESPONSE_MAX = 64 };

typedef Breakwire__Demo__V1__Fault wire_fault;

static wire_fault to_wire(const struct fault *fault) {
    wire_fault wire = BREAKWIRE__DEMO__V1__FAULT__INIT;
    wire.failure_percent = fault->failure_percent;
    wire.status_code = fault->status_code;
    wire.latency_min_ms = fault->latency_min_ms;
    wire.latency_max_ms = fault->latency_max_ms;
    return wire;
}

/* The five responses that carry only the fault are one message on the wire: fault = 1. */
static void reply_fault(struct control_service *control, struct bw_server_call *call) {
    wire_fault fault = to_wire(control->fault);
    Breakwire__Demo__V1__SetFaultResponse response = BREAKWIRE__DEMO__V1__SET_FAULT_RESPONSE__INIT;
    uint8_t bytes[RESPONSE_MAX];
    response.fault = &fault;
    size_t len = breakwire__demo__v1__set_fault_response__pack(&response, bytes);
    bw_server_call_reply(call, bw_span_of(bytes, len));
}

static void log_change(const struct control_service *control) {
    const struct fault *fault = control->fault;
    bw_log_fields(control->log, BW_LOG_INFO, "fault set",
                  bw_field_u64("failure_percent", fault->failure_percent),
                  bw_field_u64("status_code", fault->status_code),
                  bw_field_u64("latency_min_ms", fault->latency_min_ms),
                  bw_field_u64("latency_max_ms", fault->latency_max_ms));
}

/* The requests without fields are one message too: any fields in them are unknown ones. */
static bool is_empty_request(struct bw_server_call *call, struct bw_span message) {
    Breakwire__Demo__V1__GetFaultRequest *request =
        breakwire__demo__v1__get_fault_request__unpack(NULL, message.len, message.data);
    if (!request) {
        bw_server_call_finish(call, BW_INTERNAL, "the request does not parse");
        return false;
    }
    breakwire__demo__v1__get_fault_request__free_unpacked(request, NULL);
    return true;
}

static void change(struct control_service *control, struct bw_server_call *call, struct bw_span message,
                   void (*apply)(struct fault *)) {
    if (!is_empty_request(call, message))
        return;
    apply(control->fault);
    log_change(control);
    reply_fault(control, call);
}

static void on_induce_failure(void *service, struct bw_server_call *call, struct bw_span message) {
    change(service, call, message, fault_induce_failure);
}

static void on_remove_failure(void *service, struct bw_server_call *call, struct bw_span message) {
    change(service, call, message, fault_remove_failure);
}

static void on_induce_latency(void *service, struct bw_server_call *call, struct bw_span message) {
    change(service, call, message, fault_induce_latency);
}

static void on_remove_latency(void *service, struct bw_server_call *call, struct bw_span message) {
    change(service, call, message, fault_remove_latency);
}

static void on_get_fault(void *service, struct bw_server_call *call, struct bw_span message) {
    struct control_service *control = service;
    if (!is_empty_request(call, message))
        return;
    wire_fault fault = to_wire(control->fault);
    struct data_counts counts = data_service_counts(control->data);
    Breakwire__Demo__V1__GetFaultResponse response = BREAKWIRE__DEMO__V1__GET_FAULT_RESPONSE__INIT;
    uint8_t bytes[RESPONSE_MAX];
    response.fault = &fault;
    response.data_calls_received = counts.received;
    response.data_calls_failed = counts.failed;
    size_t len = breakwire__demo__v1__get_fault_response__pack(&response, bytes);
    bw_server_call_reply(call, bw_span_of(bytes, len));
}

static void set_fault(struct control_service *control, struct bw_server_call *call, const wire_fault *wire) {
    char why[128];
    struct fault wanted = {.failure_percent = wire->failure_percent,
                           .status_code = wire->status_code,
                           .latency_min_ms = wire->latency_min_ms,
                           .latency_max_ms = wire->latency_max_ms};
    if (!fault_set(control->fault, &wanted, why, sizeof why)) {
        bw_server_call_finish(call, BW_INVALID_ARGUMENT, why);
        return;
    }
    log_change(control);
    reply_fault(control, call);
}

static void on_set_fault(void *service, struct bw_server_call *call, struct bw_span message) {
    Breakwire__Demo__V1__SetFaultRequest *request =
        breakwire__demo__v1__set_fault_request__unpack(NULL, message.len, message.data);
    if (!request)
        bw_server_call_finish(call, BW_INTERNAL, "the request does not parse");
    else if (!request->fault)
        bw_server_call_finish(call, BW_INVALID_ARGUMENT, "fault is missing");
    else
        set_fault(service, call, request->fault);
    if (request)
        breakwire__demo__v1__set_fault_request__free_unpacked(request, NULL);
}

#define PREFIX "/breakwire.demo.v1.ControlService/"

int control_service_register(struct control_service *control, struct bw_server *server) {
    static const struct {
        const char *path;
        struct bw_handler handler;
    } methods[] = {
        {PREFIX "InduceFailure", {.on_message = on_induce_failure}},
        {PREFIX "RemoveFailure", {.on_message = on_remove_failure}},
        {PREFIX "InduceLatency", {.on_message = on_induce_latency}},
        {PREFIX "RemoveLatency", {.on_message = on_remove_latency}},
        {PREFIX "GetFault", {.on_message = on_get_fault}},
        {PREFIX "SetFault", {.on_message = on_set_fault}},
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct bw_method method = {.path = methods[i].path,
                                   .kind = BW_UNARY,
                                   .handler = &methods[i].handler,
                                   .service = control,
                                   .message_size_max = REQUEST_MAX};
        int result = bw_server_add(server, &method);
        if (result != 0)
            return result;
    }
    return 0;
}
