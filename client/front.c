#include "front.h"

#include "answers.h"

#include <breakwire/log.h>

#include <stdlib.h>

enum { CONTROLS = 4, FIXED_ROUTES = 8, FILES_MAX = 32 };

struct front {
    struct front_config config;
    struct bw_http_server *server;
    bool draining;
    struct control {
        struct front *front;
        enum stub_control which;
    } controls[CONTROLS];
    struct bw_http_route routes[FIXED_ROUTES + CONTROLS + FILES_MAX];
    size_t routes_count;
};

/* An exchange that waits for its call. Owned by the call's on_done, or by on_client_gone. */
struct pending {
    struct front *front;
    struct bw_http_exchange *exchange;
    struct stub_call *call;
};

/* ---- calls ---- */

static void on_client_gone(void *user, struct bw_http_exchange *exchange) {
    (void)exchange;
    struct pending *pending = user;
    stub_cancel(pending->call, times_now(&pending->front->config.times));
    free(pending);
}

static void on_data(void *user, const struct guard_result *result, const struct stub_data *data) {
    struct pending *pending = user;
    answer_data(pending->exchange, result, data);
    free(pending);
}

static void on_fault(void *user, const struct guard_result *result, const struct stub_fault *fault) {
    struct pending *pending = user;
    if (fault)
        feed_fault(pending->front->config.feed, fault);
    answer_fault(pending->exchange, result, fault);
    free(pending);
}

static struct pending *pending_new(struct front *front, struct bw_http_exchange *exchange) {
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending)
        *pending = (struct pending){.front = front, .exchange = exchange};
    return pending;
}

static void started(struct pending *pending, struct bw_http_exchange *exchange) {
    if (pending && pending->call) {
        bw_http_on_gone(exchange, on_client_gone, pending);
        return;
    }
    free(pending);
    bw_http_problem(exchange, 500, NULL, "out of memory");
}

static void on_call(void *user, struct bw_http_exchange *exchange) {
    struct front *front = user;
    struct pending *pending = pending_new(front, exchange);
    if (pending)
        pending->call =
            stub_get_data(front->config.data_guard, times_now(&front->config.times), on_data, pending);
    started(pending, exchange);
}

static void on_control(void *user, struct bw_http_exchange *exchange) {
    const struct control *control = user;
    struct front *front = control->front;
    struct pending *pending = pending_new(front, exchange);
    if (pending)
        pending->call = stub_control(front->config.control_guard, times_now(&front->config.times),
                                     control->which, on_fault, pending);
    started(pending, exchange);
}

/* ---- reading ---- */

static void on_status(void *user, struct bw_http_exchange *exchange) {
    struct front *front = user;
    struct bw_buf body;
    bw_buf_init(&body, 0);
    feed_status(front->config.feed, &body);
    answer_json(exchange, 200, &body);
}

static void reply_text(struct bw_http_exchange *exchange, int status, const char *json) {
    bw_http_add_field(exchange, "Cache-Control", "no-store");
    bw_http_reply(exchange, status, "application/json", bw_span_text(json));
}

static void on_health(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    reply_text(exchange, 200, "{\"status\":\"healthy\",\"service\":\"A\"}");
}

static void on_live(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    reply_text(exchange, 200, "{\"status\":\"live\"}");
}

/* Not ready while draining only: with an open breaker it can still answer, that is what the breaker is for.
 */
static void on_ready(void *user, struct bw_http_exchange *exchange) {
    const struct front *front = user;
    reply_text(exchange, front->draining ? 503 : 200,
               front->draining ? "{\"status\":\"draining\"}" : "{\"status\":\"ready\"}");
}

static void on_events(void *user, struct bw_http_exchange *exchange) {
    struct front *front = user;
    feed_watch(front->config.feed, exchange);
}

/* ---- the page ---- */

static size_t calls_for_page(const struct front *front, struct page_call out[FEED_CALLS_SHOWN]) {
    struct feed_call calls[FEED_CALLS_SHOWN];
    size_t n = feed_calls(front->config.feed, calls, FEED_CALLS_SHOWN);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct page_call){.outcome = calls[i].outcome,
                                    .code = calls[i].code,
                                    .state = calls[i].state,
                                    .latency_ms = calls[i].latency_ms};
        bw_rfc3339(calls[i].wall_ms, out[i].at);
    }
    return n;
}

static const char *language_of(const struct bw_http_exchange *exchange) {
    struct bw_span lang = {0}, accepted = {0};
    bw_http_query_value(exchange, "lang", &lang);
    bw_http_field(exchange, "Accept-Language", &accepted);
    return page_language(lang, accepted);
}

static bool render(const struct front *front, const char *language, struct bw_buf *out) {
    struct guard_status status;
    struct page_call calls[FEED_CALLS_SHOWN];
    struct bw_buf snapshot;
    guard_status(front->config.data_guard, times_now(&front->config.times), &status);
    bw_buf_init(&snapshot, 0);
    feed_status(front->config.feed, &snapshot);
    struct page_view view = {.language = language,
                             .status = &status,
                             .snapshot_json = bw_buf_span(&snapshot),
                             .calls = calls,
                             .calls_count = calls_for_page(front, calls)};
    bool ok = !snapshot.failed && page_render(front->config.page, &view, out);
    bw_buf_free(&snapshot);
    return ok;
}

static void on_page(void *user, struct bw_http_exchange *exchange) {
    struct front *front = user;
    struct bw_buf body;
    bw_buf_init(&body, 0);
    bw_http_add_field(exchange, "Cache-Control", "no-store");
    bw_http_add_field(exchange, "Vary", "Accept-Language");
    const char *language = language_of(exchange);
    bw_http_add_field(exchange, "Content-Language", language);
    if (render(front, language, &body))
        bw_http_reply(exchange, 200, "text/html; charset=utf-8", bw_buf_span(&body));
    else
        bw_http_problem(exchange, 500, NULL, "out of memory");
    bw_buf_free(&body);
}

/* "gzip" as a token without q=0 (RFC 9110 section 12.5.3). */
static bool takes_gzip(const struct bw_http_exchange *exchange) {
    struct bw_span accepted = {0};
    bw_http_field(exchange, "Accept-Encoding", &accepted);
    while (accepted.len) {
        const uint8_t *comma = memchr(accepted.data, ',', accepted.len);
        size_t n = comma ? (size_t)(comma - accepted.data) : accepted.len;
        struct bw_span item = bw_span_trim(bw_span_of(accepted.data, n));
        if (bw_span_is_nocase(item, "gzip") || (bw_span_starts(item, "gzip;q=") && item.len > 7 &&
                                                !(item.data[7] == '0' && item.data[item.len - 1] == '0')))
            return true;
        size_t step = comma ? n + 1 : n;
        accepted = bw_span_of(accepted.data + step, accepted.len - step);
    }
    return false;
}

static bool has_already(const struct bw_http_exchange *exchange, const char *etag) {
    struct bw_span seen = {0};
    bw_http_field(exchange, "If-None-Match", &seen);
    size_t n = strlen(etag);
    for (size_t i = 0; seen.len >= n && i <= seen.len - n; i++)
        if (memcmp(seen.data + i, etag, n) == 0)
            return true;
    return bw_span_is(seen, "*");
}

static void on_file(void *user, struct bw_http_exchange *exchange) {
    const struct page_file *file = user;
    bw_http_add_field(exchange, "ETag", file->etag);
    bw_http_add_field(exchange, "Cache-Control", "no-cache");
    bw_http_add_field(exchange, "Vary", "Accept-Encoding");
    if (has_already(exchange, file->etag)) {
        bw_http_reply(exchange, 304, NULL, bw_span_of(NULL, 0));
        return;
    }
    if (!takes_gzip(exchange)) {
        bw_http_reply_static(exchange, 200, file->content_type, file->plain);
        return;
    }
    bw_http_add_field(exchange, "Content-Encoding", "gzip");
    bw_http_reply_static(exchange, 200, file->content_type, file->gzip);
}

/* ---- who may ask ---- */

static struct bw_span sent(const struct bw_http_exchange *exchange, const char *name) {
    struct bw_span value = {0};
    if (bw_http_field(exchange, name, &value) && !value.data)
        value = bw_span_text("");
    return value;
}

static bool filter(void *user, struct bw_http_exchange *exchange) {
    const struct front *front = user;
    struct site_request request = {.is_post = bw_http_method(exchange) == BW_HTTP_POST,
                                   .path = bw_http_path(exchange),
                                   .host = bw_http_host(exchange),
                                   .authority = bw_http_authority(exchange),
                                   .origin = sent(exchange, "Origin"),
                                   .sec_fetch_site = sent(exchange, "Sec-Fetch-Site"),
                                   .sec_fetch_mode = sent(exchange, "Sec-Fetch-Mode"),
                                   .sec_fetch_dest = sent(exchange, "Sec-Fetch-Dest"),
                                   .sec_purpose = sent(exchange, "Sec-Purpose")};
    struct site_verdict verdict = site_judge(front->config.site, &request);
    if (verdict.status == 0)
        return true;
    bw_http_problem(exchange, verdict.status, NULL, verdict.detail);
    return false;
}

/* ---- making ---- */

static void add_route(struct front *front, unsigned methods, const char *path, bw_http_handler_fn handler,
                      void *user, unsigned flags) {
    front->routes[front->routes_count++] = (struct bw_http_route){methods, path, handler, user, flags};
}

static bool add_routes(struct front *front) {
    static const char *const control_paths[CONTROLS] = {
        [STUB_INDUCE_FAILURE] = "/induce-failure",
        [STUB_REMOVE_FAILURE] = "/remove-failure",
        [STUB_INDUCE_LATENCY] = "/induce-latency",
        [STUB_REMOVE_LATENCY] = "/remove-latency",
    };
    const struct page_file *files;
    size_t n = page_files(&files);
    if (n > FILES_MAX)
        return false;
    add_route(front, BW_HTTP_GET, "/", on_page, front, 0);
    add_route(front, BW_HTTP_GET, "/health", on_health, front, 0);
    add_route(front, BW_HTTP_GET, "/livez", on_live, front, 0);
    add_route(front, BW_HTTP_GET, "/readyz", on_ready, front, 0);
    add_route(front, BW_HTTP_GET, "/circuit-status", on_status, front, 0);
    add_route(front, BW_HTTP_GET, "/events", on_events, front, 0);
    add_route(front, BW_HTTP_GET | BW_HTTP_POST, "/call-service-b", on_call, front, BW_HTTP_NO_HEAD);
    for (size_t i = 0; i < CONTROLS; i++) {
        front->controls[i] = (struct control){front, (enum stub_control)i};
        add_route(front, BW_HTTP_POST, control_paths[i], on_control, &front->controls[i], 0);
    }
    for (size_t i = 0; i < n; i++)
        add_route(front, BW_HTTP_GET, files[i].path, on_file, (void *)(uintptr_t)&files[i], 0);
    return true;
}

static const struct bw_http_field every_answer[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
};

static struct bw_http_server *make_server(struct front *front) {
    struct bw_http_config http;
    bw_http_config_default(&http);
    http.routes = front->routes;
    http.routes_count = front->routes_count;
    http.filter = filter;
    http.filter_user = front;
    http.fields = every_answer;
    http.fields_count = sizeof every_answer / sizeof every_answer[0];
    return bw_http_server_new(&http);
}

struct front *front_new(const struct front_config *config) {
    struct front *front = calloc(1, sizeof *front);
    if (!front)
        return NULL;
    front->config = *config;
    front->server = add_routes(front) ? make_server(front) : NULL;
    if (front->server)
        return front;
    free(front);
    return NULL;
}

void front_free(struct front *front) {
    if (front)
        bw_http_server_free(front->server);
    free(front);
}

struct bw_http_server *front_server(const struct front *front) {
    return front->server;
}

void front_drain(struct front *front, uint64_t now_ms) {
    front->draining = true;
    bw_http_server_drain(front->server, now_ms);
}
