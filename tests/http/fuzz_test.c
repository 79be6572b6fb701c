/* Random damage to the requests of the table, from a seed: whatever arrives, the answers are well-formed, and
 * do not depend on how the bytes were cut. The parser's own rules are held against the table elsewhere. */
#include "outcome.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 20000, SIZE_MAX_KEPT = 3000, CUTS_MAX = 6 };

static uint64_t seed;

/* xorshift64*; the upper bits are the good ones */
static size_t below(size_t n) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (size_t)((seed * 0x2545F4914F6CDD1DULL) >> 33) % n;
}

static const char *const tokens[] = {"\r\n",
                                     "\r",
                                     "\n",
                                     " ",
                                     "\t",
                                     ":",
                                     "\r\n\r\n",
                                     "\r\n ",
                                     "Host: h\r\n",
                                     "Content-Length: 3\r\n",
                                     "GET ",
                                     "Expect: 100-continue\r\n",
                                     "HTTP/1.1",
                                     "HTTP/1.0",
                                     "POST /later HTTP/1.1\r\n",
                                     "Connection: close\r\n",
                                     "Transfer-Encoding: chunked\r\n",
                                     "http://h",
                                     "/events",
                                     "?",
                                     "#",
                                     "[",
                                     "]",
                                     "0",
                                     "99999999999999999999",
                                     "\377",
                                     "\200"};

/* at <= size of bytes; what stood at `at` follows the insertion, less `dropped` bytes of it */
static void replace(struct bw_buf *bytes, size_t at, size_t dropped, struct bw_span with) {
    struct bw_buf result;
    struct bw_span old = bw_buf_span(bytes);
    bw_buf_init(&result, 0);
    bw_buf_append(&result, old.data, at);
    bw_buf_append_span(&result, with);
    bw_buf_append(&result, old.data + at + dropped, old.len - at - dropped);
    bw_buf_free(bytes);
    *bytes = result;
}

static void damage(struct bw_buf *bytes) {
    size_t size = bw_buf_size(bytes), at = below(size + 1), len = below(size - at + 1);
    struct bw_span none = bw_span_of("", 0);
    if (len > 12)
        len = below(12);
    uint8_t byte = (uint8_t)below(256);
    switch (below(5)) {
    case 0:
        replace(bytes, at, len, none);
        break;
    case 1:
        replace(bytes, at, len > 0, bw_span_of(&byte, 1));
        break;
    case 2:
        replace(bytes, at, 0, bw_span_text(tokens[below(sizeof tokens / sizeof tokens[0])]));
        break;
    case 3:
        replace(bytes, at, len, bw_span_text(tokens[below(sizeof tokens / sizeof tokens[0])]));
        break;
    case 4: {
        struct bw_buf other;
        bw_buf_init(&other, 0);
        row_bytes(&other, &table[below(table_count)]);
        if (bw_buf_size(&other) < SIZE_MAX_KEPT)
            replace(bytes, at, size - at, bw_buf_span(&other));
        bw_buf_free(&other);
    }
    }
}

static void pick(struct bw_buf *bytes) {
    bw_buf_init(bytes, 0);
    do {
        bw_buf_free(bytes);
        row_bytes(bytes, &table[below(table_count)]);
    } while (bw_buf_size(bytes) >= SIZE_MAX_KEPT);
    for (size_t n = 1 + below(4); n > 0; n--)
        damage(bytes);
}

static size_t choose_cuts(size_t *cuts, size_t size) {
    size_t n = 0, at = 0;
    for (size_t i = below(CUTS_MAX + 1); i > 0 && at < size; i--) {
        at += below(size - at + 1);
        cuts[n++] = at;
    }
    return n;
}

static const char *answers_in(const char *outcome) {
    const char *answers = outcome;
    for (const char *next = outcome; (next = strstr(next, "-> ")); next++)
        answers = next;
    return answers;
}

static void show(uint64_t round_seed, struct bw_buf *bytes, const char *whole, const char *cut) {
    struct bw_span span = bw_buf_span(bytes);
    print_error("seed %llu:\n", (unsigned long long)round_seed);
    for (size_t i = 0; i < span.len; i++)
        print_error(span.data[i] >= 0x20 && span.data[i] < 0x7F ? "%c" : "\\x%02X", span.data[i]);
    print_error("\n  whole: %s\n  cut:   %s\n", whole, cut);
}

/* False: something is wrong, and was printed. */
static bool play(uint64_t round_seed) {
    struct bw_buf bytes, whole, cut;
    size_t cuts[CUTS_MAX];
    seed = round_seed;
    pick(&bytes);
    bw_buf_init(&whole, 0);
    bw_buf_init(&cut, 0);
    size_t n = choose_cuts(cuts, bw_buf_size(&bytes));
    outcome_of_request(&whole, bw_buf_span(&bytes), NULL, 0);
    outcome_of_request(&cut, bw_buf_span(&bytes), cuts, n);
    const char *a = bw_buf_text(&whole), *b = bw_buf_text(&cut);
    bool fine = strcmp(a, b) == 0 && !strchr(answers_in(a), '?');
    if (!fine)
        show(round_seed, &bytes, a, b);
    bw_buf_free(&cut);
    bw_buf_free(&whole);
    bw_buf_free(&bytes);
    return fine;
}

/* HTTP_FUZZ_SEED chooses where to begin, HTTP_FUZZ_ROUNDS how many. */
static uint64_t number_of(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void damaged_requests_get_wellformed_answers_that_no_cut_changes(void **state) {
    (void)state;
    uint64_t first = number_of("HTTP_FUZZ_SEED", 1), rounds = number_of("HTTP_FUZZ_ROUNDS", ROUNDS);
    for (uint64_t i = 0; i < rounds; i++)
        assert_true(play((first + i) * 0x9E3779B97F4A7C15ULL));
}

BW_TESTS(cmocka_unit_test(damaged_requests_get_wellformed_answers_that_no_cut_changes))
