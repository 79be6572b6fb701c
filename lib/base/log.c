#include <breakwire/log.h>

#include <breakwire/json_writer.h>

#include <inttypes.h>
#include <stdio.h>

enum { FIELD_MAX = 256, LINE_END_MAX = 2 };

struct line {
    char text[BW_LOG_LINE_MAX];
    size_t len;
    bool has_field;
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

/* Days to a civil date in eras of 400 years that begin in March: exact for all of 1970..9999. */
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

/* Adds the piece whole, keeping room for the line's end ("}\n"), or not at all. */
static bool add(struct line *line, const char *text, size_t len) {
    if (len > sizeof line->text - LINE_END_MAX - line->len)
        return false;
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
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

/* Cuts to FIELD_MAX bytes, before a character of UTF-8 that would be cut in two. */
static struct bw_span cut(struct bw_span text) {
    if (text.len <= FIELD_MAX)
        return text;
    size_t len = FIELD_MAX;
    while (len > FIELD_MAX - 3 && (text.data[len] & 0xC0) == 0x80)
        len--;
    return bw_span_of(text.data, len);
}

static void append_text(struct bw_buf *out, struct bw_span text, bool always_quoted) {
    struct bw_json json;
    bw_json_init(&json, out);
    if (always_quoted || needs_quotes(text))
        bw_json_span(&json, text);
    else
        bw_buf_append_span(out, text);
}

/* JSON's escapes serve both formats: a line break in a field never becomes one in the log. */
static void append_value(struct bw_buf *out, const struct bw_log_field *field, bool always_quoted) {
    struct bw_json json;
    bw_json_init(&json, out);
    switch (field->kind) {
    case BW_FIELD_TEXT:
        append_text(out, cut(field->value.text), always_quoted);
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

static void append_json_field(struct bw_buf *line, const struct bw_log_field *field) {
    bw_buf_append_text(line, ",\"");
    bw_json_escape(line, bw_span_text(field->key));
    bw_buf_append_text(line, "\":");
    append_value(line, field, true);
}

/* False: the line is full. */
static bool add_field(const struct bw_log *log, struct line *line, const struct bw_log_field *field) {
    if (!field->key)
        return true;
    struct bw_buf piece;
    bw_buf_init(&piece, 0);
    if (log->format == BW_LOG_JSON) {
        append_json_field(&piece, field);
    } else {
        bw_buf_printf(&piece, "%s%s=", line->has_field ? " " : "  ", field->key);
        append_value(&piece, field, false);
        line->has_field = true;
    }
    bool added = !piece.failed && add(line, (const char *)piece.data, piece.len);
    bw_buf_free(&piece);
    return added;
}

static void begin_json(const struct bw_log *log, struct line *line, enum bw_log_level level, const char *time,
                       const char *message) {
    char head[96];
    int n = snprintf(head, sizeof head, "{\"time\":\"%s\",\"level\":\"%s\"", time, level_names[level]);
    add(line, head, (size_t)n);
    struct bw_log_field program = bw_field_text("program", log->program);
    struct bw_log_field text = bw_field_text("message", message);
    add_field(log, line, &program);
    add_field(log, line, &text);
}

static bool is_printable(struct bw_span text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7E)
            return false;
    return true;
}

static void begin_text(struct line *line, enum bw_log_level level, const char *time, const char *message) {
    char head[64];
    int n = snprintf(head, sizeof head, "%.12s %-5s ", time + 11, level_names[level]);
    add(line, head, (size_t)n);
    struct bw_span text = cut(bw_span_text(message));
    if (is_printable(text)) {
        add(line, (const char *)text.data, text.len);
        return;
    }
    struct bw_buf escaped;
    bw_buf_init(&escaped, 0);
    bw_json_escape(&escaped, text);
    add(line, (const char *)escaped.data, escaped.len);
    bw_buf_free(&escaped);
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
    for (size_t i = 0; i < n && add_field(log, &line, &fields[i]); i++)
        ;
    if (log->format == BW_LOG_JSON)
        line.text[line.len++] = '}';
    line.text[line.len++] = '\n';
    log->sink(log->owner, line.text, line.len);
}
