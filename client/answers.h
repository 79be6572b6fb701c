/* answers.h: the JSON that service-a answers HTTP requests for a call with (the demo's contract). */
#ifndef CLIENT_ANSWERS_H
#define CLIENT_ANSWERS_H

#include "stub.h"

#include <breakwire/buf.h>
#include <breakwire/http.h>

/* 200, 502 (the call failed) or 503 with Retry-After (the breaker rejected it); ends the exchange. */
void answer_data(struct bw_http_exchange *exchange, const struct guard_result *result,
                 const struct stub_data *data);
void answer_fault(struct bw_http_exchange *exchange, const struct guard_result *result,
                  const struct stub_fault *fault);

/* Answers with JSON that is not to be stored, and frees the body; 500 when it had no memory. */
void answer_json(struct bw_http_exchange *exchange, int status, struct bw_buf *body);

#endif
