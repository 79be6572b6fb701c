#include "filter.h"

#include "context.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_MAX = 16384, /* plain bytes of one record (RFC 8446 section 5.1), and of one SSL_write */
    OUT_MAX = 65536, /* cipher bytes that may wait before nothing more is read, such as answers to the peer's
                        demands for new keys */
};

enum stage {
    STAGE_HANDSHAKE, /* there is no inner core yet */
    STAGE_OPEN,      /* the inner core reads and writes */
    STAGE_ENDED,     /* the peer's close_notify came: what the core still drains leaves, then it is told */
    STAGE_BROKEN,    /* refused, or lost to an error: what OpenSSL has to say leaves */
    STAGE_CLOSED,    /* our close_notify was written: it leaves */
};

struct filter {
    enum stage stage;
    SSL *session;
    BIO *in, *out;        /* owned by the session */
    struct bw_conn inner; /* ops NULL: none, or it was told that it is lost and freed */
    const struct bw_tls *tls;
    const struct bw_tls_ends *ends;
    void *owner;
    const char *refusal; /* ours; NULL: OpenSSL has the reason */
    uint64_t give_up_ms; /* of the handshake */
    size_t plain_due;    /* plain bytes in records of which written() has not told */
    size_t cipher_due;   /* bytes drained of which it has not told */
    bool heard;          /* the peer has sent plain bytes: it has accepted us */
    bool held;           /* the inner core did not want to read: bytes may wait here */
    bool deaf;           /* it took fewer bytes than it was fed: it never reads again */
};

static bool inner_wants(const struct filter *f, unsigned what) {
    return f->inner.ops && (f->inner.ops->wants(f->inner.self) & what);
}

static bool inner_reads(const struct filter *f) {
    return f->stage == STAGE_OPEN && !f->deaf && inner_wants(f, BW_WANTS_READ);
}

static void lose_inner(struct filter *f, uint64_t now_ms, enum bw_lost reason) {
    struct bw_conn inner = f->inner;
    f->inner = (struct bw_conn){NULL, NULL};
    if (!inner.ops)
        return;
    inner.ops->lost(inner.self, now_ms, reason);
    inner.ops->free(inner.self);
}

/* ---- what goes wrong ---- */

static void write_why(const struct filter *f, char *out) {
    char reason[BW_TLS_WHY_MAX / 2];
    long verdict = SSL_get_verify_result(f->session);
    bw_tls_reason(reason, sizeof reason);
    if (f->refusal)
        snprintf(out, BW_TLS_WHY_MAX, "%s", f->refusal);
    else if (verdict != X509_V_OK)
        snprintf(out, BW_TLS_WHY_MAX, "%s: %s", reason, X509_verify_cert_error_string(verdict));
    else
        snprintf(out, BW_TLS_WHY_MAX, "%s", reason);
}

static void break_off(struct filter *f, uint64_t now_ms, const char *why) {
    f->stage = STAGE_BROKEN;
    if (!f->heard)
        f->ends->failed(f->owner, now_ms, why);
    lose_inner(f, now_ms, BW_LOST_ERROR);
}

static void break_off_by_openssl(struct filter *f, uint64_t now_ms) {
    char why[BW_TLS_WHY_MAX];
    write_why(f, why);
    break_off(f, now_ms, why);
}

/* ---- bytes in ---- */

static bool agrees(const struct filter *f) {
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(f->session, &protocol, &len);
    return f->tls->config.protocol_optional ||
           (len + 1 == f->tls->offer_len && memcmp(protocol, f->tls->offer + 1, len) == 0);
}

static void establish(struct filter *f, uint64_t now_ms) {
    if (!agrees(f)) {
        break_off(f, now_ms, "the server does not select our protocol by ALPN");
        SSL_shutdown(f->session);
        return;
    }
    f->stage = STAGE_OPEN;
    f->inner = f->ends->established(f->owner, now_ms);
    if (f->inner.ops)
        return;
    f->stage = STAGE_CLOSED;
    SSL_shutdown(f->session);
}

static void shake_hands(struct filter *f, uint64_t now_ms) {
    ERR_clear_error();
    int done = SSL_do_handshake(f->session);
    if (done == 1)
        establish(f, now_ms);
    else if (SSL_get_error(f->session, done) != SSL_ERROR_WANT_READ)
        break_off_by_openssl(f, now_ms);
}

/* False: nothing more can be read now. */
static bool read_record(struct filter *f, uint64_t now_ms) {
    uint8_t plain[RECORD_MAX];
    size_t len;
    ERR_clear_error();
    int done = SSL_read_ex(f->session, plain, sizeof plain, &len);
    if (done == 1) {
        f->heard = true;
        f->deaf = f->inner.ops->feed(f->inner.self, now_ms, plain, len) < len;
        return true;
    }
    int error = SSL_get_error(f->session, done);
    if (error == SSL_ERROR_ZERO_RETURN)
        f->stage = STAGE_ENDED;
    else if (error != SSL_ERROR_WANT_READ)
        break_off_by_openssl(f, now_ms);
    return false;
}

static void pump(struct filter *f, uint64_t now_ms) {
    if (f->stage == STAGE_HANDSHAKE)
        shake_hands(f, now_ms);
    f->held = false;
    while (inner_reads(f))
        if (!read_record(f, now_ms))
            return;
    f->held = f->stage == STAGE_OPEN;
}

static size_t feed(void *self, uint64_t now_ms, const uint8_t *bytes, size_t len) {
    struct filter *f = self;
    size_t taken;
    if (f->stage > STAGE_OPEN || f->deaf)
        return 0;
    if (BIO_write_ex(f->in, bytes, len, &taken) == 1)
        pump(f, now_ms);
    else
        break_off(f, now_ms, "out of memory");
    return f->deaf ? 0 : len;
}

/* ---- bytes out ---- */

/* One record's worth of what the inner core has to send. */
static size_t gather(struct filter *f, uint64_t now_ms, uint8_t *plain) {
    size_t used = 0, n = 1;
    while (n > 0 && used < RECORD_MAX) {
        n = f->inner.ops->drain(f->inner.self, now_ms, plain + used, RECORD_MAX - used);
        used += n;
    }
    return used;
}

static void say_goodbye(struct filter *f, uint64_t now_ms) {
    if (f->stage == STAGE_ENDED)
        lose_inner(f, now_ms, BW_LOST_EOF);
    f->stage = STAGE_CLOSED;
    SSL_shutdown(f->session);
}

/* False: nothing more is to be sent now. */
static bool write_record(struct filter *f, uint64_t now_ms) {
    uint8_t plain[RECORD_MAX];
    size_t taken, len = 0;
    if (f->inner.ops && (f->stage == STAGE_OPEN || f->stage == STAGE_ENDED))
        len = gather(f, now_ms, plain);
    ERR_clear_error();
    if (len > 0) {
        f->plain_due += len;
        if (SSL_write_ex(f->session, plain, len, &taken) != 1)
            break_off_by_openssl(f, now_ms);
        return true;
    }
    if (f->stage != STAGE_ENDED && !(f->stage == STAGE_OPEN && inner_wants(f, BW_WANTS_CLOSE)))
        return false;
    say_goodbye(f, now_ms);
    return true;
}

static size_t drain(void *self, uint64_t now_ms, uint8_t *out, size_t cap) {
    struct filter *f = self;
    size_t used = 0, n;
    while (used < cap) {
        n = 0;
        if (BIO_read_ex(f->out, out + used, cap - used, &n) != 1 && !write_record(f, now_ms))
            break;
        used += n;
    }
    f->cipher_due += used;
    return used;
}

/* The inner core is told the same share of its bytes as has left of ours. */
static void written(void *self, uint64_t now_ms, size_t len) {
    struct filter *f = self;
    size_t due = f->cipher_due + BIO_ctrl_pending(f->out);
    size_t share = len >= due ? f->plain_due : (size_t)((uint64_t)f->plain_due * len / due);
    f->cipher_due -= len;
    f->plain_due -= share;
    if (share > 0 && f->inner.ops)
        f->inner.ops->written(f->inner.self, now_ms, share);
}

/* ---- time, wishes, end ---- */

static void tick(void *self, uint64_t now_ms) {
    struct filter *f = self;
    if (f->stage == STAGE_HANDSHAKE && now_ms >= f->give_up_ms)
        break_off(f, now_ms, "the TLS handshake timed out");
    if (f->held && inner_reads(f))
        pump(f, now_ms);
    if (f->inner.ops && f->inner.ops->next_deadline(f->inner.self) <= now_ms)
        f->inner.ops->tick(f->inner.self, now_ms);
}

static uint64_t next_deadline(const void *self) {
    const struct filter *f = self;
    if (f->stage == STAGE_HANDSHAKE)
        return f->give_up_ms;
    if (f->held && inner_reads(f))
        return 0;
    return f->inner.ops ? f->inner.ops->next_deadline(f->inner.self) : BW_NEVER;
}

static unsigned wants(const void *self) {
    const struct filter *f = self;
    if (f->stage > STAGE_OPEN)
        return BW_WANTS_CLOSE;
    unsigned close = inner_wants(f, BW_WANTS_CLOSE) ? BW_WANTS_CLOSE : 0;
    bool reads =
        (f->stage == STAGE_HANDSHAKE || inner_reads(f)) && !f->held && BIO_ctrl_pending(f->out) < OUT_MAX;
    return close | (reads ? BW_WANTS_READ : 0);
}

/* An end of the socket without close_notify may be an attacker's (RFC 8446 section 6.1). */
static void lost(void *self, uint64_t now_ms, enum bw_lost reason) {
    struct filter *f = self;
    if (f->stage == STAGE_HANDSHAKE && reason != BW_LOST_SHUTDOWN)
        f->ends->failed(f->owner, now_ms, "the connection was closed during the TLS handshake");
    if (f->stage == STAGE_OPEN && reason == BW_LOST_EOF)
        reason = BW_LOST_ERROR;
    f->stage = STAGE_CLOSED;
    lose_inner(f, now_ms, reason);
}

static void free_filter(void *self) {
    struct filter *f = self;
    if (f->inner.ops)
        f->inner.ops->free(f->inner.self);
    SSL_free(f->session);
    f->ends->free(f->owner);
    free(f);
}

/* ---- making it ---- */

void bw_tls_filter_refuse(SSL *session, const char *why) {
    struct filter *f = SSL_get_app_data(session);
    f->refusal = why;
}

static bool give_pipes(struct filter *f) {
    f->in = BIO_new(BIO_s_mem());
    f->out = BIO_new(BIO_s_mem());
    if (!f->in || !f->out) {
        BIO_free(f->in);
        BIO_free(f->out);
        return false;
    }
    SSL_set_bio(f->session, f->in, f->out);
    return SSL_set_app_data(f->session, f) == 1;
}

struct bw_conn bw_tls_filter_new(SSL *session, const struct bw_tls *tls, const struct bw_tls_ends *ends,
                                 void *owner, uint64_t now_ms) {
    static const struct bw_conn_ops ops = {feed,          drain, written, tick,
                                           next_deadline, wants, lost,    free_filter};
    struct filter *f = calloc(1, sizeof *f);
    if (f)
        f->session = session;
    if (!f || !give_pipes(f)) {
        SSL_free(session);
        free(f);
        return (struct bw_conn){NULL, NULL};
    }
    f->tls = tls;
    f->ends = ends;
    f->owner = owner;
    f->give_up_ms = now_ms + tls->config.handshake_timeout_ms;
    if (!SSL_is_server(session)) {
        ERR_clear_error();
        SSL_do_handshake(session); /* writes the first message, and waits for an answer */
    }
    return (struct bw_conn){&ops, f};
}
