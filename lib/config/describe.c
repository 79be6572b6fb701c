#include "private.h"

#include <breakwire/json_writer.h>

#include <ctype.h>

enum { WORDS_MAX = 80 };

void bw_describe_name(struct bw_buf *out, const char *prefix, const char *name, char separator) {
    bw_buf_append_text(out, prefix);
    for (; *name; name++)
        bw_buf_append_byte(out, (uint8_t)(*name == '_' ? separator : tolower((unsigned char)*name)));
}

static bool is_bare(struct bw_span words) {
    for (size_t i = 0; i < words.len; i++)
        if (!strchr("0123456789.-abcdefghijklmnopqrstuvwxyz", words.data[i]))
            return false;
    return words.data[0] == '-' || isdigit(words.data[0]);
}

void bw_describe_words(struct bw_buf *out, struct bw_span words) {
    bool cut = words.len > WORDS_MAX;
    if (words.len == 0) {
        bw_buf_append_text(out, "empty");
        return;
    }
    if (cut)
        words.len = WORDS_MAX;
    const char *quote = is_bare(words) && !cut ? "" : "\"";
    bw_buf_append_text(out, quote);
    bw_json_escape(out, words);
    bw_buf_append_text(out, cut ? "..." : "");
    bw_buf_append_text(out, quote);
}

void bw_describe_source(struct bw_buf *out, const struct bw_settings *settings,
                        enum bw_settings_origin origin, struct bw_span written) {
    static const char *const kinds[BW_ORIGINS] = {"default of ", "key ", "environment variable ", "flag "};
    bw_buf_append_text(out, kinds[origin]);
    if (origin != BW_FROM_FILE) {
        bw_buf_append_span(out, written);
        return;
    }
    bw_describe_words(out, written);
    bw_buf_append_text(out, " of ");
    bw_json_escape(out, bw_span_text(bw_settings_text(settings, "CONFIG_FILE")));
}

bool bw_describe_error(struct bw_settings_error *error, int exit_code, struct bw_buf *sentence) {
    if (sentence->failed) {
        bw_buf_free(sentence);
        return bw_describe_no_memory(error);
    }
    error->exit_code = exit_code;
    bw_span_copy_text(bw_buf_span(sentence), error->text, sizeof error->text);
    bw_buf_free(sentence);
    return false;
}

bool bw_describe_no_memory(struct bw_settings_error *error) {
    error->exit_code = BW_EXIT_CANNOT_RUN;
    bw_span_copy_text(bw_span_text("there is no memory to read the settings"), error->text,
                      sizeof error->text);
    return false;
}

void bw_describe_plainly(struct bw_buf *out, const char *sentence) {
    for (; *sentence; sentence++) {
        uint8_t c = (uint8_t)*sentence;
        bw_buf_append_byte(out, c < 0x20 || c == 0x7F ? ' ' : c);
    }
}

bool bw_describe_contradiction(struct bw_settings *settings, enum bw_settings_origin origin,
                               const struct given *a, const struct given *b) {
    struct bw_buf sentence;
    bw_buf_init(&sentence, 0);
    bw_describe_source(&sentence, settings, origin, bw_span_text(a->written));
    bw_buf_append_text(&sentence, " is ");
    bw_describe_words(&sentence, bw_span_text(a->text));
    bw_buf_append_text(&sentence, " and ");
    bw_describe_source(&sentence, settings, origin, bw_span_text(b->written));
    bw_buf_append_text(&sentence, " is ");
    bw_describe_words(&sentence, bw_span_text(b->text));
    bw_buf_append_text(&sentence, ", but both mean the same and must be equal");
    return bw_describe_error(settings->error, BW_EXIT_CONFIGURATION, &sentence);
}

/* apply has no settings->error: it is called after reading. */
static bool refuse_entry(const struct bw_settings *settings, const struct entry *entry, const char *why,
                         struct bw_settings_error *error) {
    struct bw_buf key, sentence;
    bw_buf_init(&key, 0);
    bw_buf_init(&sentence, 0);
    bw_buf_printf(&key, "%s.%s.%s", entry->group->key, entry->member, entry->key);
    bw_describe_source(&sentence, settings, BW_FROM_FILE, bw_buf_span(&key));
    bw_buf_append_text(&sentence, " is ");
    bw_describe_words(&sentence, bw_span_text(entry->value));
    bw_buf_append_text(&sentence, ": ");
    bw_describe_plainly(&sentence, why);
    bw_buf_free(&key);
    return bw_describe_error(error, BW_EXIT_CONFIGURATION, &sentence);
}

bool bw_settings_apply(const struct bw_settings *settings, const char *key, bw_settings_set_fn set,
                       void *owner, struct bw_settings_error *error) {
    for (size_t i = 0; i < settings->n_entries; i++) {
        const struct entry *entry = &settings->entries[i];
        char why[256] = "it is refused";
        if (strcmp(entry->group->key, key) == 0 &&
            set(owner, entry->member, entry->key, entry->value, why, sizeof why) != 0)
            return refuse_entry(settings, entry, why, error);
    }
    return true;
}

const char *bw_settings_origin_name(enum bw_settings_origin origin) {
    static const char *const names[BW_ORIGINS] = {"default", "file", "environment", "flag"};
    return names[origin];
}

void bw_settings_print_line(struct bw_buf *out, const char *name, const char *value,
                            enum bw_settings_origin origin) {
    bw_buf_printf(out, "%s =%s", name, *value ? " " : "");
    bw_json_escape(out, bw_span_text(value));
    bw_buf_printf(out, "  # %s\n", bw_settings_origin_name(origin));
}

bool bw_settings_print(const struct bw_settings *settings, struct bw_buf *out) {
    for (size_t i = 0; i < settings->n; i++) {
        enum bw_settings_origin origin = bw_settings_winner(settings, i);
        const char *text = settings->given[i][origin].text;
        bw_settings_print_line(out, bw_settings_row(settings, i)->name, text ? text : "", origin);
    }
    return !out->failed;
}

static const char *placeholder_of(const struct bw_setting *row) {
    switch (row->kind) {
    case BW_SETTING_INTEGER:
        return "N";
    case BW_SETTING_SECONDS:
        return "SECONDS";
    case BW_SETTING_ADDRESS:
        return "HOST:PORT";
    case BW_SETTING_WORD:
        return "WORD";
    case BW_SETTING_TEXT:
        return "TEXT";
    case BW_SETTING_LIST:
        return "A,B";
    case BW_SETTING_JUDGED:
        return "VALUE";
    }
    return "";
}

static void help_setting(struct bw_buf *out, const struct bw_setting *row) {
    bw_describe_name(out, "  --", row->name, '-');
    bw_buf_printf(out, " %s\n      %s\n      ", placeholder_of(row), row->help);
    bw_value_allowed(row, out);
    if (row->fallback)
        bw_buf_printf(out, "; default %s", row->fallback);
    if (row->alias)
        bw_describe_name(out, "; also --", row->alias, '-');
    bw_buf_append_text(out, "\n");
}

static void help_group(struct bw_buf *out, const struct bw_settings_group *group) {
    bw_buf_printf(out, "\nThe file may also have \"%s\": {NAME: {KEY: VALUE}}; the names are", group->key);
    for (size_t i = 0; group->members[i]; i++)
        bw_buf_printf(out, "%s %s", i ? "," : "", group->members[i]);
    for (size_t i = 0; group->keys && group->keys[i]; i++)
        bw_buf_printf(out, "%s %s", i ? "," : ";\nthe keys are", group->keys[i]);
    bw_buf_append_text(out, ".\n");
}

/* One line each: their own table says the rest. */
static void help_family(struct bw_buf *out, const struct bw_settings_family *family) {
    bw_buf_printf(out, "\n%s:\n\n", family->title);
    for (size_t i = 0; i < family->n; i++) {
        const struct bw_setting *row = &family->settings[i];
        bw_describe_name(out, "  --", row->name + strlen(family->prefix), '-');
        bw_buf_printf(out, " %s  %s (%s", placeholder_of(row), row->help, row->words);
        if (row->fallback)
            bw_buf_printf(out, "; default %s", row->fallback);
        bw_buf_append_text(out, ")\n");
    }
}

bool bw_settings_help(const struct bw_settings_table *table, struct bw_buf *out) {
    bw_buf_printf(
        out,
        "%s: %s\n\n"
        "Usage: %s [FLAG ...]\n"
        "       %s healthcheck [ADDRESS]   0 healthy, 1 usage, 2 connect, 3 RPC failed, 4 not serving\n\n"
        "  --help            this text\n"
        "  --version         the versions of the program and its libraries\n"
        "  --print-config    each parameter, its value and where it comes from\n"
        "  --check-config    exit code 0 when the configuration is fine, 78 when not\n"
        "  --config FILE     a JSON file; also --config-file, CONFIG_FILE\n\n"
        "--name-x VALUE or --name-x=VALUE, the environment variable NAME_X and the key \"name_x\" of\n"
        "the file mean the same. A flag goes before the environment, that before the file:\n\n",
        table->program, table->summary, table->program, table->program);
    for (size_t i = 0; i < table->n; i++)
        help_setting(out, &table->settings[i]);
    if (table->family)
        help_family(out, table->family);
    for (size_t i = 0; i < table->n_groups; i++)
        help_group(out, &table->groups[i]);
    return !out->failed;
}
