/* config.h: what the files of the configuration share. */
#ifndef BREAKER_CONFIG_H
#define BREAKER_CONFIG_H

#include <breakwire/breaker.h>

/* Within the range of its row? Otherwise false and the sentence in `why`. */
bool bw_config_in_range(const struct bw_breaker_config *config, const struct bw_breaker_param *param,
                        char *why, size_t why_size);
/* probe_lease_ms with "auto" resolved; 0 = no lease. */
uint64_t bw_config_lease_ms(const struct bw_breaker_config *config);

#endif
