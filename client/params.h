/* params.h: every parameter of bw_breaker_params as a setting of service-a: CIRCUIT_X in the environment,
 * --x (or --circuit-x), "circuit_x" in the file. Made from that table, so a new row there is a setting. */
#ifndef CLIENT_PARAMS_H
#define CLIENT_PARAMS_H

#include <breakwire/settings.h>

struct bw_breaker_config;
struct params;

enum { PARAMS_TEXT_MAX = 512 }; /* a value as text, with its NUL */

/* NULL: no memory. */
struct params *params_new(void);
void params_free(struct params *params);

/* Lent. Its settings stand in the order of bw_breaker_params. */
const struct bw_settings_family *params_family(const struct params *params);
/* Writes the value of parameter i in `breaker`. */
void params_value(const struct bw_breaker_config *breaker, size_t i, char text[PARAMS_TEXT_MAX]);

#endif
