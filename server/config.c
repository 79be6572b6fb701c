#include "config.h"

#include <breakwire/program.h>

static const struct bw_setting settings[] = {
    {"RPC_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5001",
     "where RPC clients are served; port 0 picks a free one"},
    BW_PROGRAM_RPC_TLS_SETTINGS,
    BW_PROGRAM_SETTINGS,
};

const struct bw_settings_table service_b_settings = {
    .program = "service-b",
    .summary = "the service that is called through a circuit breaker, and that fails or dawdles on demand",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

bool service_b_apply(void *owner, const struct bw_settings *from, struct bw_settings_error *error) {
    (void)owner;
    return bw_program_tls_check(&bw_program_rpc_tls, from, error);
}
