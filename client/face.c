#include "face.h"

#include "face_status.h"

#include <breakwire/buf.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_REQUEST_MAX = 1024, TEXT_MAX = 256, GUARDS = 2 };

/* A call that is being forwarded. Owned by the guard's on_done or, when the caller leaves first, by
 * on_forward_end. */
struct forwarded {
    struct bw_server_call *call;
    struct guard_call *guarded;
};

/* A Watch stream. Owned by on_watch_end. */
struct watcher {
    struct watcher *next, **link;
    struct bw_server_call *call;
    char name[GUARD_NAME_MAX + 1]; /* "" = all */
    bool behind;                   /* the stream was full: everything is sent again when it is writable */
};

struct face {
    struct guard *guards[GUARDS];
    struct watcher *watchers;
};

/* ---- forwarding ---- */

static void add_all(struct bw_server_call *call, const struct bw_metadata *metadata,
                    enum bw_metadata_result (*add)(struct bw_server_call *, struct bw_span, struct bw_span)) {
    for (size_t i = 0; i < bw_metadata_count(metadata); i++) {
        struct bw_metadata_entry entry = bw_metadata_get(metadata, i);
        add(call, entry.key, entry.value);
    }
}

static void add_circuit_state(struct bw_server_call *call, const char *state) {
    bw_server_call_add_trailer(call, bw_span_text("x-circuit-state"), bw_span_text(state));
}

/* The hint of a local reject: RetryInfo and pushback say the same number; held open by hand there is none. */
static void add_retry(struct bw_server_call *call, const struct guard_result *result, const char *message) {
    struct bw_buf details;
    int64_t retry_ms = result->forced ? -1 : (int64_t)result->retry_after_ms;
    bw_buf_init(&details, 0);
    if (bw_status_details(&details, BW_UNAVAILABLE, message, retry_ms))
        bw_server_call_set_details(call, bw_buf_span(&details));
    bw_buf_free(&details);
    bw_server_call_set_pushback(call, retry_ms);
}

static void answer_rejected(struct bw_server_call *call, const struct guard_result *result) {
    char message[TEXT_MAX];
    if (result->forced)
        snprintf(message, sizeof message, "circuit breaker %s is held open by an operator", result->breaker);
    else if (strcmp(result->state, "closed") == 0)
        snprintf(message, sizeof message, "circuit breaker %s: %s", result->breaker, result->message);
    else
        snprintf(message, sizeof message, "circuit breaker %s is %s, retry after %" PRIu64 " ms",
                 result->breaker, result->state, result->retry_after_ms);
    add_circuit_state(call, result->state);
    add_retry(call, result, message);
    bw_server_call_finish(call, BW_UNAVAILABLE, message);
}

static void answer_ended(struct bw_server_call *call, const struct guard_result *result) {
    add_all(call, result->headers, bw_server_call_add_header);
    add_all(call, result->trailers, bw_server_call_add_trailer);
    if (result->code == BW_OK) {
        bw_server_call_reply(call, result->response);
        return;
    }
    if (result->details.len)
        bw_server_call_set_details(call, result->details);
    if (result->has_pushback)
        bw_server_call_set_pushback(call, result->pushback_ms);
    bw_server_call_finish(call, (enum bw_code)result->code, result->message);
}

static void on_guarded_done(void *user, const struct guard_result *result) {
    struct forwarded *forwarded = user;
    bw_server_call_set_user(forwarded->call, NULL);
    if (result->rejected)
        answer_rejected(forwarded->call, result);
    else
        answer_ended(forwarded->call, result);
    free(forwarded);
}

static void on_forward(void *service, struct bw_server_call *call, struct bw_span message) {
    struct guard_request request = {.path = bw_server_call_path(call),
                                    .message = message,
                                    .metadata = bw_server_call_metadata(call),
                                    .deadline_ms = bw_server_call_deadline(call)};
    struct forwarded *forwarded = calloc(1, sizeof *forwarded);
    if (forwarded)
        forwarded->guarded =
            guard_start(service, bw_server_call_now(call), &request, on_guarded_done, forwarded);
    if (!forwarded || !forwarded->guarded) {
        free(forwarded);
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    forwarded->call = call;
    bw_server_call_set_user(call, forwarded);
}

static void on_forward_end(void *service, struct bw_server_call *call, enum bw_call_end how) {
    (void)service;
    (void)how;
    struct forwarded *forwarded = bw_server_call_user(call);
    if (!forwarded)
        return;
    guard_cancel(forwarded->guarded, bw_server_call_now(call));
    free(forwarded);
}

/* ---- breakwire.breaker.v1.BreakerService ---- */

/* The guards that `name` means; 0 = unknown. */
static size_t named(const struct face *face, const char *name, const struct guard *out[GUARDS]) {
    size_t n = 0;
    for (size_t i = 0; i < GUARDS; i++)
        if (!*name || strcmp(name, guard_name(face->guards[i])) == 0)
            out[n++] = face->guards[i];
    return n;
}

/* Reads the request and finds its guards, or ends the call with the reason. */
static size_t asked_for(const struct face *face, struct bw_server_call *call, struct bw_span message,
                        char name[GUARD_NAME_MAX + 1], const struct guard *out[GUARDS]) {
    char text[TEXT_MAX];
    if (!face_status_request(message, name)) {
        bw_server_call_finish(call, BW_INTERNAL, "the request does not parse");
        return 0;
    }
    size_t n = named(face, name, out);
    if (n == 0) {
        snprintf(text, sizeof text, "no circuit breaker is named %s; there are %s and %s", name,
                 guard_name(face->guards[0]), guard_name(face->guards[1]));
        bw_server_call_finish(call, BW_NOT_FOUND, text);
    }
    return n;
}

static void on_get_status(void *service, struct bw_server_call *call, struct bw_span message) {
    const struct guard *guards[GUARDS];
    char name[GUARD_NAME_MAX + 1];
    struct bw_buf bytes;
    size_t n = asked_for(service, call, message, name, guards);
    if (n == 0)
        return;
    bw_buf_init(&bytes, 0);
    if (face_status_response(guards, n, bw_server_call_now(call), &bytes))
        bw_server_call_reply(call, bw_buf_span(&bytes));
    else
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
    bw_buf_free(&bytes);
}

static void tell(const struct face *face, struct watcher *watcher, const char *name, uint64_t now_ms) {
    const struct guard *guards[GUARDS];
    struct bw_buf bytes;
    bw_buf_init(&bytes, 0);
    /* Without memory it stays behind: the next change, or room to write, tries again. */
    watcher->behind = !face_status_response(guards, named(face, name, guards), now_ms, &bytes) ||
                      bw_server_call_send(watcher->call, bw_buf_span(&bytes)) == BW_SEND_FULL;
    bw_buf_free(&bytes);
}

static void on_watch(void *service, struct bw_server_call *call, struct bw_span message) {
    struct face *face = service;
    const struct guard *guards[GUARDS];
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher) {
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    if (asked_for(face, call, message, watcher->name, guards) == 0) {
        free(watcher);
        return;
    }
    watcher->call = call;
    watcher->next = face->watchers;
    watcher->link = &face->watchers;
    if (watcher->next)
        watcher->next->link = &watcher->next;
    face->watchers = watcher;
    bw_server_call_set_user(call, watcher);
    tell(face, watcher, watcher->name, bw_server_call_now(call));
}

static void on_watch_writable(void *service, struct bw_server_call *call) {
    struct watcher *watcher = bw_server_call_user(call);
    if (watcher && watcher->behind)
        tell(service, watcher, watcher->name, bw_server_call_now(call));
}

static void on_watch_end(void *service, struct bw_server_call *call, enum bw_call_end how) {
    (void)service;
    (void)how;
    struct watcher *watcher = bw_server_call_user(call);
    if (!watcher)
        return;
    *watcher->link = watcher->next;
    if (watcher->next)
        watcher->next->link = watcher->link;
    free(watcher);
}

void face_changed(struct face *face, const char *breaker, uint64_t now_ms) {
    for (struct watcher *watcher = face->watchers; watcher; watcher = watcher->next)
        if (!watcher->behind && (!*watcher->name || strcmp(watcher->name, breaker) == 0))
            tell(face, watcher, breaker, now_ms);
}

void face_drain(struct face *face) {
    for (struct watcher *watcher = face->watchers; watcher; watcher = watcher->next)
        bw_server_call_finish(watcher->call, BW_UNAVAILABLE, "service-a is shutting down");
}

/* ---- registration ---- */

static bool add_methods(struct face *face, struct bw_server *server) {
    static const struct bw_handler forward = {.on_message = on_forward, .on_end = on_forward_end};
    static const struct bw_handler get_status = {.on_message = on_get_status};
    static const struct bw_handler watch = {
        .on_message = on_watch, .on_writable = on_watch_writable, .on_end = on_watch_end};
    const struct bw_method prefixes[] = {
        {"/breakwire.demo.v1.DataService/", BW_UNARY, &forward, face->guards[0], 0},
        {"/breakwire.demo.v1.ControlService/", BW_UNARY, &forward, face->guards[1], 0},
    };
    const struct bw_method methods[] = {
        {"/breakwire.breaker.v1.BreakerService/GetStatus", BW_UNARY, &get_status, face, STATUS_REQUEST_MAX},
        {"/breakwire.breaker.v1.BreakerService/Watch", BW_SERVER_STREAMING, &watch, face, STATUS_REQUEST_MAX},
    };
    bool ok = true;
    for (size_t i = 0; i < 2; i++)
        ok = bw_server_add_prefix(server, &prefixes[i]) == 0 && bw_server_add(server, &methods[i]) == 0 && ok;
    return ok;
}

struct face *face_new(const struct face_config *config, struct bw_server *server) {
    struct face *face = calloc(1, sizeof *face);
    if (!face)
        return NULL;
    face->guards[0] = config->data_guard;
    face->guards[1] = config->control_guard;
    if (add_methods(face, server))
        return face;
    free(face);
    return NULL;
}

void face_free(struct face *face) {
    free(face);
}
