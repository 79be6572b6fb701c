#include "configs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1000, WHY_MAX = 400 };

/* What may stand for one value: text as config_set takes it, or a JSON form of the same. */
static bool append_number(char *text, size_t at, const json_t *value) {
    if (json_is_integer(value))
        return snprintf(text + at, TEXT_MAX - at, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) > 0;
    return json_is_real(value) && snprintf(text + at, TEXT_MAX - at, "%.17g", json_real_value(value)) > 0;
}

/* [1, 2, 3] or ["UNAVAILABLE", "INTERNAL"]: with commas between; []: none. */
static bool write_array(char *text, const json_t *array) {
    size_t i;
    json_t *item;
    text[0] = '\0';
    json_array_foreach(array, i, item) {
        size_t at = strlen(text);
        at += (size_t)snprintf(text + at, TEXT_MAX - at, "%s", i ? "," : "");
        if (json_is_string(item) ? snprintf(text + at, TEXT_MAX - at, "%s", json_string_value(item)) <= 0
                                 : !append_number(text, at, item))
            return false;
        if (strlen(text) > TEXT_MAX / 2)
            return false;
    }
    if (json_array_size(array) == 0)
        snprintf(text, TEXT_MAX, "none");
    return true;
}

/* {"UNAVAILABLE": 4}: with = between. */
static bool write_object(char *text, json_t *object) {
    const char *key;
    json_t *item;
    text[0] = '\0';
    json_object_foreach(object, key, item) {
        size_t at = strlen(text);
        if (at + strlen(key) > TEXT_MAX / 2)
            return false;
        at += (size_t)snprintf(text + at, TEXT_MAX - at, "%s%s=", at ? "," : "", key);
        if (!append_number(text, at, item))
            return false;
    }
    return json_object_size(object) > 0;
}

static bool write_value(char *text, json_t *value) {
    if (json_is_boolean(value))
        return snprintf(text, TEXT_MAX, "%s", json_is_true(value) ? "on" : "off") > 0;
    if (json_is_string(value))
        return snprintf(text, TEXT_MAX, "%s", json_string_value(value)) >= 0;
    if (json_is_array(value))
        return write_array(text, value);
    return json_is_object(value) ? write_object(text, value) : append_number(text, 0, value);
}

static bool is_numeric(const struct bw_breaker_param *param) {
    switch (param->type) {
    case BW_PARAM_COUNT:
    case BW_PARAM_MS:
    case BW_PARAM_SEED:
    case BW_PARAM_FACTOR:
    case BW_PARAM_SHARE:
        return true;
    case BW_PARAM_SWITCH:
    case BW_PARAM_CHOICE:
    case BW_PARAM_CODES:
    case BW_PARAM_WEIGHTS:
        break;
    }
    return false;
}

/* To bw_breaker_config_set all is text; in JSON "5" is no number. A default may be a word, "auto". */
static bool is_quoted_number(const char *name, const json_t *value) {
    const struct bw_breaker_param *param = bw_breaker_param(name);
    return param && json_is_string(value) && is_numeric(param) &&
           (strcmp(json_string_value(value), param->default_text) != 0 ||
            strspn(param->default_text, "0123456789."));
}

static bool set_all(const char *path, json_t *object, struct bw_breaker_config *config) {
    char text[TEXT_MAX], why[WHY_MAX];
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        if (is_quoted_number(name, value)) {
            fprintf(stderr, "%s: %s: a text is not allowed, only a number\n", path, name);
            return false;
        }
        if (!write_value(text, value)) {
            fprintf(stderr, "%s: %s: a number, a text, true or false is allowed\n", path, name);
            return false;
        }
        if (bw_breaker_config_set(config, name, text, why, sizeof why) != 0) {
            fprintf(stderr, "%s: %s\n", path, why);
            return false;
        }
    }
    if (bw_breaker_config_check(config, why, sizeof why) == 0)
        return true;
    fprintf(stderr, "%s: %s\n", path, why);
    return false;
}

bool config_read(const char *path, struct bw_breaker_config *config) {
    json_error_t error;
    json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    bw_breaker_config_default(config);
    if (!object && error.line < 0)
        fprintf(stderr, "%s: %s\n", path, error.text);
    else if (!object)
        fprintf(stderr, "%s:%d: %s, a JSON object with names of parameters is allowed\n", path, error.line,
                error.text);
    else if (!json_is_object(object))
        fprintf(stderr, "%s: a JSON object with names of parameters is allowed\n", path);
    bool ok = json_is_object(object) && set_all(path, object, config);
    json_decref(object);
    return ok;
}
