/* config.h: service-a's settings, and the configurations of its two breakers made from them. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "site.h"

#include <breakwire/settings.h>

struct bw_breaker_config;
struct bw_program_tls;
struct config;

#define CONFIG_DATA_BREAKER    "ServiceB_CB"
#define CONFIG_CONTROL_BREAKER "ServiceB_Control_CB"

/* NULL: no memory. */
struct config *config_new(void);
void config_free(struct config *config);

/* Lent. */
const struct bw_settings_table *config_table(const struct config *config);

/* What bw_program_spec.apply wants; owner is the struct config. False: `error` names what the user wrote. */
bool config_apply(void *owner, const struct bw_settings *settings, struct bw_settings_error *error);

/* What bw_program_spec.print wants: `breakers.ServiceB_CB.open_ms = 500  # file` for each parameter of each
 * breaker, as it is in effect. */
void config_print(void *owner, const struct bw_settings *from, struct bw_buf *out);

/* Lent by the config. */
const struct bw_breaker_config *config_data_breaker(const struct config *config);
const struct bw_breaker_config *config_control_breaker(const struct config *config);
/* The longest a call through that breaker may take: REQUEST_TIMEOUT, or the file's shorter call_timeout_ms.
 */
uint64_t config_timeout_ms(const struct bw_breaker_config *breaker);
/* SERVICE_B_TLS is on; the settings that say how. */
bool config_calls_by_tls(const struct bw_settings *from);
extern const struct bw_program_tls config_service_b_tls;
/* The hosts that HTTP_ADDRESS and ALLOWED_HOSTS allow. */
const struct site *config_site(const struct config *config);

#endif
