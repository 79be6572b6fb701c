#include "context.h"
#include "filter.h"

#include <openssl/err.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* A connection that is accepted, until its core is made. */
struct guest {
    const struct bw_tls_acceptor *acceptor;
    struct bw_wake wake;
    struct bw_address peer;
};

static struct bw_conn established(void *owner, uint64_t now_ms) {
    const struct guest *guest = owner;
    const struct bw_tls_acceptor *acceptor = guest->acceptor;
    return acceptor->accept(acceptor->owner, now_ms, guest->peer.text, guest->wake);
}

static void failed(void *owner, uint64_t now_ms, const char *why) {
    const struct guest *guest = owner;
    (void)now_ms;
    if (guest->acceptor->on_refused)
        guest->acceptor->on_refused(guest->acceptor->user, guest->peer.text, why);
}

struct bw_conn bw_tls_accept(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake) {
    static const struct bw_tls_ends ends = {established, failed, free};
    const struct bw_tls_acceptor *acceptor = owner;
    struct bw_conn conn = {NULL, NULL};
    assert(acceptor->tls->config.side == BW_TLS_SERVER);
    struct guest *guest = calloc(1, sizeof *guest);
    SSL *session = guest ? SSL_new(acceptor->tls->context) : NULL;
    if (session) {
        guest->acceptor = acceptor;
        guest->wake = wake;
        snprintf(guest->peer.text, sizeof guest->peer.text, "%s", peer);
        SSL_set_accept_state(session);
        conn = bw_tls_filter_new(session, acceptor->tls, &ends, guest, now_ms);
    }
    if (!conn.ops)
        free(guest);
    return conn;
}
