/* tls.h: TLS for connections: a filter between the bytes of a socket and the bytes of a connection core.
 *
 * It wraps whatever lib/net drives (core.h) in another of the same shape, so that neither the loop nor the
 * cores know of it. A server puts it between listener and accept function, a client between dialer and
 * channel:
 *
 *     struct bw_tls_acceptor secured = {.tls = tls, .accept = bw_server_accept, .owner = server};
 *     bw_listener_new(loop, address, bw_tls_accept, &secured, why, sizeof why);
 *
 *     secured = bw_tls_dialer_new(tls, bw_channel_dialable(channel), bw_dialer_wake(dialer));
 *     bw_dialer_start(dialer, bw_tls_dialer_dialable(secured));
 *
 * Rules for all of it:
 *  - TLS 1.2 or 1.3, for 1.2 only the ciphers that HTTP/2 allows (RFC 9113 section 9.2); no renegotiation, no
 *    compression, no resumption.
 *  - The inner core is made when the handshake is done: its own timers begin there. It sees plain bytes, and
 *    its back-pressure holds: what it does not want to read stays in the socket, except one read's worth.
 *  - Not thread-safe: a bw_tls belongs to one loop. It blocks only while it reads files, in bw_tls_new and
 *    bw_tls_reload.
 *  - In a build without TLS (BREAKWIRE_TLS=OFF) bw_tls_new says so; nothing else can be called then. */
#ifndef BREAKWIRE_TLS_H
#define BREAKWIRE_TLS_H

#include <breakwire/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_tls;

enum bw_tls_side { BW_TLS_SERVER, BW_TLS_CLIENT };

/* Files are PEM. Texts are copied. */
struct bw_tls_config {
    size_t size; /* set by bw_tls_config_default */
    enum bw_tls_side side;
    const char *certificate_file; /* our own, then those up to its CA; a client may have none: NULL */
    const char *key_file;         /* its private key, not encrypted */
    /* A client: who may have signed the server's certificate; NULL: those whom the system trusts. A server:
     * who must have signed the client's, which is then required (mutual TLS); NULL: none is asked for. */
    const char *ca_file;
    /* A client: whoever answers is taken for the server. For a probe of one's own process, nothing else. */
    bool trust_anyone;
    const char *protocol; /* for ALPN (RFC 7301); "h2" */
    /* false: a peer that does not agree on the protocol by ALPN is refused (RFC 9113 section 3.2). */
    bool protocol_optional;
    uint64_t handshake_timeout_ms; /* for the whole of it, whatever bytes come meanwhile; 10000 */
};

void bw_tls_config_default(struct bw_tls_config *config, enum bw_tls_side side);

/* NULL: `why` (cap bytes, cut) is a sentence with the file and the reason, such as "cannot use the
 * certificate file b.pem: no such file or directory". */
struct bw_tls *bw_tls_new(const struct bw_tls_config *config, char *why, size_t cap);
/* Reads the files again, for connections made from now on. False: `why` says it, and what was read before
 * stays in use. */
bool bw_tls_reload(struct bw_tls *tls, char *why, size_t cap);
/* After everything that was made with it. NULL is allowed. */
void bw_tls_free(struct bw_tls *tls);

/* "3.0.15": the OpenSSL that is loaded; "" in a build without TLS. Static text. */
const char *bw_tls_library_version(void);

/* ---- servers ---- */

/* The owner of bw_tls_accept: kept, lent by the caller until the listener is freed. */
struct bw_tls_acceptor {
    struct bw_tls *tls; /* of side SERVER */
    bw_accept_fn accept;
    void *owner; /* of `accept` */
    /* A handshake did not work, or the peer gave up before it sent anything; texts are lent. May be NULL. */
    void (*on_refused)(void *user, const char *peer, const char *why);
    void *user; /* of `on_refused` */
};

/* A bw_accept_fn, whose owner is a struct bw_tls_acceptor: handshake first, then the `accept` of that. */
struct bw_conn bw_tls_accept(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake);

/* ---- clients ---- */

/* Between a dialer and a dialable whose CONNECT wishes name a host (core.h): the server must prove to be that
 * host by its certificate, which is asked for by that name (SNI). A handshake that does not work is a
 * failed() for the dialable; while it lasts the dialable may give it up, as any connect attempt. */
struct bw_tls_dialer;

/* `tls` is of side CLIENT; dialable and tls are kept, not owned. `wake` is the dialer's. NULL: no memory. */
struct bw_tls_dialer *bw_tls_dialer_new(struct bw_tls *tls, struct bw_dialable dialable, struct bw_wake wake);
/* For bw_dialer_start. connected() and failed() come from inside callbacks of a connection then: the dialer
 * is not to be freed there. */
struct bw_dialable bw_tls_dialer_dialable(struct bw_tls_dialer *dialer);
/* After the dialer that runs it, and before the dialable. NULL is allowed. */
void bw_tls_dialer_free(struct bw_tls_dialer *dialer);

#ifdef __cplusplus
}
#endif
#endif
