#include <stdio.h>

#include "configs.h"
#include "exits.h"
#include "options.h"
#include "script.h"
#include "whatif.h"

int main(int argc, char **argv) {
    struct options options;
    struct bw_breaker_config configs[CONFIGS_MAX];
    int exit_code = options_read(&options, argc, argv);
    if (exit_code >= 0)
        return exit_code;
    for (int i = 0; i < options.n_configs; i++)
        if (!config_read(options.configs[i], &configs[i]))
            return EXIT_BAD_CONFIGURATION;
    exit_code = options.script ? script_run(options.script, &configs[0]) : whatif_run(&options, configs);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "breaker-sim: standard output cannot be written\n");
        return EXIT_CANNOT_RUN;
    }
    return exit_code;
}
