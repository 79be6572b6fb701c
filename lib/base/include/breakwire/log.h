/* log.h: one line per event, as text for people or as JSON for machines. Formats; the sink writes.
 *
 * A text (field or message) is cut at 256 bytes and escaped in both formats, so no input can forge a line.
 * The wall time comes from the caller (the core knows no clock). A line longer than BW_LOG_LINE_MAX is cut
 * before the field that no longer fits. Not thread-safe.
 */
#ifndef BREAKWIRE_LOG_H
#define BREAKWIRE_LOG_H

#include <breakwire/span.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BW_LOG_LINE_MAX 4096

enum bw_log_level { BW_LOG_ERROR, BW_LOG_WARN, BW_LOG_INFO, BW_LOG_DEBUG };
enum bw_log_format { BW_LOG_TEXT, BW_LOG_JSON };

struct bw_log {
    enum bw_log_level level; /* lines above it are dropped */
    enum bw_log_format format;
    const char *program; /* lent */
    void (*sink)(void *owner, const char *line,
                 size_t len);         /* gets whole lines, '\n' included; never blocks */
    uint64_t (*wall_ms)(void *owner); /* milliseconds since 1970, UTC */
    void *owner;
};

struct bw_log_field {
    const char *key;
    enum { BW_FIELD_TEXT, BW_FIELD_U64, BW_FIELD_I64, BW_FIELD_DOUBLE } kind;
    union {
        struct bw_span text;
        uint64_t u64;
        int64_t i64;
        double number;
    } value;
};

struct bw_log_field bw_field_text(const char *key, const char *text); /* NULL text: field left out */
struct bw_log_field bw_field_span(const char *key, struct bw_span text);
struct bw_log_field bw_field_u64(const char *key, uint64_t number);
struct bw_log_field bw_field_i64(const char *key, int64_t number);
struct bw_log_field bw_field_double(const char *key, double number);

/* Writes one line: time, level, message, fields. `log` may be NULL (nothing happens). */
void bw_log_write(const struct bw_log *log, enum bw_log_level level, const char *message,
                  const struct bw_log_field *fields, size_t n);

/* bw_log_fields(log, BW_LOG_INFO, "listening", bw_field_text("address", a), bw_field_u64("port", p)) */
#define bw_log_fields(log, level, message, ...)                                                              \
    do {                                                                                                     \
        const struct bw_log_field bw_fields_[] = {__VA_ARGS__};                                              \
        bw_log_write(log, level, message, bw_fields_, sizeof bw_fields_ / sizeof bw_fields_[0]);             \
    } while (0)

/* Writes wall_ms as RFC 3339 in UTC with milliseconds: "2026-01-31T12:00:00.123Z" (24 bytes and a NUL). */
#define BW_RFC3339_MAX 25
void bw_rfc3339(uint64_t wall_ms, char out[BW_RFC3339_MAX]);

#ifdef __cplusplus
}
#endif
#endif
