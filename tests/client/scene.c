#include "scene.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- life ---- */

static void on_call(void *user, const struct guard_result *result) {
    feed_call(((struct scene *)user)->feed, result);
}

static void on_change(void *user, const struct guard_change *change) {
    feed_change(((struct scene *)user)->feed, change);
}

static void on_viewers(void *user, size_t viewers) {
    ((struct scene *)user)->viewers = viewers;
}

static void make_front(struct scene *scene) {
    struct feed_config feed = {.guards = {scene->data, scene->control},
                               .guards_count = 2,
                               .times = world_times(&scene->world),
                               .version = "1.2.3",
                               .boot = BOOT,
                               .on_viewers = on_viewers,
                               .user = scene};
    scene->feed = feed_new(&feed);
    scene->page = page_new();
    assert_non_null(scene->feed);
    assert_non_null(scene->page);
    assert_true(site_add_host(&scene->site, bw_span_text("demo.example")));
    struct front_config front = {.data_guard = scene->data,
                                 .control_guard = scene->control,
                                 .feed = scene->feed,
                                 .page = scene->page,
                                 .site = &scene->site,
                                 .times = world_times(&scene->world)};
    scene->front = front_new(&front);
    assert_non_null(scene->front);
}

struct scene *scene_open_with(const struct bw_breaker_config *breaker) {
    static struct scene scene;
    world_open(&scene.world);
    scene.site = (struct site){.hosts_count = 0};
    scene.viewers = 0;
    scene.data = world_guard(&scene.world, "ServiceB_CB", breaker);
    scene.control = world_guard(&scene.world, "ServiceB_Control_CB", breaker);
    make_front(&scene);
    scene.world.on_call = on_call;
    scene.world.on_change = on_change;
    scene.world.user = &scene;
    return &scene;
}

struct scene *scene_open(void) {
    return scene_open_with(NULL);
}

void scene_close(struct scene *scene) {
    world_disconnect(&scene->world);
    front_free(scene->front);
    page_free(scene->page);
    feed_free(scene->feed);
    world_close(&scene->world);
}

/* ---- browsers ---- */

struct bw_wire *scene_browse(struct scene *scene, const char *method_and_target, const char *fields) {
    char text[2048];
    struct bw_conn conn =
        bw_http_accept(front_server(scene->front), scene->world.now_ms, "127.0.0.1:50000", bw_wire_wake());
    struct bw_wire *browser = world_browser(&scene->world, conn);
    int n =
        snprintf(text, sizeof text, "%s HTTP/1.1\r\n%s%s\r\n", method_and_target,
                 fields && strstr(fields, "Host:") ? "" : "Host: localhost:5000\r\n", fields ? fields : "");
    assert_true(n > 0 && (size_t)n < sizeof text);
    bw_wire_say(browser, BW_WIRE_B, text, (size_t)n);
    return browser;
}

void scene_leave(struct scene *scene, struct bw_wire *browser) {
    world_remove_browser(&scene->world, browser);
    world_settle(&scene->world);
}

const struct reply *reply_read(struct bw_wire *browser) {
    static struct reply reply;
    struct bw_span heard = bw_wire_heard(browser, BW_WIRE_B);
    reply = (struct reply){.len = heard.len};
    assert_true(heard.len < sizeof reply.text);
    bw_span_copy_text(heard, reply.text, sizeof reply.text);
    const char *end = strstr(reply.text, "\r\n\r\n");
    if (!end || sscanf(reply.text, "HTTP/1.1 %d ", &reply.status) != 1)
        fail_msg("no answer in: %s", reply.text);
    reply.head_len = (size_t)(end + 4 - reply.text);
    reply.body = bw_span_of(reply.text + reply.head_len, reply.len - reply.head_len);
    const char *length = reply_field(&reply, "Content-Length");
    if (length && strtoul(length, NULL, 10) < reply.body.len)
        reply.body.len = strtoul(length, NULL, 10);
    return &reply;
}

const struct reply *scene_ask(struct scene *scene, const char *method_and_target, const char *fields) {
    struct bw_wire *browser = scene_browse(scene, method_and_target, fields);
    world_settle(&scene->world);
    const struct reply *reply = reply_read(browser);
    scene_leave(scene, browser);
    return reply;
}

const struct reply *scene_get(struct scene *scene, const char *target) {
    char text[256];
    snprintf(text, sizeof text, "GET %s", target);
    return scene_ask(scene, text, NULL);
}

const struct reply *scene_post(struct scene *scene, const char *target) {
    char text[256];
    snprintf(text, sizeof text, "POST %s", target);
    return scene_ask(scene, text, NULL);
}

/* ---- answers ---- */

const char *reply_field(const struct reply *reply, const char *name) {
    static char value[1024];
    size_t n = strlen(name);
    const char *line = strstr(reply->text, "\r\n") + 2;
    for (; line < reply->text + reply->head_len - 2; line = strstr(line, "\r\n") + 2) {
        size_t len = (size_t)(strstr(line, "\r\n") - line);
        if (len <= n || line[n] != ':' || !bw_span_is_nocase(bw_span_of(line, n), name))
            continue;
        bw_span_copy_text(bw_span_trim(bw_span_of(line + n + 1, len - n - 1)), value, sizeof value);
        return value;
    }
    return NULL;
}

json_t *parse(struct bw_span bytes) {
    json_error_t error;
    json_t *json =
        json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json)
        fail_msg("%s in: %.*s", error.text, (int)bytes.len, (const char *)bytes.data);
    return json;
}

json_t *reply_json(const struct reply *reply) {
    assert_string_equal(reply_field(reply, "Content-Type"), "application/json");
    assert_string_equal(reply_field(reply, "Cache-Control"), "no-store");
    return parse(reply->body);
}

json_t *reply_problem(const struct reply *reply, int status) {
    assert_int_equal(reply->status, status);
    assert_string_equal(reply_field(reply, "Content-Type"), "application/problem+json");
    json_t *json = parse(reply->body);
    assert_int_equal(number_of(json, "status"), status);
    return json;
}

void assert_keys(json_t *json, const char *keys) {
    char text[1024];
    int n = 0;
    const char *key;
    json_t *value;
    text[0] = '\0';
    assert_true(json_is_object(json));
    json_object_foreach(json, key, value) n +=
        snprintf(text + n, sizeof text - (size_t)n, "%s%s", n ? " " : "", key);
    assert_string_equal(text, keys);
}

const char *text_of(const json_t *json, const char *key) {
    const char *text = json_string_value(json_object_get(json, key));
    if (!text)
        fail_msg("%s is no text", key);
    return text;
}

json_int_t number_of(const json_t *json, const char *path) {
    char name[64];
    const char *dot = strchr(path, '.');
    if (dot) {
        bw_span_copy_text(bw_span_of(path, (size_t)(dot - path)), name, sizeof name);
        return number_of(json_object_get(json, name), dot + 1);
    }
    const json_t *value = json_object_get(json, path);
    if (!json_is_integer(value))
        fail_msg("%s is no whole number", path);
    return json_integer_value(value);
}
