/* answers.h: the JSON that service-a answers HTTP requests for a call with (the demo's contract). */
#ifndef CLIENT_ANSWERS_H
#define CLIENT_ANSWERS_H

#include "stub.h"

#include <breakwire/http.h>

/* 200, 502 (the call failed) or 503 with Retry-After (the breaker rejected it); ends the exchange. */
void answer_data(struct bw_http_exchange *exchange, const struct guard_result *result,
                 const struct stub_data *data);
void answer_fault(struct bw_http_exchange *exchange, const struct guard_result *result,
                  const struct stub_fault *fault);

#endif
