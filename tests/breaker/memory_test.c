/* What happens when there is no memory left. */
#define _XOPEN_SOURCE 700 /* setrlimit */

#include <sys/resource.h>

#include "run.h"

#include <breakwire/breaker.h>

/* What the sanitizers ask: they would end the program otherwise. */
#define EXPORTED __attribute__((visibility("default")))
EXPORTED const char *__asan_default_options(void);
EXPORTED const char *__tsan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void a_breaker_for_which_there_is_no_memory_is_null(void **state) {
    (void)state;
    struct bw_breaker_config config;
    struct rlimit all, nothing_more;
    bw_breaker_config_default(&config);
    config.window = BW_WINDOW_COUNT;
    config.window_calls = 100000;
    assert_int_equal(getrlimit(RLIMIT_AS, &all), 0);
    nothing_more = (struct rlimit){.rlim_cur = 1, .rlim_max = all.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &nothing_more), 0);
    struct bw_breaker *breaker = bw_breaker_new("big", &config, 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &all), 0);
    assert_null(breaker);
    breaker = bw_breaker_new("big", &config, 0);
    assert_non_null(breaker);
    bw_breaker_free(breaker);
}

BW_TESTS(cmocka_unit_test(a_breaker_for_which_there_is_no_memory_is_null))
