#include "page.h"

#include "page_files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANGUAGES = 2, VALUE_MAX = 32, PERMILLE = 1000 };

static const char *const languages[LANGUAGES] = {"en", "es"};

struct page {
    json_t *strings[LANGUAGES];
};

/* ---- Files ---- */

const struct page_file *page_file(struct bw_span path) {
    for (size_t i = 0; i < web_files_count; i++)
        if (bw_span_is(path, web_files[i].path))
            return &web_files[i];
    return NULL;
}

size_t page_files(const struct page_file **files) {
    *files = web_files;
    return web_files_count;
}

/* ---- Strings ---- */

static json_t *load_strings(const char *language) {
    char path[32];
    snprintf(path, sizeof path, "/strings/%s.json", language);
    const struct page_file *file = page_file(bw_span_text(path));
    json_t *strings = NULL;
    if (file)
        strings = json_loadb((const char *)file->plain.data, file->plain.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(strings))
        return strings;
    json_decref(strings);
    return NULL;
}

struct page *page_new(void) {
    struct page *page = calloc(1, sizeof *page);
    if (!page)
        return NULL;
    for (size_t i = 0; i < LANGUAGES; i++) {
        page->strings[i] = load_strings(languages[i]);
        if (!page->strings[i]) {
            page_free(page);
            return NULL;
        }
    }
    return page;
}

void page_free(struct page *page) {
    if (!page)
        return;
    for (size_t i = 0; i < LANGUAGES; i++)
        json_decref(page->strings[i]);
    free(page);
}

/* ---- Language ---- */

/* The language that a range such as "es-MX" asks for; "*" is the first one, NULL = none of ours. */
static const char *language_of(struct bw_span range) {
    const uint8_t *dash = range.len ? memchr(range.data, '-', range.len) : NULL;
    struct bw_span primary = dash ? bw_span_of(range.data, (size_t)(dash - range.data)) : range;
    if (bw_span_is(range, "*"))
        return languages[0];
    for (size_t i = 0; i < LANGUAGES; i++)
        if (bw_span_is_nocase(primary, languages[i]))
            return languages[i];
    return NULL;
}

/* The qvalue of RFC 9110 section 12.4.2, in thousandths; 0 for one that is none. */
static unsigned quality(struct bw_span text) {
    static const unsigned scale[] = {PERMILLE, 0, 100, 10, 1};
    unsigned value = 0;
    if (text.len == 0 || text.len > sizeof scale / sizeof scale[0])
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 1 && text.data[i] != '.')
            return 0;
        if (i != 1 && (text.data[i] < '0' || text.data[i] > '9'))
            return 0;
        value += i == 1 ? 0 : scale[i] * (unsigned)(text.data[i] - '0');
    }
    return value <= PERMILLE ? value : 0;
}

/* Cuts what comes before the first `at` off the front of *rest, with the `at`. */
static struct bw_span cut(struct bw_span *rest, char at) {
    const uint8_t *found = rest->len ? memchr(rest->data, at, rest->len) : NULL;
    struct bw_span head = *rest;
    if (!found) {
        *rest = bw_span_of(NULL, 0);
        return head;
    }
    head.len = (size_t)(found - rest->data);
    *rest = bw_span_of(found + 1, rest->len - head.len - 1);
    return head;
}

/* RFC 9110 section 12.5.4: ranges with weights; of equal weights the first. */
static const char *best_accepted(struct bw_span accept_language) {
    const char *best = NULL;
    unsigned best_quality = 0;
    while (accept_language.len) {
        struct bw_span weight = cut(&accept_language, ',');
        struct bw_span range = bw_span_trim(cut(&weight, ';'));
        weight = bw_span_trim(weight);
        unsigned q = PERMILLE;
        if (weight.len)
            q = weight.len > 2 && weight.data[1] == '=' ? quality(bw_span_of(weight.data + 2, weight.len - 2))
                                                        : 0;
        const char *language = language_of(range);
        if (language && q > best_quality) {
            best = language;
            best_quality = q;
        }
    }
    return best;
}

const char *page_language(struct bw_span query_lang, struct bw_span accept_language) {
    for (size_t i = 0; i < LANGUAGES; i++)
        if (bw_span_is(query_lang, languages[i]))
            return languages[i];
    const char *best = best_accepted(accept_language);
    return best ? best : languages[0];
}

/* ---- The document ---- */

/* What the markers of one rendering stand for. */
struct scene {
    const struct page_view *view;
    const json_t *strings;
    const struct page_call *call; /* inside {{#calls}} */
};

static void put_escaped(struct bw_buf *out, struct bw_span text) {
    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&':
            bw_buf_append_text(out, "&amp;");
            break;
        case '<':
            bw_buf_append_text(out, "&lt;");
            break;
        case '>':
            bw_buf_append_text(out, "&gt;");
            break;
        case '"':
            bw_buf_append_text(out, "&quot;");
            break;
        case '\'':
            bw_buf_append_text(out, "&#39;");
            break;
        default:
            bw_buf_append_byte(out, text.data[i]);
        }
    }
}

/* JSON between script tags: no '<' means no "</script>" and no "<!--". */
static void put_json(struct bw_buf *out, struct bw_span json) {
    for (size_t i = 0; i < json.len; i++) {
        if (json.data[i] == '<')
            bw_buf_append_text(out, "\\u003c");
        else
            bw_buf_append_byte(out, json.data[i]);
    }
}

static const char *string(const struct scene *scene, const char *key) {
    const char *text = json_string_value(json_object_get(scene->strings, key));
    return text ? text : "";
}

/* The string under "prefix" + "name"; the name itself when there is none. */
static const char *string_of(const struct scene *scene, const char *prefix, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const char *text = string(scene, key);
    return *text ? text : name;
}

/* Seconds for people: "20", "1.5" or "1,5". */
static void put_seconds(const struct scene *scene, uint64_t ms, char out[VALUE_MAX]) {
    snprintf(out, VALUE_MAX, "%.4g", (double)ms / 1000.0);
    char *point = strchr(out, '.');
    if (point)
        *point = string(scene, "decimal")[0];
}

/* The value of a {variable} in a string. False: not one. */
static bool variable(const struct scene *scene, struct bw_span name, char out[VALUE_MAX]) {
    const struct guard_status *status = scene->view->status;
    const uint32_t left =
        status->failure_threshold > status->consecutive ? status->failure_threshold - status->consecutive : 0;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"threshold", status->failure_threshold},
        {"left", left},
        {"failures", status->failure_count},
        {"budget", status->probe_budget},
        {"wait", (status->retry_after_ms + 999) / 1000},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (bw_span_is(name, numbers[i].name)) {
            snprintf(out, VALUE_MAX, "%llu", (unsigned long long)numbers[i].value);
            return true;
        }
    if (bw_span_is(name, "open") || bw_span_is(name, "timeout")) {
        put_seconds(scene, bw_span_is(name, "open") ? status->open_ms : status->call_timeout_ms, out);
        return true;
    }
    return false;
}

static void put_filled(const struct scene *scene, struct bw_buf *out, struct bw_span text);

static void put_variable(const struct scene *scene, struct bw_buf *out, struct bw_span name) {
    char value[VALUE_MAX];
    if (bw_span_is(name, "why")) {
        const char *why = string_of(scene, "why.", scene->view->status->last_reason);
        put_filled(scene, out, bw_span_text(why));
    } else if (variable(scene, name, value)) {
        put_escaped(out, bw_span_text(value));
    }
}

/* A string with its {variables} replaced, escaped. */
static void put_filled(const struct scene *scene, struct bw_buf *out, struct bw_span text) {
    while (text.len) {
        put_escaped(out, cut(&text, '{'));
        if (text.len)
            put_variable(scene, out, cut(&text, '}'));
    }
}

/* A string has a twin "key.one" where its first variable may be 1 and the grammar minds. */
static void put_string(const struct scene *scene, struct bw_buf *out, const char *key) {
    const char *text = string(scene, key);
    char one_key[72], value[VALUE_MAX];
    snprintf(one_key, sizeof one_key, "%s.one", key);
    const char *one = string(scene, one_key);
    struct bw_span rest = bw_span_text(text);
    cut(&rest, '{');
    if (*one && variable(scene, cut(&rest, '}'), value) && strcmp(value, "1") == 0)
        text = one;
    put_filled(scene, out, bw_span_text(text));
}

/* The sentence that says what is true now: the page's script replaces it with a richer one. */
static void put_now(const struct scene *scene, struct bw_buf *out) {
    const struct guard_status *status = scene->view->status;
    const bool due = strcmp(status->view, "half_open") == 0 && status->probes_in_flight == 0;
    const bool failing = strcmp(status->view, "closed") == 0 && status->consecutive > 0;
    char key[64];
    snprintf(key, sizeof key, "now.%s", due ? "due" : failing ? "failing" : status->view);
    put_string(scene, out, key);
}

static void put_call(const struct scene *scene, struct bw_buf *out, const char *name) {
    const struct page_call *call = scene->call;
    if (strcmp(name, "at") == 0)
        put_escaped(out, bw_span_text(call->at));
    else if (strcmp(name, "time") == 0 && strlen(call->at) > 19)
        bw_buf_printf(out, "%.8sZ", call->at + 11);
    else if (strcmp(name, "outcome") == 0)
        put_escaped(out, bw_span_text(call->outcome));
    else if (strcmp(name, "word") == 0)
        put_escaped(out, bw_span_text(string_of(scene, "outcome.", call->outcome)));
    else if (strcmp(name, "code") == 0)
        put_escaped(out, bw_span_text(call->code));
    else if (strcmp(name, "state") == 0)
        put_escaped(out, bw_span_text(string_of(scene, "state.", call->state)));
    else if (strcmp(name, "latency") == 0)
        bw_buf_printf(out, "%llu", (unsigned long long)call->latency_ms);
}

static void put_marker(const struct scene *scene, struct bw_buf *out, const char *name) {
    const struct guard_status *status = scene->view->status;
    if (strncmp(name, "t:", 2) == 0)
        put_string(scene, out, name + 2);
    else if (scene->call && strncmp(name, "call.", 5) == 0)
        put_call(scene, out, name + 5);
    else if (strcmp(name, "lang") == 0)
        put_escaped(out, bw_span_text(scene->view->language));
    else if (strcmp(name, "state") == 0)
        put_escaped(out, bw_span_text(status->view));
    else if (strcmp(name, "word") == 0)
        put_escaped(out, bw_span_text(string_of(scene, "state.", status->view)));
    else if (strcmp(name, "name") == 0)
        put_escaped(out, bw_span_text(status->name));
    else if (strcmp(name, "now") == 0)
        put_now(scene, out);
    else if (strcmp(name, "snapshot") == 0)
        put_json(out, scene->view->snapshot_json);
}

/* Where `text` is in `in`; in.len when nowhere. */
static size_t find(struct bw_span in, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= in.len; i++)
        if (memcmp(in.data + i, text, n) == 0)
            return i;
    return in.len;
}

static struct bw_span after(struct bw_span span, size_t n) {
    return n < span.len ? bw_span_of(span.data + n, span.len - n) : bw_span_of(NULL, 0);
}

static void put_template(const struct scene *scene, struct bw_buf *out, struct bw_span text);

/* {{#calls}} one for each call {{/calls}}, {{#nocalls}} when there is none {{/nocalls}}. */
static void put_section(const struct scene *scene, struct bw_buf *out, const char *name,
                        struct bw_span body) {
    const struct page_view *view = scene->view;
    if (strcmp(name, "nocalls") == 0 && view->calls_count == 0)
        put_template(scene, out, body);
    for (size_t i = 0; strcmp(name, "calls") == 0 && i < view->calls_count; i++) {
        struct scene inner = *scene;
        inner.call = &view->calls[i];
        put_template(&inner, out, body);
    }
}

static void put_template(const struct scene *scene, struct bw_buf *out, struct bw_span text) {
    char name[64], end[72];
    while (text.len && !out->failed) {
        size_t at = find(text, "{{");
        bw_buf_append_span(out, bw_span_of(text.data, at));
        text = after(text, at + 2);
        size_t length = find(text, "}}");
        bw_span_copy_text(bw_span_of(text.data, length), name, sizeof name);
        text = after(text, length + 2);
        if (name[0] != '#') {
            put_marker(scene, out, name);
            continue;
        }
        snprintf(end, sizeof end, "{{/%s}}", name + 1);
        length = find(text, end);
        put_section(scene, out, name + 1, bw_span_of(text.data, length));
        text = after(text, length + strlen(end));
    }
}

bool page_render(const struct page *page, const struct page_view *view, struct bw_buf *out) {
    size_t language = 0;
    for (size_t i = 0; i < LANGUAGES; i++)
        if (strcmp(languages[i], view->language) == 0)
            language = i;
    const struct scene scene = {.view = view, .strings = page->strings[language]};
    put_template(&scene, out, web_template);
    return !out->failed;
}
