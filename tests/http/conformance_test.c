#include "outcome.h"
#include "table.h"

#include <stdio.h>

enum { SHORT = 2500, ENDS = 120, STRIDE = 61 };

static size_t failures;

static void expect(const struct row *row, const struct bw_buf *bytes, const char *how, const size_t *cuts,
                   size_t n) {
    struct bw_buf got;
    bw_buf_init(&got, 0);
    outcome_of_request(&got, bw_buf_span(bytes), cuts, n);
    if (strcmp(bw_buf_text(&got), row->expected) != 0) {
        print_error("%s (%s %zu)\n  expected %s\n  got      %s\n", row->says, how, n == 1 ? cuts[0] : 0,
                    row->expected, bw_buf_text(&got));
        failures++;
    }
    bw_buf_free(&got);
}

static void expect_in_one_piece(const struct row *row, const struct bw_buf *bytes) {
    expect(row, bytes, "whole", NULL, 0);
}

static void expect_in_single_bytes(const struct row *row, const struct bw_buf *bytes) {
    expect(row, bytes, "single bytes", NULL, SIZE_MAX);
}

/* Long requests are padding in the middle: there not every cut is tried. */
static void expect_in_two_pieces(const struct row *row, const struct bw_buf *bytes) {
    size_t size = bw_buf_size(bytes);
    for (size_t cut = 1; cut < size && failures == 0; cut++) {
        bool near_an_end = cut < ENDS || size - cut < ENDS;
        if (size < SHORT || near_an_end || cut % STRIDE == 0)
            expect(row, bytes, "cut at", &cut, 1);
    }
}

static void for_each_row(void (*check)(const struct row *, const struct bw_buf *)) {
    failures = 0;
    for (size_t i = 0; i < table_count; i++) {
        struct bw_buf bytes;
        bw_buf_init(&bytes, 0);
        row_bytes(&bytes, &table[i]);
        check(&table[i], &bytes);
        bw_buf_free(&bytes);
    }
    assert_int_equal(failures, 0);
}

static void every_request_of_the_table_is_answered_as_it_says(void **state) {
    (void)state;
    assert_true(table_count >= 80);
    for_each_row(expect_in_one_piece);
}

static void single_bytes_give_the_same_answers(void **state) {
    (void)state;
    for_each_row(expect_in_single_bytes);
}

static void every_cut_in_two_gives_the_same_answers(void **state) {
    (void)state;
    for_each_row(expect_in_two_pieces);
}

/* The table's reader must not be blind: what it calls "?" would pass for nothing else. */
static void answers_are_read_strictly(void **state) {
    static const struct {
        const char *bytes, *outcome;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "200, "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "?"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "200, ?"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "?"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "200-, "},
        {"HTTP/1.1 200 OK\r\n", "?"},
        {"HTTP/1.1 20 OK\r\n\r\n", "?"},
        {"garbage", "?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_buf got;
        bw_buf_init(&got, 0);
        outcome_of_answers(&got, bw_span_text(cases[i].bytes));
        assert_string_equal(bw_buf_text(&got), cases[i].outcome);
        bw_buf_free(&got);
    }
}

BW_TESTS(cmocka_unit_test(every_request_of_the_table_is_answered_as_it_says),
         cmocka_unit_test(single_bytes_give_the_same_answers),
         cmocka_unit_test(every_cut_in_two_gives_the_same_answers),
         cmocka_unit_test(answers_are_read_strictly))
