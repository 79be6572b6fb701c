/* table.h: requests and what must become of them, for the conformance test and the fuzzer. */
#ifndef TESTS_HTTP_TABLE_H
#define TESTS_HTTP_TABLE_H

#include <breakwire/buf.h>

/* In `bytes` each '\377' stands for `pad` times 'a'. `expected` is a line of outcome.h. */
struct row {
    const char *says;
    const char *bytes;
    size_t len;
    size_t pad;
    const char *expected;
};

extern const struct row table[];
extern const size_t table_count;

/* Appends the row's bytes with the padding in place. */
void row_bytes(struct bw_buf *out, const struct row *row);

#endif
