#include "params.h"

#include <breakwire/breaker.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "CIRCUIT_"

enum { NAME_MAX_SIZE = 64, ALLOWED_MAX = 96 };

struct texts {
    char name[NAME_MAX_SIZE], allowed[ALLOWED_MAX];
};

struct params {
    struct bw_settings_family family;
    struct bw_setting *settings;
    struct texts *texts;
};

/* Their defaults come from REQUEST_TIMEOUT, not from the table. */
static bool has_own_default(const struct bw_breaker_param *param) {
    return strcmp(param->name, "call_timeout_ms") != 0 && strcmp(param->name, "min_deadline_ms") != 0;
}

static void write_name(const struct bw_breaker_param *param, char out[NAME_MAX_SIZE]) {
    snprintf(out, NAME_MAX_SIZE, PREFIX "%s", param->name);
    for (; *out; out++)
        *out = (char)toupper((unsigned char)*out);
}

static bool is_word(const char *text) {
    return isalpha((unsigned char)*text) != 0;
}

static void write_choices(const char *choices, char out[ALLOWED_MAX]) {
    size_t n = 0;
    for (; *choices && n < ALLOWED_MAX - 2; choices++) {
        if (*choices == ' ')
            out[n++] = ',';
        out[n++] = *choices;
    }
    out[n] = '\0';
}

static void write_allowed(const struct bw_breaker_param *param, char out[ALLOWED_MAX]) {
    switch (param->type) {
    case BW_PARAM_SWITCH:
        snprintf(out, ALLOWED_MAX, "on, off");
        return;
    case BW_PARAM_CHOICE:
        write_choices(param->choices, out);
        return;
    case BW_PARAM_CODES:
        snprintf(out, ALLOWED_MAX, "codes with commas, none, or a mask");
        return;
    case BW_PARAM_WEIGHTS:
        snprintf(out, ALLOWED_MAX, "CODE=%g..%g with commas", param->min, param->max);
        return;
    case BW_PARAM_SEED:
        snprintf(out, ALLOWED_MAX, "a whole number");
        return;
    case BW_PARAM_COUNT:
    case BW_PARAM_MS:
    case BW_PARAM_FACTOR:
    case BW_PARAM_SHARE:
        snprintf(out, ALLOWED_MAX, "%.15g..%.15g%s%s%s", param->min, param->max, *param->unit ? " " : "",
                 param->unit, is_word(param->default_text) ? " or auto" : "");
        return;
    }
}

static void append_default(char allowed[ALLOWED_MAX]) {
    size_t len = strlen(allowed);
    snprintf(allowed + len, ALLOWED_MAX - len, "; default from REQUEST_TIMEOUT");
}

static int judge(size_t i, const char *text, struct bw_buf *out, char *why, size_t why_size) {
    struct bw_breaker_config scratch;
    char value[PARAMS_TEXT_MAX];
    bw_breaker_config_default(&scratch);
    if (bw_breaker_config_set(&scratch, bw_breaker_params[i].name, text, why, why_size) != 0)
        return -1;
    params_value(&scratch, i, value);
    bw_buf_append_text(out, value);
    return 0;
}

static void fill(struct params *params) {
    for (size_t i = 0; i < bw_breaker_params_count; i++) {
        const struct bw_breaker_param *param = &bw_breaker_params[i];
        struct texts *texts = &params->texts[i];
        write_name(param, texts->name);
        write_allowed(param, texts->allowed);
        if (!has_own_default(param))
            append_default(texts->allowed);
        params->settings[i] = (struct bw_setting){
            .name = texts->name,
            .kind = BW_SETTING_JUDGED,
            .words = texts->allowed,
            .fallback = has_own_default(param) ? param->default_text : NULL,
            .help = param->meaning,
        };
    }
    params->family = (struct bw_settings_family){
        .title =
            "Breaker parameters, for both breakers; in the environment and the file CIRCUIT_ is before the\n"
            "name (CIRCUIT_OPEN_MS, \"circuit_open_ms\"), in \"breakers\" it is not (\"open_ms\")",
        .prefix = PREFIX,
        .settings = params->settings,
        .n = bw_breaker_params_count,
        .judge = judge,
    };
}

struct params *params_new(void) {
    struct params *params = calloc(1, sizeof *params);
    if (!params)
        return NULL;
    params->settings = calloc(bw_breaker_params_count, sizeof *params->settings);
    params->texts = calloc(bw_breaker_params_count, sizeof *params->texts);
    if (!params->settings || !params->texts) {
        params_free(params);
        return NULL;
    }
    fill(params);
    return params;
}

void params_free(struct params *params) {
    if (!params)
        return;
    free(params->settings);
    free(params->texts);
    free(params);
}

const struct bw_settings_family *params_family(const struct params *params) {
    return &params->family;
}

void params_value(const struct bw_breaker_config *breaker, size_t i, char text[PARAMS_TEXT_MAX]) {
    bw_breaker_config_get(breaker, bw_breaker_params[i].name, text, PARAMS_TEXT_MAX);
}
