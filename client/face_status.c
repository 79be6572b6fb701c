#include "face_status.h"

#include <breakwire/breaker/v1/breaker.pb.h>
#include <pb_decode.h>
#include <pb_encode.h>

#include <assert.h>
#include <string.h>

bool face_status_request(struct bw_span bytes, char name[GUARD_NAME_MAX + 1]) {
    breakwire_breaker_v1_GetStatusRequest wire = breakwire_breaker_v1_GetStatusRequest_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(bytes.data, bytes.len);
    if (!pb_decode(&stream, breakwire_breaker_v1_GetStatusRequest_fields, &wire))
        return false;
    memcpy(name, wire.name, GUARD_NAME_MAX + 1);
    return true;
}

/* The map on the wire: one message of key and value for each parameter. */
static bool write_parameters(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
    const struct guard *guard = *arg;
    struct guard_parameter parameter;
    for (size_t i = 0; guard_parameter(guard, i, &parameter); i++) {
        breakwire_breaker_v1_Status_ParametersEntry entry =
            breakwire_breaker_v1_Status_ParametersEntry_init_zero;
        bw_span_copy_text(bw_span_text(parameter.name), entry.key, sizeof entry.key);
        bw_span_copy_text(bw_span_text(parameter.value), entry.value, sizeof entry.value);
        if (!pb_encode_tag_for_field(stream, field) ||
            !pb_encode_submessage(stream, breakwire_breaker_v1_Status_ParametersEntry_fields, &entry))
            return false;
    }
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
    wire->parameters.funcs.encode = write_parameters;
    wire->parameters.arg = (void *)guard;
}

static bool append(pb_ostream_t *stream, const pb_byte_t *bytes, size_t len) {
    return bw_buf_append(stream->state, bytes, len);
}

bool face_status_response(const struct guard *const *guards, size_t n, uint64_t now_ms, struct bw_buf *out) {
    static const size_t most =
        sizeof((breakwire_breaker_v1_GetStatusResponse *)0)->breakers / sizeof(breakwire_breaker_v1_Status);
    breakwire_breaker_v1_GetStatusResponse wire = breakwire_breaker_v1_GetStatusResponse_init_zero;
    assert(n <= most);
    for (size_t i = 0; i < n; i++)
        fill(guards[i], now_ms, &wire.breakers[i]);
    wire.breakers_count = (pb_size_t)n;
    pb_ostream_t stream = {.callback = append, .state = out, .max_size = SIZE_MAX};
    return pb_encode(&stream, breakwire_breaker_v1_GetStatusResponse_fields, &wire);
}
