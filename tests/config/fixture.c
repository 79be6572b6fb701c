#include "fixture.h"

#include "run.h"

#include <stdio.h>
#include <string.h>

static const struct bw_setting settings[] = {
    {.name = "CIRCUIT_FAIL_MAX",
     .alias = "CIRCUIT_FAILURE_THRESHOLD",
     .kind = BW_SETTING_INTEGER,
     .min = 1,
     .max = 65535,
     .fallback = "3",
     .help = "failures in a row that open the circuit"},
    {.name = "CIRCUIT_RESET_TIMEOUT",
     .alias = "CIRCUIT_RECOVERY_TIMEOUT",
     .kind = BW_SETTING_SECONDS,
     .min = 50,
     .max = 86400000,
     .fallback = "20",
     .help = "seconds the circuit stays open"},
    {.name = "HTTP_ADDRESS",
     .kind = BW_SETTING_ADDRESS,
     .fallback = "127.0.0.1:5000",
     .help = "where to listen for HTTP"},
    {.name = "ALLOWED_HOSTS", .kind = BW_SETTING_LIST, .help = "more names for this server"},
    {.name = "LOG_LEVEL",
     .kind = BW_SETTING_WORD,
     .words = "error|warn|info|debug",
     .fallback = "info",
     .help = "how much is logged"},
    {.name = "GREETING", .kind = BW_SETTING_TEXT, .fallback = "hello there", .help = "what is said first"},
};
static const char *const members[] = {"ServiceB_CB", "ServiceB_Control_CB", NULL};
static const char *const keys[] = {"open_ms", "trip_consecutive", NULL};
static const struct bw_settings_group groups[] = {
    {.key = "breakers", .members = members},
    {.key = "limits", .members = members, .keys = keys},
};

const struct bw_settings_table fixture_table = {
    .program = "service-a",
    .summary = "calls service-b through a circuit breaker",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
    .groups = groups,
    .n_groups = sizeof groups / sizeof groups[0],
};

static const char *get(void *owner, const char *name) {
    const struct given_world *world = owner;
    size_t len = strlen(name);
    for (size_t i = 0; world->env[i]; i++)
        if (strncmp(world->env[i], name, len) == 0 && world->env[i][len] == '=')
            return world->env[i] + len + 1;
    return NULL;
}

static bool read_file(void *owner, const char *path, struct bw_buf *out, char *why, size_t why_size) {
    const struct given_world *world = owner;
    (void)path;
    if (world->file)
        return bw_buf_append_text(out, world->file);
    snprintf(why, why_size, "no such file");
    return false;
}

struct bw_settings *fixture_read(const struct given_world *world, struct bw_settings_error *error) {
    struct given_world copy = *world;
    const char *argv[WORDS_MAX + 1] = {"service-a"};
    int argc = 1;
    for (; world->argv[argc - 1]; argc++)
        argv[argc] = world->argv[argc - 1];
    struct bw_settings_input input = {
        .argc = argc, .argv = argv, .env = get, .file = read_file, .owner = &copy};
    return bw_settings_read(&fixture_table, &input, error);
}

struct bw_settings *fixture_good(const struct given_world *world) {
    struct bw_settings_error error = {0};
    struct bw_settings *read = fixture_read(world, &error);
    if (!read)
        fail_msg("refused: %s", error.text);
    return read;
}

void fixture_refused(const struct given_world *world, int exit_code, const char *sentence) {
    struct bw_settings_error error = {0};
    assert_null(fixture_read(world, &error));
    assert_string_equal(error.text, sentence);
    assert_int_equal(error.exit_code, exit_code);
}
