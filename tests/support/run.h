/* run.h: what every cmocka test file includes, and the one main() of all of them (run.c).
 *
 *   static void the_name_is_a_true_sentence(void **state) { ... }
 *   BW_TESTS(cmocka_unit_test(the_name_is_a_true_sentence))
 *
 * build/dev/bin/X_test                runs all of them
 * build/dev/bin/X_test '*half_open*'  runs those whose name matches; fails when none does */
#ifndef TESTS_SUPPORT_RUN_H
#define TESTS_SUPPORT_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct CMUnitTest bw_tests[];
extern const size_t bw_tests_count;

#define BW_TESTS(...)                                                                                        \
    const struct CMUnitTest bw_tests[] = {__VA_ARGS__};                                                      \
    const size_t bw_tests_count = sizeof bw_tests / sizeof bw_tests[0];

#endif
