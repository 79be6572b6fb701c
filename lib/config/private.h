/* private.h: what the files of lib/config share. */
#ifndef BREAKWIRE_CONFIG_PRIVATE_H
#define BREAKWIRE_CONFIG_PRIVATE_H

#include <breakwire/settings.h>

enum { BW_ORIGINS = 4 };
#define BW_NO_PLACE SIZE_MAX

/* One value as it was given by one origin. */
struct given {
    char *text;    /* NULL: not given */
    char *written; /* the name as the user wrote it: "HTTP_ADDRESS", "--http-address", "http_address" */
    uint64_t number;
};

/* One inner value of a group. */
struct entry {
    const struct bw_settings_group *group;
    char *member, *key, *value;
};

struct bw_settings {
    const struct bw_settings_table *table;
    size_t n;                          /* the table's, CONFIG_FILE, the family's: in this order */
    struct given (*given)[BW_ORIGINS]; /* [n] */
    struct entry *entries;
    size_t n_entries;
    enum bw_settings_action action;
    char *argument;
    struct bw_settings_error *error; /* while reading */
};

/* settings.c */
const struct bw_setting *bw_settings_row(const struct bw_settings *settings, size_t i);
size_t bw_settings_config_file(const struct bw_settings *settings);             /* the place of CONFIG_FILE */
size_t bw_settings_place(const struct bw_settings *settings, const char *name); /* asserted to be there */
/* The family's setting in that place; BW_NO_PLACE: it is none of the family. */
size_t bw_settings_in_family(const struct bw_settings *settings, size_t i);
enum bw_settings_origin bw_settings_winner(const struct bw_settings *settings, size_t i);
char *bw_settings_copy(struct bw_span text); /* NULL: no memory */
/* Takes one value that the user (or the default) gives for row i; false: settings->error is written. */
bool bw_settings_offer(struct bw_settings *settings, size_t i, enum bw_settings_origin origin,
                       struct bw_span written, struct bw_span text);

/* twins.c: each origin's value of one is the other's too; false: they contradict each other */
bool bw_settings_link_twins(struct bw_settings *settings);

/* flags.c: command line -> action, argument, offers */
bool bw_settings_read_flags(struct bw_settings *settings, const struct bw_settings_input *input);
bool bw_settings_is_healthcheck(const struct bw_settings_input *input);

/* file.c: the file that CONFIG_FILE names -> offers, entries */
bool bw_settings_read_file(struct bw_settings *settings, const struct bw_settings_input *input);

/* value.c, for all kinds but JUDGED */
/* False: not a value of this kind, or out of range. `number` is 0 for kinds without one. */
bool bw_value_parse(const struct bw_setting *row, struct bw_span text, uint64_t *number);
bool bw_value_equal(const struct bw_setting *row, const struct given *a, const struct given *b);
/* Appends what is allowed: "a whole number from 1 to 65535". */
void bw_value_allowed(const struct bw_setting *row, struct bw_buf *out);

/* Appends the number of an INTEGER, SECONDS or JUDGED row as its text. */
void bw_value_write(const struct bw_setting *row, uint64_t number, struct bw_buf *out);

/* describe.c */
/* The name of the row in lower case, with `separator` for '_', after `prefix`. */
void bw_describe_name(struct bw_buf *out, const char *prefix, const char *name, char separator);
/* Appends the words of the user, escaped, cut at 80 bytes, in quotes unless they are a number; or "empty". */
void bw_describe_words(struct bw_buf *out, struct bw_span words);
/* Appends somebody else's sentence as it is, control characters as spaces: it stays one line. */
void bw_describe_plainly(struct bw_buf *out, const char *sentence);
/* Appends `environment variable X`, `flag --x`, or `key "x" of FILE`. */
void bw_describe_source(struct bw_buf *out, const struct bw_settings *settings,
                        enum bw_settings_origin origin, struct bw_span written);
/* `SOURCE is VALUE and SOURCE is VALUE, but both mean the same and must be equal`; always false. */
bool bw_describe_contradiction(struct bw_settings *settings, enum bw_settings_origin origin,
                               const struct given *a, const struct given *b);
/* Moves the sentence into the error (and frees it); always false. */
bool bw_describe_error(struct bw_settings_error *error, int exit_code, struct bw_buf *sentence);
bool bw_describe_no_memory(struct bw_settings_error *error);

#endif
