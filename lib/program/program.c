#include <breakwire/program.h>

#include "tls.h"

#include <breakwire/h2.h>
#include <breakwire/logsink.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAIN_LOOK_MS = 10 };

void bw_program_complain(const struct bw_program *program, const char *why) {
    fprintf(stderr, "%s: %s\n", program->name, why);
}

/* ---- running and draining ---- */

struct bw_program_drainer {
    struct bw_program *program;
    const struct bw_program_drain *drain;
    struct bw_clockwork *clockwork;
    bool draining;
    uint64_t give_up_ms, look_ms;
};

static void on_end_signal(void *user, int signum) {
    struct bw_program_drainer *drainer = user;
    struct bw_program *program = drainer->program;
    if (drainer->draining)
        _Exit(1);
    uint64_t now_ms = bw_loop_now(program->loop);
    drainer->draining = true;
    drainer->give_up_ms = now_ms + program->drain_timeout_ms;
    drainer->look_ms = now_ms;
    bw_log_fields(&program->log, BW_LOG_INFO, "draining",
                  bw_field_text("signal", signum == SIGINT ? "INT" : "TERM"),
                  bw_field_u64("timeout_ms", program->drain_timeout_ms));
    drainer->drain->begin(drainer->drain->owner, now_ms);
    struct bw_wake wake = bw_clockwork_wake(drainer->clockwork);
    bw_wake_up(&wake);
}

static void on_hangup(void *program, int signum) {
    (void)signum;
    bw_program_tls_reload(program);
}

static void drainer_tick(void *self, uint64_t now_ms) {
    struct bw_program_drainer *drainer = self;
    if (!drainer->draining)
        return;
    bool done = drainer->drain->done(drainer->drain->owner);
    drainer->look_ms = now_ms + DRAIN_LOOK_MS;
    if (!done && now_ms < drainer->give_up_ms)
        return;
    bw_log_fields(&drainer->program->log, BW_LOG_INFO, done ? "drained" : "drain timed out, closing",
                  bw_field_text("program", NULL));
    bw_loop_stop(drainer->program->loop);
    drainer->look_ms = BW_NEVER;
}

static uint64_t drainer_next(const void *self) {
    const struct bw_program_drainer *drainer = self;
    return drainer->draining ? drainer->look_ms : BW_NEVER;
}

/* Before anything is started: a signal that comes while we start is not lost, the loop's first turn sees it.
 */
static bool catch_signals(struct bw_program *program) {
    static const struct bw_clocked_ops ops = {.tick = drainer_tick, .next_deadline = drainer_next};
    struct bw_program_drainer *drainer = calloc(1, sizeof *drainer);
    program->drainer = drainer;
    if (!drainer)
        return false;
    drainer->program = program;
    drainer->look_ms = BW_NEVER;
    drainer->clockwork = bw_loop_clocked_add(program->loop);
    if (!drainer->clockwork)
        return false;
    bw_clockwork_start(drainer->clockwork, (struct bw_clocked){&ops, drainer});
    return bw_loop_on_signal(program->loop, SIGTERM, on_end_signal, drainer) &&
           bw_loop_on_signal(program->loop, SIGINT, on_end_signal, drainer) &&
           bw_loop_on_signal(program->loop, 1 /* SIGHUP */, on_hangup, program);
}

int bw_program_run(struct bw_program *program, const struct bw_program_drain *drain) {
    program->drainer->drain = drain;
    bw_loop_run(program->loop);
    return 0;
}

/* ---- settings and what the command line asks for ---- */

static const char *environment(void *owner, const char *name) {
    (void)owner;
    return getenv(name);
}

static int print(const struct bw_program *program, struct bw_buf *text, bool ok) {
    if (ok)
        fputs(bw_buf_text(text), stdout);
    else
        bw_program_complain(program, "out of memory");
    bw_buf_free(text);
    return ok && fflush(stdout) == 0 ? 0 : BW_EXIT_CANNOT_RUN;
}

static int print_help(const struct bw_program *program, const struct bw_settings_table *table) {
    struct bw_buf text;
    bw_buf_init(&text, 0);
    bool ok = bw_settings_help(table, &text);
    return print(program, &text, ok);
}

static int print_config(const struct bw_program *program, const struct bw_program_spec *spec) {
    struct bw_buf text;
    bw_buf_init(&text, 0);
    bw_settings_print(program->settings, &text);
    if (spec->print)
        spec->print(spec->owner, program->settings, &text);
    return print(program, &text, !text.failed);
}

static int print_version(const struct bw_program *program, const struct bw_program_spec *spec) {
    const char *tls = bw_tls_library_version();
    printf("%s %s (nghttp2 %s, libuv %s, %s%s, jansson %s, %s)\n", program->name, BREAKWIRE_VERSION,
           bw_h2_library_version(), bw_net_library_version(), *tls ? "OpenSSL " : "without TLS", tls,
           bw_settings_library_version(), spec->codec_version);
    return fflush(stdout) == 0 ? 0 : BW_EXIT_CANNOT_RUN;
}

static int healthcheck(const struct bw_program *program) {
    const struct bw_settings *settings = program->settings;
    const char *address = bw_settings_argument(settings);
    struct bw_tls *tls = NULL;
    if (!address)
        address = bw_settings_text(settings, "RPC_ADDRESS");
    if (bw_program_serves_tls(settings)) {
        char why[256];
        tls = bw_program_tls_probe(settings, why, sizeof why);
        if (!tls) {
            bw_program_complain(program, why);
            return BW_EXIT_CANNOT_RUN;
        }
    }
    int code = bw_program_healthcheck(address, tls);
    bw_tls_free(tls);
    return code;
}

static int prepare_run(struct bw_program *program) {
    const struct bw_settings *settings = program->settings;
    bw_log_to_stderr(&program->log, program->name, (enum bw_log_level)bw_settings_word(settings, "LOG_LEVEL"),
                     (enum bw_logsink_format)bw_settings_word(settings, "LOG_FORMAT"));
    program->drain_timeout_ms = bw_settings_ms(settings, "DRAIN_TIMEOUT");
    program->loop = bw_loop_new();
    if (program->loop && catch_signals(program))
        return BW_PROGRAM_RUN;
    bw_program_complain(program, "cannot make an event loop: no memory or no file descriptors left");
    return BW_EXIT_CANNOT_RUN;
}

static int act(struct bw_program *program, const struct bw_program_spec *spec) {
    switch (bw_settings_action(program->settings)) {
    case BW_ACTION_HELP:
        return print_help(program, spec->table);
    case BW_ACTION_VERSION:
        return print_version(program, spec);
    case BW_ACTION_PRINT_CONFIG:
        return print_config(program, spec);
    case BW_ACTION_CHECK_CONFIG:
        return 0;
    case BW_ACTION_HEALTHCHECK:
        return healthcheck(program);
    case BW_ACTION_RUN:
        break;
    }
    return prepare_run(program);
}

/* --help and --version answer whatever the rest of the settings is. */
static bool needs_apply(const struct bw_settings *settings) {
    enum bw_settings_action action = bw_settings_action(settings);
    return action != BW_ACTION_HELP && action != BW_ACTION_VERSION && action != BW_ACTION_HEALTHCHECK;
}

int bw_program_begin(struct bw_program *program, const struct bw_program_spec *spec, int argc, char **argv) {
    struct bw_settings_input input = {.argc = argc, .argv = (const char *const *)argv, .env = environment};
    struct bw_settings_error error;
    bw_ignore_sigpipe();
    *program = (struct bw_program){.name = spec->table->program};
    program->settings = bw_settings_read(spec->table, &input, &error);
    bool ok = program->settings != NULL;
    if (ok && spec->apply && needs_apply(program->settings))
        ok = spec->apply(spec->owner, program->settings, &error);
    if (ok)
        return act(program, spec);
    bw_program_complain(program, error.text);
    return error.exit_code;
}

void bw_program_end(struct bw_program *program) {
    if (program->drainer)
        bw_clockwork_free(program->drainer->clockwork);
    free(program->drainer);
    bw_loop_free(program->loop);
    bw_program_tls_end(program);
    bw_logsink_free(&program->log);
    bw_settings_free(program->settings);
}

void bw_program_warn_open(const struct bw_program *program, const char *address) {
    if (!bw_settings_is_loopback(address))
        bw_log_fields(&program->log, BW_LOG_WARN, "listening beyond this machine without TLS",
                      bw_field_text("address", address));
}
