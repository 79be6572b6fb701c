#include "context.h"
#include "filter.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A CONNECT wish that was handed on, until its connection is gone. */
struct attempt {
    struct bw_tls_dialer *dialer; /* NULL: it is freed, or the attempt was given up */
    struct attempt *next, **link;
    uint64_t id;
    bool has_connection; /* which frees it */
    struct bw_wake wake; /* of the connection */
    char host[sizeof((struct bw_wish *)0)->host];
    struct bw_address to;
};

struct bw_tls_dialer {
    struct bw_tls *tls;
    struct bw_dialable inner;
    struct bw_wake wake; /* of the dialer that asks us */
    struct attempt *attempts;
};

static void forget(struct attempt *attempt) {
    if (!attempt->dialer)
        return;
    *attempt->link = attempt->next;
    if (attempt->next)
        attempt->next->link = attempt->link;
    attempt->dialer = NULL;
}

static void remember(struct bw_tls_dialer *d, struct attempt *attempt) {
    attempt->dialer = d;
    attempt->next = d->attempts;
    attempt->link = &d->attempts;
    if (attempt->next)
        attempt->next->link = &attempt->next;
    d->attempts = attempt;
}

static struct attempt *attempt_of(const struct bw_tls_dialer *d, uint64_t id) {
    struct attempt *attempt = d->attempts;
    while (attempt && attempt->id != id)
        attempt = attempt->next;
    return attempt;
}

/* ---- one connection ---- */

/* The dialer asks for wishes after each call of the dialable that it makes itself: these it does not see. */
static void tell_failed(struct bw_tls_dialer *d, uint64_t now_ms, uint64_t id, const char *why) {
    d->inner.ops->failed(d->inner.self, now_ms, id, why);
    bw_wake_up(&d->wake);
}

static void on_failed(void *owner, uint64_t now_ms, const char *why) {
    const struct attempt *attempt = owner;
    char text[BW_TLS_WHY_MAX + sizeof attempt->host + sizeof attempt->to.text + 32];
    if (!attempt->dialer)
        return;
    snprintf(text, sizeof text, "cannot connect to %s by TLS as %s: %s", attempt->to.text, attempt->host,
             why);
    tell_failed(attempt->dialer, now_ms, attempt->id, text);
}

static struct bw_conn on_established(void *owner, uint64_t now_ms) {
    const struct attempt *attempt = owner;
    struct bw_tls_dialer *d = attempt->dialer;
    if (!d)
        return (struct bw_conn){NULL, NULL};
    struct bw_conn conn = d->inner.ops->connected(d->inner.self, now_ms, attempt->id, attempt->wake);
    bw_wake_up(&d->wake);
    return conn;
}

static void free_attempt(void *owner) {
    forget(owner);
    free(owner);
}

/* RFC 6125 section 6.4, RFC 6066 section 3: an address is checked as one, and never sent as a name. */
static bool set_host(SSL *session, const char *host) {
    X509_VERIFY_PARAM *param = SSL_get0_param(session);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    ERR_clear_error();
    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 && SSL_set_tlsext_host_name(session, host) == 1;
}

static struct bw_conn secure(struct attempt *attempt, uint64_t now_ms) {
    static const struct bw_tls_ends ends = {on_established, on_failed, free_attempt};
    const struct bw_tls *tls = attempt->dialer->tls;
    SSL *session = SSL_new(tls->context);
    if (!session || !set_host(session, attempt->host)) {
        SSL_free(session);
        return (struct bw_conn){NULL, NULL};
    }
    SSL_set_connect_state(session);
    return bw_tls_filter_new(session, tls, &ends, attempt, now_ms);
}

/* ---- the shape of core.h ---- */

/* False: the wish cannot be handed on; the dialable was told. */
static bool take_connect(struct bw_tls_dialer *d, uint64_t now_ms, struct bw_wish *wish) {
    struct attempt *attempt = wish->host[0] ? calloc(1, sizeof *attempt) : NULL;
    if (!attempt) {
        const char *why =
            wish->host[0] ? "out of memory" : "TLS needs the name of the server, and there is none";
        d->inner.ops->failed(d->inner.self, now_ms, wish->id, why);
        return false;
    }
    attempt->id = wish->id;
    attempt->to = wish->address;
    memcpy(attempt->host, wish->host, sizeof attempt->host);
    remember(d, attempt);
    wish->host[0] = '\0'; /* we see to it */
    return true;
}

/* A connection that is there frees its attempt itself, by and by. */
static void take_close(struct bw_tls_dialer *d, uint64_t id) {
    struct attempt *attempt = attempt_of(d, id);
    if (!attempt)
        return;
    forget(attempt);
    if (!attempt->has_connection)
        free(attempt);
}

static bool next_wish(void *self, uint64_t now_ms, struct bw_wish *out) {
    struct bw_tls_dialer *d = self;
    while (d->inner.ops->next_wish(d->inner.self, now_ms, out)) {
        if (out->kind == BW_WISH_CLOSE)
            take_close(d, out->id);
        if (out->kind != BW_WISH_CONNECT || take_connect(d, now_ms, out))
            return true;
    }
    return false;
}

static void resolved(void *self, uint64_t now_ms, uint64_t id, const struct bw_address *addresses, size_t n) {
    struct bw_tls_dialer *d = self;
    d->inner.ops->resolved(d->inner.self, now_ms, id, addresses, n);
}

static void failed(void *self, uint64_t now_ms, uint64_t id, const char *why) {
    struct bw_tls_dialer *d = self;
    struct attempt *attempt = attempt_of(d, id);
    if (attempt)
        free_attempt(attempt);
    d->inner.ops->failed(d->inner.self, now_ms, id, why);
}

static struct bw_conn connected(void *self, uint64_t now_ms, uint64_t id, struct bw_wake wake) {
    struct bw_tls_dialer *d = self;
    struct attempt *attempt = attempt_of(d, id);
    if (!attempt)
        return (struct bw_conn){NULL, NULL};
    attempt->wake = wake;
    attempt->has_connection = true;
    struct bw_conn conn = secure(attempt, now_ms);
    if (!conn.ops) {
        free_attempt(attempt);
        tell_failed(d, now_ms, id, "cannot begin a TLS handshake: out of memory");
    }
    return conn;
}

static void tick(void *self, uint64_t now_ms) {
    struct bw_tls_dialer *d = self;
    d->inner.ops->tick(d->inner.self, now_ms);
}

static uint64_t next_deadline(const void *self) {
    const struct bw_tls_dialer *d = self;
    return d->inner.ops->next_deadline(d->inner.self);
}

/* ---- from outside ---- */

struct bw_tls_dialer *bw_tls_dialer_new(struct bw_tls *tls, struct bw_dialable dialable,
                                        struct bw_wake wake) {
    assert(tls->config.side == BW_TLS_CLIENT);
    struct bw_tls_dialer *d = calloc(1, sizeof *d);
    if (d)
        *d = (struct bw_tls_dialer){tls, dialable, wake, NULL};
    return d;
}

struct bw_dialable bw_tls_dialer_dialable(struct bw_tls_dialer *dialer) {
    static const struct bw_dial_ops ops = {next_wish, resolved, failed, connected, tick, next_deadline};
    return (struct bw_dialable){&ops, dialer};
}

/* What is left are wishes that nobody fulfilled: the dialer is gone, and with it the connections. */
void bw_tls_dialer_free(struct bw_tls_dialer *d) {
    if (!d)
        return;
    while (d->attempts)
        free_attempt(d->attempts);
    free(d);
}
