/* options.h: the command line. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>

enum { CONFIGS_MAX = 16 };

struct options {
    const char *configs[CONFIGS_MAX];
    int n_configs;
    const char *script; /* or NULL */
    const char *trace;  /* or NULL */
    const char *svg;    /* or NULL */
    bool json;
};

/* -1: go on. Otherwise the exit code, after help, or after a sentence on standard error. */
int options_read(struct options *options, int argc, char **argv);

#endif
