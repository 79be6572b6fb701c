#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const code_names[] = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};
_Static_assert(sizeof code_names / sizeof code_names[0] == BW_BREAKER_CODES, "a name for every code");

static bool only(const char *text, const char *allowed) {
    return *text && text[strspn(text, allowed)] == '\0';
}

static bool read_based(const char *text, int base, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    if (errno || *end)
        return false;
    *out = value;
    return true;
}

bool bw_text_read_integer(const char *text, uint64_t *out) {
    return only(text, "0123456789") && read_based(text, 10, out);
}

bool bw_text_read_number(const char *text, double *out) {
    if (!only(text, "0123456789.eE+-"))
        return false;
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end)
        return false;
    *out = value;
    return true;
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c) {
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

bool bw_text_read_switch(const char *text, bool *out) {
    bool on = is_one_of(text, "on", "true", "1");
    if (!on && !is_one_of(text, "off", "false", "0"))
        return false;
    *out = on;
    return true;
}

const char *bw_text_choice(const char *choices, int index, int *length) {
    const char *word = choices;
    while (index-- > 0 && *word) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    *length = (int)strcspn(word, " ");
    return word;
}

bool bw_text_read_choice(const char *text, const char *choices, int *out) {
    int length;
    for (int i = 0; bw_text_choice(choices, i, &length), length > 0; i++) {
        const char *word = bw_text_choice(choices, i, &length);
        if (strlen(text) == (size_t)length && memcmp(text, word, (size_t)length) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* A gRPC code by its name, or -1. */
static int code_of(const char *name, size_t length) {
    for (int i = 0; i < BW_BREAKER_CODES; i++)
        if (strlen(code_names[i]) == length && memcmp(code_names[i], name, length) == 0)
            return i;
    return -1;
}

static bool read_code_list(const char *text, uint32_t *out) {
    uint32_t mask = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        int code = code_of(text, length);
        if (code < 0)
            return false;
        mask |= UINT32_C(1) << code;
        if (!text[length])
            break;
        text += length + 1;
    }
    *out = mask;
    return true;
}

bool bw_text_read_codes(const char *text, uint32_t *out) {
    uint64_t mask;
    bool is_hex = strncmp(text, "0x", 2) == 0 && only(text + 2, "0123456789abcdefABCDEF");
    if (strcmp(text, "none") == 0)
        mask = 0;
    else if (is_hex ? !read_based(text + 2, 16, &mask) : !bw_text_read_integer(text, &mask))
        return read_code_list(text, out);
    if (mask >> BW_BREAKER_CODES)
        return false;
    *out = (uint32_t)mask;
    return true;
}

/* "UNAVAILABLE=4", or "4" for the code at `place`. */
static bool read_weight(const char *item, size_t length, int place, uint8_t weight[BW_BREAKER_CODES]) {
    const char *equals = memchr(item, '=', length);
    int code = equals ? code_of(item, (size_t)(equals - item)) : place;
    const char *digits = equals ? equals + 1 : item;
    size_t count = length - (size_t)(digits - item);
    if (code < 0 || code >= BW_BREAKER_CODES || count < 1 || count > 2)
        return false;
    unsigned value = 0;
    for (size_t i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        value = value * 10 + (unsigned)(digits[i] - '0');
    }
    weight[code] = (uint8_t)value;
    return true;
}

bool bw_text_read_weights(const char *text, uint8_t out[BW_BREAKER_CODES]) {
    uint8_t weight[BW_BREAKER_CODES];
    memset(weight, 1, sizeof weight);
    bool named = strchr(text, '=') != NULL;
    int items = 0;
    for (;; items++) {
        size_t length = strcspn(text, ",");
        bool has_name = memchr(text, '=', length) != NULL;
        if (has_name != named || !read_weight(text, length, items, weight))
            return false;
        if (!text[length])
            break;
        text += length + 1;
    }
    if (!named && items == 0)
        memset(weight, weight[0], sizeof weight);
    else if (!named && items + 1 != BW_BREAKER_CODES)
        return false;
    memcpy(out, weight, sizeof weight);
    return true;
}

/* Appends as snprintf: `*length` is what the whole text needs. */
static void append(char *text, size_t size, int *length, const char *separator, const char *word,
                   int number) {
    size_t at = (size_t)*length < size ? (size_t)*length : size;
    char *to = at < size ? text + at : NULL;
    *length += number < 0 ? snprintf(to, size - at, "%s%s", separator, word)
                          : snprintf(to, size - at, "%s%s=%d", separator, word, number);
}

int bw_text_write_codes(uint32_t mask, char *text, size_t size) {
    if (mask >> BW_BREAKER_CODES) /* not all of them have names */
        return snprintf(text, size, "%" PRIu32, mask);
    if (!mask)
        return snprintf(text, size, "none");
    int length = 0;
    for (int i = 0; i < BW_BREAKER_CODES; i++)
        if (mask >> i & 1)
            append(text, size, &length, length ? "," : "", code_names[i], -1);
    return length;
}

int bw_text_write_weights(const uint8_t weight[BW_BREAKER_CODES], char *text, size_t size) {
    int length = 0;
    for (int i = 0; i < BW_BREAKER_CODES; i++)
        if (weight[i] != 1)
            append(text, size, &length, length ? "," : "", code_names[i], weight[i]);
    return length ? length : snprintf(text, size, "1");
}
