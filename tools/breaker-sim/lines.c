#define _POSIX_C_SOURCE 200809L /* getc_unlocked, fstat */

#include "lines.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* So that memory does not depend on what somebody feeds us. */
enum { LINE_MAX_BYTES = 65536, NAMES_MAX = 200 };

enum type { COUNT, SIGNED, TEXT, NAME };

/* `max` of a number. 2^40 ms are 34 years. */
static const struct {
    const char *name;
    enum type type;
    int64_t max;
} members[MEMBERS] = {
    [T_MS] = {"t_ms", COUNT, INT64_C(1) << 40},
    [OP] = {"op", TEXT, 0},
    [ID] = {"id", NAME, 0},
    [OUTCOME] = {"outcome", TEXT, 0},
    [CODE] = {"code", COUNT, 16},
    [LATENCY_MS] = {"latency_ms", COUNT, INT64_C(1) << 40},
    [PUSHBACK_MS] = {"pushback_ms", SIGNED, INT64_C(1) << 40},
    [TO] = {"to", TEXT, 0},
    [FOR_MS] = {"for_ms", COUNT, INT64_C(1) << 40},
    [HANDLE] = {"handle", NAME, 0},
};

struct lines {
    FILE *file;
    const char *name;
    uint64_t number, bytes;
    char text[LINE_MAX_BYTES];
    json_t *json;
    char digits[MEMBERS][24];
};

bool lines_complain(const struct lines *lines, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr, "%s:%llu: ", lines->name, (unsigned long long)lines->number);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
}

struct lines *lines_open(const char *path, uint64_t *size) {
    struct stat status;
    bool is_stdin = strcmp(path, "-") == 0;
    struct lines *lines = calloc(1, sizeof *lines);
    FILE *file = lines ? (is_stdin ? stdin : fopen(path, "r")) : NULL;
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        free(lines);
        return NULL;
    }
    lines->file = file;
    lines->name = path;
    *size = fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    return lines;
}

void lines_close(struct lines *lines) {
    if (!lines)
        return;
    if (lines->file != stdin)
        fclose(lines->file);
    json_decref(lines->json);
    free(lines);
}

uint64_t lines_bytes_read(const struct lines *lines) {
    return lines->bytes;
}

static bool complain_value(const struct lines *lines, int i, const json_t *value) {
    char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    if (members[i].type == TEXT || members[i].type == NAME)
        lines_complain(lines, "%s: %.60s is not allowed, only %s", members[i].name, shown ? shown : "?",
                       members[i].type == TEXT ? "a text" : "a text or an integer");
    else
        lines_complain(lines, "%s: %.60s is not allowed, only an integer of %lld..%lld", members[i].name,
                       shown ? shown : "?", members[i].type == SIGNED ? -(long long)members[i].max : 0LL,
                       (long long)members[i].max);
    free(shown);
    return false;
}

static bool take(struct lines *lines, struct line *line, int i, const json_t *value) {
    bool may_be_text = members[i].type == TEXT || members[i].type == NAME;
    bool may_be_number = members[i].type != TEXT;
    line->has |= 1U << i;
    line->is_number[i] = json_is_integer(value);
    if (may_be_text && json_is_string(value)) {
        line->text[i] = json_string_value(value);
        return strlen(line->text[i]) == json_string_length(value) || complain_value(lines, i, value);
    }
    if (!may_be_number || !json_is_integer(value))
        return complain_value(lines, i, value);
    line->number[i] = json_integer_value(value);
    if (members[i].type == NAME) {
        snprintf(lines->digits[i], sizeof lines->digits[i], "%lld", (long long)line->number[i]);
        line->text[i] = lines->digits[i];
        return true;
    }
    int64_t min = members[i].type == SIGNED ? -members[i].max : 0;
    bool fits = line->number[i] >= min && line->number[i] <= members[i].max;
    return fits || complain_value(lines, i, value);
}

static void list(unsigned set, char *text, size_t size) {
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < MEMBERS; i++)
        if (set >> i & 1 && at < size)
            at += (size_t)snprintf(text + at, size - at, "%s%s", at ? ", " : "", members[i].name);
}

/* A key may have any bytes: in ASCII they do no harm on a terminal. */
static bool complain_member(const struct lines *lines, const char *key) {
    char names[NAMES_MAX];
    json_t *text = json_string(key);
    char *shown = text ? json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    list((1U << MEMBERS) - 1, names, sizeof names);
    lines_complain(lines, "%.60s is not allowed as a member, only %s", shown ? shown : "?", names);
    free(shown);
    json_decref(text);
    return false;
}

static bool take_all(struct lines *lines, struct line *line) {
    const char *key;
    json_t *value;
    json_object_foreach(lines->json, key, value) {
        int i = 0;
        while (i < MEMBERS && strcmp(members[i].name, key) != 0)
            i++;
        if (i == MEMBERS)
            return complain_member(lines, key);
        if (!take(lines, line, i, value))
            return false;
    }
    return true;
}

/* Nothing is read beyond the line break: who writes the next line may wait for the answer to this one. */
static enum lines_result read_text(struct lines *lines, size_t *length) {
    int c;
    size_t n = 0;
    while ((c = getc_unlocked(lines->file)) != EOF && c != '\n' && n < LINE_MAX_BYTES)
        lines->text[n++] = (char)c;
    if (c == EOF && n == 0 && !ferror(lines->file))
        return LINES_END;
    lines->number++;
    lines->bytes += n + 1;
    *length = n;
    if (ferror(lines->file))
        lines_complain(lines, "it cannot be read: %s", strerror(errno));
    else if (c != EOF && c != '\n')
        lines_complain(lines, "the line is too long, only %d bytes are allowed", LINE_MAX_BYTES);
    else
        return LINES_OK;
    return LINES_BAD;
}

enum lines_result lines_next(struct lines *lines, struct line *line) {
    json_error_t error;
    size_t length;
    memset(line, 0, sizeof *line);
    enum lines_result result = read_text(lines, &length);
    if (result != LINES_OK)
        return result;
    json_decref(lines->json);
    lines->json = json_loadb(lines->text, length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(lines->json)) {
        lines_complain(lines, "%s, one JSON object is allowed", lines->json ? "no object" : error.text);
        return LINES_BAD;
    }
    return take_all(lines, line) ? LINES_OK : LINES_BAD;
}

bool lines_allow(struct lines *lines, const struct line *line, unsigned must, unsigned may,
                 const char *what) {
    char names[NAMES_MAX], optional[NAMES_MAX];
    if ((line->has & must) == must && !(line->has & ~(must | may)))
        return true;
    list(must, names, sizeof names);
    list(may, optional, sizeof optional);
    return lines_complain(lines, "%s needs %s%s%s, nothing else is allowed", what, names,
                          may ? ", and may have " : "", optional);
}
