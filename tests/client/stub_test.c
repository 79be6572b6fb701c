#include "world.h"

#include "stub.h"

#include <stdio.h>

struct heard {
    unsigned ends;
    int code;
    char message[128], code_name[32];
    bool has_value;
    struct stub_data data;
    struct stub_fault fault;
};

static void note(struct heard *heard, const struct guard_result *result, bool has_value) {
    heard->ends++;
    heard->code = result->code;
    heard->has_value = has_value;
    snprintf(heard->message, sizeof heard->message, "%s", result->message);
    snprintf(heard->code_name, sizeof heard->code_name, "%s", result->code_name);
}

static void on_data(void *user, const struct guard_result *result, const struct stub_data *data) {
    struct heard *heard = user;
    note(heard, result, data != NULL);
    if (data)
        heard->data = *data;
}

static void on_fault(void *user, const struct guard_result *result, const struct stub_fault *fault) {
    struct heard *heard = user;
    note(heard, result, fault != NULL);
    if (fault)
        heard->fault = *fault;
}

/* One call that service-b answers with these bytes. */
static struct heard get_data(struct bw_span response) {
    struct world world;
    struct heard heard = {.ends = 0};
    world_open(&world);
    struct guard *guard = world_guard(&world, "ServiceB_CB", NULL);
    world.b.answer.response = response;
    assert_non_null(stub_get_data(guard, world.now_ms, on_data, &heard));
    assert_int_equal(heard.ends, 0);
    world_settle(&world);
    assert_int_equal(heard.ends, 1);
    assert_string_equal(world.b.path, "/breakwire.demo.v1.DataService/GetData");
    assert_int_equal(bw_buf_size(&world.b.request), 0); /* GetDataRequest {} */
    world_close(&world);
    return heard;
}

static struct heard control(struct bw_span response) {
    struct world world;
    struct heard heard = {.ends = 0};
    world_open(&world);
    struct guard *guard = world_guard(&world, "ServiceB_Control_CB", NULL);
    world.b.answer.response = response;
    assert_non_null(stub_control(guard, world.now_ms, STUB_INDUCE_LATENCY, on_fault, &heard));
    world_settle(&world);
    assert_int_equal(heard.ends, 1);
    assert_string_equal(world.b.path, "/breakwire.demo.v1.ControlService/InduceLatency");
    world_close(&world);
    return heard;
}

static void data_is_read_from_the_message(void **state) {
    (void)state;
    struct heard heard = get_data(bw_span_of("\x0a\x02Hi\x10\xac\x02", 7));
    assert_true(heard.has_value);
    assert_string_equal(heard.data.message, "Hi");
    assert_int_equal(heard.data.data, 300);
}

static void fields_left_out_are_zero_and_unknown_ones_are_passed_over(void **state) {
    (void)state;
    struct heard heard = get_data(bw_span_of(NULL, 0));
    assert_true(heard.has_value);
    assert_string_equal(heard.data.message, "");
    assert_int_equal(heard.data.data, 0);
    heard = get_data(bw_span_of("\x1a\x01x\x10\x07", 5));
    assert_true(heard.has_value);
    assert_int_equal(heard.data.data, 7);
}

static void a_message_may_be_as_long_as_the_protocol_says(void **state) {
    (void)state;
    uint8_t bytes[3 + STUB_MESSAGE_MAX + 1] = {0x0a, 0xff, 0x01};
    memset(bytes + 3, 'm', STUB_MESSAGE_MAX + 1);
    struct heard heard = get_data(bw_span_of(bytes, 3 + STUB_MESSAGE_MAX));
    assert_true(heard.has_value);
    assert_int_equal(strlen(heard.data.message), STUB_MESSAGE_MAX);
    bytes[1] = 0x80;
    bytes[2] = 0x02; /* 256 */
    heard = get_data(bw_span_of(bytes, sizeof bytes));
    assert_int_equal(heard.code, BW_INTERNAL);
}

static void a_response_that_does_not_parse_is_internal(void **state) {
    (void)state;
    struct heard heard = get_data(bw_span_of("\x0a\x7f", 2));
    assert_false(heard.has_value);
    assert_int_equal(heard.code, BW_INTERNAL);
    assert_string_equal(heard.code_name, "INTERNAL");
    assert_string_equal(heard.message, "the response does not parse");
    heard = control(bw_span_of("\x0a\x7f", 2));
    assert_false(heard.has_value);
    assert_int_equal(heard.code, BW_INTERNAL);
}

static void a_failure_has_no_data_and_the_peers_words(void **state) {
    (void)state;
    struct world world;
    struct heard heard = {.ends = 0};
    world_open(&world);
    struct guard *guard = world_guard(&world, "ServiceB_CB", NULL);
    world.b.answer = (struct answer){.code = BW_INTERNAL, .message = "Service B is intentionally failing."};
    stub_get_data(guard, world.now_ms, on_data, &heard);
    world_settle(&world);
    assert_false(heard.has_value);
    assert_int_equal(heard.code, BW_INTERNAL);
    assert_string_equal(heard.message, "Service B is intentionally failing.");
    world_close(&world);
}

static void every_switch_has_its_method(void **state) {
    (void)state;
    static const char *const methods[] = {[STUB_INDUCE_FAILURE] = "InduceFailure",
                                          [STUB_REMOVE_FAILURE] = "RemoveFailure",
                                          [STUB_INDUCE_LATENCY] = "InduceLatency",
                                          [STUB_REMOVE_LATENCY] = "RemoveLatency"};
    struct world world;
    world_open(&world);
    struct guard *guard = world_guard(&world, "ServiceB_Control_CB", NULL);
    for (int which = 0; which < 4; which++) {
        struct heard heard = {.ends = 0};
        stub_control(guard, world.now_ms, (enum stub_control)which, on_fault, &heard);
        world_settle(&world);
        assert_int_equal(heard.code, BW_OK);
        assert_string_equal(world.b.path + strlen("/breakwire.demo.v1.ControlService/"), methods[which]);
    }
    world_close(&world);
}

static void a_switch_brings_the_fault_that_is_in_force(void **state) {
    (void)state;
    struct heard heard = control(bw_span_of("\x0a\x0a\x08\x1e\x10\x0e\x18\xd0\x0f\x20\x88\x27", 12));
    assert_true(heard.has_value);
    assert_int_equal(heard.fault.failure_percent, 30);
    assert_int_equal(heard.fault.status_code, 14);
    assert_int_equal(heard.fault.latency_min_ms, 2000);
    assert_int_equal(heard.fault.latency_max_ms, 5000);
}

static void a_cancelled_call_is_not_heard_of(void **state) {
    (void)state;
    struct world world;
    struct heard heard = {.ends = 0};
    world_open(&world);
    struct guard *guard = world_guard(&world, "ServiceB_CB", NULL);
    world.b.answer.never = true;
    struct stub_call *call = stub_get_data(guard, world.now_ms, on_data, &heard);
    world_settle(&world);
    stub_cancel(call, world.now_ms);
    world_advance(&world, 2 * TIMEOUT_MS);
    assert_int_equal(heard.ends, 0);
    assert_int_equal(world.b.cancelled, 1);
    world_close(&world);
}

static void a_get_fault_response_is_read(void **state) {
    (void)state;
    struct stub_fault fault = {9, 9, 9, 9};
    assert_int_equal(stub_get_fault_request().len, 0);
    assert_false(stub_get_fault_response(bw_span_of(NULL, 0), &fault)); /* without a fault */
    assert_false(stub_get_fault_response(bw_span_of("\x0a\x7f", 2), &fault));
    assert_int_equal(fault.failure_percent, 9);
    assert_true(stub_get_fault_response(bw_span_of("\x0a\x02\x08\x64\x10\x05\x18\x02", 8), &fault));
    assert_int_equal(fault.failure_percent, 100);
    assert_int_equal(fault.latency_max_ms, 0);
    assert_true(stub_get_fault_response(bw_span_of("\x0a\x00", 2), &fault)); /* none is in force */
    assert_int_equal(fault.failure_percent, 0);
}

BW_TESTS(cmocka_unit_test(data_is_read_from_the_message),
         cmocka_unit_test(fields_left_out_are_zero_and_unknown_ones_are_passed_over),
         cmocka_unit_test(a_message_may_be_as_long_as_the_protocol_says),
         cmocka_unit_test(a_response_that_does_not_parse_is_internal),
         cmocka_unit_test(a_failure_has_no_data_and_the_peers_words),
         cmocka_unit_test(every_switch_has_its_method),
         cmocka_unit_test(a_switch_brings_the_fault_that_is_in_force),
         cmocka_unit_test(a_cancelled_call_is_not_heard_of), cmocka_unit_test(a_get_fault_response_is_read))
