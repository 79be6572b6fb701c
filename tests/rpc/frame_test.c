#include "frame.h"

#include "run.h"

enum { SIZE_MAX_HERE = 1000 };

/* Reads the bytes in pieces; the trace has each message, and how it ended. */
static const char *read_all(const char *bytes, size_t len, size_t piece, bool *is_partial) {
    static struct bw_buf trace;
    struct bw_frame_reader reader;
    bw_buf_clear(&trace);
    bw_frame_reader_init(&reader, SIZE_MAX_HERE);
    enum bw_frame_result result = BW_FRAME_NEED_MORE;
    for (size_t at = 0; at < len && result == BW_FRAME_NEED_MORE; at += piece) {
        struct bw_span rest = bw_span_of(bytes + at, len - at < piece ? len - at : piece), message;
        while ((result = bw_frame_read(&reader, &rest, &message)) == BW_FRAME_MESSAGE)
            bw_buf_printf(&trace, "[%.*s]", (int)message.len, (const char *)message.data);
    }
    *is_partial = bw_frame_is_partial(&reader);
    static const char *const results[] = {"", "?", " bad flag", " compressed", " too large", " no memory"};
    bw_buf_append_text(&trace, results[result]);
    bw_frame_reader_free(&reader);
    const char *text = bw_buf_text(&trace);
    static char copy[64 * 1024];
    strcpy(copy, text);
    bw_buf_free(&trace);
    return copy;
}

static const struct {
    const char *bytes;
    size_t len;
    const char *trace;
    bool is_partial;
} table[] = {
#define BYTES(text) text, sizeof text - 1
    {BYTES(""), "", false},
    {BYTES("\0\0\0\0\0"), "[]", false},
    {BYTES("\0\0\0\0\0\0\0\0\0\0"), "[][]", false},
    {BYTES("\0\0\0\0\x05hello"), "[hello]", false},
    {BYTES("\0\0\0\0\x02hi\0\0\0\0\0\0\0\0\0\x03you"), "[hi][][you]", false},
    {BYTES("\0\0\0"), "", true},
    {BYTES("\0\0\0\0\x05"), "", true},
    {BYTES("\0\0\0\0\x05hell"), "", true},
    {BYTES("\0\0\0\0\x01x\0"), "[x]", true},
    {BYTES("\2\0\0\0\0"), " bad flag", true},
    {BYTES("\0\0\0\0\x01x\xff"), "[x] bad flag", true},
    {BYTES("\1\0\0\0\x01x"), " compressed", true},
    {BYTES("\0\0\0\x03\xe9"), " too large", true},
    {BYTES("\0\xff\xff\xff\xff"), " too large", true},
};

static void messages_are_the_same_however_the_bytes_are_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (size_t piece = 1; piece <= table[i].len + 1; piece++) {
            bool is_partial;
            assert_string_equal(read_all(table[i].bytes, table[i].len, piece, &is_partial), table[i].trace);
            assert_int_equal(is_partial, table[i].is_partial);
        }
}

static void a_message_may_be_as_large_as_allowed_and_no_larger(void **state) {
    (void)state;
    char bytes[BW_FRAME_HEAD + SIZE_MAX_HERE];
    bool is_partial;
    memset(bytes, 'a', sizeof bytes);
    bw_frame_head((uint8_t *)bytes, SIZE_MAX_HERE);
    for (size_t piece = 1; piece <= sizeof bytes; piece *= 3)
        assert_int_equal(strlen(read_all(bytes, sizeof bytes, piece, &is_partial)), SIZE_MAX_HERE + 2);
}

static void a_message_that_lies_whole_in_the_bytes_is_not_copied(void **state) {
    (void)state;
    static const char bytes[] = "\0\0\0\0\x05hello";
    struct bw_frame_reader reader;
    struct bw_span rest = bw_span_of(bytes, sizeof bytes - 1), message;
    bw_frame_reader_init(&reader, SIZE_MAX_HERE);
    assert_int_equal(bw_frame_read(&reader, &rest, &message), BW_FRAME_MESSAGE);
    assert_ptr_equal(message.data, bytes + BW_FRAME_HEAD);
    bw_frame_reader_free(&reader);
}

static void the_size_is_refused_before_its_bytes_come(void **state) {
    (void)state;
    struct bw_frame_reader reader;
    struct bw_span rest = bw_span_of("\0\0\0\x03\xe9", 5), message;
    bw_frame_reader_init(&reader, SIZE_MAX_HERE);
    assert_int_equal(bw_frame_read(&reader, &rest, &message), BW_FRAME_TOO_LARGE);
    bw_frame_reader_free(&reader);
}

static void a_head_is_a_flag_and_a_big_endian_size(void **state) {
    (void)state;
    uint8_t head[BW_FRAME_HEAD];
    bw_frame_head(head, 0x01020304);
    assert_memory_equal(head, "\0\x01\x02\x03\x04", BW_FRAME_HEAD);
}

BW_TESTS(cmocka_unit_test(messages_are_the_same_however_the_bytes_are_cut),
         cmocka_unit_test(a_message_may_be_as_large_as_allowed_and_no_larger),
         cmocka_unit_test(a_message_that_lies_whole_in_the_bytes_is_not_copied),
         cmocka_unit_test(the_size_is_refused_before_its_bytes_come),
         cmocka_unit_test(a_head_is_a_flag_and_a_big_endian_size))
