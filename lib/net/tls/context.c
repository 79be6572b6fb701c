#include "context.h"

#include "filter.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 9113 section 9.2.2 and appendix A: of TLS 1.2's only those with ephemeral keys and AEAD. */
#define CIPHERS_OF_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

#define OPTIONS                                                                                              \
    (SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE)
#define MODES (SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS)

/* ---- reasons ---- */

void bw_tls_reason(char *out, size_t cap) {
    unsigned long error = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);
    snprintf(out, cap, "%s", error && reason ? reason : "no reason is given");
    ERR_clear_error();
}

/* False, for the caller to return. */
static bool explain(char *why, size_t cap, const char *what, const char *file) {
    char reason[BW_TLS_WHY_MAX];
    bw_tls_reason(reason, sizeof reason);
    if (cap > 0)
        snprintf(why, cap, "cannot use the %s %s: %s", what, file, reason);
    return false;
}

/* ---- files ---- */

/* Without it OpenSSL would ask for it on the terminal. */
static int no_password(char *out, int cap, int is_writing, void *user) {
    (void)out;
    (void)cap;
    (void)is_writing;
    (void)user;
    return -1;
}

static bool use_identity(SSL_CTX *context, const struct bw_tls_config *config, char *why, size_t cap) {
    if (!config->certificate_file)
        return true;
    if (SSL_CTX_use_certificate_chain_file(context, config->certificate_file) != 1)
        return explain(why, cap, "certificate file", config->certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, config->key_file, SSL_FILETYPE_PEM) != 1)
        return explain(why, cap, "key file", config->key_file);
    return true;
}

static bool use_authorities(SSL_CTX *context, const struct bw_tls_config *config, char *why, size_t cap) {
    bool is_server = config->side == BW_TLS_SERVER;
    if (is_server && !config->ca_file)
        return true;
    if (!config->ca_file)
        return SSL_CTX_set_default_verify_paths(context) == 1 ||
               explain(why, cap, "certificates of", "the system");
    if (SSL_CTX_load_verify_file(context, config->ca_file) != 1)
        return explain(why, cap, "CA file", config->ca_file);
    STACK_OF(X509_NAME) *names = is_server ? SSL_load_client_CA_file(config->ca_file) : NULL;
    if (is_server && !names)
        return explain(why, cap, "CA file", config->ca_file);
    SSL_CTX_set_client_CA_list(context, names); /* takes them over */
    return true;
}

/* ---- the protocol ---- */

/* A client that says nothing about its protocol would get through ALPN unasked. */
static int on_client_hello(SSL *session, int *alert, void *user) {
    const struct bw_tls *tls = user;
    const unsigned char *extension;
    size_t len;
    if (tls->config.protocol_optional ||
        SSL_client_hello_get0_ext(session, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension,
                                  &len) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    bw_tls_filter_refuse(session, "the client offers no protocol by ALPN");
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

/* RFC 7301 section 3.2: without a common protocol the handshake ends with no_application_protocol. */
static int on_select(SSL *session, const unsigned char **out, unsigned char *out_len,
                     const unsigned char *offered, unsigned offered_len, void *user) {
    const struct bw_tls *tls = user;
    for (unsigned at = 0; at < offered_len; at += 1u + offered[at]) {
        if (offered_len - at < tls->offer_len || memcmp(offered + at, tls->offer, tls->offer_len) != 0)
            continue;
        *out = offered + at + 1;
        *out_len = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    if (tls->config.protocol_optional)
        return SSL_TLSEXT_ERR_NOACK;
    bw_tls_filter_refuse(session, "the client does not offer our protocol by ALPN");
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- contexts ---- */

static bool set_up(SSL_CTX *context, struct bw_tls *tls) {
    SSL_CTX_set_options(context, OPTIONS);
    SSL_CTX_set_mode(context, MODES);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    bool ok = SSL_CTX_set_num_tickets(context, 0) == 1 &&
              SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
              SSL_CTX_set_cipher_list(context, CIPHERS_OF_1_2) == 1;
    if (tls->config.side == BW_TLS_CLIENT) {
        SSL_CTX_set_verify(context, tls->config.trust_anyone ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
        return ok && SSL_CTX_set_alpn_protos(context, tls->offer, tls->offer_len) == 0;
    }
    if (tls->config.ca_file)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_alpn_select_cb(context, on_select, tls);
    SSL_CTX_set_client_hello_cb(context, on_client_hello, tls);
    return ok;
}

bool bw_tls_reload(struct bw_tls *tls, char *why, size_t cap) {
    ERR_clear_error();
    SSL_CTX *context =
        SSL_CTX_new(tls->config.side == BW_TLS_SERVER ? TLS_server_method() : TLS_client_method());
    bool ok = context && set_up(context, tls);
    if (!ok)
        explain(why, cap, "TLS of", "OpenSSL");
    ok = ok && use_identity(context, &tls->config, why, cap) &&
         use_authorities(context, &tls->config, why, cap);
    SSL_CTX_free(ok ? tls->context : context);
    if (ok)
        tls->context = context;
    return ok;
}

/* ---- making it ---- */

void bw_tls_config_default(struct bw_tls_config *config, enum bw_tls_side side) {
    *config = (struct bw_tls_config){
        .size = sizeof *config, .side = side, .protocol = "h2", .handshake_timeout_ms = 10000};
}

/* NULL: the config can be used. */
static const char *fault_of(const struct bw_tls_config *config) {
    if (config->size != sizeof *config || !config->protocol)
        return "the TLS configuration was never defaulted";
    if (!config->certificate_file != !config->key_file)
        return "a TLS certificate needs its key, and a key its certificate";
    if (config->side == BW_TLS_SERVER && !config->certificate_file)
        return "a TLS server needs a certificate";
    if (strlen(config->protocol) < 1 || strlen(config->protocol) > 255)
        return "the name of a protocol has 1 to 255 bytes";
    return NULL;
}

static bool copy_text(struct bw_tls *tls, size_t i, const char **text) {
    if (!*text)
        return true;
    size_t len = strlen(*text) + 1;
    tls->texts[i] = malloc(len);
    if (tls->texts[i])
        memcpy(tls->texts[i], *text, len);
    *text = tls->texts[i];
    return *text != NULL;
}

static bool copy_config(struct bw_tls *tls, const struct bw_tls_config *config) {
    tls->config = *config;
    if (!copy_text(tls, 0, &tls->config.certificate_file) || !copy_text(tls, 1, &tls->config.key_file) ||
        !copy_text(tls, 2, &tls->config.ca_file) || !copy_text(tls, 3, &tls->config.protocol))
        return false;
    size_t len = strlen(tls->config.protocol);
    tls->offer[0] = (uint8_t)len;
    memcpy(tls->offer + 1, tls->config.protocol, len);
    tls->offer_len = (unsigned)len + 1;
    return true;
}

struct bw_tls *bw_tls_new(const struct bw_tls_config *config, char *why, size_t cap) {
    const char *fault = fault_of(config);
    struct bw_tls *tls = fault ? NULL : calloc(1, sizeof *tls);
    if (!tls || !copy_config(tls, config)) {
        if (cap > 0)
            snprintf(why, cap, "%s", fault ? fault : "out of memory");
        bw_tls_free(tls);
        return NULL;
    }
    if (!bw_tls_reload(tls, why, cap)) {
        bw_tls_free(tls);
        return NULL;
    }
    return tls;
}

void bw_tls_free(struct bw_tls *tls) {
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    for (size_t i = 0; i < sizeof tls->texts / sizeof tls->texts[0]; i++)
        free(tls->texts[i]);
    free(tls);
}

const char *bw_tls_library_version(void) {
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}
