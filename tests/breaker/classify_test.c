/* Which gRPC status is whose fault. */
#include "run.h"
#include "scene.h"

enum {
    OK,
    CANCELLED,
    UNKNOWN,
    DEADLINE_EXCEEDED = 4,
    RESOURCE_EXHAUSTED = 8,
    INTERNAL = 13,
    UNAVAILABLE,
    DATA_LOSS
};

static struct bw_breaker_config defaults(void) {
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    return config;
}

static void an_answer_of_a_living_server_is_a_success(void **state) {
    (void)state;
    struct bw_breaker_config config = defaults();
    static const int codes[] = {0, 3, 5, 6, 7, 9, 10, 11, 12, 16};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_int_equal(bw_breaker_classify(&config, codes[i], 0), BW_SUCCESS);
}

static void a_server_that_is_away_broken_or_overloaded_is_a_failure(void **state) {
    (void)state;
    struct bw_breaker_config config = defaults();
    static const int codes[] = {CANCELLED, UNKNOWN,     DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED,
                                INTERNAL,  UNAVAILABLE, DATA_LOSS,         17,
                                -1,        1000000};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_int_equal(bw_breaker_classify(&config, codes[i], 0), BW_FAILURE);
}

static void what_our_side_did_is_ignored(void **state) {
    (void)state;
    struct bw_breaker_config config = defaults();
    assert_int_equal(bw_breaker_classify(&config, CANCELLED, BW_CALL_CANCELLED_BY_CALLER), BW_IGNORED);
    assert_int_equal(bw_breaker_classify(&config, RESOURCE_EXHAUSTED, BW_CALL_MADE_LOCALLY), BW_IGNORED);
    assert_int_equal(bw_breaker_classify(&config, DEADLINE_EXCEEDED, BW_CALL_SHORT_DEADLINE), BW_IGNORED);
}

static void a_flag_excuses_only_the_code_it_is_about(void **state) {
    (void)state;
    struct bw_breaker_config config = defaults();
    unsigned all = BW_CALL_CANCELLED_BY_CALLER | BW_CALL_MADE_LOCALLY | BW_CALL_SHORT_DEADLINE;
    assert_int_equal(bw_breaker_classify(&config, UNAVAILABLE, all), BW_FAILURE);
    assert_int_equal(bw_breaker_classify(&config, OK, all), BW_SUCCESS);
    assert_int_equal(bw_breaker_classify(&config, CANCELLED, BW_CALL_MADE_LOCALLY | BW_CALL_SHORT_DEADLINE),
                     BW_FAILURE);
    assert_int_equal(bw_breaker_classify(&config, DEADLINE_EXCEEDED, BW_CALL_CANCELLED_BY_CALLER),
                     BW_FAILURE);
    assert_int_equal(bw_breaker_classify(&config, RESOURCE_EXHAUSTED, BW_CALL_SHORT_DEADLINE), BW_FAILURE);
}

static void the_masks_decide_and_ignoring_wins(void **state) {
    (void)state;
    struct bw_breaker_config config = defaults();
    scene_configure(&config, "failure_mask=NOT_FOUND,ABORTED ignore_mask=ABORTED");
    assert_int_equal(bw_breaker_classify(&config, 5, 0), BW_FAILURE);
    assert_int_equal(bw_breaker_classify(&config, 10, 0), BW_IGNORED);
    assert_int_equal(bw_breaker_classify(&config, UNAVAILABLE, 0), BW_SUCCESS);
}

BW_TESTS(cmocka_unit_test(an_answer_of_a_living_server_is_a_success),
         cmocka_unit_test(a_server_that_is_away_broken_or_overloaded_is_a_failure),
         cmocka_unit_test(what_our_side_did_is_ignored),
         cmocka_unit_test(a_flag_excuses_only_the_code_it_is_about),
         cmocka_unit_test(the_masks_decide_and_ignoring_wins))
