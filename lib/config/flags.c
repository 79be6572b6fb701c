#include "private.h"

struct line {
    struct bw_settings *settings;
    int argc, at;
    const char *const *argv;
};

static const struct {
    const char *flag;
    enum bw_settings_action action;
} actions[] = {
    {"--help", BW_ACTION_HELP},
    {"--version", BW_ACTION_VERSION},
    {"--print-config", BW_ACTION_PRINT_CONFIG},
    {"--check-config", BW_ACTION_CHECK_CONFIG},
    {"healthcheck", BW_ACTION_HEALTHCHECK},
};
enum { FLAG_ACTIONS = 4, ACTIONS = sizeof actions / sizeof actions[0] };

bool bw_settings_is_healthcheck(const struct bw_settings_input *input) {
    return input->argc > 1 && strcmp(input->argv[1], "healthcheck") == 0;
}

static const char *name_of(enum bw_settings_action action) {
    for (size_t i = 0; i < ACTIONS; i++)
        if (actions[i].action == action)
            return actions[i].flag;
    return "";
}

/* A sentence `KIND "words" MORE`. */
static bool misused(const struct line *line, const char *kind, struct bw_span words, const char *more) {
    struct bw_buf sentence;
    bw_buf_init(&sentence, 0);
    bw_buf_append_text(&sentence, kind);
    bw_describe_words(&sentence, words);
    bw_buf_append_text(&sentence, more);
    return bw_describe_error(line->settings->error, BW_EXIT_USAGE, &sentence);
}

static bool choose(struct line *line, enum bw_settings_action action) {
    enum bw_settings_action *chosen = &line->settings->action;
    bool final = action == BW_ACTION_HELP || action == BW_ACTION_VERSION;
    if (*chosen == BW_ACTION_RUN || *chosen == action || final) {
        *chosen = action;
        return true;
    }
    struct bw_buf sentence;
    bw_buf_init(&sentence, 0);
    bw_buf_printf(&sentence, "%s and %s cannot be given together", name_of(*chosen), name_of(action));
    return bw_describe_error(line->settings->error, BW_EXIT_USAGE, &sentence);
}

static bool is_flag_of(struct bw_span flag, const char *name) {
    struct bw_buf expected;
    bw_buf_init(&expected, 0);
    bw_describe_name(&expected, "--", name, '-');
    bool same = !expected.failed && bw_span_equal(flag, bw_buf_span(&expected));
    bw_buf_free(&expected);
    return same;
}

/* A flag of the family's without the prefix. */
static bool is_short_flag_of(struct bw_span flag, const struct bw_settings *settings, size_t i) {
    return bw_settings_in_family(settings, i) != BW_NO_PLACE &&
           is_flag_of(flag, bw_settings_row(settings, i)->name + strlen(settings->table->family->prefix));
}

/* The row that the flag sets; settings->n: none. */
static size_t row_of(const struct bw_settings *settings, struct bw_span flag) {
    if (bw_span_is(flag, "--config"))
        return bw_settings_config_file(settings);
    for (size_t i = 0; i < settings->n; i++) {
        const struct bw_setting *row = bw_settings_row(settings, i);
        if (is_flag_of(flag, row->name) || (row->alias && is_flag_of(flag, row->alias)) ||
            is_short_flag_of(flag, settings, i))
            return i;
    }
    return settings->n;
}

static bool take_value(struct line *line, size_t row, struct bw_span flag, const char *after_equals) {
    const char *value = after_equals;
    if (!value && line->at < line->argc && strncmp(line->argv[line->at], "--", 2) != 0)
        value = line->argv[line->at++];
    if (!value)
        return misused(line, "flag ", flag, " needs a value");
    return bw_settings_offer(line->settings, row, BW_FROM_FLAG, flag, bw_span_text(value));
}

static bool take_flag(struct line *line, const char *argument) {
    const char *equals = strchr(argument, '=');
    struct bw_span flag = bw_span_of(argument, equals ? (size_t)(equals - argument) : strlen(argument));
    for (size_t i = 0; i < FLAG_ACTIONS; i++)
        if (bw_span_is(flag, actions[i].flag))
            return equals ? misused(line, "flag ", flag, " takes no value") : choose(line, actions[i].action);
    size_t row = row_of(line->settings, flag);
    if (row == line->settings->n)
        return misused(line, "unknown flag ", flag, "; --help lists the flags");
    return take_value(line, row, flag, equals ? equals + 1 : NULL);
}

static bool take_word(struct line *line, const char *argument) {
    struct bw_settings *settings = line->settings;
    struct bw_span words = bw_span_text(argument);
    if (settings->action != BW_ACTION_HEALTHCHECK || settings->argument)
        return misused(line, "unexpected argument ", words, "; --help shows what is possible");
    if (!bw_settings_split_address(argument, NULL, NULL))
        return misused(line, "the address after healthcheck is ", words,
                       ", but must be HOST:PORT or [V6]:PORT with a port from 0 to 65535");
    settings->argument = bw_settings_copy(words);
    return settings->argument || bw_describe_no_memory(settings->error);
}

bool bw_settings_read_flags(struct bw_settings *settings, const struct bw_settings_input *input) {
    struct line line = {.settings = settings, .argc = input->argc, .at = 1, .argv = input->argv};
    if (bw_settings_is_healthcheck(input)) {
        settings->action = BW_ACTION_HEALTHCHECK;
        line.at++;
    }
    while (line.at < line.argc) {
        const char *argument = line.argv[line.at++];
        bool is_flag = argument[0] == '-' && argument[1] != '\0';
        if (!(is_flag ? take_flag(&line, argument) : take_word(&line, argument)))
            return false;
        if (settings->action == BW_ACTION_HELP || settings->action == BW_ACTION_VERSION)
            return true;
    }
    return true;
}
