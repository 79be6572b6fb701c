#include "service.h"

#include "run.h"

#include <stdlib.h>

static void on_message(void *self, struct bw_server_call *call, struct bw_span message) {
    struct service *service = self;
    (void)call;
    bw_buf_printf(&service->trace, "message %.*s\n", (int)message.len, (const char *)message.data);
}

static void on_echo(void *self, struct bw_server_call *call, struct bw_span message) {
    struct service *service = self;
    on_message(self, call, message);
    service->deadline_ms = bw_server_call_deadline(call);
    bw_server_call_reply(call, message);
}

static void on_later(void *self, struct bw_server_call *call, struct bw_span message) {
    struct service *service = self;
    on_message(self, call, message);
    assert_true(service->held_count < SERVICE_HELD);
    service->held[service->held_count++] = call;
}

static void on_fail(void *self, struct bw_server_call *call, struct bw_span message) {
    char text[64];
    on_message(self, call, message);
    bw_span_copy_text(message, text, sizeof text);
    bw_server_call_add_header(call, bw_span_text("h"), bw_span_text("1"));
    bw_server_call_add_trailer(call, bw_span_text("t"), bw_span_text("2"));
    bw_server_call_set_details(call, bw_span_text("details"));
    bw_server_call_set_pushback(call, 250);
    bw_server_call_finish(call, BW_INVALID_ARGUMENT, text);
}

static void on_meta(void *self, struct bw_server_call *call, struct bw_span message) {
    const struct bw_metadata *metadata = bw_server_call_metadata(call);
    on_message(self, call, message);
    for (size_t i = 0; i < bw_metadata_count(metadata); i++) {
        struct bw_metadata_entry entry = bw_metadata_get(metadata, i);
        if (bw_span_starts(entry.key, "h-"))
            bw_server_call_add_header(call, entry.key, entry.value);
        else if (bw_span_starts(entry.key, "t-"))
            bw_server_call_add_trailer(call, entry.key, entry.value);
    }
    bw_server_call_reply(call, message);
}

static void send_many(struct service *service, struct bw_server_call *call) {
    static const uint8_t kilobyte[1024];
    while (service->many_left > 0) {
        enum bw_send sent = bw_server_call_send(call, bw_span_of(kilobyte, sizeof kilobyte));
        if (sent == BW_SEND_FULL) {
            bw_buf_append_text(&service->trace, "full\n");
            return;
        }
        if (sent == BW_SEND_CLOSED)
            return;
        service->many_left--;
    }
    bw_server_call_finish(call, BW_OK, NULL);
}

static void on_many(void *self, struct bw_server_call *call, struct bw_span message) {
    struct service *service = self;
    char text[16];
    on_message(self, call, message);
    bw_span_copy_text(message, text, sizeof text);
    service->many_left = (unsigned)atoi(text);
    send_many(service, call);
}

static void on_many_writable(void *self, struct bw_server_call *call) {
    send_many(self, call);
}

static void on_talk(struct service *service, struct bw_server_call *call, struct bw_span message) {
    bool is_chat = strcmp(bw_server_call_path(call), "/t.Test/Chat") == 0;
    on_message(service, call, message);
    service->talks[!is_chat] = call;
    if (service->pauses)
        bw_server_call_pause(call);
}

static void on_chat(void *self, struct bw_server_call *call, struct bw_span message) {
    on_talk(self, call, message);
    bw_server_call_send(call, message);
}

static void on_collect(void *self, struct bw_server_call *call, struct bw_span message) {
    struct service *service = self;
    on_talk(service, call, message);
    bw_buf_append_span(&service->collected, message);
}

static void on_early(void *self, struct bw_server_call *call, struct bw_span message) {
    on_talk(self, call, message);
    bw_server_call_reply(call, message);
}

static void on_collected(void *self, struct bw_server_call *call) {
    struct service *service = self;
    bw_buf_append_text(&service->trace, "half-close\n");
    bw_server_call_reply(call, bw_buf_span(&service->collected));
    bw_buf_clear(&service->collected);
}

static void on_half_close(void *self, struct bw_server_call *call) {
    struct service *service = self;
    bw_buf_append_text(&service->trace, "half-close\n");
    bw_server_call_finish(call, BW_OK, NULL);
}

static void on_proxy(void *self, struct bw_server_call *call, struct bw_span message) {
    on_message(self, call, message);
    bw_server_call_reply(call, bw_span_text(bw_server_call_path(call)));
}

static void on_end(void *self, struct bw_server_call *call, enum bw_call_end how) {
    static const char *const ends[] = {"FINISHED", "CANCELLED", "DEADLINE", "LOST"};
    struct service *service = self;
    bw_buf_printf(&service->trace, "end %s\n", ends[how]);
    for (size_t i = 0; i < 2; i++)
        if (service->talks[i] == call)
            service->talks[i] = NULL;
    for (size_t i = 0; i < service->held_count; i++)
        if (service->held[i] == call) {
            service->held_count--;
            memmove(&service->held[i], &service->held[i + 1],
                    (service->held_count - i) * sizeof service->held[0]);
        }
}

static const struct {
    const char *path;
    enum bw_kind kind;
    struct bw_handler handler;
} METHODS[] = {
    {"/t.Test/Echo", BW_UNARY, {.on_message = on_echo, .on_end = on_end}},
    {"/t.Test/Later", BW_UNARY, {.on_message = on_later, .on_end = on_end}},
    {"/t.Test/Fail", BW_UNARY, {.on_message = on_fail, .on_end = on_end}},
    {"/t.Test/Meta", BW_UNARY, {.on_message = on_meta, .on_end = on_end}},
    {"/t.Test/Many", BW_SERVER_STREAMING, {on_many, NULL, on_many_writable, on_end}},
    {"/t.Test/Chat", BW_BIDI_STREAMING, {on_chat, on_half_close, NULL, on_end}},
    {"/t.Test/Early", BW_CLIENT_STREAMING, {on_early, on_collected, NULL, on_end}},
    {"/t.Test/Collect", BW_CLIENT_STREAMING, {on_collect, on_collected, NULL, on_end}},
};
static const struct bw_handler PROXY = {.on_message = on_proxy, .on_end = on_end};

static bool add_all(struct service *service) {
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        struct bw_method method = {METHODS[i].path, METHODS[i].kind, &METHODS[i].handler, service, 0};
        if (bw_server_add(service->server, &method) != 0)
            return false;
    }
    struct bw_method small = {"/t.Test/Small", BW_UNARY, &METHODS[0].handler, service, 10};
    struct bw_method proxy = {"/t.Proxy/", BW_UNARY, &PROXY, service, 0};
    return bw_server_add(service->server, &small) == 0 && bw_server_add_prefix(service->server, &proxy) == 0;
}

bool service_try(struct service *service, const struct bw_server_config *config) {
    struct bw_server_config standard;
    bw_server_config_default(&standard);
    *service = (struct service){.server = bw_server_new(config ? config : &standard)};
    return service->server && add_all(service);
}

void service_init(struct service *service, const struct bw_server_config *config) {
    assert_true(service_try(service, config));
}

void service_free(struct service *service) {
    bw_server_free(service->server);
    bw_buf_free(&service->trace);
    bw_buf_free(&service->collected);
}

const char *service_trace(struct service *service) {
    const char *text = bw_buf_text(&service->trace);
    bw_buf_clear(&service->trace);
    return text;
}
