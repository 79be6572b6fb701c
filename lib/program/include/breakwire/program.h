/* program.h: what our programs do alike: settings, log, versions, signals, drain and the health check.
 *
 *     int main(int argc, char **argv) {
 *         struct bw_program program;
 *         int code = bw_program_begin(&program, &spec, argc, argv);
 *         if (code == BW_PROGRAM_RUN) {
 *             code = start(&app, &program) ? bw_program_run(&program, &drain) : BW_EXIT_CANNOT_RUN;
 *             stop(&app);
 *         }
 *         bw_program_end(&program);
 *         return code;
 *     }
 *
 * For programs only: one per process, one thread. It ignores SIGPIPE; SIGHUP reads the files of TLS again.
 * The first SIGTERM or SIGINT drains, a second one ends the process at once with exit code 1; one that comes
 * before bw_program_run waits for it, so that a program can be ended from its ready line on. */
#ifndef BREAKWIRE_PROGRAM_H
#define BREAKWIRE_PROGRAM_H

#include <breakwire/log.h>
#include <breakwire/loop.h>
#include <breakwire/settings.h>
#include <breakwire/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows that every program's table begins with: LOG_LEVEL, LOG_FORMAT, DRAIN_TIMEOUT. */
#define BW_PROGRAM_SETTINGS                                                                                  \
    {                                                                                                        \
        "LOG_LEVEL",                                                                                         \
        NULL,                                                                                                \
        BW_SETTING_WORD,                                                                                     \
        0,                                                                                                   \
        0,                                                                                                   \
        "error|warn|info|debug",                                                                             \
        "info",                                                                                              \
        "least severe line to write"},                                                                       \
        {"LOG_FORMAT",                                                                                       \
         NULL,                                                                                               \
         BW_SETTING_WORD,                                                                                    \
         0,                                                                                                  \
         0,                                                                                                  \
         "auto|text|json",                                                                                   \
         "auto",                                                                                             \
         "auto is text on a terminal and JSON lines otherwise"},                                             \
    {                                                                                                        \
        "DRAIN_TIMEOUT", NULL, BW_SETTING_SECONDS, 0, 3600000, NULL, "10",                                   \
            "seconds that calls in work may take after SIGTERM"                                              \
    }

/* Rows for a program that serves RPC clients: all three empty is plain text. */
#define BW_PROGRAM_RPC_TLS_SETTINGS                                                                          \
    {"RPC_TLS_CERTIFICATE",                                                                                  \
     NULL,                                                                                                   \
     BW_SETTING_TEXT,                                                                                        \
     0,                                                                                                      \
     0,                                                                                                      \
     NULL,                                                                                                   \
     NULL,                                                                                                   \
     "a PEM file: RPC clients are served by TLS, with this certificate and those up to its CA"},             \
        {"RPC_TLS_KEY",                                                                                      \
         NULL,                                                                                               \
         BW_SETTING_TEXT,                                                                                    \
         0,                                                                                                  \
         0,                                                                                                  \
         NULL,                                                                                               \
         NULL,                                                                                               \
         "its private key, a PEM file; SIGHUP reads all of these files again"},                              \
    {                                                                                                        \
        "RPC_TLS_CLIENT_CA", NULL, BW_SETTING_TEXT, 0, 0, NULL, NULL,                                        \
            "a PEM file: RPC clients must have a certificate that one of these CAs signed"                   \
    }

struct bw_program_spec {
    const struct bw_settings_table *table;
    const char *codec_version; /* "protobuf-c 1.4.1", for --version */
    /* Checks and applies what the table alone cannot (groups, rules between values); may be NULL. False:
     * error. */
    bool (*apply)(void *owner, const struct bw_settings *settings, struct bw_settings_error *error);
    /* Appends lines of --print-config after those of bw_settings_print; may be NULL. */
    void (*print)(void *owner, const struct bw_settings *settings, struct bw_buf *out);
    void *owner;
};

struct bw_program_drainer;
enum { BW_PROGRAM_TLS_MAX = 2 };

struct bw_program {
    const char *name;
    struct bw_settings *settings;
    struct bw_log log;
    struct bw_loop *loop;
    uint64_t drain_timeout_ms;
    struct bw_program_drainer *drainer;     /* program.c's own */
    struct bw_tls *tls[BW_PROGRAM_TLS_MAX]; /* tls.c's own */
    size_t tls_count;
};

enum { BW_PROGRAM_RUN = -1 };

/* Reads the settings and does what the command line asks for (--help, --version, healthcheck, ...). Returns
 * BW_PROGRAM_RUN, or the exit code of a program that is done. bw_program_end is to be called either way. */
int bw_program_begin(struct bw_program *program, const struct bw_program_spec *spec, int argc, char **argv);

struct bw_program_drain {
    void (*begin)(void *owner, uint64_t now_ms); /* stop accepting, finish what is in work */
    bool (*done)(const void *owner);             /* nothing is in work any more */
    void *owner;
};

/* Runs the loop until a signal came and the drain is done or its time is over. Returns the exit code: 0. */
int bw_program_run(struct bw_program *program, const struct bw_program_drain *drain);
void bw_program_end(struct bw_program *program);

/* Says on stderr why the program cannot run: "service-b: cannot listen on ...". */
void bw_program_complain(const struct bw_program *program, const char *why);

/* The settings, by name, that one use of TLS has. */
struct bw_program_tls {
    enum bw_tls_side side;
    const char *certificate, *key, *ca;
};
extern const struct bw_program_tls bw_program_rpc_tls; /* BW_PROGRAM_RPC_TLS_SETTINGS */

/* For bw_program_spec.apply: can TLS be had with what is set? The files are read. False: error. */
bool bw_program_tls_check(const struct bw_program_tls *use, const struct bw_settings *settings,
                          struct bw_settings_error *error);
/* The TLS of these settings; the program owns it and reads its files again on SIGHUP. NULL: `why`. */
struct bw_tls *bw_program_tls_new(struct bw_program *program, const struct bw_program_tls *use, char *why,
                                  size_t cap);
/* Has the program a certificate for its RPC clients? */
bool bw_program_serves_tls(const struct bw_settings *settings);
/* The same as bw_listener_new at RPC_ADDRESS, by TLS when the settings say so. `acceptor` is lent, for as
 * long as the listener lives. One warning is logged when it is open to others and has no TLS. */
struct bw_listener *bw_program_listen_rpc(struct bw_program *program, struct bw_tls_acceptor *acceptor,
                                          bw_accept_fn accept, void *owner, char *why, size_t cap);

/* Logs one warning when a listener is open to more than this machine without TLS. */
void bw_program_warn_open(const struct bw_program *program, const char *address);

/* One health check, with grpc_health_probe's exit codes: 0 serving, 2 no connection, 3 the RPC failed, 4 not
 * serving. Says why on stderr when it is not 0. A wildcard address is read as loopback. Runs a loop of its
 * own, 1 s at most. `tls` is of side CLIENT; NULL: plain text. */
int bw_program_healthcheck(const char *address, struct bw_tls *tls);

#ifdef __cplusplus
}
#endif
#endif
