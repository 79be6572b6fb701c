#include "service.h"

#include "talk.h"

#include <breakwire/timers.h>
#include <grpc/testing/messages.pb-c.h>

#include <stdlib.h>

enum { RESPONSE_SIZE_MAX = 64 * 1024 * 1024 };

struct service {
    struct talks talks;
};

struct service *service_new(struct bw_wake wake) {
    struct service *service = calloc(1, sizeof *service);
    if (!service)
        return NULL;
    service->talks.wake = wake;
    bw_timers_init(&service->talks.timers);
    return service;
}

void service_free(struct service *service) {
    if (service)
        bw_timers_free(&service->talks.timers);
    free(service);
}

static void refuse(struct bw_server_call *call) {
    bw_server_call_finish(call, BW_INTERNAL, "the request does not parse");
}

/* Interop descriptions, "Echo Metadata": one key comes back in the headers, the other in the trailers. */
static void echo_metadata(struct bw_server_call *call) {
    static const char initial[] = "x-grpc-test-echo-initial", trailing[] = "x-grpc-test-echo-trailing-bin";
    struct bw_span value = bw_metadata_find(bw_server_call_metadata(call), initial);
    if (value.data)
        bw_server_call_add_header(call, bw_span_text(initial), value);
    value = bw_metadata_find(bw_server_call_metadata(call), trailing);
    if (value.data)
        bw_server_call_add_trailer(call, bw_span_text(trailing), value);
}

static bool is_failure(const Grpc__Testing__EchoStatus *status) {
    return status && status->code != 0;
}

static enum bw_code code_of(const Grpc__Testing__EchoStatus *status) {
    return status->code > 0 && status->code < BW_CODES ? (enum bw_code)status->code : BW_UNKNOWN;
}

static void on_empty_call(void *self, struct bw_server_call *call, struct bw_span message) {
    (void)self;
    (void)message;
    echo_metadata(call);
    bw_server_call_reply(call, bw_span_of(NULL, 0));
}

static void on_unary_call(void *self, struct bw_server_call *call, struct bw_span message) {
    (void)self;
    Grpc__Testing__SimpleRequest *request =
        grpc__testing__simple_request__unpack(NULL, message.len, message.data);
    if (!request) {
        refuse(call);
        return;
    }
    echo_metadata(call);
    if (is_failure(request->response_status))
        bw_server_call_finish(call, code_of(request->response_status), request->response_status->message);
    else if (request->response_size < 0 || request->response_size > RESPONSE_SIZE_MAX)
        bw_server_call_finish(call, BW_INVALID_ARGUMENT, "response_size is 0 to 67108864");
    else if (talk_send(call, (size_t)request->response_size) != BW_SEND_OK)
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
    else
        bw_server_call_finish(call, BW_OK, NULL);
    grpc__testing__simple_request__free_unpacked(request, NULL);
}

/* ---- streams ---- */

/* The state of a stream, made with its first message. NULL: no memory, and the call is finished. */
static struct talk *talk_of(struct service *service, struct bw_server_call *call) {
    struct talk *talk = bw_server_call_user(call);
    if (talk)
        return talk;
    talk = talk_new(&service->talks, call);
    bw_server_call_set_user(call, talk);
    if (talk)
        echo_metadata(call);
    else
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
    return talk;
}

static bool ask_all(struct talk *talk, const Grpc__Testing__StreamingOutputCallRequest *request) {
    if (is_failure(request->response_status))
        return talk_ask_status(talk, code_of(request->response_status), request->response_status->message);
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        const Grpc__Testing__ResponseParameters *wanted = request->response_parameters[i];
        if (wanted->size < 0 || wanted->size > RESPONSE_SIZE_MAX)
            return talk_ask_status(talk, BW_INVALID_ARGUMENT, "size is 0 to 67108864");
        uint64_t interval_us = wanted->interval_us > 0 ? (uint64_t)wanted->interval_us : 0;
        if (!talk_ask(talk, (size_t)wanted->size, (interval_us + 999) / 1000))
            return false;
    }
    return true;
}

static struct talk *ask(struct service *service, struct bw_server_call *call, struct bw_span message) {
    Grpc__Testing__StreamingOutputCallRequest *request =
        grpc__testing__streaming_output_call_request__unpack(NULL, message.len, message.data);
    if (!request) {
        refuse(call);
        return NULL;
    }
    struct talk *talk = talk_of(service, call);
    if (talk && !ask_all(talk, request)) {
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
        talk = NULL;
    }
    grpc__testing__streaming_output_call_request__free_unpacked(request, NULL);
    return talk;
}

static void on_output_call(void *self, struct bw_server_call *call, struct bw_span message) {
    struct talk *talk = ask(self, call, message);
    if (talk)
        talk_end_after_all(talk);
}

static void on_full_duplex(void *self, struct bw_server_call *call, struct bw_span message) {
    struct talk *talk = ask(self, call, message);
    if (talk)
        talk_go_on(talk);
}

/* HalfDuplexCall answers when all requests are there. */
static void on_half_duplex(void *self, struct bw_server_call *call, struct bw_span message) {
    ask(self, call, message);
}

static void on_duplex_half_close(void *self, struct bw_server_call *call) {
    struct talk *talk = talk_of(self, call);
    if (talk)
        talk_end_after_all(talk);
}

static void on_input_call(void *self, struct bw_server_call *call, struct bw_span message) {
    Grpc__Testing__StreamingInputCallRequest *request =
        grpc__testing__streaming_input_call_request__unpack(NULL, message.len, message.data);
    struct talk *talk = request ? talk_of(self, call) : NULL;
    if (!request)
        refuse(call);
    else if (talk && request->payload)
        talk->bytes_received += request->payload->body.len;
    if (request)
        grpc__testing__streaming_input_call_request__free_unpacked(request, NULL);
}

static void on_input_half_close(void *self, struct bw_server_call *call) {
    Grpc__Testing__StreamingInputCallResponse response = GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
    uint8_t bytes[16];
    struct talk *talk = talk_of(self, call);
    if (!talk)
        return;
    response.aggregated_payload_size = (int32_t)talk->bytes_received;
    size_t len = grpc__testing__streaming_input_call_response__pack(&response, bytes);
    bw_server_call_reply(call, bw_span_of(bytes, len));
}

static void on_writable(void *self, struct bw_server_call *call) {
    (void)self;
    struct talk *talk = bw_server_call_user(call);
    if (talk)
        talk_go_on(talk);
}

static void on_end(void *self, struct bw_server_call *call, enum bw_call_end how) {
    (void)self;
    (void)how;
    talk_free(bw_server_call_user(call));
}

static const struct {
    const char *path;
    enum bw_kind kind;
    struct bw_handler handler;
} METHODS[] = {
    {"/grpc.testing.TestService/EmptyCall", BW_UNARY, {.on_message = on_empty_call}},
    {"/grpc.testing.TestService/UnaryCall", BW_UNARY, {.on_message = on_unary_call}},
    {"/grpc.testing.TestService/CacheableUnaryCall", BW_UNARY, {.on_message = on_unary_call}},
    {"/grpc.testing.TestService/StreamingOutputCall",
     BW_SERVER_STREAMING,
     {on_output_call, NULL, on_writable, on_end}},
    {"/grpc.testing.TestService/StreamingInputCall",
     BW_CLIENT_STREAMING,
     {on_input_call, on_input_half_close, NULL, on_end}},
    {"/grpc.testing.TestService/FullDuplexCall",
     BW_BIDI_STREAMING,
     {on_full_duplex, on_duplex_half_close, on_writable, on_end}},
    {"/grpc.testing.TestService/HalfDuplexCall",
     BW_BIDI_STREAMING,
     {on_half_duplex, on_duplex_half_close, on_writable, on_end}},
};

bool service_add_to(struct service *service, struct bw_server *server) {
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        struct bw_method method = {.path = METHODS[i].path,
                                   .kind = METHODS[i].kind,
                                   .handler = &METHODS[i].handler,
                                   .service = service};
        if (bw_server_add(server, &method) != 0)
            return false;
    }
    return true;
}

static void tick(void *self, uint64_t now_ms) {
    struct service *service = self;
    talks_tick(&service->talks, now_ms);
}

static uint64_t next_deadline(const void *self) {
    const struct service *service = self;
    return bw_timers_next(&service->talks.timers);
}

struct bw_clocked service_clocked(struct service *service) {
    static const struct bw_clocked_ops ops = {.tick = tick, .next_deadline = next_deadline};
    return (struct bw_clocked){&ops, service};
}
