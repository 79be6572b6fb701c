#include "run.h"

#include "fault.h"

#include <string.h>

static void a_new_fault_neither_fails_nor_delays(void **state) {
    (void)state;
    struct bw_random random = {1};
    struct fault fault;
    fault_init(&fault);
    for (int i = 0; i < 1000; i++) {
        struct fault_verdict verdict = fault_meet(&fault, &random);
        assert_false(verdict.fails);
        assert_int_equal(verdict.delay_ms, 0);
    }
}

static void an_induced_failure_fails_every_call_with_internal(void **state) {
    (void)state;
    struct bw_random random = {2};
    struct fault fault;
    fault_init(&fault);
    fault_induce_failure(&fault);
    for (int i = 0; i < 1000; i++) {
        struct fault_verdict verdict = fault_meet(&fault, &random);
        assert_true(verdict.fails);
        assert_int_equal(verdict.code, 13);
    }
    fault_remove_failure(&fault);
    assert_false(fault_meet(&fault, &random).fails);
}

static void an_induced_latency_is_between_two_and_five_seconds(void **state) {
    (void)state;
    struct bw_random random = {3};
    struct fault fault;
    uint64_t least = UINT64_MAX, most = 0;
    fault_init(&fault);
    fault_induce_latency(&fault);
    for (int i = 0; i < 10000; i++) {
        uint64_t delay_ms = fault_meet(&fault, &random).delay_ms;
        least = delay_ms < least ? delay_ms : least;
        most = delay_ms > most ? delay_ms : most;
    }
    assert_in_range(least, 2000, 2010);
    assert_in_range(most, 4990, 5000);
    fault_remove_latency(&fault);
    assert_int_equal(fault_meet(&fault, &random).delay_ms, 0);
}

static void failure_and_latency_do_not_touch_each_other(void **state) {
    (void)state;
    struct fault fault;
    fault_init(&fault);
    fault_induce_latency(&fault);
    fault_induce_failure(&fault);
    fault_remove_failure(&fault);
    assert_int_equal(fault.latency_max_ms, 5000);
    fault_induce_failure(&fault);
    fault_remove_latency(&fault);
    assert_int_equal(fault.failure_percent, 100);
}

static void a_share_of_thirty_percent_fails_about_so_many(void **state) {
    (void)state;
    struct bw_random random = {4};
    struct fault fault = {.failure_percent = 30, .status_code = 14};
    int failed = 0;
    for (int i = 0; i < 10000; i++)
        failed += fault_meet(&fault, &random).fails;
    assert_in_range(failed, 2800, 3200);
}

static void a_fault_out_of_range_is_refused_with_field_and_range_and_changes_nothing(void **state) {
    (void)state;
    static const struct {
        struct fault wanted;
        const char *why;
    } rows[] = {
        {{101, 13, 0, 0}, "fault.failure_percent is 101, allowed are 0..100"},
        {{0, 17, 0, 0}, "fault.status_code is 17, allowed are 1..16"},
        {{0, 13, 0, 60001}, "fault.latency_max_ms is 60001, allowed are 0..60000"},
        {{0, 13, 20, 10}, "fault.latency_min_ms is 20, allowed are 0..10"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fault fault = {50, 14, 1, 2};
        char why[128] = "";
        assert_false(fault_set(&fault, &rows[i].wanted, why, sizeof why));
        assert_string_equal(why, rows[i].why);
        assert_int_equal(fault.failure_percent, 50);
        assert_int_equal(fault.status_code, 14);
        assert_int_equal(fault.latency_max_ms, 2);
    }
}

static void a_status_code_of_zero_means_internal(void **state) {
    (void)state;
    struct fault fault, wanted = {100, 0, 5, 5};
    char why[128];
    fault_init(&fault);
    assert_true(fault_set(&fault, &wanted, why, sizeof why));
    assert_int_equal(fault.status_code, 13);
    assert_int_equal(fault.latency_min_ms, 5);
}

BW_TESTS(cmocka_unit_test(a_new_fault_neither_fails_nor_delays),
         cmocka_unit_test(an_induced_failure_fails_every_call_with_internal),
         cmocka_unit_test(an_induced_latency_is_between_two_and_five_seconds),
         cmocka_unit_test(failure_and_latency_do_not_touch_each_other),
         cmocka_unit_test(a_share_of_thirty_percent_fails_about_so_many),
         cmocka_unit_test(a_fault_out_of_range_is_refused_with_field_and_range_and_changes_nothing),
         cmocka_unit_test(a_status_code_of_zero_means_internal))
