#include "response.h"

#include "content_type.h"
#include "metadata_wire.h"

#include <breakwire/base64.h>
#include <breakwire/percent.h>

static void read_http_status(struct bw_response *out, struct bw_span value) {
    uint64_t number;
    if (bw_span_to_u64(value, 999, &number))
        out->http_status = (unsigned)number;
}

static void read_content_type(struct bw_response *out, struct bw_span value) {
    bool is_proto;
    out->is_grpc = bw_content_type_is_grpc(value);
    out->is_other_codec = out->is_grpc && !bw_content_type_is_known_codec(value, &is_proto);
}

/* "If the value for pushback is negative or unparseable, then it will be seen as the server asking the client
 * not to retry at all" (gRFC A6). */
static void read_pushback(struct bw_response *out, struct bw_span value) {
    uint64_t ms;
    out->has_pushback = true;
    out->pushback_ms = bw_span_to_u64(value, INT32_MAX, &ms) ? (int64_t)ms : -1;
}

static void read_details(struct bw_response *out, struct bw_span value) {
    bw_buf_clear(&out->details);
    if (!bw_base64_decode(&out->details, bw_span_trim(value)))
        out->is_bad = true;
}

static void read_message(struct bw_response *out, struct bw_span value) {
    bw_buf_clear(&out->message);
    bw_percent_decode(&out->message, value);
    out->no_memory |= out->message.failed;
}

static void read_metadata(struct bw_response *out, struct bw_span name, struct bw_span value) {
    enum bw_metadata_result result = bw_metadata_add_wire(out->metadata, name, value);
    out->no_memory |= result == BW_METADATA_NO_MEMORY;
    out->is_bad |= result == BW_METADATA_BAD_VALUE && bw_metadata_is_binary(name);
}

static void read_field(struct bw_response *out, struct bw_span name, struct bw_span value) {
    if (bw_span_is(name, ":status")) {
        read_http_status(out, value);
    } else if (bw_span_is(name, "content-type")) {
        read_content_type(out, value);
    } else if (bw_span_is(name, "grpc-status")) {
        out->has_status = true;
        out->status = value;
    } else if (bw_span_is(name, "grpc-message")) {
        read_message(out, value);
    } else if (bw_span_is(name, "grpc-status-details-bin")) {
        read_details(out, value);
    } else if (bw_span_is(name, "grpc-retry-pushback-ms")) {
        read_pushback(out, value);
    } else {
        read_metadata(out, name, value);
    }
}

void bw_response_read(const struct bw_h2_field *fields, size_t n, struct bw_response *out) {
    *out = (struct bw_response){.metadata = bw_metadata_new()};
    out->no_memory = !out->metadata;
    for (size_t i = 0; i < n && out->metadata; i++)
        read_field(out, fields[i].name, fields[i].value);
}

void bw_response_free(struct bw_response *response) {
    bw_buf_free(&response->message);
    bw_buf_free(&response->details);
    bw_metadata_free(response->metadata);
    response->metadata = NULL;
}

enum bw_code bw_response_status(struct bw_response *response, unsigned http_status) {
    enum bw_code code;
    if (!response->has_status) {
        bw_buf_clear(&response->message);
        bw_buf_printf(&response->message, "no grpc-status in the response (HTTP status %u)", http_status);
        return bw_code_from_http(http_status);
    }
    bool is_number = bw_code_parse(response->status, &code);
    bool is_known = is_number && (code != BW_UNKNOWN || bw_span_is(response->status, "2"));
    if (!is_known) {
        int len = response->status.len < 32 ? (int)response->status.len : 32;
        bw_buf_printf(&response->message, " (grpc-status was %.*s)", len,
                      (const char *)response->status.data);
    }
    return code;
}
