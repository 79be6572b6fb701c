#include "private.h"

#include <inttypes.h>
#include <stdio.h>

/* DIGITS or DIGITS.DIGITS in seconds; what is finer than a millisecond is refused, not rounded. */
static bool parse_seconds(struct bw_span text, uint64_t *ms) {
    const uint8_t *dot = text.len ? memchr(text.data, '.', text.len) : NULL;
    size_t whole_len = dot ? (size_t)(dot - text.data) : text.len;
    uint64_t seconds, thousandths = 0;
    if (!bw_span_to_u64(bw_span_of(text.data, whole_len), UINT64_MAX / 1000 - 1, &seconds))
        return false;
    if (dot) {
        struct bw_span part = bw_span_of(dot + 1, text.len - whole_len - 1);
        while (part.len > 3 && part.data[part.len - 1] == '0')
            part.len--;
        if (part.len > 3 || !bw_span_to_u64(part, 999, &thousandths))
            return false;
        for (size_t digits = part.len; digits < 3; digits++)
            thousandths *= 10;
    }
    *ms = seconds * 1000 + thousandths;
    return true;
}

static bool is_plain(struct bw_span text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7F)
            return false;
    return true;
}

static bool is_list(struct bw_span text) {
    struct bw_span item;
    bool any = false;
    while (bw_settings_next_item(&text, &item)) {
        if (item.len == 0)
            return false;
        any = true;
    }
    return any;
}

static bool is_address(struct bw_span text) {
    char copy[300];
    if (text.len >= sizeof copy || !is_plain(text))
        return false;
    bw_span_copy_text(text, copy, sizeof copy);
    return bw_settings_split_address(copy, NULL, NULL);
}

static bool parse_word(const char *words, struct bw_span text, uint64_t *number) {
    for (uint64_t i = 0; *words; i++) {
        size_t n = strcspn(words, "|");
        if (bw_span_equal(bw_span_of(words, n), text)) {
            *number = i;
            return true;
        }
        words += words[n] ? n + 1 : n;
    }
    return false;
}

static bool parse(const struct bw_setting *row, struct bw_span text, uint64_t *number) {
    switch (row->kind) {
    case BW_SETTING_INTEGER:
        return bw_span_to_u64(text, row->max, number) && *number >= row->min;
    case BW_SETTING_SECONDS:
        return parse_seconds(text, number) && *number >= row->min && *number <= row->max;
    case BW_SETTING_ADDRESS:
        return is_address(text);
    case BW_SETTING_WORD:
        return parse_word(row->words, text, number);
    case BW_SETTING_TEXT:
        return is_plain(text);
    case BW_SETTING_LIST:
        return is_plain(text) && is_list(text);
    case BW_SETTING_JUDGED:
        return false;
    }
    return false;
}

bool bw_value_parse(const struct bw_setting *row, struct bw_span text, uint64_t *number) {
    uint64_t parsed = 0;
    if (text.len == 0 || !parse(row, text, &parsed))
        return false;
    *number = parsed;
    return true;
}

bool bw_value_equal(const struct bw_setting *row, const struct given *a, const struct given *b) {
    if (row->kind == BW_SETTING_INTEGER || row->kind == BW_SETTING_SECONDS)
        return a->number == b->number;
    return strcmp(a->text, b->text) == 0;
}

static void append_seconds(struct bw_buf *out, uint64_t ms) {
    char text[40];
    int n = snprintf(text, sizeof text, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    bw_buf_append(out, text, (size_t)n);
}

void bw_value_write(const struct bw_setting *row, uint64_t number, struct bw_buf *out) {
    if (row->kind == BW_SETTING_SECONDS)
        append_seconds(out, number);
    else
        bw_buf_printf(out, "%" PRIu64, number);
}

static void append_words(struct bw_buf *out, const char *words) {
    bw_buf_append_text(out, "one of ");
    for (; *words; words++)
        *words == '|' ? bw_buf_append_text(out, ", ") : bw_buf_append_byte(out, (uint8_t)*words);
}

void bw_value_allowed(const struct bw_setting *row, struct bw_buf *out) {
    switch (row->kind) {
    case BW_SETTING_INTEGER:
        bw_buf_printf(out, "a whole number from %" PRIu64 " to %" PRIu64, row->min, row->max);
        return;
    case BW_SETTING_SECONDS:
        bw_buf_append_text(out, "seconds from ");
        append_seconds(out, row->min);
        bw_buf_append_text(out, " to ");
        append_seconds(out, row->max);
        bw_buf_append_text(out, " with at most three decimals");
        return;
    case BW_SETTING_ADDRESS:
        bw_buf_append_text(out, "HOST:PORT or [V6]:PORT with a port from 0 to 65535");
        return;
    case BW_SETTING_WORD:
        append_words(out, row->words);
        return;
    case BW_SETTING_TEXT:
        bw_buf_append_text(out, "a text without control characters");
        return;
    case BW_SETTING_LIST:
        bw_buf_append_text(out, "texts with commas between them, none empty");
        return;
    case BW_SETTING_JUDGED:
        bw_buf_append_text(out, row->words);
        return;
    }
}

bool bw_settings_next_item(struct bw_span *rest, struct bw_span *item) {
    if (!rest->data)
        return false;
    const uint8_t *comma = rest->len ? memchr(rest->data, ',', rest->len) : NULL;
    size_t n = comma ? (size_t)(comma - rest->data) : rest->len;
    *item = bw_span_trim(bw_span_of(rest->data, n));
    *rest = comma ? bw_span_of(comma + 1, rest->len - n - 1) : bw_span_of(NULL, 0);
    return true;
}
