/* The one main() of the cmocka programs: takes a pattern, fails when nothing matched. */
#include "run.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

static size_t matching(const char *pattern, struct CMUnitTest *chosen) {
    size_t n = 0;
    for (size_t i = 0; i < bw_tests_count; i++)
        if (!pattern || fnmatch(pattern, bw_tests[i].name, 0) == 0)
            chosen[n++] = bw_tests[i];
    return n;
}

int main(int argc, char **argv) {
    const char *pattern = argc > 1 ? argv[1] : NULL;
    struct CMUnitTest *chosen = calloc(bw_tests_count, sizeof *chosen);
    if (!chosen)
        return 1;
    size_t n = matching(pattern, chosen);
    if (n == 0)
        fprintf(stderr, "%s: no test matches '%s'\n", argv[0], pattern ? pattern : "");
    int failed = n ? _cmocka_run_group_tests(argv[0], chosen, n, NULL, NULL) : 1;
    free(chosen);
    return failed != 0;
}
