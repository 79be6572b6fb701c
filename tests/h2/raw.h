/* raw.h: writes and reads HTTP/2 frames by hand, without nghttp2: what no honest library would send. */
#ifndef TESTS_H2_RAW_H
#define TESTS_H2_RAW_H

#include "wire.h"

enum {
    RAW_DATA = 0,
    RAW_HEADERS = 1,
    RAW_PRIORITY = 2,
    RAW_RST_STREAM = 3,
    RAW_SETTINGS = 4,
    RAW_PING = 6,
    RAW_GOAWAY = 7,
    RAW_WINDOW_UPDATE = 8,
    RAW_CONTINUATION = 9,
};
enum { RAW_END_STREAM = 1, RAW_ACK = 1, RAW_END_HEADERS = 4, RAW_PADDED = 8 };

/* What a test writes to; the script is always end A of the wire. */
void raw_frame(struct bw_wire *wire, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
               size_t len);
/* The client's preface and empty SETTINGS. */
void raw_client_hello(struct bw_wire *wire);
void raw_settings_ack(struct bw_wire *wire);
/* HEADERS of POST /path, with the given flags besides END_HEADERS, and more HPACK bytes behind. */
void raw_request(struct bw_wire *wire, uint32_t id, uint8_t flags, const void *more, size_t more_len);
void raw_reset(struct bw_wire *wire, uint32_t id, uint32_t code);
void raw_window(struct bw_wire *wire, uint32_t id, uint32_t increment);
/* A literal field, never indexed, in HPACK (RFC 7541 section 6.2.3). Returns its length. */
size_t raw_field(uint8_t *out, const char *name, const char *value, size_t value_len);

struct raw_seen {
    uint8_t type, flags;
    uint32_t id, length;
    const uint8_t *payload;
};
/* The n-th (from 0) frame of a type that the other end sent; false = there is none. */
bool raw_heard(const struct bw_wire *wire, uint8_t type, size_t n, struct raw_seen *out);
size_t raw_count(const struct bw_wire *wire, uint8_t type);
uint32_t raw_u32(const uint8_t *at);
/* The other end said GOAWAY with this code and debug data, and closed. */
void raw_assert_goaway(const struct bw_wire *wire, uint32_t code, const char *debug);

#endif
