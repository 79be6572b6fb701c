/* configs.h: the configuration of a breaker from a JSON object with the names of bw_breaker_params. */
#ifndef SIM_CONFIGS_H
#define SIM_CONFIGS_H

#include <breakwire/breaker.h>

/* Defaults, then what the file says. False: why not on standard error, in one line. */
bool config_read(const char *path, struct bw_breaker_config *config);

#endif
