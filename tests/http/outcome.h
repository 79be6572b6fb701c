/* outcome.h: what became of a run of request bytes, as one line of text that a table can hold. */
#ifndef TESTS_HTTP_OUTCOME_H
#define TESTS_HTTP_OUTCOME_H

#include <breakwire/buf.h>

#include "app.h"

/* Appends "100, 200, 405 Allow=GET; close": the answers in `bytes`, read strictly. An answer to HEAD is
 * marked "200-" (a length but no body); anything that is not HTTP gives "?". */
void outcome_of_answers(struct bw_buf *out, struct bw_span bytes);

/* Plays the bytes into a new connection of a new app, cut at `cuts` (ascending, n of them), or in single
 * bytes when n is SIZE_MAX. Exchanges of /later are answered after each piece. The line is what the handlers
 * saw, then the answers, then "open" or "end": "GET /echo @h; -> 200, end". */
void outcome_of_request(struct bw_buf *out, struct bw_span bytes, const size_t *cuts, size_t n);

#endif
