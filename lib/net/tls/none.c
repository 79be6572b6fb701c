/* tls.h in a build without OpenSSL: no bw_tls can be had, so the rest is never reached. */
#include <breakwire/tls.h>

#include <stdio.h>
#include <stdlib.h>

void bw_tls_config_default(struct bw_tls_config *config, enum bw_tls_side side) {
    *config = (struct bw_tls_config){
        .size = sizeof *config, .side = side, .protocol = "h2", .handshake_timeout_ms = 10000};
}

struct bw_tls *bw_tls_new(const struct bw_tls_config *config, char *why, size_t cap) {
    (void)config;
    if (cap > 0)
        snprintf(why, cap, "this program was built without TLS (BREAKWIRE_TLS is OFF)");
    return NULL;
}

bool bw_tls_reload(struct bw_tls *tls, char *why, size_t cap) {
    (void)tls;
    (void)why;
    (void)cap;
    abort();
}

void bw_tls_free(struct bw_tls *tls) {
    if (tls)
        abort();
}

const char *bw_tls_library_version(void) {
    return "";
}

struct bw_conn bw_tls_accept(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake) {
    (void)owner;
    (void)now_ms;
    (void)peer;
    (void)wake;
    abort();
}

struct bw_tls_dialer *bw_tls_dialer_new(struct bw_tls *tls, struct bw_dialable dialable,
                                        struct bw_wake wake) {
    (void)tls;
    (void)dialable;
    (void)wake;
    abort();
}

struct bw_dialable bw_tls_dialer_dialable(struct bw_tls_dialer *dialer) {
    (void)dialer;
    abort();
}

void bw_tls_dialer_free(struct bw_tls_dialer *dialer) {
    if (dialer)
        abort();
}
