#include "private.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <breakwire/json_writer.h>

enum { FILE_SIZE_MAX = 1024 * 1024, CHUNK = 4096 };

static bool read_stream(FILE *file, struct bw_buf *out, char *why, size_t why_size) {
    for (;;) {
        uint8_t *at = bw_buf_reserve(out, CHUNK);
        if (!at) {
            snprintf(why, why_size, "it is longer than 1 MiB");
            return false;
        }
        size_t n = fread(at, 1, CHUNK, file);
        bw_buf_grew(out, n);
        if (n < CHUNK && ferror(file)) {
            snprintf(why, why_size, "%s", strerror(errno));
            return false;
        }
        if (n < CHUNK)
            return true;
    }
}

static bool read_with_stdio(void *owner, const char *path, struct bw_buf *out, char *why, size_t why_size) {
    (void)owner;
    FILE *file = fopen(path, "rb");
    if (!file) {
        snprintf(why, why_size, "%s", strerror(errno));
        return false;
    }
    bool ok = read_stream(file, out, why, why_size);
    fclose(file);
    return ok;
}

/* What one key is being read: its name as the user wrote it, dots between the levels. */
struct place {
    struct bw_settings *settings;
    struct bw_buf key;
};

static bool refuse(const struct place *at, struct bw_buf *reason) {
    struct bw_buf sentence;
    bw_buf_init(&sentence, 0);
    bw_describe_source(&sentence, at->settings, BW_FROM_FILE, bw_buf_span(&at->key));
    bw_buf_append_span(&sentence, bw_buf_span(reason));
    bw_buf_free(reason);
    return bw_describe_error(at->settings->error, BW_EXIT_CONFIGURATION, &sentence);
}

static void append_json(struct bw_buf *out, const json_t *value) {
    char *text =
        json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    struct bw_span words = bw_span_text(text ? text : "?");
    if (words.len > 80)
        bw_buf_printf(out, "%s",
                      json_is_array(value)    ? "an array"
                      : json_is_object(value) ? "an object"
                                              : "a long text");
    else
        bw_buf_append_span(out, words);
    free(text);
}

/* "... is VALUE, but must be WHAT" */
static bool wrong_type(const struct place *at, const json_t *value, const char *what,
                       const struct bw_setting *row) {
    struct bw_buf reason;
    bw_buf_init(&reason, 0);
    bw_buf_append_text(&reason, " is ");
    append_json(&reason, value);
    bw_buf_printf(&reason, ", but must be %s", what);
    if (row) {
        bw_buf_append_text(&reason, ", ");
        bw_value_allowed(row, &reason);
    }
    return refuse(at, &reason);
}

static void append_scalar(struct bw_buf *out, const json_t *value) {
    struct bw_json json;
    bw_json_init(&json, out);
    if (json_is_string(value))
        bw_buf_append(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        bw_json_i64(&json, json_integer_value(value));
    else if (json_is_real(value))
        bw_json_double(&json, json_real_value(value));
    else
        bw_json_bool(&json, json_is_true(value));
}

/* False: not an array of texts without commas. */
static bool append_list(struct bw_buf *out, const json_t *array) {
    size_t i;
    json_t *item;
    if (!json_is_array(array) || json_array_size(array) == 0)
        return false;
    json_array_foreach(array, i, item) {
        if (!json_is_string(item) || strchr(json_string_value(item), ','))
            return false;
        bw_buf_append_text(out, i ? "," : "");
        append_scalar(out, item);
    }
    return true;
}

static bool is_scalar(const json_t *value) {
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static bool fits(const struct bw_setting *row, const json_t *value) {
    switch (row->kind) {
    case BW_SETTING_INTEGER:
        return json_is_integer(value);
    case BW_SETTING_SECONDS:
        return json_is_number(value);
    case BW_SETTING_JUDGED:
        return is_scalar(value);
    case BW_SETTING_ADDRESS:
    case BW_SETTING_WORD:
    case BW_SETTING_TEXT:
    case BW_SETTING_LIST:
        break;
    }
    return json_is_string(value);
}

static const char scalars[] = "a number, a text, true or false";

static const char *type_of(const struct bw_setting *row) {
    bool is_number = row->kind == BW_SETTING_INTEGER || row->kind == BW_SETTING_SECONDS;
    return is_number                        ? "a JSON number"
           : row->kind == BW_SETTING_LIST   ? "a JSON array of texts or one text"
           : row->kind == BW_SETTING_JUDGED ? scalars
                                            : "a JSON text";
}

static bool read_setting(struct place *at, size_t i, const json_t *value) {
    const struct bw_setting *row = bw_settings_row(at->settings, i);
    struct bw_buf text;
    bw_buf_init(&text, 0);
    bool fit = row->kind == BW_SETTING_LIST && append_list(&text, value);
    if (!fit && fits(row, value)) {
        append_scalar(&text, value);
        fit = true;
    }
    bool ok = false;
    if (!fit)
        wrong_type(at, value, type_of(row), row);
    else if (text.failed)
        bw_describe_no_memory(at->settings->error);
    else
        ok = bw_settings_offer(at->settings, i, BW_FROM_FILE, bw_buf_span(&at->key), bw_buf_span(&text));
    bw_buf_free(&text);
    return ok;
}

static bool add_entry(struct place *at, const struct bw_settings_group *group, const char *member,
                      const char *key, const json_t *value) {
    struct bw_settings *settings = at->settings;
    struct entry *entries = realloc(settings->entries, (settings->n_entries + 1) * sizeof *entries);
    if (!entries)
        return bw_describe_no_memory(settings->error);
    settings->entries = entries;
    struct bw_buf text;
    bw_buf_init(&text, 0);
    append_scalar(&text, value);
    struct entry *entry = &entries[settings->n_entries++];
    *entry = (struct entry){.group = group,
                            .member = bw_settings_copy(bw_span_text(member)),
                            .key = bw_settings_copy(bw_span_text(key)),
                            .value = text.failed ? NULL : bw_settings_copy(bw_buf_span(&text))};
    bw_buf_free(&text);
    return (entry->member && entry->key && entry->value) || bw_describe_no_memory(settings->error);
}

static bool is_among(const char *const *names, const char *name) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static bool unknown_among(const struct place *at, const char *const *names) {
    struct bw_buf reason;
    bw_buf_init(&reason, 0);
    bw_buf_append_text(&reason, " is unknown, allowed are ");
    for (size_t i = 0; names[i]; i++)
        bw_buf_printf(&reason, "%s%s", i ? ", " : "", names[i]);
    return refuse(at, &reason);
}

/* The key one level deeper, until leave(). After an error nobody leaves: the sentence is written. */
static void enter(struct place *at, const char *key) {
    if (bw_buf_size(&at->key))
        bw_buf_append_byte(&at->key, '.');
    bw_buf_append_text(&at->key, key);
}

static void leave(struct place *at, size_t len) {
    at->key.len = len;
}

static bool read_inner(struct place *at, const struct bw_settings_group *group, const char *member,
                       const char *key, const json_t *value) {
    if (group->keys && !is_among(group->keys, key))
        return unknown_among(at, group->keys);
    if (!is_scalar(value))
        return wrong_type(at, value, scalars, NULL);
    return add_entry(at, group, member, key, value);
}

static bool read_member(struct place *at, const struct bw_settings_group *group, const char *member,
                        json_t *object) {
    const char *key;
    json_t *value;
    if (!is_among(group->members, member))
        return unknown_among(at, group->members);
    if (!json_is_object(object))
        return wrong_type(at, object, "an object", NULL);
    json_object_foreach(object, key, value) {
        size_t len = at->key.len;
        enter(at, key);
        if (!read_inner(at, group, member, key, value))
            return false;
        leave(at, len);
    }
    return true;
}

static bool read_group(struct place *at, const struct bw_settings_group *group, json_t *object) {
    const char *member;
    json_t *value;
    if (!json_is_object(object))
        return wrong_type(at, object, "an object", NULL);
    json_object_foreach(object, member, value) {
        size_t len = at->key.len;
        enter(at, member);
        if (!read_member(at, group, member, value))
            return false;
        leave(at, len);
    }
    return true;
}

static bool is_key_of(const char *key, const char *name) {
    struct bw_buf expected;
    bw_buf_init(&expected, 0);
    bw_describe_name(&expected, "", name, '_');
    bool same = !expected.failed && bw_span_is(bw_buf_span(&expected), key);
    bw_buf_free(&expected);
    return same;
}

static bool unknown_key(const struct place *at) {
    const struct bw_settings_table *table = at->settings->table;
    struct bw_buf reason;
    bw_buf_init(&reason, 0);
    bw_buf_append_text(&reason, " is unknown, allowed are");
    for (size_t i = 0; i < table->n; i++)
        bw_describe_name(&reason, i ? ", " : " ", table->settings[i].name, '_');
    for (size_t i = 0; i < table->n_groups; i++)
        bw_buf_printf(&reason, ", %s", table->groups[i].key);
    if (table->family) {
        bw_describe_name(&reason, ", and ", table->family->prefix, '_');
        bw_buf_append_text(&reason, "... as --help lists them");
    }
    return refuse(at, &reason);
}

static bool read_key(struct place *at, const char *key, json_t *value) {
    const struct bw_settings_table *table = at->settings->table;
    for (size_t i = 0; i < at->settings->n; i++) {
        const struct bw_setting *row = bw_settings_row(at->settings, i);
        bool is_ours = is_key_of(key, row->name) || (row->alias && is_key_of(key, row->alias));
        if (is_ours && i != bw_settings_config_file(at->settings))
            return read_setting(at, i, value);
    }
    for (size_t i = 0; i < table->n_groups; i++)
        if (strcmp(table->groups[i].key, key) == 0)
            return read_group(at, &table->groups[i], value);
    return unknown_key(at);
}

static bool read_root(struct bw_settings *settings, json_t *root) {
    struct place at = {.settings = settings};
    const char *key;
    json_t *value;
    bool ok = true;
    bw_buf_init(&at.key, 0);
    json_object_foreach(root, key, value) {
        leave(&at, 0);
        enter(&at, key);
        ok = ok && read_key(&at, key, value);
    }
    bw_buf_free(&at.key);
    return ok;
}

/* "SOURCE names FILE, REASON" */
static bool bad_file(const struct bw_settings *settings, const char *reason, const char *detail) {
    size_t row = bw_settings_config_file(settings);
    enum bw_settings_origin origin = bw_settings_winner(settings, row);
    const struct given *given = &settings->given[row][origin];
    struct bw_buf sentence;
    bw_buf_init(&sentence, 0);
    bw_describe_source(&sentence, settings, origin, bw_span_text(given->written));
    bw_buf_append_text(&sentence, " is ");
    bw_describe_words(&sentence, bw_span_text(given->text));
    bw_buf_append_text(&sentence, reason);
    bw_describe_plainly(&sentence, detail);
    return bw_describe_error(settings->error, BW_EXIT_CONFIGURATION, &sentence);
}

static bool read_bytes(struct bw_settings *settings, struct bw_span bytes) {
    json_error_t error;
    json_t *root =
        json_loadb(bytes.len ? (const char *)bytes.data : "", bytes.len, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        char detail[JSON_ERROR_TEXT_LENGTH + 64];
        snprintf(detail, sizeof detail, "line %d, column %d: %s", error.line, error.column, error.text);
        return bad_file(settings, ", but that file must be one JSON object: ", detail);
    }
    bool ok = json_is_object(root) ? read_root(settings, root)
                                   : bad_file(settings, ", but that file must be one JSON object", "");
    json_decref(root);
    return ok;
}

bool bw_settings_read_file(struct bw_settings *settings, const struct bw_settings_input *input) {
    size_t row = bw_settings_config_file(settings);
    const char *path = settings->given[row][bw_settings_winner(settings, row)].text;
    if (!path)
        return true;
    char why[256] = "no reason given";
    struct bw_buf bytes;
    bw_buf_init(&bytes, FILE_SIZE_MAX + CHUNK);
    bw_settings_file_fn read = input->file ? input->file : read_with_stdio;
    bool ok = read(input->owner, path, &bytes, why, sizeof why)
                  ? read_bytes(settings, bw_buf_span(&bytes))
                  : bad_file(settings, ", but that file cannot be read: ", why);
    bw_buf_free(&bytes);
    return ok;
}

const char *bw_settings_library_version(void) {
    return jansson_version_str();
}
