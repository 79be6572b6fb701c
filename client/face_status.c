#include "face_status.h"

#include <breakwire/breaker/v1/breaker.pb.h>
#include <pb_decode.h>
#include <pb_encode.h>

#include <assert.h>
#include <string.h>

_Static_assert(breakwire_breaker_v1_GetStatusResponse_size <= FACE_STATUS_MAX,
               "the buffer holds every answer");
_Static_assert(breakwire_breaker_v1_GetStatusResponse_size == breakwire_breaker_v1_WatchResponse_size,
               "both answers are one message on the wire");

bool face_status_request(struct bw_span bytes, char name[GUARD_NAME_MAX + 1]) {
    breakwire_breaker_v1_GetStatusRequest wire = breakwire_breaker_v1_GetStatusRequest_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(bytes.data, bytes.len);
    if (!pb_decode(&stream, breakwire_breaker_v1_GetStatusRequest_fields, &wire))
        return false;
    memcpy(name, wire.name, GUARD_NAME_MAX + 1);
    return true;
}

static void fill(const struct guard *guard, uint64_t now_ms, breakwire_breaker_v1_Status *wire) {
    struct guard_status status;
    guard_status(guard, now_ms, &status);
    memcpy(wire->name, status.name, sizeof wire->name);
    wire->state = (breakwire_breaker_v1_State)guard_state_number(status.state);
    wire->view = (breakwire_breaker_v1_State)guard_state_number(status.view);
    wire->generation = status.generation;
    wire->open_attempt = status.open_attempt;
    wire->retry_after_ms = status.retry_after_ms;
    wire->consecutive_failures = status.consecutive;
    bw_span_copy_text(bw_span_text(status.last_reason), wire->last_reason, sizeof wire->last_reason);
}

size_t face_status_response(const struct guard *const *guards, size_t n, uint64_t now_ms,
                            uint8_t out[FACE_STATUS_MAX]) {
    static const size_t most =
        sizeof((breakwire_breaker_v1_GetStatusResponse *)0)->breakers / sizeof(breakwire_breaker_v1_Status);
    breakwire_breaker_v1_GetStatusResponse wire = breakwire_breaker_v1_GetStatusResponse_init_zero;
    assert(n <= most);
    for (size_t i = 0; i < n; i++)
        fill(guards[i], now_ms, &wire.breakers[i]);
    wire.breakers_count = (pb_size_t)n;
    pb_ostream_t stream = pb_ostream_from_buffer(out, FACE_STATUS_MAX);
    bool encoded = pb_encode(&stream, breakwire_breaker_v1_GetStatusResponse_fields, &wire);
    assert(encoded);
    return stream.bytes_written;
}
