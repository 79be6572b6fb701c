#include <breakwire/status.h>

#include "run.h"

static void a_code_has_a_name_and_the_name_its_code(void **state) {
    (void)state;
    for (int code = 0; code < BW_CODES; code++)
        assert_int_equal(bw_code_from_name(bw_span_text(bw_code_name(code))), code);
    assert_string_equal(bw_code_name(BW_OK), "OK");
    assert_string_equal(bw_code_name(BW_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(bw_code_name(17), "UNKNOWN");
    assert_string_equal(bw_code_name(-1), "UNKNOWN");
    assert_int_equal(bw_code_from_name(bw_span_text("ok")), -1);
    assert_int_equal(bw_code_from_name(bw_span_text("")), -1);
}

static void without_grpc_status_the_http_status_gives_the_code(void **state) {
    (void)state;
    static const struct {
        unsigned http;
        enum bw_code code;
    } table[] = {
        {400, BW_INTERNAL},      {401, BW_UNAUTHENTICATED}, {403, BW_PERMISSION_DENIED},
        {404, BW_UNIMPLEMENTED}, {429, BW_UNAVAILABLE},     {502, BW_UNAVAILABLE},
        {503, BW_UNAVAILABLE},   {504, BW_UNAVAILABLE},     {200, BW_UNKNOWN},
        {409, BW_UNKNOWN},       {412, BW_UNKNOWN},         {413, BW_UNKNOWN},
        {415, BW_UNKNOWN},       {431, BW_UNKNOWN},         {500, BW_UNKNOWN},
        {505, BW_UNKNOWN},       {0, BW_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(bw_code_from_http(table[i].http), table[i].code);
}

static void the_code_of_a_reset_gives_the_code_of_the_call(void **state) {
    (void)state;
    static const enum bw_code table[] = {
        BW_INTERNAL, BW_INTERNAL,           BW_INTERNAL,          BW_INTERNAL,  BW_INTERNAL,
        BW_INTERNAL, BW_INTERNAL,           BW_UNAVAILABLE,       BW_CANCELLED, BW_INTERNAL,
        BW_INTERNAL, BW_RESOURCE_EXHAUSTED, BW_PERMISSION_DENIED, BW_UNKNOWN,   BW_UNKNOWN,
    };
    for (uint32_t code = 0; code < sizeof table / sizeof table[0]; code++)
        assert_int_equal(bw_code_from_reset(code), table[code]);
    assert_int_equal(bw_code_from_reset(UINT32_MAX), BW_UNKNOWN);
}

static void grpc_status_is_decimal_and_from_0_to_16(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_number;
        enum bw_code code;
    } table[] = {
        {"0", true, BW_OK},         {"16", true, BW_UNAUTHENTICATED}, {"14", true, BW_UNAVAILABLE},
        {"17", true, BW_UNKNOWN},   {"4294967295", true, BW_UNKNOWN}, {"4294967296", false, BW_UNKNOWN},
        {"", false, BW_UNKNOWN},    {"-1", false, BW_UNKNOWN},        {"+1", false, BW_UNKNOWN},
        {"1 ", false, BW_UNKNOWN},  {"OK", false, BW_UNKNOWN},        {"0x1", false, BW_UNKNOWN},
        {"1.0", false, BW_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        enum bw_code code = BW_OK;
        assert_int_equal(bw_code_parse(bw_span_text(table[i].text), &code), table[i].is_number);
        assert_int_equal(code, table[i].code);
    }
}

BW_TESTS(cmocka_unit_test(a_code_has_a_name_and_the_name_its_code),
         cmocka_unit_test(without_grpc_status_the_http_status_gives_the_code),
         cmocka_unit_test(the_code_of_a_reset_gives_the_code_of_the_call),
         cmocka_unit_test(grpc_status_is_decimal_and_from_0_to_16))
