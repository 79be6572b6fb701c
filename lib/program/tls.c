/* TLS as the settings say it, its reload, and the RPC listener that may have it. */
#include "tls.h"

#include <breakwire/listener.h>
#include <breakwire/program.h>

#include <assert.h>
#include <stdio.h>

enum { WHY_MAX = 512 };

const struct bw_program_tls bw_program_rpc_tls = {BW_TLS_SERVER, "RPC_TLS_CERTIFICATE", "RPC_TLS_KEY",
                                                  "RPC_TLS_CLIENT_CA"};

static const char *text_or_null(const struct bw_settings *settings, const char *name) {
    const char *text = bw_settings_text(settings, name);
    return *text ? text : NULL;
}

static void configure(struct bw_tls_config *config, const struct bw_program_tls *use,
                      const struct bw_settings *settings) {
    bw_tls_config_default(config, use->side);
    config->certificate_file = text_or_null(settings, use->certificate);
    config->key_file = text_or_null(settings, use->key);
    config->ca_file = text_or_null(settings, use->ca);
}

static bool refuse(struct bw_settings_error *error, const char *set, const char *what, const char *unset) {
    error->exit_code = BW_EXIT_CONFIGURATION;
    snprintf(error->text, sizeof error->text, "%s is set, but %s%s", set, what, unset);
    return false;
}

bool bw_program_tls_check(const struct bw_program_tls *use, const struct bw_settings *settings,
                          struct bw_settings_error *error) {
    struct bw_tls_config config;
    configure(&config, use, settings);
    if (use->side == BW_TLS_SERVER && !config.certificate_file && !config.key_file && !config.ca_file)
        return true;
    if (config.certificate_file && !config.key_file)
        return refuse(error, use->certificate, "there is no ", use->key);
    if (config.key_file && !config.certificate_file)
        return refuse(error, use->key, "there is no ", use->certificate);
    if (use->side == BW_TLS_SERVER && !config.certificate_file)
        return refuse(error, use->ca, "there is no ", use->certificate);
    struct bw_tls *tls = bw_tls_new(&config, error->text, sizeof error->text);
    bw_tls_free(tls);
    error->exit_code = BW_EXIT_CONFIGURATION;
    return tls != NULL;
}

struct bw_tls *bw_program_tls_new(struct bw_program *program, const struct bw_program_tls *use, char *why,
                                  size_t cap) {
    struct bw_tls_config config;
    assert(program->tls_count < BW_PROGRAM_TLS_MAX);
    configure(&config, use, program->settings);
    struct bw_tls *tls = bw_tls_new(&config, why, cap);
    if (tls)
        program->tls[program->tls_count++] = tls;
    return tls;
}

void bw_program_tls_reload(const struct bw_program *program) {
    char why[WHY_MAX];
    for (size_t i = 0; i < program->tls_count; i++)
        if (bw_tls_reload(program->tls[i], why, sizeof why))
            bw_log_fields(&program->log, BW_LOG_INFO, "the files of TLS are read again",
                          bw_field_text("why", NULL));
        else
            bw_log_fields(&program->log, BW_LOG_ERROR, "TLS goes on with what was read before",
                          bw_field_text("why", why));
}

void bw_program_tls_end(struct bw_program *program) {
    while (program->tls_count > 0)
        bw_tls_free(program->tls[--program->tls_count]);
}

/* ---- the RPC listener ---- */

bool bw_program_serves_tls(const struct bw_settings *settings) {
    return *bw_settings_text(settings, bw_program_rpc_tls.certificate) != '\0';
}

/* Anyone can cause these lines: they are for who looks for something. */
static void on_refused(void *user, const char *peer, const char *why) {
    const struct bw_program *program = user;
    bw_log_fields(&program->log, BW_LOG_DEBUG, "a TLS handshake failed", bw_field_text("peer", peer),
                  bw_field_text("why", why));
}

struct bw_listener *bw_program_listen_rpc(struct bw_program *program, struct bw_tls_acceptor *acceptor,
                                          bw_accept_fn accept, void *owner, char *why, size_t cap) {
    const char *address = bw_settings_text(program->settings, "RPC_ADDRESS");
    bool is_secured = bw_program_serves_tls(program->settings);
    *acceptor =
        (struct bw_tls_acceptor){.accept = accept, .owner = owner, .on_refused = on_refused, .user = program};
    if (is_secured) {
        acceptor->tls = bw_program_tls_new(program, &bw_program_rpc_tls, why, cap);
        if (!acceptor->tls)
            return NULL;
        accept = bw_tls_accept;
        owner = acceptor;
    }
    struct bw_listener *listener = bw_listener_new(program->loop, address, accept, owner, why, cap);
    if (listener && !is_secured)
        bw_program_warn_open(program, bw_listener_address(listener));
    return listener;
}

/* Our own process is asked: there is nobody to be mistaken for, and its name need not be the address. */
struct bw_tls *bw_program_tls_probe(const struct bw_settings *settings, char *why, size_t cap) {
    struct bw_tls_config config;
    configure(&config, &bw_program_rpc_tls, settings);
    config.side = BW_TLS_CLIENT;
    config.ca_file = NULL;
    config.trust_anyone = true;
    return bw_tls_new(&config, why, cap);
}
