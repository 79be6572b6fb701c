/* Parameters of another module's table, and twins: one number under two names. */
#include "run.h"

#include <breakwire/settings.h>

#include <stdio.h>

static const struct bw_setting own[] = {
    {.name = "COUNT", .alias = "NUMBER", .kind = BW_SETTING_INTEGER, .min = 1, .max = 9, .fallback = "3"},
    {.name = "PAUSE", .kind = BW_SETTING_SECONDS, .min = 50, .max = 90000, .fallback = "20"},
};
static const struct bw_setting more[] = {
    {.name = "TOY_COUNT", .kind = BW_SETTING_JUDGED, .words = "0..9", .fallback = "3", .help = "how many"},
    {.name = "TOY_PAUSE_MS", .kind = BW_SETTING_JUDGED, .words = "0..90000 ms", .fallback = "20000"},
    {.name = "TOY_SWITCH", .kind = BW_SETTING_JUDGED, .words = "on, off", .help = "whether"},
};

/* Takes what begins with a letter or digit; "true" is shown as "on". */
static int judge(size_t i, const char *text, struct bw_buf *out, char *why, size_t why_size) {
    if (!*text || strchr("!-", *text)) {
        snprintf(why, why_size, "number %d is odd\nthere", (int)i);
        return -1;
    }
    bw_buf_append_text(out, strcmp(text, "true") == 0 ? "on" : text);
    return 0;
}

static const struct bw_settings_family family = {
    .title = "Toys", .prefix = "TOY_", .settings = more, .n = 3, .judge = judge};
static const struct bw_settings_twins twins[] = {{"COUNT", "TOY_COUNT"}, {"PAUSE", "TOY_PAUSE_MS"}};
static const struct bw_settings_table table = {.program = "toy",
                                               .summary = "plays",
                                               .settings = own,
                                               .n = 2,
                                               .family = &family,
                                               .twins = twins,
                                               .n_twins = 2};

struct given {
    const char *flags[6], *env[6], *file;
};

static const char *get(void *owner, const char *name) {
    const struct given *given = owner;
    size_t len = strlen(name);
    for (size_t i = 0; given->env[i]; i++)
        if (strncmp(given->env[i], name, len) == 0 && given->env[i][len] == '=')
            return given->env[i] + len + 1;
    return given->file && strcmp(name, "CONFIG_FILE") == 0 ? "a.json" : NULL;
}

static bool read_file(void *owner, const char *path, struct bw_buf *out, char *why, size_t why_size) {
    (void)path;
    (void)why;
    (void)why_size;
    return bw_buf_append_text(out, ((const struct given *)owner)->file);
}

static struct bw_settings *read_given(const struct given *given, struct bw_settings_error *error) {
    struct given copy = *given;
    const char *argv[8] = {"toy"};
    int argc = 1;
    for (; given->flags[argc - 1]; argc++)
        argv[argc] = given->flags[argc - 1];
    struct bw_settings_input input = {argc, argv, get, read_file, &copy};
    return bw_settings_read(&table, &input, error);
}

static void assert_printed(const struct given *given, const char *expected) {
    struct bw_settings_error error = {0};
    struct bw_settings *s = read_given(given, &error);
    struct bw_buf out;
    if (!s)
        fail_msg("refused: %s", error.text);
    bw_buf_init(&out, 0);
    assert_true(bw_settings_print(s, &out));
    assert_string_equal(bw_buf_text(&out), expected);
    bw_buf_free(&out);
    bw_settings_free(s);
}

static void assert_refused(const struct given *given, int exit_code, const char *sentence) {
    struct bw_settings_error error = {0};
    assert_null(read_given(given, &error));
    assert_string_equal(error.text, sentence);
    assert_int_equal(error.exit_code, exit_code);
}

#define GIVEN(...)                                                                                           \
    &(struct given) {                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static void a_familys_settings_are_read_from_everywhere_and_flags_may_leave_the_prefix_out(void **state) {
    (void)state;
    assert_printed(
        GIVEN(.flags = {"--switch", "a"}, .file = "{\"toy_pause_ms\": 500, \"toy_switch\": \"b\"}"),
        "COUNT = 3  # default\nPAUSE = 0.5  # file\nCONFIG_FILE = a.json  # environment\n"
        "TOY_COUNT = 3  # default\nTOY_PAUSE_MS = 500  # file\nTOY_SWITCH = a  # flag\n");
    assert_printed(GIVEN(.flags = {"--toy-count=5"}, .env = {"TOY_SWITCH=c"}),
                   "COUNT = 5  # flag\nPAUSE = 20  # default\nCONFIG_FILE =  # default\n"
                   "TOY_COUNT = 5  # flag\nTOY_PAUSE_MS = 20000  # default\nTOY_SWITCH = c  # environment\n");
}

static void only_flags_may_leave_the_prefix_out(void **state) {
    (void)state;
    assert_printed(GIVEN(.env = {"SWITCH=c"}),
                   "COUNT = 3  # default\nPAUSE = 20  # default\nCONFIG_FILE =  # default\n"
                   "TOY_COUNT = 3  # default\nTOY_PAUSE_MS = 20000  # default\nTOY_SWITCH =  # default\n");
    assert_refused(
        GIVEN(.file = "{\"switch\": \"c\"}"), BW_EXIT_CONFIGURATION,
        "key \"switch\" of a.json is unknown, allowed are count, pause, and toy_... as --help lists them");
}

static void values_are_kept_and_compared_in_the_judges_form(void **state) {
    (void)state;
    assert_printed(GIVEN(.flags = {"--switch=on", "--toy-switch=true"}, .file = "{\"toy_switch\": false}"),
                   "COUNT = 3  # default\nPAUSE = 20  # default\nCONFIG_FILE = a.json  # environment\n"
                   "TOY_COUNT = 3  # default\nTOY_PAUSE_MS = 20000  # default\nTOY_SWITCH = on  # flag\n");
    assert_refused(
        GIVEN(.flags = {"--switch=on", "--toy-switch=off"}), BW_EXIT_CONFIGURATION,
        "flag --switch is \"on\" and flag --toy-switch is \"off\", but both mean the same and must be equal");
}

static void a_refusal_has_the_judges_sentence_on_one_line(void **state) {
    (void)state;
    assert_refused(GIVEN(.env = {"TOY_PAUSE_MS=!"}), BW_EXIT_CONFIGURATION,
                   "environment variable TOY_PAUSE_MS is \"!\": number 1 is odd there");
    assert_refused(GIVEN(.flags = {"--switch="}), BW_EXIT_CONFIGURATION,
                   "flag --switch is empty: number 2 is odd there");
    assert_refused(GIVEN(.file = "{\"toy_count\": -1}"), BW_EXIT_CONFIGURATION,
                   "key \"toy_count\" of a.json is -1: number 0 is odd there");
    assert_refused(GIVEN(.file = "{\"toy_count\": [1]}"), BW_EXIT_CONFIGURATION,
                   "key \"toy_count\" of a.json is [1], but must be a number, a text, true or false, 0..9");
    assert_refused(GIVEN(.flags = {"--switches=1"}), BW_EXIT_USAGE,
                   "unknown flag --switches; --help lists the flags");
}

static void twins_have_one_value_whichever_was_given(void **state) {
    (void)state;
    assert_printed(
        GIVEN(.env = {"NUMBER=4", "PAUSE=0.25"}),
        "COUNT = 4  # environment\nPAUSE = 0.25  # environment\nCONFIG_FILE =  # default\n"
        "TOY_COUNT = 4  # environment\nTOY_PAUSE_MS = 250  # environment\nTOY_SWITCH =  # default\n");
    assert_printed(GIVEN(.env = {"NUMBER=4"}, .flags = {"--toy-count=0"}, .file = "{\"toy_pause_ms\": 1}"),
                   "COUNT = 0  # flag\nPAUSE = 0.001  # file\nCONFIG_FILE = a.json  # environment\n"
                   "TOY_COUNT = 0  # flag\nTOY_PAUSE_MS = 1  # file\nTOY_SWITCH =  # default\n");
}

static void twins_given_by_the_same_origin_must_be_equal(void **state) {
    (void)state;
    assert_printed(GIVEN(.env = {"PAUSE=5.0", "TOY_PAUSE_MS=5000"}),
                   "COUNT = 3  # default\nPAUSE = 5.0  # environment\nCONFIG_FILE =  # default\n"
                   "TOY_COUNT = 3  # default\nTOY_PAUSE_MS = 5000  # environment\nTOY_SWITCH =  # default\n");
    assert_refused(
        GIVEN(.env = {"PAUSE=5", "TOY_PAUSE_MS=5001"}), BW_EXIT_CONFIGURATION,
        "environment variable PAUSE is 5 and environment variable TOY_PAUSE_MS is 5001, but both mean "
        "the same and must be equal");
    assert_refused(
        GIVEN(.flags = {"--toy-count=4"}, .file = "{\"toy_count\": 5, \"number\": 6}"), BW_EXIT_CONFIGURATION,
        "key \"number\" of a.json is 6 and key \"toy_count\" of a.json is 5, but both mean the same and "
        "must be equal");
}

static void the_source_of_a_value_is_what_the_user_wrote(void **state) {
    (void)state;
    static const char *const names[] = {"COUNT", "TOY_COUNT", "PAUSE", "TOY_SWITCH"};
    static const char *const sources[] = {"environment variable NUMBER", "environment variable NUMBER",
                                          "key \"toy_pause_ms\" of a.json", "flag --switch"};
    struct bw_settings_error error = {0};
    struct bw_settings *s = read_given(
        GIVEN(.flags = {"--switch=on"}, .env = {"NUMBER=4"}, .file = "{\"toy_pause_ms\": 100}"), &error);
    assert_non_null(s);
    for (size_t i = 0; i < 4; i++) {
        struct bw_buf out;
        bw_buf_init(&out, 0);
        bw_settings_source(s, names[i], &out);
        assert_string_equal(bw_buf_text(&out), sources[i]);
        bw_buf_free(&out);
    }
    bw_settings_free(s);
}

static void help_has_one_line_for_each(void **state) {
    (void)state;
    struct bw_buf out;
    bw_buf_init(&out, 0);
    assert_true(bw_settings_help(&table, &out));
    assert_non_null(strstr(bw_buf_text(&out), "\nToys:\n\n  --count VALUE  how many (0..9; default 3)\n"));
    assert_non_null(strstr(bw_buf_text(&out), "\n  --switch VALUE  whether (on, off)\n"));
    bw_buf_free(&out);
}

BW_TESTS(cmocka_unit_test(a_familys_settings_are_read_from_everywhere_and_flags_may_leave_the_prefix_out),
         cmocka_unit_test(only_flags_may_leave_the_prefix_out),
         cmocka_unit_test(values_are_kept_and_compared_in_the_judges_form),
         cmocka_unit_test(a_refusal_has_the_judges_sentence_on_one_line),
         cmocka_unit_test(twins_have_one_value_whichever_was_given),
         cmocka_unit_test(twins_given_by_the_same_origin_must_be_equal),
         cmocka_unit_test(the_source_of_a_value_is_what_the_user_wrote),
         cmocka_unit_test(help_has_one_line_for_each))
