/* json_writer.h: writes JSON (RFC 8259) into a buffer, commas and escapes included. Plain data, no threads.
 *
 * Bytes that are not UTF-8 become U+FFFD, so the result is always valid JSON. Non-finite numbers become null.
 * Depth is limited to 31 (asserted: the caller's mistake). */
#ifndef BREAKWIRE_JSON_WRITER_H
#define BREAKWIRE_JSON_WRITER_H

#include <breakwire/buf.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_json {
    struct bw_buf *out;
    uint32_t has_item; /* bit per depth: a comma is due */
    unsigned depth;
    bool after_key;
};

void bw_json_init(struct bw_json *json, struct bw_buf *out);
void bw_json_object_begin(struct bw_json *json);
void bw_json_object_end(struct bw_json *json);
void bw_json_array_begin(struct bw_json *json);
void bw_json_array_end(struct bw_json *json);
void bw_json_key(struct bw_json *json, const char *key);
void bw_json_text(struct bw_json *json, const char *text); /* NULL writes null */
void bw_json_span(struct bw_json *json, struct bw_span text);
void bw_json_u64(struct bw_json *json, uint64_t number);
void bw_json_i64(struct bw_json *json, int64_t number);
void bw_json_double(struct bw_json *json, double number); /* as few digits as read back the same */
void bw_json_bool(struct bw_json *json, bool value);
void bw_json_null(struct bw_json *json);
/* Bytes that are JSON already, as one value. */
void bw_json_raw(struct bw_json *json, struct bw_span value);

/* key and value at once */
void bw_json_put_text(struct bw_json *json, const char *key, const char *text);
void bw_json_put_u64(struct bw_json *json, const char *key, uint64_t number);
void bw_json_put_bool(struct bw_json *json, const char *key, bool value);

/* Appends the text escaped, without quotes. Beyond what RFC 8259 section 7 asks, DEL, the C1 controls, U+2028
 * and U+2029 are escaped, so that the result is safe on a terminal and in a script. */
void bw_json_escape(struct bw_buf *out, struct bw_span text);

#ifdef __cplusplus
}
#endif
#endif
