#include "answers.h"

#include "status.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_MAX = 512 };

void answer_json(struct bw_http_exchange *exchange, int status, struct bw_buf *body) {
    bw_http_add_field(exchange, "Cache-Control", "no-store");
    if (body->failed)
        bw_http_problem(exchange, 500, NULL, "out of memory");
    else
        bw_http_reply(exchange, status, "application/json", bw_buf_span(body));
    bw_buf_free(body);
}

static void begin(struct bw_json *json, struct bw_buf *body) {
    bw_buf_init(body, 0);
    bw_json_init(json, body);
    bw_json_object_begin(json);
}

/* RFC 9110 section 10.2.3: whole seconds; rounded up, so that who waits so long is not too early. */
static void add_retry_after(struct bw_http_exchange *exchange, uint64_t retry_after_ms) {
    char seconds[24];
    uint64_t rounded = (retry_after_ms + 999) / 1000;
    snprintf(seconds, sizeof seconds, "%" PRIu64, rounded ? rounded : 1);
    bw_http_add_field(exchange, "Retry-After", seconds);
}

static void answer_rejected(struct bw_http_exchange *exchange, const struct guard_result *result) {
    struct bw_buf body;
    struct bw_json json;
    char error[TEXT_MAX], details[TEXT_MAX];
    snprintf(error, sizeof error, "Service B is not called: %s", result->message);
    snprintf(details, sizeof details, "%s rejected the call without sending it: %s", result->breaker,
             result->message);
    begin(&json, &body);
    bw_json_put_text(&json, "error", error);
    bw_json_put_text(&json, "details", details);
    bw_json_put_text(&json, "circuit_state", result->state);
    bw_json_put_text(&json, "fallback_message",
                     "This answer comes from service A alone. Please try again later.");
    if (!result->forced) {
        bw_json_put_u64(&json, "retry_after_ms", result->retry_after_ms);
        add_retry_after(exchange, result->retry_after_ms);
    }
    bw_json_object_end(&json);
    answer_json(exchange, 503, &body);
}

static void answer_failed(struct bw_http_exchange *exchange, const struct guard_result *result) {
    struct bw_buf body;
    struct bw_json json;
    char details[TEXT_MAX];
    snprintf(details, sizeof details, "%s: %s", result->code_name, result->message);
    begin(&json, &body);
    bw_json_put_text(&json, "error", "The call to service B failed");
    bw_json_put_text(&json, "details", details);
    bw_json_put_text(&json, "circuit_state", result->state);
    bw_json_object_end(&json);
    answer_json(exchange, 502, &body);
}

static void answer_no_ok(struct bw_http_exchange *exchange, const struct guard_result *result) {
    if (result->rejected)
        answer_rejected(exchange, result);
    else
        answer_failed(exchange, result);
}

void answer_data(struct bw_http_exchange *exchange, const struct guard_result *result,
                 const struct stub_data *data) {
    struct bw_buf body;
    struct bw_json json;
    if (!data) {
        answer_no_ok(exchange, result);
        return;
    }
    begin(&json, &body);
    bw_json_put_text(&json, "message", data->message);
    bw_json_key(&json, "data");
    bw_json_i64(&json, data->data);
    bw_json_put_text(&json, "circuit_state", result->state);
    bw_json_object_end(&json);
    answer_json(exchange, 200, &body);
}

void answer_fault(struct bw_http_exchange *exchange, const struct guard_result *result,
                  const struct stub_fault *fault) {
    struct bw_buf body;
    struct bw_json json;
    if (!fault) {
        answer_no_ok(exchange, result);
        return;
    }
    begin(&json, &body);
    bw_json_key(&json, "fault");
    status_fault(&json, fault);
    bw_json_object_end(&json);
    answer_json(exchange, 200, &body);
}
