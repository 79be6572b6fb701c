/* whatif.h: recorded calls meet several breakers, and what these did is compared. */
#ifndef SIM_WHATIF_H
#define SIM_WHATIF_H

#include <breakwire/breaker.h>

#include "options.h"
#include "replay.h"

enum { MOVES_MAX = 10000, BINS = 360 };

/* One transition. */
struct move {
    uint64_t at_ms, generation;
    enum bw_state from, to;
    enum bw_reason reason;
    int code;
    double value, threshold;
};

/* One configuration and what it did. */
struct column {
    const char *name;
    struct replay *replay;
    struct move *moves; /* the first MOVES_MAX */
    size_t n_moves;
    uint64_t moves_omitted;
};

/* Calls over time, in at most BINS parts of equal length; the length doubles when the trace goes on. */
struct strip {
    uint64_t bin_ms;
    uint64_t calls[BINS], failed[BINS];
};

struct comparison {
    struct column columns[CONFIGS_MAX];
    int n_columns;
    struct strip strip;
    uint64_t calls, failed;
    uint64_t end_ms; /* of the last call */
};

/* The exit code of the program. */
int whatif_run(const struct options *options, const struct bw_breaker_config *configs);

/* What is printed: false when it cannot be written. */
void report_table(const struct comparison *comparison);
bool report_json(const struct comparison *comparison);
bool report_svg(const struct comparison *comparison, const char *path);

#endif
