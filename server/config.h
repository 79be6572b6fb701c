/* config.h: service-b's settings. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <breakwire/settings.h>

extern const struct bw_settings_table service_b_settings;

/* What bw_program_spec.apply wants: can TLS be had with these settings? */
bool service_b_apply(void *owner, const struct bw_settings *settings, struct bw_settings_error *error);

#endif
