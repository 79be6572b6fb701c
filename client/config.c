#include "config.h"

#include "params.h"

#include <breakwire/breaker.h>
#include <breakwire/program.h>

#include <stdio.h>
#include <stdlib.h>

enum { BREAKERS = 2, CONFIG_NAME_MAX = 128 };

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyz_0123456789"

static const struct bw_setting settings[] = {
    {"CIRCUIT_FAIL_MAX", "CIRCUIT_FAILURE_THRESHOLD", BW_SETTING_INTEGER, 1, 65535, NULL, "3",
     "failures in a row that open the circuit"},
    {"CIRCUIT_RESET_TIMEOUT", "CIRCUIT_RECOVERY_TIMEOUT", BW_SETTING_SECONDS, 50, 86400000, NULL, "20",
     "seconds the circuit stays open before a probe"},
    {"SERVICE_B_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5001",
     "where service-b is; looked up anew at each connect"},
    {"SERVICE_B_TLS", NULL, BW_SETTING_WORD, 0, 0, "off|on", "off",
     "on: service-b is called by TLS, and must prove to be the host of its address"},
    {"SERVICE_B_TLS_CA", NULL, BW_SETTING_TEXT, 0, 0, NULL, NULL,
     "a PEM file: who may have signed service-b's certificate; without it those whom the system trusts"},
    {"SERVICE_B_TLS_CERTIFICATE", NULL, BW_SETTING_TEXT, 0, 0, NULL, NULL,
     "a PEM file: our certificate, when service-b asks for one"},
    {"SERVICE_B_TLS_KEY", NULL, BW_SETTING_TEXT, 0, 0, NULL, NULL, "its private key, a PEM file"},
    {"HTTP_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5000",
     "where the page and the JSON are served; port 0 picks a free one"},
    {"RPC_ADDRESS", NULL, BW_SETTING_ADDRESS, 0, 0, NULL, "127.0.0.1:5002",
     "where RPC clients are served; port 0 picks a free one"},
    BW_PROGRAM_RPC_TLS_SETTINGS,
    {"REQUEST_TIMEOUT", NULL, BW_SETTING_SECONDS, 50, 3600000, NULL, "3",
     "deadline of a call to service-b, seconds"},
    {"ALLOWED_HOSTS", NULL, BW_SETTING_LIST, 0, 0, NULL, NULL,
     "further host names that browsers may call us by, with commas"},
    {"RECORD", NULL, BW_SETTING_TEXT, 0, 0, NULL, NULL,
     "a file for a trace of the calls to service-b, which breaker-sim reads; full, it becomes FILE.1"},
    {"RECORD_MAX_BYTES", NULL, BW_SETTING_INTEGER, 4096, UINT64_C(1) << 40, NULL, "16777216",
     "how large that file may become"},
    BW_PROGRAM_SETTINGS,
};

static const char *const breaker_names[] = {CONFIG_DATA_BREAKER, CONFIG_CONTROL_BREAKER, NULL};

static const struct bw_settings_group groups[] = {{"breakers", breaker_names, NULL}};

static const struct bw_settings_twins twins[] = {
    {"CIRCUIT_FAIL_MAX", "CIRCUIT_TRIP_CONSECUTIVE"},
    {"CIRCUIT_RESET_TIMEOUT", "CIRCUIT_OPEN_MS"},
};

/* One breaker, and for each of its parameters the setting that it comes from; NULL: the file's "breakers". */
struct breaker {
    struct bw_breaker_config config;
    const char **sources; /* in the order of bw_breaker_params */
};

struct config {
    struct params *params;
    struct bw_settings_table table;
    struct breaker breakers[BREAKERS]; /* in the order of breaker_names */
    struct site site;
};

static void make_table(struct config *config) {
    config->table = (struct bw_settings_table){
        .program = "service-a",
        .summary = "calls service-b through a circuit breaker and shows it: page, JSON and RPC",
        .settings = settings,
        .n = sizeof settings / sizeof settings[0],
        .groups = groups,
        .n_groups = sizeof groups / sizeof groups[0],
        .family = params_family(config->params),
        .twins = twins,
        .n_twins = sizeof twins / sizeof twins[0],
    };
}

struct config *config_new(void) {
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return NULL;
    config->params = params_new();
    bool ok = config->params != NULL;
    for (size_t i = 0; i < BREAKERS; i++) {
        config->breakers[i].sources = calloc(bw_breaker_params_count, sizeof *config->breakers[i].sources);
        ok = ok && config->breakers[i].sources;
    }
    if (!ok) {
        config_free(config);
        return NULL;
    }
    make_table(config);
    return config;
}

void config_free(struct config *config) {
    if (!config)
        return;
    for (size_t i = 0; i < BREAKERS; i++)
        free(config->breakers[i].sources);
    params_free(config->params);
    free(config);
}

const struct bw_settings_table *config_table(const struct config *config) {
    return &config->table;
}

const struct bw_breaker_config *config_data_breaker(const struct config *config) {
    return &config->breakers[0].config;
}

const struct bw_breaker_config *config_control_breaker(const struct config *config) {
    return &config->breakers[1].config;
}

uint64_t config_timeout_ms(const struct bw_breaker_config *breaker) {
    return breaker->call_timeout_ms;
}

const struct site *config_site(const struct config *config) {
    return &config->site;
}

/* ---- the breakers ---- */

static const char *setting_name(const struct config *config, size_t i) {
    return config->table.family->settings[i].name;
}

/* Of a name that is in the table. */
static size_t param_place(const char *name) {
    return (size_t)(bw_breaker_param(name) - bw_breaker_params);
}

/* By flag or environment: that wins over the file. */
static bool is_by_hand(const struct bw_settings *from, const char *name) {
    enum bw_settings_origin origin = bw_settings_origin(from, name);
    return origin == BW_FROM_FLAG || origin == BW_FROM_ENVIRONMENT;
}

/* What the program knows of its calls: from REQUEST_TIMEOUT until somebody says otherwise. */
static void set_timeouts(struct config *config, const struct bw_settings *from) {
    for (size_t i = 0; i < BREAKERS; i++) {
        struct breaker *breaker = &config->breakers[i];
        bw_breaker_config_default(&breaker->config);
        breaker->config.call_timeout_ms = bw_settings_ms(from, "REQUEST_TIMEOUT");
        breaker->config.min_deadline_ms = breaker->config.call_timeout_ms / 2;
        breaker->sources[param_place("call_timeout_ms")] = "REQUEST_TIMEOUT";
        breaker->sources[param_place("min_deadline_ms")] = "REQUEST_TIMEOUT";
    }
}

/* The value of one setting, judged already, goes to both breakers. */
static void set_both(struct config *config, size_t i, const char *name, const char *value) {
    for (size_t b = 0; b < BREAKERS; b++) {
        bw_breaker_config_set(&config->breakers[b].config, bw_breaker_params[i].name, value, NULL, 0);
        config->breakers[b].sources[i] = name;
    }
}

/* CIRCUIT_... holds for both breakers; the file's "breakers" speaks about each. */
static void set_named(struct config *config, const struct bw_settings *from, bool given_by_hand) {
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        const char *name = setting_name(config, i), *value = bw_settings_text(from, name);
        if (*value && is_by_hand(from, name) == given_by_hand)
            set_both(config, i, name, value);
    }
}

static int set_from_file(void *owner, const char *member, const char *key, const char *value, char *why,
                         size_t why_size) {
    struct config *config = owner;
    struct breaker *breaker = &config->breakers[strcmp(member, breaker_names[0]) == 0 ? 0 : 1];
    if (bw_breaker_config_set(&breaker->config, key, value, why, why_size) != 0)
        return -1;
    breaker->sources[param_place(key)] = NULL;
    return 0;
}

/* REQUEST_TIMEOUT is the longest a call may take; 0 would mean "not known", and it is known. */
static void limit_timeouts(struct config *config, const struct bw_settings *from) {
    uint64_t longest_ms = bw_settings_ms(from, "REQUEST_TIMEOUT");
    for (size_t i = 0; i < BREAKERS; i++) {
        uint64_t *timeout_ms = &config->breakers[i].config.call_timeout_ms;
        if (*timeout_ms != 0 && *timeout_ms <= longest_ms)
            continue;
        *timeout_ms = longest_ms;
        config->breakers[i].sources[param_place("call_timeout_ms")] = "REQUEST_TIMEOUT";
    }
}

static void append_source(struct bw_buf *out, const struct config *config, size_t breaker, size_t i,
                          const struct bw_settings *from) {
    const char *source = config->breakers[breaker].sources[i];
    if (source)
        bw_settings_source(from, source, out);
    else
        bw_buf_printf(out, "key \"breakers.%s.%s\" of %s", breaker_names[breaker], bw_breaker_params[i].name,
                      bw_settings_text(from, "CONFIG_FILE"));
}

static enum bw_settings_origin origin_of(const struct config *config, size_t breaker, size_t i,
                                         const struct bw_settings *from) {
    const char *source = config->breakers[breaker].sources[i];
    return source ? bw_settings_origin(from, source) : BW_FROM_FILE;
}

/* Is the name of a parameter a whole word in the sentence? */
static bool names_param(const char *sentence, const char *name) {
    size_t len = strlen(name);
    for (const char *at = sentence; (at = strstr(at, name)) != NULL; at += len)
        if ((at == sentence || !strchr(NAME_BYTES, at[-1])) && (!at[len] || !strchr(NAME_BYTES, at[len])))
            return true;
    return false;
}

/* "breaker X: WHY; open_ms is from SOURCE, ...": for each parameter in the sentence that was given. */
static bool refuse_breaker(const struct config *config, size_t breaker, const struct bw_settings *from,
                           const char *why, struct bw_settings_error *error) {
    struct bw_buf text;
    bool any = false;
    bw_buf_init(&text, 0);
    bw_buf_printf(&text, "breaker %s: %s", breaker_names[breaker], why);
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        const char *name = bw_breaker_params[i].name;
        if (!names_param(why, name) || origin_of(config, breaker, i, from) == BW_FROM_DEFAULT)
            continue;
        bw_buf_printf(&text, "%s %s is from ", any ? "," : ";", name);
        append_source(&text, config, breaker, i, from);
        any = true;
    }
    error->exit_code = BW_EXIT_CONFIGURATION;
    snprintf(error->text, sizeof error->text, "%s", bw_buf_text(&text));
    bw_buf_free(&text);
    return false;
}

static bool check_breakers(const struct config *config, const struct bw_settings *from,
                           struct bw_settings_error *error) {
    char why[512];
    for (size_t i = 0; i < BREAKERS; i++)
        if (bw_breaker_config_check(&config->breakers[i].config, why, sizeof why) != 0)
            return refuse_breaker(config, i, from, why, error);
    return true;
}

void config_print(void *owner, const struct bw_settings *from, struct bw_buf *out) {
    const struct config *config = owner;
    for (size_t b = 0; b < BREAKERS; b++)
        for (size_t i = 0; i < bw_breaker_params_count; i++) {
            char name[CONFIG_NAME_MAX], value[PARAMS_TEXT_MAX];
            snprintf(name, sizeof name, "breakers.%s.%s", breaker_names[b], bw_breaker_params[i].name);
            params_value(&config->breakers[b].config, i, value);
            bw_settings_print_line(out, name, value, origin_of(config, b, i, from));
        }
}

/* ---- hosts ---- */

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

/* ---- TLS ---- */

const struct bw_program_tls config_service_b_tls = {BW_TLS_CLIENT, "SERVICE_B_TLS_CERTIFICATE",
                                                    "SERVICE_B_TLS_KEY", "SERVICE_B_TLS_CA"};

bool config_calls_by_tls(const struct bw_settings *from) {
    return bw_settings_word(from, "SERVICE_B_TLS") == 1;
}

static bool refuse_unused(const struct bw_settings *from, struct bw_settings_error *error) {
    const char *const names[] = {config_service_b_tls.ca, config_service_b_tls.certificate,
                                 config_service_b_tls.key};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!*bw_settings_text(from, names[i]))
            continue;
        error->exit_code = BW_EXIT_CONFIGURATION;
        snprintf(error->text, sizeof error->text, "%s is set, but SERVICE_B_TLS is off", names[i]);
        return false;
    }
    return true;
}

static bool check_tls(const struct bw_settings *from, struct bw_settings_error *error) {
    bool ok = config_calls_by_tls(from) ? bw_program_tls_check(&config_service_b_tls, from, error)
                                        : refuse_unused(from, error);
    return ok && bw_program_tls_check(&bw_program_rpc_tls, from, error);
}

bool config_apply(void *owner, const struct bw_settings *from, struct bw_settings_error *error) {
    struct config *config = owner;
    set_timeouts(config, from);
    set_named(config, from, false);
    if (!bw_settings_apply(from, "breakers", set_from_file, config, error))
        return false;
    set_named(config, from, true);
    limit_timeouts(config, from);
    return check_breakers(config, from, error) && collect_hosts(&config->site, from, error) &&
           check_tls(from, error);
}
