#include "response.h"

#include <breakwire/json_writer.h>

static const char *phrase_of(int status) {
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

bool bw_http_response_has_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

bool bw_http_response_field(struct bw_buf *out, const char *name, const char *value) {
    bw_buf_append_text(out, name);
    bw_buf_append_text(out, ": ");
    for (const char *c = value; *c; c++) {
        bool control = (unsigned char)*c < 0x20 || *c == 0x7F;
        bw_buf_append_byte(out, control ? ' ' : (uint8_t)*c);
    }
    bw_buf_append_text(out, "\r\n");
    return !out->failed;
}

/* RFC 9110 section 8.6: none in 204; in 304 and to HEAD it would be that of the GET. */
static bool has_length(const struct bw_http_answer *answer) {
    return !answer->endless && bw_http_response_has_body(answer->status);
}

static void write_head(struct bw_buf *out, const struct bw_http_config *config,
                       const struct bw_http_answer *answer) {
    bw_buf_printf(out, "HTTP/1.1 %d %s\r\n", answer->status, phrase_of(answer->status));
    for (size_t i = 0; i < config->fields_count; i++)
        bw_http_response_field(out, config->fields[i].name, config->fields[i].value);
    bw_buf_append_span(out, answer->fields);
    if (answer->content_type)
        bw_http_response_field(out, "Content-Type", answer->content_type);
    if (has_length(answer))
        bw_buf_printf(out, "Content-Length: %zu\r\n", answer->body.len);
    if (answer->close)
        bw_buf_append_text(out, "Connection: close\r\n");
    bw_buf_append_text(out, "\r\n");
}

bool bw_http_response_write(struct bw_buf *out, const struct bw_http_config *config,
                            const struct bw_http_answer *answer) {
    size_t before = bw_buf_size(out);
    write_head(out, config, answer);
    if (!answer->body_apart && !answer->to_head && bw_http_response_has_body(answer->status))
        bw_buf_append_span(out, answer->body);
    if (!out->failed)
        return true;
    out->len -= bw_buf_size(out) - before;
    out->failed = false;
    return false;
}

bool bw_http_response_problem(struct bw_buf *out, int status, const char *title, const char *detail) {
    struct bw_json json;
    bw_json_init(&json, out);
    bw_json_object_begin(&json);
    bw_json_put_text(&json, "type", "about:blank");
    bw_json_put_text(&json, "title", title ? title : phrase_of(status));
    bw_json_put_u64(&json, "status", (uint64_t)status);
    if (detail)
        bw_json_put_text(&json, "detail", detail);
    bw_json_object_end(&json);
    return !out->failed;
}
