/* config.h: service-b's settings. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <breakwire/settings.h>

extern const struct bw_settings_table service_b_settings;

#endif
