/* talk.h: a TLS client and a TLS server joined in memory, each around a core that only writes down what it
 * sees. */
#ifndef TESTS_TLS_TALK_H
#define TESTS_TLS_TALK_H

#include <breakwire/buf.h>
#include <breakwire/tls.h>
#include <wire.h>

/* The inner core of one side. */
struct plain {
    bool is_made, is_lost, is_freed;
    enum bw_lost reason;
    unsigned wants;               /* BW_WANTS_READ at first */
    bool pauses;                  /* it wants nothing more after each piece */
    struct bw_buf in;             /* what came */
    struct bw_buf out;            /* what is to be sent */
    size_t written, written_most; /* all, and most at once */
    char why[512];                /* the failed(), or on_refused */
    int failures;
};

struct talk {
    struct plain client, server;
    struct bw_wish wish; /* what the client's dialable wishes next */
    struct bw_tls *client_tls, *server_tls;
    struct bw_tls_acceptor acceptor;
    struct bw_tls_dialer *dialer;
    struct bw_wire *wire; /* A is the client */
};

/* Both are taken over. Connects to `host`; nothing has happened yet. */
void talk_begin(struct talk *talk, struct bw_tls *client, struct bw_tls *server, const char *host);
/* One end is a script: the other TLS is NULL. */
void talk_end(struct talk *talk);

#endif
