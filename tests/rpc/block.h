/* block.h: header blocks for the tests of what reads them, from text: "name=value|name=value". */
#ifndef TESTS_RPC_BLOCK_H
#define TESTS_RPC_BLOCK_H

#include "run.h"

#include <breakwire/h2.h>

enum { BLOCK_MAX = 32 };

/* The fields lie in `text`. Returns how many. */
static inline size_t block_of(const char *text, struct bw_h2_field out[BLOCK_MAX]) {
    size_t n = 0;
    while (*text) {
        const char *end = text + strcspn(text, "|"),
                   *equals = memchr(text + 1, '=', (size_t)(end - text) - 1);
        assert_non_null(equals);
        assert_true(n < BLOCK_MAX);
        out[n++] = (struct bw_h2_field){.name = bw_span_of(text, (size_t)(equals - text)),
                                        .value = bw_span_of(equals + 1, (size_t)(end - equals) - 1)};
        text = *end ? end + 1 : end;
    }
    return n;
}

#endif
