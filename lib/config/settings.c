#include "private.h"

#include <assert.h>
#include <stdlib.h>

static const struct bw_setting config_file = {
    .name = "CONFIG_FILE",
    .kind = BW_SETTING_TEXT,
    .help = "a JSON file with values for what is given neither by flag nor by environment",
};

const struct bw_setting *bw_settings_row(const struct bw_settings *settings, size_t i) {
    assert(i < settings->n);
    size_t in_family = bw_settings_in_family(settings, i);
    if (in_family != BW_NO_PLACE)
        return &settings->table->family->settings[in_family];
    return i < settings->table->n ? &settings->table->settings[i] : &config_file;
}

size_t bw_settings_in_family(const struct bw_settings *settings, size_t i) {
    size_t first = bw_settings_config_file(settings) + 1;
    return i >= first ? i - first : BW_NO_PLACE;
}

size_t bw_settings_config_file(const struct bw_settings *settings) {
    return settings->table->n;
}

enum bw_settings_origin bw_settings_winner(const struct bw_settings *settings, size_t i) {
    int origin = BW_FROM_FLAG;
    while (origin > BW_FROM_DEFAULT && !settings->given[i][origin].text)
        origin--;
    return (enum bw_settings_origin)origin;
}

char *bw_settings_copy(struct bw_span text) {
    char *copy = malloc(text.len + 1);
    if (copy)
        bw_span_copy_text(text, copy, text.len + 1);
    return copy;
}

static void free_given(struct given *given) {
    free(given->text);
    free(given->written);
    *given = (struct given){0};
}

static bool refuse(const struct bw_settings *settings, const struct bw_setting *row,
                   enum bw_settings_origin origin, struct bw_span written, struct bw_span text) {
    struct bw_buf sentence;
    bw_buf_init(&sentence, 0);
    bw_describe_source(&sentence, settings, origin, written);
    bw_buf_append_text(&sentence, " is ");
    bw_describe_words(&sentence, text);
    bw_buf_append_text(&sentence, ", but must be ");
    bw_value_allowed(row, &sentence);
    return bw_describe_error(settings->error, BW_EXIT_CONFIGURATION, &sentence);
}

/* The first of several equal values stays: it is the one that --print-config shows. */
static bool keep(struct bw_settings *settings, size_t i, enum bw_settings_origin origin,
                 struct given *offered) {
    struct given *held = &settings->given[i][origin];
    if (!held->text) {
        *held = *offered;
        return true;
    }
    bool equal = bw_value_equal(bw_settings_row(settings, i), held, offered);
    if (!equal)
        bw_describe_contradiction(settings, origin, held, offered);
    free_given(offered);
    return equal;
}

/* "SOURCE is VALUE: the judge's sentence" */
static bool refuse_judged(const struct bw_settings *settings, enum bw_settings_origin origin,
                          struct bw_span written, const char *text, const char *why) {
    struct bw_buf sentence;
    bw_buf_init(&sentence, 0);
    bw_describe_source(&sentence, settings, origin, written);
    bw_buf_append_text(&sentence, " is ");
    bw_describe_words(&sentence, bw_span_text(text));
    bw_buf_append_text(&sentence, ": ");
    bw_describe_plainly(&sentence, why);
    return bw_describe_error(settings->error, BW_EXIT_CONFIGURATION, &sentence);
}

/* Asks the family's judge. The text it makes of the value is the one that is kept. */
static bool judge(const struct bw_settings *settings, size_t in_family, enum bw_settings_origin origin,
                  struct bw_span written, const char *text, struct given *offered) {
    char why[512] = "it is refused";
    struct bw_buf form;
    bw_buf_init(&form, 0);
    bool fits = settings->table->family->judge(in_family, text, &form, why, sizeof why) == 0;
    if (fits) {
        bw_span_to_u64(bw_buf_span(&form), UINT64_MAX, &offered->number);
        offered->text = form.failed ? NULL : bw_settings_copy(bw_buf_span(&form));
    }
    bw_buf_free(&form);
    return fits || refuse_judged(settings, origin, written, text, why);
}

static bool parse_judged(const struct bw_settings *settings, size_t in_family, enum bw_settings_origin origin,
                         struct bw_span written, struct bw_span text, struct given *offered) {
    char *copy = bw_settings_copy(text);
    bool ok = copy ? judge(settings, in_family, origin, written, copy, offered)
                   : bw_describe_no_memory(settings->error);
    free(copy);
    return ok;
}

static bool parse_own(const struct bw_settings *settings, size_t i, enum bw_settings_origin origin,
                      struct bw_span written, struct bw_span text, struct given *offered) {
    const struct bw_setting *row = bw_settings_row(settings, i);
    if (!bw_value_parse(row, text, &offered->number))
        return refuse(settings, row, origin, written, text);
    offered->text = bw_settings_copy(text);
    return true;
}

bool bw_settings_offer(struct bw_settings *settings, size_t i, enum bw_settings_origin origin,
                       struct bw_span written, struct bw_span text) {
    size_t in_family = bw_settings_in_family(settings, i);
    struct given offered = {0};
    bool fits = in_family == BW_NO_PLACE ? parse_own(settings, i, origin, written, text, &offered)
                                         : parse_judged(settings, in_family, origin, written, text, &offered);
    if (!fits)
        return false;
    offered.written = bw_settings_copy(written);
    if (!offered.text || !offered.written) {
        free_given(&offered);
        return bw_describe_no_memory(settings->error);
    }
    return keep(settings, i, origin, &offered);
}

static bool read_defaults(struct bw_settings *settings) {
    for (size_t i = 0; i < settings->n; i++) {
        const struct bw_setting *row = bw_settings_row(settings, i);
        if (row->fallback && !bw_settings_offer(settings, i, BW_FROM_DEFAULT, bw_span_text(row->name),
                                                bw_span_text(row->fallback)))
            return false;
    }
    return true;
}

static bool read_variable(struct bw_settings *settings, const struct bw_settings_input *input, size_t i,
                          const char *name) {
    const char *value = name && input->env ? input->env(input->owner, name) : NULL;
    return !value ||
           bw_settings_offer(settings, i, BW_FROM_ENVIRONMENT, bw_span_text(name), bw_span_text(value));
}

static bool read_environment(struct bw_settings *settings, const struct bw_settings_input *input) {
    for (size_t i = 0; i < settings->n; i++) {
        const struct bw_setting *row = bw_settings_row(settings, i);
        if (!read_variable(settings, input, i, row->name) || !read_variable(settings, input, i, row->alias))
            return false;
    }
    return true;
}

static bool read_all(struct bw_settings *settings, const struct bw_settings_input *input) {
    if (!read_defaults(settings) || !bw_settings_read_flags(settings, input))
        return false;
    if (settings->action == BW_ACTION_HELP || settings->action == BW_ACTION_VERSION)
        return true;
    return read_environment(settings, input) && bw_settings_read_file(settings, input) &&
           bw_settings_link_twins(settings);
}

static struct bw_settings *new_settings(const struct bw_settings_table *table,
                                        struct bw_settings_error *error) {
    struct bw_settings *settings = calloc(1, sizeof *settings);
    if (!settings)
        return NULL;
    settings->table = table;
    settings->n = table->n + 1 + (table->family ? table->family->n : 0);
    settings->error = error;
    settings->given = calloc(settings->n, sizeof *settings->given);
    if (!settings->given) {
        free(settings);
        return NULL;
    }
    return settings;
}

struct bw_settings *bw_settings_read(const struct bw_settings_table *table,
                                     const struct bw_settings_input *input, struct bw_settings_error *error) {
    struct bw_settings *settings = new_settings(table, error);
    if (!settings) {
        bw_describe_no_memory(error);
        return NULL;
    }
    if (!read_all(settings, input)) {
        if (bw_settings_is_healthcheck(input))
            error->exit_code = BW_EXIT_CANNOT_RUN;
        bw_settings_free(settings);
        return NULL;
    }
    settings->error = NULL;
    return settings;
}

void bw_settings_free(struct bw_settings *settings) {
    if (!settings)
        return;
    for (size_t i = 0; i < settings->n; i++)
        for (int origin = 0; origin < BW_ORIGINS; origin++)
            free_given(&settings->given[i][origin]);
    for (size_t i = 0; i < settings->n_entries; i++) {
        free(settings->entries[i].member);
        free(settings->entries[i].key);
        free(settings->entries[i].value);
    }
    free(settings->entries);
    free(settings->given);
    free(settings->argument);
    free(settings);
}

enum bw_settings_action bw_settings_action(const struct bw_settings *settings) {
    return settings->action;
}

const char *bw_settings_argument(const struct bw_settings *settings) {
    return settings->argument;
}

size_t bw_settings_place(const struct bw_settings *settings, const char *name) {
    size_t i = 0;
    while (i < settings->n && strcmp(bw_settings_row(settings, i)->name, name) != 0)
        i++;
    assert(i < settings->n);
    return i;
}

static uint64_t number_of(const struct bw_settings *settings, const char *name, enum bw_setting_kind kind) {
    size_t i = bw_settings_place(settings, name);
    assert(bw_settings_row(settings, i)->kind == kind);
    return settings->given[i][bw_settings_winner(settings, i)].number;
}

uint64_t bw_settings_integer(const struct bw_settings *settings, const char *name) {
    return number_of(settings, name, BW_SETTING_INTEGER);
}

uint64_t bw_settings_ms(const struct bw_settings *settings, const char *name) {
    return number_of(settings, name, BW_SETTING_SECONDS);
}

size_t bw_settings_word(const struct bw_settings *settings, const char *name) {
    return (size_t)number_of(settings, name, BW_SETTING_WORD);
}

const char *bw_settings_text(const struct bw_settings *settings, const char *name) {
    size_t i = bw_settings_place(settings, name);
    const char *text = settings->given[i][bw_settings_winner(settings, i)].text;
    return text ? text : "";
}

enum bw_settings_origin bw_settings_origin(const struct bw_settings *settings, const char *name) {
    return bw_settings_winner(settings, bw_settings_place(settings, name));
}

void bw_settings_source(const struct bw_settings *settings, const char *name, struct bw_buf *out) {
    size_t i = bw_settings_place(settings, name);
    enum bw_settings_origin origin = bw_settings_winner(settings, i);
    const char *written = settings->given[i][origin].written;
    bw_describe_source(out, settings, origin, bw_span_text(written ? written : name));
}
