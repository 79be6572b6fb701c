/* consumer: somebody else's program. Trips an installed breaker and says what it sees, in C and in C++. */
#include <breakwire/breaker.h>

#include <stdio.h>

static void call(struct bw_breaker *breaker, uint64_t now_ms, enum bw_outcome outcome) {
    struct bw_ticket ticket;
    struct bw_result result = {outcome, outcome == BW_SUCCESS ? 0 : 14, -1, -1};
    uint64_t retry_after_ms;
    enum bw_decision decision = bw_breaker_acquire(breaker, now_ms, &ticket, &retry_after_ms);
    printf("%s", bw_decision_name(decision));
    if (bw_admitted(decision))
        printf(" %s", bw_verdict_name(bw_breaker_complete(breaker, &ticket, now_ms, &result)));
    else
        printf(" %d", (int)retry_after_ms);
    printf(" %s\n", bw_state_name(bw_breaker_view(breaker, now_ms)));
}

/* The table of parameters is data of the library. */
static bool every_parameter_has_a_value(const struct bw_breaker_config *config) {
    char text[256];
    for (size_t i = 0; i < bw_breaker_params_count; i++)
        if (bw_breaker_config_get(config, bw_breaker_params[i].name, text, sizeof text) <= 0)
            return false;
    return bw_breaker_params_count > 0;
}

int main(void) {
    char why[256];
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    if (bw_breaker_config_set(&config, "open_ms", "1000", why, sizeof why) != 0 ||
        bw_breaker_config_set(&config, "open_ms", "wrong", why, sizeof why) == 0 ||
        !every_parameter_has_a_value(&config))
        return 1;
    printf("%s\n", why);
    struct bw_breaker *breaker = bw_breaker_new("consumer", &config, 0);
    if (!breaker)
        return 1;
    for (uint32_t i = 0; i < config.trip_consecutive; i++)
        call(breaker, 0, BW_FAILURE);
    call(breaker, 400, BW_SUCCESS);
    call(breaker, 1000, BW_SUCCESS);
    bw_breaker_free(breaker);
    return 0;
}
