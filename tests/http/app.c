#include "app.h"

static const char large[16384] = {'x'};

static void put_escaped(struct bw_buf *out, struct bw_span text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] >= 0x20 && text.data[i] < 0x7F)
            bw_buf_append_byte(out, text.data[i]);
        else
            bw_buf_printf(out, "\\x%02X", text.data[i]);
}

static void put_body(struct bw_buf *out, struct bw_span body) {
    if (body.len > 64)
        bw_buf_printf(out, " [%zu]", body.len);
    else if (body.len > 0) {
        bw_buf_append_text(out, " '");
        put_escaped(out, body);
        bw_buf_append_text(out, "'");
    }
}

static void see(struct app *app, const struct bw_http_exchange *exchange) {
    struct bw_span value, query = bw_http_query(exchange);
    bw_buf_append_text(&app->seen, bw_http_method_text(exchange));
    bw_buf_append_byte(&app->seen, ' ');
    put_escaped(&app->seen, bw_http_path(exchange));
    if (query.len > 0)
        bw_buf_append_byte(&app->seen, '?');
    put_escaped(&app->seen, query);
    bw_buf_append_text(&app->seen, " @");
    put_escaped(&app->seen, bw_http_host(exchange));
    if (bw_http_field(exchange, "x-note", &value)) {
        bw_buf_append_text(&app->seen, " note=");
        put_escaped(&app->seen, value);
    }
    put_body(&app->seen, bw_http_body(exchange));
    bw_buf_append_text(&app->seen, "; ");
}

static void on_echo(void *user, struct bw_http_exchange *exchange) {
    see(user, exchange);
    bw_http_add_field(exchange, "X-Echo", "yes");
    bw_http_reply(exchange, 200, "text/plain", bw_span_text("ok"));
}

static void on_static(void *user, struct bw_http_exchange *exchange) {
    see(user, exchange);
    bw_http_add_field(exchange, "ETag", "\"1\"");
    bw_http_reply_static(exchange, 200, "text/html", bw_span_text("<p>static</p>"));
}

static void on_large(void *user, struct bw_http_exchange *exchange) {
    (void)user;
    bw_http_reply(exchange, 200, "application/octet-stream", bw_span_of(large, sizeof large));
}

static void on_gone(void *user, struct bw_http_exchange *exchange) {
    struct app *app = user;
    assert_ptr_equal(app->open[0], exchange);
    assert_true(bw_http_path(exchange).len > 0);
    app->gone++;
    app->open_count--;
    memmove(app->open, app->open + 1, sizeof app->open - sizeof app->open[0]);
}

static void on_later(void *user, struct bw_http_exchange *exchange) {
    struct app *app = user;
    see(app, exchange);
    assert_true(app->open_count < 8);
    app->open[app->open_count++] = exchange;
    bw_http_on_gone(exchange, on_gone, app);
}

void app_answer(struct app *app) {
    assert_true(app->open_count > 0);
    struct bw_http_exchange *exchange = app->open[0];
    app->open_count--;
    memmove(app->open, app->open + 1, sizeof app->open - sizeof app->open[0]);
    bw_http_reply(exchange, 200, "text/plain", bw_span_text("late"));
}

static void on_stream_gone(void *user, struct bw_http_stream *stream) {
    struct app *app = user;
    app->streams_gone++;
    for (size_t i = 0; i < app->streams_count; i++)
        if (app->streams[i] == stream)
            app->streams[i] = NULL;
}

static void on_events(void *user, struct bw_http_exchange *exchange) {
    struct app *app = user;
    struct bw_span id;
    see(app, exchange);
    if (bw_http_field(exchange, "last-event-id", &id)) {
        bw_buf_append_text(&app->seen, "after ");
        bw_buf_append_span(&app->seen, id);
        bw_buf_append_text(&app->seen, "; ");
    }
    struct bw_http_stream *stream = bw_http_stream_start(exchange, on_stream_gone, app);
    if (stream)
        app->streams[app->streams_count++] = stream;
}

static bool filter(void *user, struct bw_http_exchange *exchange) {
    struct app *app = user;
    app->filtered++;
    if (!bw_span_is(bw_http_host(exchange), "evil"))
        return true;
    bw_http_problem(exchange, 421, NULL, "Not my host.");
    return false;
}

void app_init(struct app *app) {
    static struct bw_http_route routes[] = {
        {BW_HTTP_GET, "/", on_echo, NULL, 0},
        {BW_HTTP_GET | BW_HTTP_POST, "/echo", on_echo, NULL, 0},
        {BW_HTTP_GET, "/read", on_echo, NULL, 0},
        {BW_HTTP_POST, "/write", on_echo, NULL, 0},
        {BW_HTTP_GET, "/act", on_echo, NULL, BW_HTTP_NO_HEAD},
        {BW_HTTP_POST, "/act", on_echo, NULL, 0},
        {BW_HTTP_POST, "/body", on_echo, NULL, BW_HTTP_NEEDS_BODY},
        {BW_HTTP_GET, "/static", on_static, NULL, 0},
        {BW_HTTP_GET, "/large", on_large, NULL, 0},
        {BW_HTTP_GET | BW_HTTP_POST, "/later", on_later, NULL, 0},
        {BW_HTTP_GET, "/events", on_events, NULL, 0},
        {BW_HTTP_GET | BW_HTTP_OPTIONS, "/options", on_echo, NULL, 0},
    };
    static const struct bw_http_field fields[] = {{"X-Content-Type-Options", "nosniff"}};
    *app = (struct app){0};
    bw_buf_init(&app->seen, 0);
    bw_http_config_default(&app->config);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        routes[i].user = app;
    app->config.routes = routes;
    app->config.routes_count = sizeof routes / sizeof routes[0];
    app->config.fields = fields;
    app->config.fields_count = 1;
    app->config.filter = filter;
    app->config.filter_user = app;
}

void app_start(struct app *app) {
    app->server = bw_http_server_new(&app->config);
    assert_non_null(app->server);
}

void app_run(struct app *app) {
    app_init(app);
    app_start(app);
}

void app_stop(struct app *app) {
    bw_http_server_free(app->server);
    bw_buf_free(&app->seen);
}

const char *app_seen(struct app *app) {
    return bw_buf_text(&app->seen);
}

struct bw_http_counts app_counts(const struct app *app) {
    struct bw_http_counts counts;
    bw_http_server_counts(app->server, &counts);
    return counts;
}
