#include "config.h"

#include <breakwire/breaker.h>
#include <breakwire/program.h>

#include <stdio.h>
#include <stdlib.h>

enum { BREAKERS = 2 };

static const struct bw_setting settings[] = {
    {"CIRCUIT_FAIL_MAX", "CIRCUIT_FAILURE_THRESHOLD", BW_SETTING_INTEGER, 1, 65535, NULL, "3",
     "failures in a row that open the circuit"},
    {"CIRCUIT_RESET_TIMEOUT", "CIRCUIT_RECOVERY_TIMEOUT", BW_SETTING_SECONDS, 50, 86400000, NULL, "20",
     "seconds the circuit stays open before a probe"},
    {"SERVICE_B_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5001",
     "where service-b is; looked up anew at each connect"},
    {"HTTP_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5000",
     "where the page and the JSON are served; port 0 picks a free one"},
    {"RPC_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5002",
     "where RPC clients are served; port 0 picks a free one"},
    {"REQUEST_TIMEOUT", NULL, BW_SETTING_SECONDS, 50, 3600000, NULL, "3",
     "deadline of a call to service-b, seconds"},
    {"ALLOWED_HOSTS", NULL, BW_SETTING_LIST, 0, 0, NULL, NULL,
     "further host names that browsers may call us by, with commas"},
    BW_PROGRAM_SETTINGS,
};

static const char *const breaker_names[] = {CONFIG_DATA_BREAKER, CONFIG_CONTROL_BREAKER, NULL};

static const struct bw_settings_group groups[] = {{"breakers", breaker_names, NULL}};

const struct bw_settings_table service_a_settings = {
    .program = "service-a",
    .summary = "calls service-b through a circuit breaker and shows it: page, JSON and RPC",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
    .groups = groups,
    .n_groups = 1,
};

struct config {
    struct bw_breaker_config breakers[BREAKERS]; /* in the order of breaker_names */
    struct site site;
};

struct config *config_new(void) {
    return calloc(1, sizeof(struct config));
}

void config_free(struct config *config) {
    free(config);
}

const struct bw_breaker_config *config_data_breaker(const struct config *config) {
    return &config->breakers[0];
}

const struct bw_breaker_config *config_control_breaker(const struct config *config) {
    return &config->breakers[1];
}

uint64_t config_timeout_ms(const struct bw_breaker_config *breaker) {
    return breaker->call_timeout_ms;
}

const struct site *config_site(const struct config *config) {
    return &config->site;
}

/* By flag or environment: that wins over the file. */
static bool is_by_hand(const struct bw_settings *from, const char *name) {
    enum bw_settings_origin origin = bw_settings_origin(from, name);
    return origin == BW_FROM_FLAG || origin == BW_FROM_ENVIRONMENT;
}

/* The demo's own names hold for both breakers; the file's "breakers" speaks about each. */
static void set_named(struct config *config, const struct bw_settings *from, bool given_by_hand) {
    for (size_t i = 0; i < BREAKERS; i++) {
        struct bw_breaker_config *breaker = &config->breakers[i];
        if (is_by_hand(from, "CIRCUIT_FAIL_MAX") == given_by_hand)
            breaker->trip_consecutive = (uint32_t)bw_settings_integer(from, "CIRCUIT_FAIL_MAX");
        if (is_by_hand(from, "CIRCUIT_RESET_TIMEOUT") == given_by_hand)
            breaker->open_ms = bw_settings_ms(from, "CIRCUIT_RESET_TIMEOUT");
    }
}

static void set_defaults(struct config *config, const struct bw_settings *from) {
    for (size_t i = 0; i < BREAKERS; i++) {
        struct bw_breaker_config *breaker = &config->breakers[i];
        bw_breaker_config_default(breaker);
        breaker->call_timeout_ms = bw_settings_ms(from, "REQUEST_TIMEOUT");
        breaker->min_deadline_ms = breaker->call_timeout_ms / 2;
    }
}

static int set_from_file(void *owner, const char *member, const char *key, const char *value, char *why,
                         size_t why_size) {
    struct config *config = owner;
    size_t i = strcmp(member, breaker_names[0]) == 0 ? 0 : 1;
    return bw_breaker_config_set(&config->breakers[i], key, value, why, why_size);
}

/* REQUEST_TIMEOUT is the longest a call may take; 0 in the file would mean "not known", and it is known. */
static void limit_timeouts(struct config *config, const struct bw_settings *from) {
    uint64_t longest_ms = bw_settings_ms(from, "REQUEST_TIMEOUT");
    for (size_t i = 0; i < BREAKERS; i++) {
        uint64_t *timeout_ms = &config->breakers[i].call_timeout_ms;
        if (*timeout_ms == 0 || *timeout_ms > longest_ms)
            *timeout_ms = longest_ms;
    }
}

/* The settings alone always fit together: what does not was written in the file. */
static bool check_breakers(const struct config *config, const struct bw_settings *from,
                           struct bw_settings_error *error) {
    char why[512];
    for (size_t i = 0; i < BREAKERS; i++)
        if (bw_breaker_config_check(&config->breakers[i], why, sizeof why) != 0) {
            error->exit_code = BW_EXIT_CONFIGURATION;
            snprintf(error->text, sizeof error->text, "key \"breakers.%s\" of %s: %s", breaker_names[i],
                     bw_settings_text(from, "CONFIG_FILE"), why);
            return false;
        }
    return true;
}

static bool is_wildcard(struct bw_span host) {
    return host.len == 0 || bw_span_is(host, "0.0.0.0") || bw_span_is(host, "::");
}

/* A host of V6 stands in a Host field with its brackets: take them along from the text. */
static struct bw_span as_in_host_field(struct bw_span host) {
    return memchr(host.data, ':', host.len) ? bw_span_of(host.data - 1, host.len + 2) : host;
}

/* What can stand in a Host field without its port: a name, an IPv4 address, or [V6]. */
static bool is_host(struct bw_span item) {
    bool is_v6 = item.len > 2 && item.data[0] == '[' && item.data[item.len - 1] == ']';
    for (size_t i = is_v6; i < item.len - is_v6; i++) {
        uint8_t c = item.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '.' && !(is_v6 ? c == ':' : c == '-' || c == '_'))
            return false;
    }
    return item.len > 0 && item.data[item.len - 1] != '.';
}

static bool refuse_hosts(struct bw_settings_error *error, struct bw_span item) {
    error->exit_code = BW_EXIT_CONFIGURATION;
    if (is_host(item))
        snprintf(error->text, sizeof error->text, "ALLOWED_HOSTS has more than the %d names that are allowed",
                 SITE_HOSTS_MAX - 1);
    else
        snprintf(error->text, sizeof error->text,
                 "ALLOWED_HOSTS has \"%.*s\", allowed are host names and addresses without scheme and port",
                 (int)(item.len < 80 ? item.len : 80), (const char *)item.data);
    return false;
}

static bool collect_hosts(struct site *site, const struct bw_settings *from,
                          struct bw_settings_error *error) {
    struct bw_span host, item, rest = bw_span_text(bw_settings_text(from, "ALLOWED_HOSTS"));
    if (bw_settings_split_address(bw_settings_text(from, "HTTP_ADDRESS"), &host, NULL) && !is_wildcard(host))
        site_add_host(site, as_in_host_field(host)); /* the first: there is room */
    while (bw_settings_next_item(&rest, &item)) {
        if (item.len == 0) /* no list at all is one empty item, and an empty Host is not ours */
            continue;
        if (!is_host(item) || !site_add_host(site, item))
            return refuse_hosts(error, item);
    }
    return true;
}

bool config_apply(void *owner, const struct bw_settings *from, struct bw_settings_error *error) {
    struct config *config = owner;
    set_defaults(config, from);
    set_named(config, from, false);
    if (!bw_settings_apply(from, "breakers", set_from_file, config, error))
        return false;
    set_named(config, from, true);
    limit_timeouts(config, from);
    return check_breakers(config, from, error) && collect_hosts(&config->site, from, error);
}
