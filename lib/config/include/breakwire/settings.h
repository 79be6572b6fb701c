/* settings.h: a program's parameters from flags, environment, a JSON file and defaults, checked against one
 * table. For programs only: it reads the file, and needs jansson.
 *
 *     settings = bw_settings_read(&table, &input, &error);
 *     if (!settings)  print error.text on stderr, exit with error.exit_code
 *     switch (bw_settings_action(settings)) ...
 *     bw_settings_integer(settings, "CIRCUIT_FAIL_MAX")
 *
 * Flag > environment > file > default. NAME_X is the environment variable NAME_X, the flag --name-x VALUE or
 * --name-x=VALUE, and the key "name_x" of the file. An alias works alike in all three. Within one origin a
 * parameter may be given more than once (by either name) as long as the values are equal, numbers as numbers.
 * Every value given anywhere is checked, also one that another overrides; an empty one is refused.
 *
 * Rules for all of it:
 *  - Tables are lent and must outlive the settings; everything else is copied.
 *  - No threads. Nothing blocks but reading the file.
 *  - A name that is not in the table, or a getter of the wrong kind, is a mistake of the program (asserted).
 */
#ifndef BREAKWIRE_SETTINGS_H
#define BREAKWIRE_SETTINGS_H

#include <breakwire/buf.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The table ---------------------------------------------------------------------------------------- */

enum bw_setting_kind {
    BW_SETTING_INTEGER, /* whole number, min..max; JSON: an integer */
    BW_SETTING_SECONDS, /* decimal seconds, at most three decimals; kept in ms, min and max too; JSON: a
                           number */
    BW_SETTING_ADDRESS, /* HOST:PORT or [V6]:PORT, port 0..65535 */
    BW_SETTING_WORD,    /* one of `words`; its number is the place in them */
    BW_SETTING_TEXT,    /* anything without control characters */
    BW_SETTING_LIST,    /* items between commas, none empty; JSON: an array of strings, or one string */
    BW_SETTING_JUDGED,  /* what the judge of its family takes; JSON: a number, a string, true or false */
};

struct bw_setting {
    const char *name;  /* "CIRCUIT_FAIL_MAX": upper case, digits, '_' */
    const char *alias; /* "CIRCUIT_FAILURE_THRESHOLD", or NULL */
    enum bw_setting_kind kind;
    uint64_t min, max;    /* INTEGER, SECONDS (ms) */
    const char *words;    /* WORD: "error|warn|info|debug" */
    const char *fallback; /* the default, as the user would write it; NULL: nothing */
    const char *help;     /* one line, lower case, no full stop */
};

/* Parameters whose values another module knows, such as those of a breaker. They follow the table's own rows,
 * and are as they are: NAME_X in the environment, "name_x" in the file, --name-x. */
struct bw_settings_family {
    const char *title;                 /* above them in --help */
    const char *prefix;                /* "CIRCUIT_", which each name begins with; flags may leave it out */
    const struct bw_setting *settings; /* all of kind JUDGED; `words` is what --help says is allowed */
    size_t n;
    /* Is `text` a value of settings[i]? Then 0, and it is written to `out` in the one form in which values
     * are compared and shown. Else -1 and a sentence in `why`. */
    int (*judge)(size_t i, const char *text, struct bw_buf *out, char *why, size_t why_size);
};

/* Two parameters that are one number: an INTEGER, or SECONDS, and a JUDGED one, in ms then. In one origin
 * both may be given if they are equal; given one of them, the other has that value too. */
struct bw_settings_twins {
    const char *name, *judged; /* of the table's own row, and of the family's */
};

/* An object of objects in the file, such as "breakers": {"ServiceB_CB": {"open_ms": 500}}. What the inner
 * keys and values may be is for the function given to bw_settings_apply. */
struct bw_settings_group {
    const char *key;            /* "breakers" */
    const char *const *members; /* the names allowed in it, NULL at the end */
    const char *const *keys; /* the keys allowed in each member, NULL at the end; NULL: apply judges them */
};

struct bw_settings_table {
    const char *program; /* "service-a" */
    const char *summary; /* one line for --help */
    const struct bw_setting *settings;
    size_t n;
    const struct bw_settings_group *groups;
    size_t n_groups;
    const struct bw_settings_family *family; /* NULL: none */
    const struct bw_settings_twins *twins;
    size_t n_twins;
};

/* ---- Reading ------------------------------------------------------------------------------------------ */

/* Writes the bytes of the file at `path` to `out`, or a reason ("no such file") to `why` and returns false.
 */
typedef bool (*bw_settings_file_fn)(void *owner, const char *path, struct bw_buf *out, char *why,
                                    size_t why_size);

struct bw_settings_input {
    int argc; /* as main gets them, argv[0] included */
    const char *const *argv;
    const char *(*env)(void *owner, const char *name); /* NULL result: not set. As getenv. */
    bw_settings_file_fn file;                          /* NULL: read with stdio */
    void *owner;
};

/* What an error ends the program with. */
enum { BW_EXIT_CANNOT_RUN = 1, BW_EXIT_USAGE = 2, BW_EXIT_CONFIGURATION = 78 };

struct bw_settings_error {
    int exit_code;
    char text[768]; /* one sentence, no line break: what the user wrote, where, and what is allowed */
};

struct bw_settings;

/* NULL: `error` says why. An unknown flag or argument is BW_EXIT_USAGE; a value that is empty, malformed, out
 * of range or contradicted, and a file that cannot be read, is BW_EXIT_CONFIGURATION; after `healthcheck`
 * every error is 1, as grpc_health_probe has it. With --help and --version nothing but the defaults is read.
 * CONFIG_FILE (--config-file, --config) is added to every table. */
struct bw_settings *bw_settings_read(const struct bw_settings_table *table,
                                     const struct bw_settings_input *input, struct bw_settings_error *error);
void bw_settings_free(struct bw_settings *settings); /* NULL is fine */

/* What the command line asks for. --print-config and --check-config are for after bw_settings_apply. */
enum bw_settings_action {
    BW_ACTION_RUN,
    BW_ACTION_HELP,         /* print bw_settings_help, exit 0 */
    BW_ACTION_VERSION,      /* print the versions, exit 0 */
    BW_ACTION_PRINT_CONFIG, /* print bw_settings_print, exit 0 */
    BW_ACTION_CHECK_CONFIG, /* print nothing, exit 0 */
    BW_ACTION_HEALTHCHECK,  /* `healthcheck [ADDRESS]`: bw_settings_argument is ADDRESS */
};
enum bw_settings_action bw_settings_action(const struct bw_settings *settings);
/* The ADDRESS after healthcheck, checked to be one; NULL when none was given. */
const char *bw_settings_argument(const struct bw_settings *settings);

/* ---- Values ------------------------------------------------------------------------------------------- */

enum bw_settings_origin { BW_FROM_DEFAULT, BW_FROM_FILE, BW_FROM_ENVIRONMENT, BW_FROM_FLAG };

/* By the name in the table, not the alias. Texts are lent for as long as the settings live. */
uint64_t bw_settings_integer(const struct bw_settings *settings, const char *name); /* INTEGER */
uint64_t bw_settings_ms(const struct bw_settings *settings, const char *name);      /* SECONDS */
size_t bw_settings_word(const struct bw_settings *settings, const char *name); /* WORD: place in `words` */
const char *bw_settings_text(const struct bw_settings *settings,
                             const char *name); /* any kind; "" = nothing */
enum bw_settings_origin bw_settings_origin(const struct bw_settings *settings, const char *name);
/* "default", "file", "environment", "flag". */
const char *bw_settings_origin_name(enum bw_settings_origin origin);
/* Appends where the value comes from, by the name that the user wrote: `environment variable NAME_X`,
 * `flag --name-x`, `key "name_x" of FILE`, `default of NAME_X`. */
void bw_settings_source(const struct bw_settings *settings, const char *name, struct bw_buf *out);

/* Takes the next item of a LIST off `rest` (begin with the whole text), without spaces around it. False: no
 * more. */
bool bw_settings_next_item(struct bw_span *rest, struct bw_span *item);

/* Parts of a HOST:PORT or [V6]:PORT. `host` lies in `text` and has no brackets; either may be NULL. False: it
 * is no address, nothing is written. A host of digits and dots must be an IPv4 address. */
bool bw_settings_split_address(const char *text, struct bw_span *host, uint16_t *port);

/* True: only this machine reaches the address (localhost, 127.x.x.x, [::1]). */
bool bw_settings_is_loopback(const char *address);
/* Where a client on this machine reaches a listener of that address: 0.0.0.0 and [::] become their loopback,
 * any other stays. `out` has room for strlen(address) + 3 bytes. */
void bw_settings_reachable(const char *address, char *out);

/* Calls set(owner, member, key, value) for each inner value of the group `key`, in the order of the file;
 * numbers and true/false come as text. set returns 0, or -1 and a sentence in `why`; apply then stops, writes
 * the error, and returns false. */
typedef int (*bw_settings_set_fn)(void *owner, const char *member, const char *key, const char *value,
                                  char *why, size_t why_size);
bool bw_settings_apply(const struct bw_settings *settings, const char *key, bw_settings_set_fn set,
                       void *owner, struct bw_settings_error *error);

/* ---- Output ------------------------------------------------------------------------------------------- */

/* One line `NAME = value  # default|file|environment|flag` for each parameter: the table's, CONFIG_FILE, the
 * family's. What groups come to is for their program to say. False: no memory. */
bool bw_settings_print(const struct bw_settings *settings, struct bw_buf *out);
/* One such line. */
void bw_settings_print_line(struct bw_buf *out, const char *name, const char *value,
                            enum bw_settings_origin origin);
/* The text of --help. False: no memory. */
bool bw_settings_help(const struct bw_settings_table *table, struct bw_buf *out);

/* "2.14": the jansson that is loaded. Static text. */
const char *bw_settings_library_version(void);

#ifdef __cplusplus
}
#endif
#endif
