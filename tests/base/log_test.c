#include "run.h"

#include <breakwire/log.h>

#include <stdbool.h>
#include <stdio.h>

struct sink {
    char text[BW_LOG_LINE_MAX + 1];
    size_t lines;
};

static void keep(void *owner, const char *line, size_t len) {
    struct sink *sink = owner;
    assert_in_range(len, 1, BW_LOG_LINE_MAX);
    assert_int_equal(line[len - 1], '\n');
    assert_ptr_equal(memchr(line, '\n', len), line + len - 1);
    memcpy(sink->text, line, len);
    sink->text[len] = '\0';
    sink->lines++;
}

static uint64_t noon(void *owner) {
    (void)owner;
    return 1769860984123; /* 2026-01-31T12:03:04.123Z */
}

static struct bw_log to(struct sink *sink, enum bw_log_format format) {
    *sink = (struct sink){.lines = 0};
    return (struct bw_log){.level = BW_LOG_INFO,
                           .format = format,
                           .program = "service-a",
                           .sink = keep,
                           .wall_ms = noon,
                           .owner = sink};
}

static void a_line_for_people_is_plain_and_quotes_only_when_needed(void **state) {
    (void)state;
    struct sink sink;
    struct bw_log log = to(&sink, BW_LOG_TEXT);
    bw_log_fields(&log, BW_LOG_INFO, "circuit opened", bw_field_text("breaker", "ServiceB_CB"),
                  bw_field_text("reason", "3 in a row"), bw_field_u64("n", 3), bw_field_i64("left", -1),
                  bw_field_double("rate", 0.5), bw_field_text("empty", ""), bw_field_text("gone", NULL));
    assert_string_equal(sink.text,
                        "12:03:04.123 info  circuit opened  breaker=ServiceB_CB reason=\"3 in a row\""
                        " n=3 left=-1 rate=0.5 empty=\"\"\n");
}

static void a_line_for_machines_is_one_json_object(void **state) {
    (void)state;
    struct sink sink;
    struct bw_log log = to(&sink, BW_LOG_JSON);
    bw_log_fields(&log, BW_LOG_ERROR, "can \"not\" listen", bw_field_text("address", "[::1]:5000"),
                  bw_field_u64("n", UINT64_MAX), bw_field_i64("i", INT64_MIN), bw_field_double("d", 1.5),
                  bw_field_text("gone", NULL));
    assert_string_equal(
        sink.text,
        "{\"time\":\"2026-01-31T12:03:04.123Z\",\"level\":\"error\",\"program\":\"service-a\","
        "\"message\":\"can \\\"not\\\" listen\",\"address\":\"[::1]:5000\","
        "\"n\":18446744073709551615,\"i\":-9223372036854775808,\"d\":1.5}\n");
}

static void a_message_stands_alone_too(void **state) {
    (void)state;
    struct sink sink;
    struct bw_log log = to(&sink, BW_LOG_TEXT);
    bw_log_write(&log, BW_LOG_WARN, "draining", NULL, 0);
    assert_string_equal(sink.text, "12:03:04.123 warn  draining\n");
}

static void lines_above_the_level_are_dropped(void **state) {
    (void)state;
    struct sink sink;
    struct bw_log log = to(&sink, BW_LOG_TEXT);
    for (int level = BW_LOG_ERROR; level <= BW_LOG_DEBUG; level++)
        for (int line = BW_LOG_ERROR; line <= BW_LOG_DEBUG; line++) {
            sink.lines = 0;
            log.level = (enum bw_log_level)level;
            bw_log_write(&log, (enum bw_log_level)line, "m", NULL, 0);
            assert_int_equal(sink.lines, line <= level);
        }
    bw_log_write(NULL, BW_LOG_ERROR, "nobody listens", NULL, 0);
}

static void input_cannot_forge_a_line(void **state) {
    (void)state;
    static const char evil[] = "x\n12:00:00.000 info  all is well\r\x1B[2J\xC2\x9B\xFF";
    struct sink sink;
    for (int format = BW_LOG_TEXT; format <= BW_LOG_JSON; format++) {
        struct bw_log log = to(&sink, (enum bw_log_format)format);
        bw_log_fields(&log, BW_LOG_INFO, evil, bw_field_text("path", evil));
        assert_int_equal(sink.lines, 1);
        for (const char *c = sink.text; c[1]; c++)
            assert_true((uint8_t)*c >= 0x20 && (uint8_t)*c != 0x7F && (uint8_t)*c != 0x9B);
    }
    struct bw_log log = to(&sink, BW_LOG_TEXT);
    bw_log_fields(&log, BW_LOG_INFO, "got", bw_field_text("a", "1 b=2"), bw_field_text("c", "\"d"));
    assert_string_equal(sink.text, "12:03:04.123 info  got  a=\"1 b=2\" c=\"\\\"d\"\n");
}

static void a_field_is_cut_at_256_bytes_and_never_inside_a_character(void **state) {
    (void)state;
    struct sink sink;
    char long_text[400], expected[600];
    memset(long_text, 'a', sizeof long_text);
    struct bw_log log = to(&sink, BW_LOG_TEXT);
    bw_log_fields(&log, BW_LOG_INFO, "m", bw_field_span("f", bw_span_of(long_text, sizeof long_text)));
    snprintf(expected, sizeof expected, "12:03:04.123 info  m  f=%.256s\n", long_text);
    assert_string_equal(sink.text, expected);
    memcpy(long_text + 254, "\xE2\x82\xAC", 3);
    bw_log_fields(&log, BW_LOG_INFO, "m", bw_field_span("f", bw_span_of(long_text, sizeof long_text)));
    snprintf(expected, sizeof expected, "12:03:04.123 info  m  f=%.254s\n", long_text);
    assert_string_equal(sink.text, expected);
    memcpy(long_text + 253,
           "\xE2\x82\xAC"
           "a",
           4);
    bw_log_fields(&log, BW_LOG_INFO, "m", bw_field_span("f", bw_span_of(long_text, sizeof long_text)));
    snprintf(expected, sizeof expected, "12:03:04.123 info  m  f=\"%.256s\"\n", long_text);
    assert_string_equal(sink.text, expected);
}

static void a_line_that_is_too_long_is_cut_at_a_field_and_stays_whole(void **state) {
    (void)state;
    struct sink sink;
    char controls[256], quarter[256];
    memset(controls, 1, sizeof controls);
    memset(quarter, 'q', sizeof quarter);
    struct bw_log log = to(&sink, BW_LOG_JSON);
    struct bw_span six_times = bw_span_of(controls, sizeof controls);
    bw_log_fields(&log, BW_LOG_INFO, "m", bw_field_span("a", six_times), bw_field_span("b", six_times),
                  bw_field_span("c", six_times), bw_field_u64("d", 1));
    assert_null(strstr(sink.text, "\"c\""));
    assert_null(strstr(sink.text, "\"d\""));
    assert_string_equal(sink.text + strlen(sink.text) - 4, "1\"}\n");
    /* Every length around the limit: the brace always has its place. */
    for (size_t n = 1; n < 256; n++) {
        struct bw_log_field fields[20];
        for (size_t i = 0; i < 20; i++)
            fields[i] = bw_field_span("k", bw_span_of(quarter, n));
        bw_log_write(&log, BW_LOG_INFO, "m", fields, 20);
        assert_string_equal(sink.text + strlen(sink.text) - 3, "\"}\n");
    }
}

static void assert_rfc3339(uint64_t wall_ms, const char *expected) {
    char out[BW_RFC3339_MAX];
    bw_rfc3339(wall_ms, out);
    assert_string_equal(out, expected);
}

static void wall_time_is_written_as_rfc_3339(void **state) {
    (void)state;
    assert_rfc3339(0, "1970-01-01T00:00:00.000Z");
    assert_rfc3339(951782399999, "2000-02-28T23:59:59.999Z");
    assert_rfc3339(951782400000, "2000-02-29T00:00:00.000Z");
    assert_rfc3339(951868800000, "2000-03-01T00:00:00.000Z");
    assert_rfc3339(1709164800000, "2024-02-29T00:00:00.000Z");
    assert_rfc3339(1735689599001, "2024-12-31T23:59:59.001Z");
    assert_rfc3339(1735689600000, "2025-01-01T00:00:00.000Z");
    assert_rfc3339(4107542400000, "2100-03-01T00:00:00.000Z");
    assert_rfc3339(4107542399999, "2100-02-28T23:59:59.999Z");
    assert_rfc3339(253402300799999, "9999-12-31T23:59:59.999Z");
}

static bool is_leap(unsigned year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static void every_day_of_five_centuries_follows_the_one_before(void **state) {
    (void)state;
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t day = 0;
    for (unsigned year = 1970; year < 2470; year++)
        for (unsigned month = 0; month < 12; month++)
            for (unsigned d = 1; d <= lengths[month] + (month == 1 && is_leap(year)); d++, day++) {
                char expected[64];
                snprintf(expected, sizeof expected, "%04u-%02u-%02uT00:00:00.000Z", year, month + 1, d);
                assert_rfc3339(day * 86400000, expected);
            }
}

BW_TESTS(cmocka_unit_test(a_line_for_people_is_plain_and_quotes_only_when_needed),
         cmocka_unit_test(a_line_for_machines_is_one_json_object),
         cmocka_unit_test(a_message_stands_alone_too), cmocka_unit_test(lines_above_the_level_are_dropped),
         cmocka_unit_test(input_cannot_forge_a_line),
         cmocka_unit_test(a_field_is_cut_at_256_bytes_and_never_inside_a_character),
         cmocka_unit_test(a_line_that_is_too_long_is_cut_at_a_field_and_stays_whole),
         cmocka_unit_test(wall_time_is_written_as_rfc_3339),
         cmocka_unit_test(every_day_of_five_centuries_follows_the_one_before))
