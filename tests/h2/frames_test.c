/* What is counted per incoming frame, however the bytes are cut. */
#include "frames.h"

#include "run.h"

#include <breakwire/buf.h>
#include <breakwire/h2.h>

struct input {
    struct bw_h2_frames frames;
    struct bw_h2_bucket bucket;
    struct bw_buf bytes;
    struct bw_h2_fault fault;
};

static void begin(struct input *in) {
    *in = (struct input){0};
    bw_h2_frames_init(&in->frames, true);
    bw_h2_bucket_init(&in->bucket, 0);
    bw_buf_init(&in->bytes, 0);
    bw_buf_append_text(&in->bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

static void frame(struct input *in, uint8_t type, uint8_t flags, uint32_t id, const char *payload,
                  size_t len) {
    const uint8_t head[9] = {0, (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0,
                             0, (uint8_t)(id >> 8),  (uint8_t)id};
    bw_buf_append(&in->bytes, head, sizeof head);
    bw_buf_append(&in->bytes, payload, len);
}

/* Checks in pieces of n; the bytes that were let through. */
static size_t check(struct input *in, size_t n) {
    struct bw_span all = bw_buf_span(&in->bytes);
    size_t at = 0;
    while (at < all.len && !in->fault.code) {
        size_t len = all.len - at < n ? all.len - at : n;
        size_t taken = bw_h2_frames_check(&in->frames, &in->bucket, 0, all.data + at, len, &in->fault);
        at += taken;
        if (taken < len)
            break;
    }
    return at;
}

static size_t check_and_free(struct input *in, size_t n) {
    size_t passed = check(in, n);
    bw_buf_free(&in->bytes);
    return passed;
}

static const size_t PIECES[] = {SIZE_MAX, 1, 2, 5, 9, 10, 33};
enum { PIECES_COUNT = sizeof PIECES / sizeof PIECES[0] };

static void eight_continuations_pass_and_the_ninth_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < PIECES_COUNT; i++) {
        struct input in;
        begin(&in);
        frame(&in, 1, 0, 1, "x", 1);
        for (int k = 0; k < 8; k++)
            frame(&in, 9, k == 7 ? 4 : 0, 1, "yy", 2);
        frame(&in, 1, 0, 3, NULL, 0);
        size_t good = bw_buf_size(&in.bytes) + 8 * 9;
        for (int k = 0; k < 9; k++)
            frame(&in, 9, 0, 3, NULL, 0);
        size_t passed = check_and_free(&in, PIECES[i]);
        assert_int_equal(in.fault.code, BW_H2_ENHANCE_YOUR_CALM);
        assert_true(passed >= good && passed < good + 9);
    }
}

static void a_block_is_open_from_its_first_head_to_its_last_byte(void **state) {
    (void)state;
    struct input in;
    begin(&in);
    frame(&in, 1, 0, 1, "abc", 3);
    frame(&in, 9, 4, 1, "def", 3);
    struct bw_span all = bw_buf_span(&in.bytes);
    for (size_t i = 0; i < all.len; i++) {
        bw_h2_frames_check(&in.frames, &in.bucket, 0, all.data + i, 1, &in.fault);
        assert_int_equal(in.frames.block_open, i >= 24 + 8 && i < all.len - 1);
    }
    assert_int_equal(in.frames.blocks, 1);
    bw_buf_free(&in.bytes);
}

static void headers_on_a_skipped_id_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < PIECES_COUNT; i++) {
        struct input in;
        begin(&in);
        frame(&in, 1, 5, 1, "x", 1);
        frame(&in, 1, 5, 7, "x", 1);
        frame(&in, 1, 5, 1, "trailers", 8); /* not skipped: nghttp2 knows what to do */
        frame(&in, 1, 5, 7, "trailers", 8);
        frame(&in, 1, 5, 3, "x", 1);
        check_and_free(&in, PIECES[i]);
        assert_int_equal(in.fault.code, BW_H2_PROTOCOL_ERROR);
    }
}

static void ids_that_were_used_are_not_taken_for_skipped_ones(void **state) {
    (void)state;
    struct input in;
    begin(&in);
    for (uint32_t id = 1; id < 4000; id += 2)
        frame(&in, 1, 5, id, "x", 1);
    for (uint32_t id = 1; id < 4000; id += 2)
        frame(&in, 1, 5, id, "x", 1);
    check_and_free(&in, SIZE_MAX);
    assert_int_equal(in.fault.code, 0);
}

static void empty_data_frames_cost_and_full_ones_do_not(void **state) {
    (void)state;
    for (size_t i = 0; i < PIECES_COUNT; i++) {
        struct input in;
        begin(&in);
        frame(&in, 0, 0, 1, NULL, 0);
        frame(&in, 0, 1, 1, NULL, 0);        /* END_STREAM says something */
        frame(&in, 0, 8, 1, "\x02\0\0", 3);  /* padding only */
        frame(&in, 0, 8, 1, "\x02-\0\0", 4); /* one byte, padded */
        frame(&in, 0, 0, 1, "0123456789abcdef", 16);
        check_and_free(&in, PIECES[i]);
        assert_int_equal(in.bucket.tokens, BW_H2_BUCKET_SIZE - 2);
    }
}

static void unknown_and_control_frames_cost_one_each(void **state) {
    (void)state;
    struct input in;
    begin(&in);
    const uint8_t types[] = {2, 3, 4, 6, 7, 8, 0x42};
    for (size_t i = 0; i < sizeof types; i++)
        frame(&in, types[i], 0, 0, "12345678", 8);
    check_and_free(&in, SIZE_MAX);
    assert_int_equal(in.bucket.tokens, BW_H2_BUCKET_SIZE - sizeof types);
}

static void an_empty_bucket_refuses_the_frame_that_emptied_it(void **state) {
    (void)state;
    struct input in;
    begin(&in);
    for (int i = 0; i < BW_H2_BUCKET_SIZE + 5; i++)
        frame(&in, 6, 0, 0, "12345678", 8);
    size_t passed = check_and_free(&in, SIZE_MAX);
    assert_int_equal(in.fault.code, BW_H2_ENHANCE_YOUR_CALM);
    assert_int_equal(passed, 24 + 17 * BW_H2_BUCKET_SIZE);
}

BW_TESTS(cmocka_unit_test(eight_continuations_pass_and_the_ninth_is_refused),
         cmocka_unit_test(a_block_is_open_from_its_first_head_to_its_last_byte),
         cmocka_unit_test(headers_on_a_skipped_id_are_refused),
         cmocka_unit_test(ids_that_were_used_are_not_taken_for_skipped_ones),
         cmocka_unit_test(empty_data_frames_cost_and_full_ones_do_not),
         cmocka_unit_test(unknown_and_control_frames_cost_one_each),
         cmocka_unit_test(an_empty_bucket_refuses_the_frame_that_emptied_it))
