#include "data.h"

#include <breakwire/demo/v1/demo.pb-c.h>
#include <breakwire/timers.h>

#include <stdlib.h>

enum { REQUEST_MAX = 1024, RESPONSE_MAX = 64 };

/* An answer that waits for its time. The call owns it until on_end. */
struct delayed {
    struct bw_timer timer;
    struct bw_server_call *call;
    struct fault_verdict verdict;
};

struct data_service {
    const struct fault *fault;
    struct bw_random random;
    struct bw_wake wake;
    struct bw_timers timers;
    struct data_counts counts;
};

struct data_service *data_service_new(const struct fault *fault, uint64_t seed, struct bw_wake wake) {
    struct data_service *data = calloc(1, sizeof *data);
    if (!data)
        return NULL;
    data->fault = fault;
    data->random.state = seed;
    data->wake = wake;
    bw_timers_init(&data->timers);
    return data;
}

void data_service_free(struct data_service *data) {
    if (data)
        bw_timers_free(&data->timers);
    free(data);
}

struct data_counts data_service_counts(const struct data_service *data) {
    return data->counts;
}

static void answer(struct data_service *data, struct bw_server_call *call,
                   const struct fault_verdict *verdict) {
    if (verdict->fails) {
        data->counts.failed++;
        bw_server_call_finish(call, (enum bw_code)verdict->code, "Service B is intentionally failing.");
        return;
    }
    Breakwire__Demo__V1__GetDataResponse response = BREAKWIRE__DEMO__V1__GET_DATA_RESPONSE__INIT;
    uint8_t bytes[RESPONSE_MAX];
    response.message = (char *)(uintptr_t) "Hello from Service B!";
    response.data = (int32_t)bw_random_between(&data->random, 1, 100);
    size_t len = breakwire__demo__v1__get_data_response__pack(&response, bytes);
    bw_server_call_reply(call, bw_span_of(bytes, len));
}

static void answer_later(struct data_service *data, struct bw_server_call *call,
                         const struct fault_verdict *verdict) {
    struct delayed *delayed = calloc(1, sizeof *delayed);
    if (!delayed ||
        !bw_timer_set(&data->timers, &delayed->timer, bw_server_call_now(call) + verdict->delay_ms)) {
        free(delayed);
        data->counts.failed++;
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    delayed->call = call;
    delayed->verdict = *verdict;
    bw_server_call_set_user(call, delayed);
    bw_wake_up(&data->wake);
}

static bool is_request(struct bw_span message) {
    Breakwire__Demo__V1__GetDataRequest *request =
        breakwire__demo__v1__get_data_request__unpack(NULL, message.len, message.data);
    if (!request)
        return false;
    breakwire__demo__v1__get_data_request__free_unpacked(request, NULL);
    return true;
}

static void on_get_data(void *service, struct bw_server_call *call, struct bw_span message) {
    struct data_service *data = service;
    data->counts.received++;
    if (!is_request(message)) {
        data->counts.failed++;
        bw_server_call_finish(call, BW_INTERNAL, "the request is no breakwire.demo.v1.GetDataRequest");
        return;
    }
    struct fault_verdict verdict = fault_meet(data->fault, &data->random);
    if (verdict.delay_ms)
        answer_later(data, call, &verdict);
    else
        answer(data, call, &verdict);
}

static void on_call_end(void *service, struct bw_server_call *call, enum bw_call_end how) {
    (void)how;
    struct data_service *data = service;
    struct delayed *delayed = bw_server_call_user(call);
    if (!delayed)
        return;
    bw_timer_remove(&data->timers, &delayed->timer);
    free(delayed);
}

int data_service_register(struct data_service *data, struct bw_server *server) {
    static const struct bw_handler handler = {.on_message = on_get_data, .on_end = on_call_end};
    struct bw_method method = {.path = "/breakwire.demo.v1.DataService/GetData",
                               .kind = BW_UNARY,
                               .handler = &handler,
                               .service = data,
                               .message_size_max = REQUEST_MAX};
    return bw_server_add(server, &method);
}

static void tick(void *self, uint64_t now_ms) {
    struct data_service *data = self;
    struct bw_timer *timer;
    while ((timer = bw_timers_pop_due(&data->timers, now_ms)) != NULL) {
        struct delayed *delayed = BW_OWNER_OF(timer, struct delayed, timer);
        answer(data, delayed->call, &delayed->verdict);
    }
}

static uint64_t next_deadline(const void *self) {
    const struct data_service *data = self;
    return bw_timers_next(&data->timers);
}

struct bw_clocked data_service_clocked(struct data_service *data) {
    static const struct bw_clocked_ops ops = {.tick = tick, .next_deadline = next_deadline};
    return (struct bw_clocked){&ops, data};
}
