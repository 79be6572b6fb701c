#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "word.h"

enum { VALUE_TEXT_MAX = 300 };

const struct bw_breaker_param *bw_breaker_param(const char *name) {
    for (size_t i = 0; i < bw_breaker_params_count; i++)
        if (strcmp(bw_breaker_params[i].name, name) == 0)
            return &bw_breaker_params[i];
    return NULL;
}

static void *member_of(struct bw_breaker_config *config, const struct bw_breaker_param *param) {
    return (char *)config + param->offset;
}

static const void *value_of(const struct bw_breaker_config *config, const struct bw_breaker_param *param) {
    return (const char *)config + param->offset;
}

static bool is_lease(const struct bw_breaker_param *param) {
    return param->offset == offsetof(struct bw_breaker_config, probe_lease_ms);
}

static bool is_auto(const void *value, const struct bw_breaker_param *param) {
    return is_lease(param) && *(const uint64_t *)value == BW_BREAKER_LEASE_AUTO;
}

static bool read_long(const char *text, const struct bw_breaker_param *param, uint64_t *out) {
    if (is_lease(param) && strcmp(text, "auto") == 0) {
        *out = BW_BREAKER_LEASE_AUTO;
        return true;
    }
    return bw_text_read_integer(text, out) && !is_auto(out, param);
}

static bool read_count(const char *text, uint32_t *out) {
    uint64_t value;
    bool is_integer = bw_text_read_integer(text, &value);
    if (is_integer)
        *out = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    return is_integer;
}

static bool read_value(void *member, const struct bw_breaker_param *param, const char *text) {
    switch (param->type) {
    case BW_PARAM_COUNT:
        return read_count(text, member);
    case BW_PARAM_MS:
    case BW_PARAM_SEED:
        return read_long(text, param, member);
    case BW_PARAM_FACTOR:
    case BW_PARAM_SHARE:
        return bw_text_read_number(text, member);
    case BW_PARAM_SWITCH:
        return bw_text_read_switch(text, member);
    case BW_PARAM_CHOICE:
        return bw_text_read_choice(text, param->choices, member);
    case BW_PARAM_CODES:
        return bw_text_read_codes(text, member);
    default: /* BW_PARAM_WEIGHTS */
        return bw_text_read_weights(text, member);
    }
}
_Static_assert(sizeof(enum bw_window) == sizeof(int), "choices are read and written as int");

static int write_choice(int index, const char *choices, char *text, size_t size) {
    int length;
    const char *word = bw_text_choice(choices, index, &length);
    return snprintf(text, size, "%.*s", length, word);
}

static int write_value(const void *value, const struct bw_breaker_param *param, char *text, size_t size) {
    switch (param->type) {
    case BW_PARAM_COUNT:
        return snprintf(text, size, "%" PRIu32, *(const uint32_t *)value);
    case BW_PARAM_MS:
    case BW_PARAM_SEED:
        if (is_auto(value, param))
            return snprintf(text, size, "auto");
        return snprintf(text, size, "%" PRIu64, *(const uint64_t *)value);
    case BW_PARAM_FACTOR:
    case BW_PARAM_SHARE:
        return snprintf(text, size, "%.15g", *(const double *)value);
    case BW_PARAM_SWITCH:
        return write_choice(*(const bool *)value, "off on", text, size);
    case BW_PARAM_CHOICE:
        return write_choice(*(const int *)value, param->choices, text, size);
    case BW_PARAM_CODES:
        return bw_text_write_codes(*(const uint32_t *)value, text, size);
    default: /* BW_PARAM_WEIGHTS */
        return bw_text_write_weights(value, text, size);
    }
}

void bw_breaker_config_default(struct bw_breaker_config *config) {
    memset(config, 0, sizeof *config);
    config->size = sizeof *config;
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        const struct bw_breaker_param *param = &bw_breaker_params[i];
        read_value(member_of(config, param), param, param->default_text);
    }
}

/* "1..63 probes", "none, count or time": what may stand there. */
static void write_range(const struct bw_breaker_param *param, char *text, size_t size) {
    switch (param->type) {
    case BW_PARAM_SWITCH:
        snprintf(text, size, "on or off");
        break;
    case BW_PARAM_CHOICE:
        snprintf(text, size, "one of: %s", param->choices);
        break;
    case BW_PARAM_CODES:
        snprintf(text, size, "gRPC codes with commas between, none, or a mask of 0..131071");
        break;
    case BW_PARAM_WEIGHTS:
        snprintf(text, size, "CODE=%g..%g with commas between, or 17 such numbers", param->min, param->max);
        break;
    case BW_PARAM_SEED: /* a double cannot say it */
        snprintf(text, size, "0..%" PRIu64, UINT64_MAX);
        break;
    default:
        snprintf(text, size, "%.20g..%.20g%s%s%s", param->min, param->max, *param->unit ? " " : "",
                 param->unit, is_lease(param) ? ", or auto" : "");
    }
}

static bool is_between(double number, const struct bw_breaker_param *param) {
    return number >= param->min && number <= param->max;
}

static bool are_between(const uint8_t weight[BW_BREAKER_CODES], const struct bw_breaker_param *param) {
    for (int i = 0; i < BW_BREAKER_CODES; i++)
        if (!is_between(weight[i], param))
            return false;
    return true;
}

static bool is_in_range(const void *value, const struct bw_breaker_param *param) {
    int length;
    switch (param->type) {
    case BW_PARAM_SEED:
    case BW_PARAM_SWITCH:
        return true;
    case BW_PARAM_MS:
        return is_auto(value, param) || is_between((double)*(const uint64_t *)value, param);
    case BW_PARAM_COUNT:
    case BW_PARAM_CODES:
        return is_between((double)*(const uint32_t *)value, param);
    case BW_PARAM_FACTOR:
    case BW_PARAM_SHARE:
        return is_between(*(const double *)value, param);
    case BW_PARAM_CHOICE:
        bw_text_choice(param->choices, *(const int *)value, &length);
        return length > 0;
    default: /* BW_PARAM_WEIGHTS */
        return are_between(value, param);
    }
}

static bool refuse(const struct bw_breaker_param *param, const char *text, char *why, size_t why_size) {
    char range[VALUE_TEXT_MAX];
    write_range(param, range, sizeof range);
    if (why)
        snprintf(why, why_size, "%s: \"%s\" is not allowed, only %s", param->name, text, range);
    return false;
}

bool bw_config_in_range(const struct bw_breaker_config *config, const struct bw_breaker_param *param,
                        char *why, size_t why_size) {
    char text[VALUE_TEXT_MAX];
    if (is_in_range(value_of(config, param), param))
        return true;
    write_value(value_of(config, param), param, text, sizeof text);
    return refuse(param, text, why, why_size);
}

int bw_breaker_config_set(struct bw_breaker_config *config, const char *name, const char *text, char *why,
                          size_t why_size) {
    const struct bw_breaker_param *param = bw_breaker_param(name);
    struct bw_breaker_config changed = *config;
    if (!param) {
        if (why)
            snprintf(why, why_size, "%s: there is no such parameter", name);
        return -1;
    }
    if (!read_value(member_of(&changed, param), param, text) ||
        !is_in_range(value_of(&changed, param), param)) {
        refuse(param, text, why, why_size);
        return -1;
    }
    *config = changed;
    return 0;
}

int bw_breaker_config_get(const struct bw_breaker_config *config, const char *name, char *text,
                          size_t text_size) {
    const struct bw_breaker_param *param = bw_breaker_param(name);
    return param ? write_value(value_of(config, param), param, text, text_size) : -1;
}

uint64_t bw_config_lease_ms(const struct bw_breaker_config *config) {
    if (config->probe_lease_ms != BW_BREAKER_LEASE_AUTO)
        return config->probe_lease_ms;
    uint64_t lease_ms = config->open_ms, call_ms = config->call_timeout_ms + 1000;
    if (config->call_timeout_ms && call_ms > lease_ms)
        lease_ms = call_ms;
    return lease_ms < BW_WORD_SPAN_MAX_MS ? lease_ms : BW_WORD_SPAN_MAX_MS;
}
