/* lines.h: JSON lines, one object each, with known members only. */
#ifndef SIM_LINES_H
#define SIM_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum member {
    T_MS,
    OP,
    ID,
    OUTCOME,
    CODE,
    LATENCY_MS,
    PUSHBACK_MS,
    TO,
    FOR_MS,
    HANDLE,
    MEMBERS,
};

struct line {
    unsigned has; /* bit n = member n */
    int64_t number[MEMBERS];
    /* OP, ID, OUTCOME, TO, HANDLE; until the next line. An ID or HANDLE that is a number has its digits. */
    const char *text[MEMBERS];
    bool is_number[MEMBERS];
};

struct lines; /* opaque */

/* "-" is standard input. NULL: why not on standard error. `size`: of the file, 0 when it has none. */
struct lines *lines_open(const char *path, uint64_t *size);
void lines_close(struct lines *lines);
uint64_t lines_bytes_read(const struct lines *lines);

enum lines_result { LINES_OK, LINES_END, LINES_BAD };
/* The next line. BAD: lines_complain has been called. */
enum lines_result lines_next(struct lines *lines, struct line *line);
/* Requires `must` and allows `may` besides; else complains and returns false. `what` names the kind of line.
 */
bool lines_allow(struct lines *lines, const struct line *line, unsigned must, unsigned may, const char *what);
/* Writes "FILE:LINE: ..." to standard error, about the line that was read last. Returns false. */
bool lines_complain(const struct lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool line_has(const struct line *line, enum member member) {
    return (line->has & 1U << member) != 0;
}

#endif
