#include "request.h"

#include "content_type.h"
#include "metadata_wire.h"
#include "timeout.h"

struct reading {
    struct bw_request *out;
    struct bw_span content_type, encoding, timeout;
    bool bad_metadata, no_memory;
};

static void read_field(struct reading *reading, const struct bw_h2_field *field) {
    const struct {
        const char *name;
        struct bw_span *into;
    } known[] = {
        {":method", &reading->out->method},        {":path", &reading->out->path},
        {":authority", &reading->out->authority},  {"content-type", &reading->content_type},
        {"user-agent", &reading->out->user_agent}, {"grpc-timeout", &reading->timeout},
        {"grpc-encoding", &reading->encoding},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (bw_span_is(field->name, known[i].name)) {
            *known[i].into = field->value;
            return;
        }
    if (bw_span_is(field->name, "host") && !reading->out->authority.data)
        reading->out->authority = field->value;
    enum bw_metadata_result added = bw_metadata_add_wire(reading->out->metadata, field->name, field->value);
    if (added == BW_METADATA_BAD_VALUE)
        reading->bad_metadata |= bw_metadata_is_binary(field->name);
    reading->no_memory |= added == BW_METADATA_NO_MEMORY;
}

static void answer_http(struct bw_request *out, unsigned http_status) {
    out->verdict = BW_REQUEST_HTTP;
    out->http_status = http_status;
}

static void answer_status(struct bw_request *out, enum bw_code code, const char *message) {
    out->verdict = BW_REQUEST_STATUS;
    out->http_status = 200;
    out->code = code;
    out->message = message;
}

bool bw_request_is_path(struct bw_span path) {
    if (path.len < 4 || path.data[0] != '/' || path.data[1] == '/')
        return false;
    const uint8_t *slash = memchr(path.data + 1, '/', path.len - 1);
    if (!slash)
        return false;
    size_t method_len = (size_t)(path.data + path.len - (slash + 1));
    return method_len > 0 && !memchr(slash + 1, '/', method_len);
}

/* In a header list that was cut short the content-type may be missing. */
static void judge_http(struct bw_request *out, struct bw_span content_type, bool too_large) {
    bool grpc = bw_content_type_is_grpc(content_type) || (too_large && !content_type.data);
    if (bw_span_is(out->method, "POST"))
        answer_http(out, grpc ? 0 : 415);
    else if (grpc || !(bw_span_is(out->method, "GET") || bw_span_is(out->method, "HEAD")))
        answer_http(out, 405);
    else
        answer_http(out, 200);
    if (out->http_status == 0)
        out->verdict = BW_REQUEST_OK;
}

static void judge_grpc(struct bw_request *out, const struct reading *reading, bool too_large) {
    bool identity = !reading->encoding.data || bw_span_is(reading->encoding, "identity");
    if (too_large) {
        answer_status(out, BW_RESOURCE_EXHAUSTED, "the request's header list is too large");
    } else if (reading->timeout.data && !bw_timeout_parse(reading->timeout, &out->timeout_ms)) {
        answer_status(out, BW_INTERNAL, "malformed grpc-timeout");
        out->http_status = 400;
    } else if (!bw_content_type_is_known_codec(reading->content_type, &out->is_proto_subtype)) {
        answer_status(out, BW_UNIMPLEMENTED,
                      "unknown codec in content-type; known is application/grpc+proto");
    } else if (!bw_request_is_path(out->path)) {
        answer_status(out, BW_UNIMPLEMENTED, "malformed method name");
    } else if (!identity) {
        answer_status(out, BW_UNIMPLEMENTED, "unknown grpc-encoding; known is identity");
        out->says_encodings = true;
    } else if (reading->bad_metadata) {
        answer_status(out, BW_INTERNAL, "a -bin field is no base64");
    } else if (reading->no_memory) {
        answer_status(out, BW_RESOURCE_EXHAUSTED, "out of memory");
    } else if (reading->timeout.data && out->timeout_ms == 0) {
        answer_status(out, BW_DEADLINE_EXCEEDED, "the deadline was over when the call came");
    }
    out->has_timeout = reading->timeout.data != NULL;
}

void bw_request_read(const struct bw_h2_field *fields, size_t n, bool too_large, struct bw_request *out) {
    *out = (struct bw_request){.verdict = BW_REQUEST_OK, .metadata = bw_metadata_new()};
    struct reading reading = {.out = out};
    if (!out->metadata) {
        answer_status(out, BW_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    for (size_t i = 0; i < n; i++)
        read_field(&reading, &fields[i]);
    judge_http(out, reading.content_type, too_large);
    if (out->verdict == BW_REQUEST_OK)
        judge_grpc(out, &reading, too_large);
}
