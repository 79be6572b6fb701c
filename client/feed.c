#include "feed.h"

#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ID_MAX = 48 };

struct viewer {
    struct viewer *next, **link;
    struct feed *feed;
    struct bw_http_stream *stream;
};

struct feed {
    struct feed_config config;
    struct history history;
    struct feed_call calls[FEED_CALLS_SHOWN]; /* ring */
    uint64_t calls_count;
    bool fault_known, fault_asked;
    struct stub_fault fault;
    struct viewer *viewers;
    size_t viewers_count;
};

struct feed *feed_new(const struct feed_config *config) {
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->config = *config;
    history_init(&feed->history);
    return feed;
}

static void viewer_free(struct viewer *viewer) {
    *viewer->link = viewer->next;
    if (viewer->next)
        viewer->next->link = viewer->link;
    viewer->feed->viewers_count--;
    free(viewer);
}

void feed_free(struct feed *feed) {
    if (!feed)
        return;
    while (feed->viewers)
        viewer_free(feed->viewers);
    history_free(&feed->history);
    free(feed);
}

static void make_id(const struct feed *feed, uint64_t number, char id[ID_MAX]) {
    snprintf(id, ID_MAX, "%" PRIx64 "-%" PRIu64, feed->config.boot, number);
}

static void send_entry(struct feed *feed, struct bw_http_stream *stream, const struct history_entry *entry) {
    char id[ID_MAX];
    make_id(feed, entry->number, id);
    bw_http_stream_send(stream, id, entry->event, bw_buf_span(&entry->json));
}

static void tell_all(struct feed *feed, const struct history_entry *entry) {
    for (struct viewer *viewer = feed->viewers; viewer; viewer = viewer->next)
        send_entry(feed, viewer->stream, entry);
}

static struct history_entry *add(struct feed *feed, const char *event, struct bw_json *json) {
    struct history_entry *entry = history_add(&feed->history, event);
    bw_json_init(json, &entry->json);
    return entry;
}

void feed_call(struct feed *feed, const struct guard_result *result) {
    struct bw_json json;
    struct history_entry *entry = add(feed, "call", &json);
    status_call(&json, result, &feed->config.times);
    if (strcmp(result->breaker, guard_name(feed->config.guards[0])) == 0)
        feed->calls[feed->calls_count++ % FEED_CALLS_SHOWN] =
            (struct feed_call){.wall_ms = times_wall(&feed->config.times),
                               .latency_ms = result->latency_ms,
                               .outcome = status_outcome(result),
                               .code = result->code_name,
                               .state = result->state};
    tell_all(feed, entry);
}

static const struct guard *guard_named(const struct feed *feed, const char *name) {
    for (size_t i = 0; i < feed->config.guards_count; i++)
        if (strcmp(guard_name(feed->config.guards[i]), name) == 0)
            return feed->config.guards[i];
    return NULL;
}

static void write_breaker(const struct feed *feed, struct bw_json *json, const struct guard *guard) {
    bw_json_object_begin(json);
    status_breaker_keys(json, guard, &feed->config.times);
    bw_json_object_end(json);
}

void feed_change(struct feed *feed, const struct guard_change *change) {
    struct bw_json json;
    struct history_entry *entry = add(feed, "state", &json);
    const struct guard *guard = guard_named(feed, change->breaker);
    bw_json_object_begin(&json);
    status_change_keys(&json, change, &feed->config.times);
    bw_json_key(&json, "status");
    if (guard)
        write_breaker(feed, &json, guard);
    else
        bw_json_null(&json);
    bw_json_object_end(&json);
    tell_all(feed, entry);
}

static bool is_same_fault(const struct stub_fault *a, const struct stub_fault *b) {
    return a->failure_percent == b->failure_percent && a->status_code == b->status_code &&
           a->latency_min_ms == b->latency_min_ms && a->latency_max_ms == b->latency_max_ms;
}

void feed_fault(struct feed *feed, const struct stub_fault *fault) {
    bool known = fault != NULL;
    if (feed->fault_asked && known == feed->fault_known && (!known || is_same_fault(fault, &feed->fault)))
        return;
    feed->fault_asked = true;
    feed->fault_known = known;
    if (known)
        feed->fault = *fault;
    struct bw_json json;
    struct history_entry *entry = add(feed, "fault", &json);
    status_fault(&json, fault);
    tell_all(feed, entry);
}

/* ---- the whole status ---- */

static void write_calls(const struct feed *feed, struct bw_json *json) {
    uint64_t numbers[FEED_CALLS_SHOWN];
    size_t n = history_last(&feed->history, "call", numbers, FEED_CALLS_SHOWN);
    bw_json_key(json, "calls");
    bw_json_array_begin(json);
    for (size_t i = 0; i < n; i++)
        bw_json_raw(json, bw_buf_span(&history_get(&feed->history, numbers[i])->json));
    bw_json_array_end(json);
}

static void write_breakers(const struct feed *feed, struct bw_json *json) {
    bw_json_key(json, "breakers");
    bw_json_array_begin(json);
    for (size_t i = 0; i < feed->config.guards_count; i++) {
        bw_json_object_begin(json);
        status_breaker_keys(json, feed->config.guards[i], &feed->config.times);
        status_configuration(json, feed->config.guards[i]);
        bw_json_object_end(json);
    }
    bw_json_array_end(json);
}

void feed_status(const struct feed *feed, struct bw_buf *out) {
    const struct times *times = &feed->config.times;
    struct bw_json json;
    bw_json_init(&json, out);
    bw_json_object_begin(&json);
    status_breaker_keys(&json, feed->config.guards[0], times);
    status_configuration(&json, feed->config.guards[0]);
    bw_json_key(&json, "fault");
    status_fault(&json, feed->fault_known ? &feed->fault : NULL);
    write_calls(feed, &json);
    bw_json_put_u64(&json, "uptime_ms", times_now(times) - times->started_ms);
    bw_json_put_text(&json, "version", feed->config.version);
    write_breakers(feed, &json);
    bw_json_object_end(&json);
}

size_t feed_calls(const struct feed *feed, struct feed_call *out, size_t cap) {
    size_t held = feed->calls_count < FEED_CALLS_SHOWN ? (size_t)feed->calls_count : FEED_CALLS_SHOWN;
    size_t n = held < cap ? held : cap;
    for (size_t i = 0; i < n; i++)
        out[i] = feed->calls[(feed->calls_count - 1 - i) % FEED_CALLS_SHOWN];
    return n;
}

/* ---- viewers ---- */

static void tell_viewers(const struct feed *feed) {
    if (feed->config.on_viewers)
        feed->config.on_viewers(feed->config.user, feed->viewers_count);
}

static void on_viewer_gone(void *user, struct bw_http_stream *stream) {
    (void)stream;
    struct viewer *viewer = user;
    struct feed *feed = viewer->feed;
    viewer_free(viewer);
    tell_viewers(feed);
}

/* The number in a Last-Event-ID of this run, or the newest: then nothing is replayed. */
static uint64_t seen_by(const struct feed *feed, struct bw_span last_event_id) {
    char boot[ID_MAX];
    uint64_t number;
    int n = snprintf(boot, sizeof boot, "%" PRIx64 "-", feed->config.boot);
    if (!bw_span_starts(last_event_id, boot))
        return feed->history.newest;
    struct bw_span digits = bw_span_of(last_event_id.data + n, last_event_id.len - (size_t)n);
    return bw_span_to_u64(digits, feed->history.newest, &number) ? number : feed->history.newest;
}

static void replay(struct feed *feed, struct bw_http_stream *stream, uint64_t seen) {
    uint64_t oldest = history_oldest(&feed->history);
    for (uint64_t number = seen + 1 > oldest ? seen + 1 : oldest; number <= feed->history.newest; number++)
        send_entry(feed, stream, history_get(&feed->history, number));
}

static void send_snapshot(struct feed *feed, struct bw_http_stream *stream) {
    struct bw_buf json;
    char id[ID_MAX];
    bw_buf_init(&json, 0);
    feed_status(feed, &json);
    make_id(feed, feed->history.newest, id);
    if (!json.failed)
        bw_http_stream_send(stream, id, "snapshot", bw_buf_span(&json));
    bw_buf_free(&json);
}

static void send_config(struct feed *feed, struct bw_http_stream *stream) {
    struct bw_buf text;
    struct bw_json json;
    struct guard_status status;
    guard_status(feed->config.guards[0], times_now(&feed->config.times), &status);
    bw_buf_init(&text, 0);
    bw_json_init(&json, &text);
    bw_json_object_begin(&json);
    bw_json_put_u64(&json, "failure_threshold", status.failure_threshold);
    bw_json_key(&json, "recovery_timeout");
    bw_json_double(&json, (double)status.open_ms / 1000.0);
    bw_json_key(&json, "request_timeout");
    bw_json_double(&json, (double)status.call_timeout_ms / 1000.0);
    bw_json_object_end(&json);
    if (!text.failed)
        bw_http_stream_send(stream, NULL, "config", bw_buf_span(&text));
    bw_buf_free(&text);
}

static void add_viewer(struct feed *feed, struct viewer *viewer) {
    viewer->next = feed->viewers;
    viewer->link = &feed->viewers;
    if (viewer->next)
        viewer->next->link = &viewer->next;
    feed->viewers = viewer;
    feed->viewers_count++;
}

void feed_watch(struct feed *feed, struct bw_http_exchange *exchange) {
    struct bw_span last = {0};
    bw_http_field(exchange, "Last-Event-ID", &last);
    uint64_t seen = seen_by(feed, last);
    struct viewer *viewer = calloc(1, sizeof *viewer);
    if (!viewer) {
        bw_http_problem(exchange, 500, NULL, "out of memory");
        return;
    }
    viewer->feed = feed;
    viewer->stream = bw_http_stream_start(exchange, on_viewer_gone, viewer);
    if (!viewer->stream) {
        free(viewer);
        return;
    }
    add_viewer(feed, viewer);
    send_snapshot(feed, viewer->stream);
    replay(feed, viewer->stream, seen);
    send_config(feed, viewer->stream);
    tell_viewers(feed);
}
