#include "pbwire.h"

#include "run.h"

static void what_is_written_is_read_back(void **state) {
    (void)state;
    static const uint64_t numbers[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct bw_buf out;
        struct bw_pbwire_field field;
        bw_buf_init(&out, 0);
        bw_pbwire_put_varint(&out, 1, numbers[i]);
        bw_pbwire_put_bytes(&out, 1000, bw_span_text("hello"));
        struct bw_span rest = bw_buf_span(&out);
        assert_true(bw_pbwire_next(&rest, &field));
        assert_int_equal(field.number, 1);
        assert_int_equal(field.type, BW_PB_VARINT);
        assert_true(field.varint == numbers[i]);
        assert_true(bw_pbwire_next(&rest, &field));
        assert_int_equal(field.number, 1000);
        assert_true(bw_span_is(field.bytes, "hello"));
        assert_false(bw_pbwire_next(&rest, &field));
        assert_int_equal(rest.len, 0);
        bw_buf_free(&out);
    }
}

static void fixed_numbers_are_little_endian(void **state) {
    (void)state;
    static const char bytes[] = "\x0d\x01\x02\x03\x04\x11\x01\x02\x03\x04\x05\x06\x07\x08";
    struct bw_span rest = bw_span_of(bytes, sizeof bytes - 1);
    struct bw_pbwire_field field;
    assert_true(bw_pbwire_next(&rest, &field));
    assert_int_equal(field.type, BW_PB_FIXED32);
    assert_int_equal(field.varint, 0x04030201);
    assert_true(bw_pbwire_next(&rest, &field));
    assert_int_equal(field.type, BW_PB_FIXED64);
    assert_true(field.varint == 0x0807060504030201);
}

static void malformed_bytes_are_left_in_the_rest(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } table[] = {
#define BYTES(text) {text, sizeof text - 1}
        BYTES("\x08"),                                             /* no value */
        BYTES("\x80"),                                             /* a key without end */
        BYTES("\x0a\x05hell"),                                     /* shorter than it says */
        BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),     /* longer than anything */
        BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* eleven bytes of varint */
        BYTES("\x0d\x01\x02\x03"),                                 /* fixed32 cut */
        BYTES("\x09\x01\x02\x03"),                                 /* fixed64 cut */
        BYTES("\x00\x01"),                                         /* field 0 */
        BYTES("\x0b\x0c"),                                         /* a group */
        BYTES("\x0f"),                                             /* wire type 7 */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bw_span rest = bw_span_of(table[i].bytes, table[i].len);
        struct bw_pbwire_field field;
        assert_false(bw_pbwire_next(&rest, &field));
        assert_true(rest.len > 0);
    }
}

BW_TESTS(cmocka_unit_test(what_is_written_is_read_back), cmocka_unit_test(fixed_numbers_are_little_endian),
         cmocka_unit_test(malformed_bytes_are_left_in_the_rest))
