/* context.h: what bw_tls is, and how sessions are made of it. */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <breakwire/tls.h>

#include <openssl/ssl.h>

struct bw_tls {
    struct bw_tls_config config; /* its texts lie in `texts` */
    char *texts[4];
    uint8_t offer[1 + 255]; /* the protocol as ALPN has it: a length, then the name */
    unsigned offer_len;
    SSL_CTX *context; /* replaced by a reload; sessions hold on to theirs */
};

/* Writes the oldest reason of OpenSSL's queue, and empties it. */
void bw_tls_reason(char *out, size_t cap);

#endif
