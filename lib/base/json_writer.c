#include <breakwire/json_writer.h>

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void bw_json_init(struct bw_json *json, struct bw_buf *out) {
    *json = (struct bw_json){.out = out};
}

static void before_value(struct bw_json *json) {
    uint32_t bit = 1u << json->depth;
    if (!json->after_key && (json->has_item & bit))
        bw_buf_append_byte(json->out, ',');
    json->has_item |= bit;
    json->after_key = false;
}

static void open_scope(struct bw_json *json, uint8_t bracket) {
    before_value(json);
    bw_buf_append_byte(json->out, bracket);
    assert(json->depth < 31);
    json->depth++;
    json->has_item &= ~(1u << json->depth);
}

static void close_scope(struct bw_json *json, uint8_t bracket) {
    assert(json->depth > 0 && !json->after_key);
    json->depth--;
    bw_buf_append_byte(json->out, bracket);
}

void bw_json_object_begin(struct bw_json *json) {
    open_scope(json, '{');
}

void bw_json_object_end(struct bw_json *json) {
    close_scope(json, '}');
}

void bw_json_array_begin(struct bw_json *json) {
    open_scope(json, '[');
}

void bw_json_array_end(struct bw_json *json) {
    close_scope(json, ']');
}

/* The length of the well-formed UTF-8 sequence at the front (Unicode table 3-7), or 0. */
static size_t utf8_length(struct bw_span text) {
    uint8_t c = text.data[0];
    size_t n = c < 0x80                 ? 1
               : c >= 0xC2 && c <= 0xDF ? 2
               : (c & 0xF0) == 0xE0     ? 3
               : c >= 0xF0 && c <= 0xF4 ? 4
                                        : 0;
    if (n == 0 || n > text.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((text.data[i] & 0xC0) != 0x80)
            return 0;
    uint8_t second = n > 1 ? text.data[1] : 0;
    bool overlong = (c == 0xE0 && second < 0xA0) || (c == 0xF0 && second < 0x90);
    bool beyond = (c == 0xED && second > 0x9F) || (c == 0xF4 && second > 0x8F);
    return overlong || beyond ? 0 : n;
}

static void escape_ascii(struct bw_buf *out, uint8_t c) {
    static const char named[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; i + 1 < sizeof named; i += 2)
        if (c == (uint8_t)named[i]) {
            bw_buf_append_byte(out, '\\');
            bw_buf_append_byte(out, (uint8_t)named[i + 1]);
            return;
        }
    if (c < 0x20 || c == 0x7F)
        bw_buf_printf(out, "\\u%04x", c);
    else
        bw_buf_append_byte(out, c);
}

/* C1 controls and the two line separators act on terminals and in scripts though JSON allows them as they
 * are. Returns the code point, or 0 for any other character. */
static unsigned unsafe_rune(const uint8_t *c, size_t n) {
    if (n == 2 && c[0] == 0xC2 && c[1] < 0xA0)
        return c[1];
    if (n == 3 && c[0] == 0xE2 && c[1] == 0x80 && (c[2] == 0xA8 || c[2] == 0xA9))
        return 0x2000u + (c[2] & 0x3Fu);
    return 0;
}

void bw_json_escape(struct bw_buf *out, struct bw_span text) {
    while (text.len) {
        size_t n = utf8_length(text);
        unsigned unsafe = unsafe_rune(text.data, n);
        if (n == 1)
            escape_ascii(out, text.data[0]);
        else if (unsafe)
            bw_buf_printf(out, "\\u%04x", unsafe);
        else if (n == 0)
            bw_buf_append_text(out, "\xEF\xBF\xBD");
        else
            bw_buf_append(out, text.data, n);
        size_t step = n ? n : 1;
        text = bw_span_of(text.data + step, text.len - step);
    }
}

static void quoted(struct bw_json *json, struct bw_span text) {
    bw_buf_append_byte(json->out, '"');
    bw_json_escape(json->out, text);
    bw_buf_append_byte(json->out, '"');
}

void bw_json_key(struct bw_json *json, const char *key) {
    assert(!json->after_key);
    before_value(json);
    quoted(json, bw_span_text(key));
    bw_buf_append_byte(json->out, ':');
    json->after_key = true;
}

void bw_json_span(struct bw_json *json, struct bw_span text) {
    before_value(json);
    quoted(json, text);
}

void bw_json_text(struct bw_json *json, const char *text) {
    if (text)
        bw_json_span(json, bw_span_text(text));
    else
        bw_json_null(json);
}

void bw_json_raw(struct bw_json *json, struct bw_span value) {
    before_value(json);
    bw_buf_append_span(json->out, value);
}

void bw_json_u64(struct bw_json *json, uint64_t number) {
    before_value(json);
    bw_buf_printf(json->out, "%" PRIu64, number);
}

void bw_json_i64(struct bw_json *json, int64_t number) {
    before_value(json);
    bw_buf_printf(json->out, "%" PRId64, number);
}

void bw_json_double(struct bw_json *json, double number) {
    if (!isfinite(number)) {
        bw_json_null(json);
        return;
    }
    char text[40] = "";
    bool whole = number > -1e15 && number < 1e15 && (double)(int64_t)number == number;
    if (whole)
        snprintf(text, sizeof text, "%.0f", number);
    for (int digits = 1; !whole && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    bw_json_raw(json, bw_span_text(text));
}

void bw_json_bool(struct bw_json *json, bool value) {
    bw_json_raw(json, bw_span_text(value ? "true" : "false"));
}

void bw_json_null(struct bw_json *json) {
    bw_json_raw(json, bw_span_text("null"));
}

void bw_json_put_text(struct bw_json *json, const char *key, const char *text) {
    bw_json_key(json, key);
    bw_json_text(json, text);
}

void bw_json_put_u64(struct bw_json *json, const char *key, uint64_t number) {
    bw_json_key(json, key);
    bw_json_u64(json, number);
}

void bw_json_put_bool(struct bw_json *json, const char *key, bool value) {
    bw_json_key(json, key);
    bw_json_bool(json, value);
}
