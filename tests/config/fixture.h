/* fixture.h: settings read from arrays instead of a process: one table that has every kind of parameter. */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include <breakwire/settings.h>

enum { WORDS_MAX = 12 };

struct given_world {
    const char *argv[WORDS_MAX]; /* without argv[0], NULL at the end */
    const char *env[WORDS_MAX];  /* "NAME=value", NULL at the end */
    const char *file;            /* the bytes of every file that exists; NULL: none does */
};

extern const struct bw_settings_table fixture_table;

/* As bw_settings_read. */
struct bw_settings *fixture_read(const struct given_world *world, struct bw_settings_error *error);
/* Reads, and fails the test when that does not succeed. */
struct bw_settings *fixture_good(const struct given_world *world);
/* Fails the test unless reading ends with exactly this exit code and sentence. */
void fixture_refused(const struct given_world *world, int exit_code, const char *sentence);

#endif
