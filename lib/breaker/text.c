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

/* `text` is known to be digits of that base. */
static bool read_based(const char *text, int base, uint64_t *out) {
    errno = 0;
    unsigned long long value = strtoull(text, NULL, base);
    if (errno)
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
    if (*end)
        return false;
    *out = value;
    return true;
}

bool bw_text_read_switch(const char *text, bool *out) {
    int index;
    if (!bw_text_read_choice(text, "off on false true 0 1", &index))
        return false;
    *out = index % 2;
    return true;
}

const char *bw_text_choice(const char *choices, int index, int *length) {
    const char *word = choices;
    for (unsigned left = (unsigned)index; left && *word; left--) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    *length = (int)strcspn(word, " ");
    return word;
}

static bool is_word(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

bool bw_text_read_choice(const char *text, const char *choices, int *out) {
    for (int i = 0;; i++) {
        int length;
        const char *word = bw_text_choice(choices, i, &length);
        if (!length)
            return false;
        if (is_word(word, (size_t)length, text)) {
            *out = i;
            return true;
        }
    }
}

/* A gRPC code by its name, or BW_BREAKER_CODES. */
static int code_of(const char *name, size_t length) {
    int code = 0;
    while (code < BW_BREAKER_CODES && !is_word(name, length, code_names[code]))
        code++;
    return code;
}

static bool read_code_list(const char *text, uint32_t *out) {
    uint32_t mask = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        int code = code_of(text, length);
        if (code == BW_BREAKER_CODES)
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
    if (code >= BW_BREAKER_CODES || count < 1 || count > 2)
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
    char *to = size ? text + at : NULL;
    *length += number < 0 ? snprintf(to, size - at, "%s%s", separator, word)
                          : snprintf(to, size - at, "%s%s=%d", separator, word, number);
}

int bw_text_write_codes(uint32_t mask, char *text, size_t size) {
    if (mask >> BW_BREAKER_CODES) /* not all of them have names */
        return snprintf(text, size, "%" PRIu32, mask);
    if (!mask)
        return snprintf(text, size, "none");
    int length = 0;
    for (int i = 0; mask >> i; i++)
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
