/* Who counts where. It looks inside the library. */
#define _POSIX_C_SOURCE 200809L /* pthread_barrier */

#include <pthread.h>
#include <string.h>

#include "run.h"

#include "../../lib/breaker/shards.h"

enum { CROWD = BW_SHARDS_OWNED + 4 };

struct crowd {
    struct bw_shard shards[BW_SHARDS];
    pthread_barrier_t all_here;
};

struct visitor {
    struct crowd *crowd;
    struct bw_shard *mine;
    bool is_same_again;
};

static void *visit(void *argument) {
    struct visitor *visitor = argument;
    pthread_barrier_wait(&visitor->crowd->all_here);
    visitor->mine = bw_shards_mine(visitor->crowd->shards);
    pthread_barrier_wait(&visitor->crowd->all_here);
    visitor->is_same_again = bw_shards_mine(visitor->crowd->shards) == visitor->mine;
    pthread_barrier_wait(&visitor->crowd->all_here);
    return NULL;
}

static void each_thread_has_a_shard_of_its_own_and_the_rest_share_the_last(void **state) {
    (void)state;
    static struct crowd crowd;
    struct visitor visitors[CROWD];
    pthread_t threads[CROWD];
    int users[BW_SHARDS] = {0};
    memset(&crowd, 0, sizeof crowd);
    pthread_barrier_init(&crowd.all_here, NULL, CROWD);
    for (int i = 0; i < CROWD; i++) {
        visitors[i] = (struct visitor){.crowd = &crowd};
        assert_int_equal(pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
    }
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < CROWD; i++) {
        assert_true(visitors[i].is_same_again);
        users[visitors[i].mine - crowd.shards]++;
    }
    for (int i = 0; i < BW_SHARDS_OWNED; i++)
        assert_int_equal(users[i], 1);
    assert_int_equal(users[BW_SHARDS_OWNED], CROWD - BW_SHARDS_OWNED);
    pthread_barrier_destroy(&crowd.all_here);
}

static void the_last_results_of_all_shards_are_merged_newest_first(void **state) {
    (void)state;
    static struct bw_shard shards[BW_SHARDS];
    struct bw_event_call last[BW_SHARD_RECENT];
    memset(shards, 0, sizeof shards);
    assert_int_equal(bw_shards_last(shards, last), 0);
    bw_shards_remember(&shards[3], 10, 1, 100);
    bw_shards_remember(&shards[5], 20, 2, 200);
    bw_shards_remember(&shards[3], 30, 3, 300);
    bw_shards_remember(&shards[BW_SHARDS_OWNED], 25, 4, 400);
    assert_int_equal(bw_shards_last(shards, last), 4);
    static const int codes[] = {3, 4, 2, 1};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(last[i].code, codes[i]);
        assert_int_equal(last[i].latency_ms, codes[i] * 100);
    }
    for (int i = 0; i < 20; i++)
        bw_shards_remember(&shards[i % 4], 40 + (uint64_t)i, i % 17, 0);
    assert_int_equal(bw_shards_last(shards, last), 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(last[i].code, (19 - i) % 17);
}

static void counters_of_all_shards_are_summed(void **state) {
    (void)state;
    static struct bw_shard shards[BW_SHARDS];
    struct bw_breaker_counters sum = {.admitted = 77, .lost_probe = 5};
    memset(shards, 0, sizeof shards);
    for (int i = 0; i < BW_SHARDS; i++) {
        bw_shards_count(&shards[i], &shards[i].admitted);
        bw_shards_count(&shards[i], &shards[i].results);
        bw_shards_count(&shards[i], &shards[i].failed_code[14]);
    }
    bw_shards_sum(shards, &sum);
    assert_int_equal(sum.admitted, BW_SHARDS);
    assert_int_equal(sum.failed, BW_SHARDS);
    assert_int_equal(sum.ok, 0);
    assert_int_equal(sum.failed_code[14], BW_SHARDS);
    assert_int_equal(sum.lost_probe, 5);
}

BW_TESTS(cmocka_unit_test(each_thread_has_a_shard_of_its_own_and_the_rest_share_the_last),
         cmocka_unit_test(the_last_results_of_all_shards_are_merged_newest_first),
         cmocka_unit_test(counters_of_all_shards_are_summed))
