/* The token bucket and the price of a reset. */
#include "bucket.h"

#include "run.h"

#include <breakwire/core.h>

static void a_burst_of_the_size_is_taken_and_the_next_is_not(void **state) {
    (void)state;
    struct bw_h2_bucket bucket;
    bw_h2_bucket_init(&bucket, 50);
    for (int i = 0; i < BW_H2_BUCKET_SIZE; i++)
        assert_true(bw_h2_bucket_take(&bucket, 50, 1));
    assert_false(bw_h2_bucket_take(&bucket, 50, 1));
}

static void time_refills_200_tokens_a_second(void **state) {
    (void)state;
    struct bw_h2_bucket bucket;
    bw_h2_bucket_init(&bucket, 0);
    assert_true(bw_h2_bucket_take(&bucket, 0, BW_H2_BUCKET_SIZE));
    assert_false(bw_h2_bucket_take(&bucket, 4, 1));
    assert_true(bw_h2_bucket_take(&bucket, 5, 1));
    for (uint64_t ms = 6; ms < 1005; ms++) /* looked at often: nothing of the time is lost */
        bw_h2_bucket_take(&bucket, ms, 0);
    assert_true(bw_h2_bucket_take(&bucket, 1005, 200));
    assert_false(bw_h2_bucket_take(&bucket, 1005, 1));
}

static void it_never_holds_more_than_its_size(void **state) {
    (void)state;
    struct bw_h2_bucket bucket;
    bw_h2_bucket_init(&bucket, 0);
    bw_h2_bucket_give(&bucket, 1000);
    assert_true(bw_h2_bucket_take(&bucket, UINT64_MAX, BW_H2_BUCKET_SIZE));
    assert_false(bw_h2_bucket_take(&bucket, UINT64_MAX, 1));
}

static void what_is_given_can_be_taken(void **state) {
    (void)state;
    struct bw_h2_bucket bucket;
    bw_h2_bucket_init(&bucket, 0);
    bw_h2_bucket_take(&bucket, 0, BW_H2_BUCKET_SIZE);
    bw_h2_bucket_give(&bucket, 3);
    assert_true(bw_h2_bucket_take(&bucket, 0, 3));
    assert_false(bw_h2_bucket_take(&bucket, 0, 1));
}

static void a_reset_at_the_deadline_is_free(void **state) {
    (void)state;
    assert_int_equal(bw_h2_bucket_reset_cost(true, 50, 0), 0);
    assert_int_equal(bw_h2_bucket_reset_cost(true, 50, 10), 0);
    assert_int_equal(bw_h2_bucket_reset_cost(true, 50, 11), 10);
    assert_int_equal(bw_h2_bucket_reset_cost(true, 1000, 100), 0);
    assert_int_equal(bw_h2_bucket_reset_cost(true, 1000, 101), 10);
}

static void a_reset_of_begun_work_costs_ten_and_any_other_one(void **state) {
    (void)state;
    assert_int_equal(bw_h2_bucket_reset_cost(true, BW_NEVER, BW_NEVER), 10);
    assert_int_equal(bw_h2_bucket_reset_cost(false, BW_NEVER, BW_NEVER), 1);
    assert_int_equal(bw_h2_bucket_reset_cost(false, 1000, 900), 1);
}

BW_TESTS(cmocka_unit_test(a_burst_of_the_size_is_taken_and_the_next_is_not),
         cmocka_unit_test(time_refills_200_tokens_a_second),
         cmocka_unit_test(it_never_holds_more_than_its_size), cmocka_unit_test(what_is_given_can_be_taken),
         cmocka_unit_test(a_reset_at_the_deadline_is_free),
         cmocka_unit_test(a_reset_of_begun_work_costs_ten_and_any_other_one))
