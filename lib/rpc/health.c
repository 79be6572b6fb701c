#include <breakwire/health.h>

#include "pbwire.h"

#include <stdlib.h>

enum { SERVICE = 1, STATUS = 1 }; /* fields of HealthCheckRequest and HealthCheckResponse */
enum { REQUEST_MAX = 1024, RESPONSE_MAX = 8 };

struct named_status {
    struct named_status *next;
    enum bw_serving status;
    char name[]; /* NUL at the end */
};

struct watcher {
    struct watcher *next, **link;
    struct bw_server_call *call;
    enum bw_serving told;
    bool behind; /* the stream was full when the status changed */
    char name[]; /* NUL at the end */
};

struct bw_health {
    struct named_status *services;
    struct watcher *watchers;
    bool shut_down;
};

static struct named_status *find(const struct bw_health *health, struct bw_span name) {
    for (struct named_status *service = health->services; service; service = service->next)
        if (bw_span_is(name, service->name))
            return service;
    return NULL;
}

static enum bw_serving status_of(const struct bw_health *health, const char *name) {
    const struct named_status *service = find(health, bw_span_text(name));
    return service ? service->status : BW_SERVICE_UNKNOWN;
}

/* HealthCheckRequest. False: malformed. */
static bool read_request(struct bw_span message, struct bw_span *service) {
    struct bw_pbwire_field field;
    *service = bw_span_text("");
    while (bw_pbwire_next(&message, &field))
        if (field.number == SERVICE && field.type == BW_PB_BYTES)
            *service = field.bytes;
    return message.len == 0;
}

static struct bw_span write_response(enum bw_serving status, uint8_t out[RESPONSE_MAX]) {
    out[0] = STATUS << 3 | BW_PB_VARINT;
    out[1] = (uint8_t)status;
    return bw_span_of(out, 2);
}

static void on_check(void *self, struct bw_server_call *call, struct bw_span message) {
    const struct bw_health *health = self;
    struct bw_span name;
    uint8_t bytes[RESPONSE_MAX];
    if (!read_request(message, &name)) {
        bw_server_call_finish(call, BW_INTERNAL, "the request is no HealthCheckRequest");
        return;
    }
    const struct named_status *service = find(health, name);
    if (service)
        bw_server_call_reply(call, write_response(service->status, bytes));
    else
        bw_server_call_finish(call, BW_NOT_FOUND, "unknown service");
}

/* ---- Watch: the status now, then each change; it never ends by itself ---- */

static void tell(struct watcher *watcher, enum bw_serving status) {
    uint8_t bytes[RESPONSE_MAX];
    watcher->behind = bw_server_call_send(watcher->call, write_response(status, bytes)) == BW_SEND_FULL;
    if (!watcher->behind)
        watcher->told = status;
}

static void on_watch(void *self, struct bw_server_call *call, struct bw_span message) {
    struct bw_health *health = self;
    struct bw_span name;
    if (!read_request(message, &name)) {
        bw_server_call_finish(call, BW_INTERNAL, "the request is no HealthCheckRequest");
        return;
    }
    struct watcher *watcher = calloc(1, sizeof *watcher + name.len + 1);
    if (!watcher) {
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    bw_span_copy_text(name, watcher->name, name.len + 1);
    watcher->call = call;
    watcher->next = health->watchers;
    watcher->link = &health->watchers;
    if (watcher->next)
        watcher->next->link = &watcher->next;
    health->watchers = watcher;
    bw_server_call_set_user(call, watcher);
    tell(watcher, status_of(health, watcher->name));
}

static void on_watch_writable(void *self, struct bw_server_call *call) {
    struct watcher *watcher = bw_server_call_user(call);
    if (watcher && watcher->behind)
        tell(watcher, status_of(self, watcher->name));
}

static void on_watch_end(void *self, struct bw_server_call *call, enum bw_call_end how) {
    (void)self;
    (void)how;
    struct watcher *watcher = bw_server_call_user(call);
    if (!watcher)
        return;
    *watcher->link = watcher->next;
    if (watcher->next)
        watcher->next->link = watcher->link;
    free(watcher);
}

static void tell_changes(struct bw_health *health) {
    for (struct watcher *watcher = health->watchers; watcher; watcher = watcher->next) {
        enum bw_serving status = status_of(health, watcher->name);
        if (status != watcher->told && !watcher->behind)
            tell(watcher, status);
    }
}

/* ---- setting ---- */

static struct named_status *add(struct bw_health *health, const char *name) {
    size_t len = strlen(name);
    struct named_status *service = calloc(1, sizeof *service + len + 1);
    if (!service)
        return NULL;
    memcpy(service->name, name, len + 1);
    service->next = health->services;
    health->services = service;
    return service;
}

bool bw_health_set(struct bw_health *health, const char *service, enum bw_serving status) {
    if (health->shut_down)
        return true;
    struct named_status *named = find(health, bw_span_text(service));
    if (!named)
        named = add(health, service);
    if (!named)
        return false;
    named->status = status;
    tell_changes(health);
    return true;
}

void bw_health_shutdown(struct bw_health *health) {
    for (struct named_status *service = health->services; service; service = service->next)
        service->status = BW_NOT_SERVING;
    tell_changes(health);
    health->shut_down = true;
    /* A watch never ends by itself, but a drain must not wait for it: its caller reconnects elsewhere. */
    for (struct watcher *watcher = health->watchers; watcher; watcher = watcher->next)
        bw_server_call_finish(watcher->call, BW_UNAVAILABLE, "the server is shutting down");
}

struct bw_health *bw_health_new(struct bw_server *server) {
    static const struct bw_handler check = {.on_message = on_check};
    static const struct bw_handler watch = {
        .on_message = on_watch, .on_writable = on_watch_writable, .on_end = on_watch_end};
    struct bw_health *health = calloc(1, sizeof *health);
    if (!health)
        return NULL;
    const struct bw_method methods[] = {
        {BW_HEALTH_CHECK_PATH, BW_UNARY, &check, health, REQUEST_MAX},
        {"/grpc.health.v1.Health/Watch", BW_SERVER_STREAMING, &watch, health, REQUEST_MAX},
    };
    if (bw_server_add(server, &methods[0]) == 0 && bw_server_add(server, &methods[1]) == 0 &&
        bw_health_set(health, "", BW_SERVING))
        return health;
    bw_health_free(health);
    return NULL;
}

void bw_health_free(struct bw_health *health) {
    if (!health)
        return;
    while (health->services) {
        struct named_status *next = health->services->next;
        free(health->services);
        health->services = next;
    }
    free(health);
}

/* ---- for clients ---- */

bool bw_health_request(struct bw_buf *out, const char *service) {
    if (*service)
        bw_pbwire_put_bytes(out, SERVICE, bw_span_text(service));
    return !out->failed;
}

enum bw_serving bw_health_response(struct bw_span bytes) {
    struct bw_pbwire_field field;
    uint64_t status = BW_SERVING_UNKNOWN;
    while (bw_pbwire_next(&bytes, &field))
        if (field.number == STATUS && field.type == BW_PB_VARINT)
            status = field.varint;
    return bytes.len == 0 && status <= BW_SERVICE_UNKNOWN ? (enum bw_serving)status : BW_SERVING_UNKNOWN;
}
