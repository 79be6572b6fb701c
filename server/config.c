#include "config.h"

#include <breakwire/program.h>

static const struct bw_setting settings[] = {
    {"RPC_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5001",
     "where RPC clients are served; port 0 picks a free one"},
    BW_PROGRAM_SETTINGS,
};

const struct bw_settings_table service_b_settings = {
    .program = "service-b",
    .summary = "the service that is called through a circuit breaker, and that fails or dawdles on demand",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};
