#include "run.h"

#include <breakwire/buf.h>

#include <stdbool.h>
#include <stdlib.h>

static bool memory_is_out;
static size_t reallocs;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size) {
    reallocs++;
    return memory_is_out ? NULL : __real_realloc(old, size);
}

static void assert_holds(const struct bw_buf *buf, const char *text) {
    struct bw_span span = bw_buf_span(buf);
    assert_int_equal(span.len, strlen(text));
    if (span.len)
        assert_memory_equal(span.data, text, span.len);
}

static void everything_appended_comes_out_in_order(void **state) {
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 0);
    assert_true(bw_buf_append(&buf, NULL, 0));
    assert_true(bw_buf_append_text(&buf, "one "));
    assert_true(bw_buf_append_span(&buf, bw_span_text("two ")));
    assert_true(bw_buf_append_byte(&buf, '3'));
    assert_true(bw_buf_printf(&buf, " %d%s", 4, "!"));
    assert_holds(&buf, "one two 3 4!");
    assert_string_equal(bw_buf_text(&buf), "one two 3 4!");
    assert_holds(&buf, "one two 3 4!");
    bw_buf_free(&buf);
    assert_int_equal(bw_buf_size(&buf), 0);
}

static void reserved_room_counts_only_when_it_is_filled(void **state) {
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 0);
    uint8_t *at = bw_buf_reserve(&buf, 1000);
    assert_non_null(at);
    memset(at, 'x', 1000);
    assert_int_equal(bw_buf_size(&buf), 0);
    bw_buf_grew(&buf, 2);
    assert_holds(&buf, "xx");
    bw_buf_free(&buf);
}

static void the_limit_holds_to_the_byte_and_failure_stays(void **state) {
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 5);
    assert_true(bw_buf_append_text(&buf, "hello"));
    assert_false(buf.failed);
    assert_false(bw_buf_append_byte(&buf, '!'));
    assert_true(buf.failed);
    assert_true(bw_buf_append_text(&buf, ""));
    assert_true(buf.failed);
    assert_holds(&buf, "hello");
    assert_string_equal(bw_buf_text(&buf), "hello");
    bw_buf_consume(&buf, 2);
    assert_true(bw_buf_append_text(&buf, "yo"));
    assert_holds(&buf, "lloyo");
    bw_buf_clear(&buf);
    assert_false(buf.failed);
    assert_true(bw_buf_printf(&buf, "%05d", 42));
    assert_holds(&buf, "00042");
    assert_false(bw_buf_printf(&buf, "%d", 1));
    assert_holds(&buf, "00042");
    bw_buf_free(&buf);
}

static void sizes_near_the_end_of_the_range_are_refused(void **state) {
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 0);
    assert_true(bw_buf_append_text(&buf, "x"));
    for (size_t less = 0; less < 4; less++)
        assert_null(bw_buf_reserve(&buf, SIZE_MAX - less));
    assert_null(bw_buf_reserve(&buf, SIZE_MAX / 2));
    assert_true(buf.failed);
    assert_holds(&buf, "x");
    bw_buf_free(&buf);
}

static void without_memory_an_append_changes_nothing(void **state) {
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 0);
    memory_is_out = true;
    assert_null(bw_buf_reserve(&buf, 1));
    assert_string_equal(bw_buf_text(&buf), "");
    assert_true(buf.failed);
    memory_is_out = false;
    bw_buf_clear(&buf);
    for (int i = 0; i < 64; i++)
        assert_true(bw_buf_append_byte(&buf, 'a'));
    memory_is_out = true;
    assert_false(bw_buf_append_byte(&buf, 'b'));
    assert_false(bw_buf_printf(&buf, "b"));
    assert_string_equal(bw_buf_text(&buf), "");
    memory_is_out = false;
    assert_true(buf.failed);
    assert_int_equal(bw_buf_size(&buf), 64);
    bw_buf_free(&buf);
}

/* What the buffer must hold is the run of i & 0xFF between what was consumed and what was appended. */
static void a_queue_of_random_pieces_keeps_every_byte(void **state) {
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 0);
    size_t in = 0, out = 0;
    uint32_t seed = 12345;
    for (int round = 0; round < 20000; round++) {
        seed = seed * 1664525u + 1013904223u;
        size_t n = seed >> 16 & 127;
        if (seed >> 30 & 1) {
            for (size_t i = 0; i < n; i++)
                assert_true(bw_buf_append_byte(&buf, (uint8_t)in++));
        } else {
            n = n < bw_buf_size(&buf) ? n : bw_buf_size(&buf);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(bw_buf_span(&buf).data[i], (uint8_t)(out + i));
            bw_buf_consume(&buf, n);
            out += n;
        }
        assert_int_equal(bw_buf_size(&buf), in - out);
    }
    bw_buf_free(&buf);
}

static void a_queue_that_is_never_empty_stays_small_and_moves_seldom(void **state) {
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(bw_buf_append_byte(&buf, 'x'));
    reallocs = 0;
    size_t moves = 0;
    for (int i = 0; i < 100000; i++) {
        bw_buf_consume(&buf, 1);
        size_t start = buf.start;
        assert_true(bw_buf_append_byte(&buf, 'x'));
        moves += buf.start < start;
    }
    assert_in_range(moves, 1, 100);
    assert_in_range(reallocs, 0, 2);
    assert_in_range(buf.cap, 1000, 4096);
    bw_buf_free(&buf);
}

BW_TESTS(cmocka_unit_test(everything_appended_comes_out_in_order),
         cmocka_unit_test(reserved_room_counts_only_when_it_is_filled),
         cmocka_unit_test(the_limit_holds_to_the_byte_and_failure_stays),
         cmocka_unit_test(sizes_near_the_end_of_the_range_are_refused),
         cmocka_unit_test(without_memory_an_append_changes_nothing),
         cmocka_unit_test(a_queue_of_random_pieces_keeps_every_byte),
         cmocka_unit_test(a_queue_that_is_never_empty_stays_small_and_moves_seldom))
