#include <breakwire/log.h>

#include <breakwire/json_writer.h>

#include <inttypes.h>
#include <stdio.h>

enum { FIELD_MAX = 256 };

struct line {
    char text[BW_LOG_LINE_MAX];
    size_t len;
};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

struct bw_log_field bw_field_span(const char *key, struct bw_span text) {
    return (struct bw_log_field){.key = key, .kind = BW_FIELD_TEXT, .value.text = text};
}

struct bw_log_field bw_field_text(const char *key, const char *text) {
    return bw_field_span(text ? key : NULL, bw_span_text(text ? text : ""));
}

struct bw_log_field bw_field_u64(const char *key, uint64_t number) {
    return (struct bw_log_field){.key = key, .kind = BW_FIELD_U64, .value.u64 = number};
}

struct bw_log_field bw_field_i64(const char *key, int64_t number) {
    return (struct bw_log_field){.key = key, .kind = BW_FIELD_I64, .value.i64 = number};
}

struct bw_log_field bw_field_double(const char *key, double number) {
    return (struct bw_log_field){.key = key, .kind = BW_FIELD_DOUBLE, .value.number = number};
}

/* Howard Hinnant's days-from-civil, reversed: exact for all of 1970..9999. */
void bw_rfc3339(uint64_t wall_ms, char out[BW_RFC3339_MAX]) {
    uint64_t seconds = wall_ms / 1000, days = seconds / 86400, rest = seconds % 86400;
    uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    uint64_t year = yoe + era * 400 + (month <= 2);
    char text[128];
    snprintf(text, sizeof text,
             "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64
             "Z",
             year, month, day, rest / 3600, rest / 60 % 60, rest % 60, wall_ms % 1000);
    memcpy(out, text, BW_RFC3339_MAX - 1);
    out[BW_RFC3339_MAX - 1] = '\0';
}

/* Adds the piece whole, keeping room for the line's end, or not at all. */
static bool add(struct line *line, const char *text, size_t len) {
    if (len > sizeof line->text - 4 - line->len)
        return false;
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

static void add_text(struct line *line, const char *text) {
    add(line, text, strlen(text));
}

static bool is_bare(uint8_t c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
}

static bool needs_quotes(struct bw_span text) {
    for (size_t i = 0; i < text.len; i++)
        if (!is_bare(text.data[i]))
            return true;
    return text.len == 0;
}

static struct bw_span cut(struct bw_span text) {
    if (text.len > FIELD_MAX)
        text.len = FIELD_MAX;
    return text;
}

/* JSON's escapes serve both formats: a line break in a field never becomes one in the log. */
static void append_value(struct bw_buf *out, const struct bw_log_field *field, bool always_quoted) {
    struct bw_json json;
    bw_json_init(&json, out);
    switch (field->kind) {
    case BW_FIELD_TEXT:
        if (always_quoted || needs_quotes(field->value.text))
            bw_json_span(&json, cut(field->value.text));
        else
            bw_buf_append_span(out, cut(field->value.text));
        break;
    case BW_FIELD_U64:
        bw_json_u64(&json, field->value.u64);
        break;
    case BW_FIELD_I64:
        bw_json_i64(&json, field->value.i64);
        break;
    case BW_FIELD_DOUBLE:
        bw_json_double(&json, field->value.number);
        break;
    }
}

static void add_field(const struct bw_log *log, struct line *line, const struct bw_log_field *field) {
    struct bw_buf piece;
    if (!field->key)
        return;
    bw_buf_init(&piece, 0);
    bool as_json = log->format == BW_LOG_JSON;
    bw_buf_printf(&piece, as_json ? ",\"%s\":" : "  %s=", field->key);
    append_value(&piece, field, as_json);
    if (!piece.failed)
        add(line, bw_buf_text(&piece), bw_buf_size(&piece));
    bw_buf_free(&piece);
}

static void begin_json(const struct bw_log *log, struct line *line, enum bw_log_level level, const char *time,
                       const char *message) {
    char head[96];
    snprintf(head, sizeof head, "{\"time\":\"%s\",\"level\":\"%s\"", time, level_names[level]);
    add_text(line, head);
    struct bw_log_field program = bw_field_text("program", log->program);
    struct bw_log_field text = bw_field_text("message", message);
    add_field(log, line, &program);
    add_field(log, line, &text);
}

static void begin_text(struct line *line, enum bw_log_level level, const char *time, const char *message) {
    char head[64];
    snprintf(head, sizeof head, "%.12s %-5s  ", time + 11, level_names[level]);
    add_text(line, head);
    add_text(line, message);
}

void bw_log_write(const struct bw_log *log, enum bw_log_level level, const char *message,
                  const struct bw_log_field *fields, size_t n) {
    if (!log || level > log->level)
        return;
    struct line line = {.len = 0};
    char time[BW_RFC3339_MAX];
    bw_rfc3339(log->wall_ms ? log->wall_ms(log->owner) : 0, time);
    if (log->format == BW_LOG_JSON)
        begin_json(log, &line, level, time, message);
    else
        begin_text(&line, level, time, message);
    for (size_t i = 0; i < n; i++)
        add_field(log, &line, &fields[i]);
    if (log->format == BW_LOG_JSON)
        add_text(&line, "}");
    line.text[line.len++] = '\n';
    log->sink(log->owner, line.text, line.len);
}
