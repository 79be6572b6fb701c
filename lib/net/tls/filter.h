/* filter.h: one TLS connection as a connection core around another one: cipher bytes outside, plain inside.
 */
#ifndef TLS_FILTER_H
#define TLS_FILTER_H

#include <breakwire/tls.h>

#include <openssl/ssl.h>

enum { BW_TLS_WHY_MAX = 256 };

/* What the maker of a filter is asked and told. */
struct bw_tls_ends {
    /* The handshake is done: the core that is to be run. ops NULL: none, the connection is closed. */
    struct bw_conn (*established)(void *owner, uint64_t now_ms);
    /* The handshake did not work, or the peer took its word back before it sent anything. */
    void (*failed)(void *owner, uint64_t now_ms, const char *why);
    void (*free)(void *owner);
};

/* Takes the session over, which is set up but has no bytes yet. ops NULL: no memory; then the session is
 * freed, the owner is not. */
struct bw_conn bw_tls_filter_new(SSL *session, const struct bw_tls *tls, const struct bw_tls_ends *ends,
                                 void *owner, uint64_t now_ms);

/* While callbacks of the session run: why it is refused, in place of OpenSSL's reason. Static text. */
void bw_tls_filter_refuse(SSL *session, const char *why);

#endif
