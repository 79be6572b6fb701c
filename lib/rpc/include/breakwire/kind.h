/* kind.h: what the two ends of a gRPC call have in common: the four kinds, and how a message is taken. */
#ifndef BREAKWIRE_KIND_H
#define BREAKWIRE_KIND_H

#ifdef __cplusplus
extern "C" {
#endif

/* How many messages a method takes and gives (grpc.io, "Core concepts", RPC life cycle). */
enum bw_kind {
    BW_UNARY,            /* one, one */
    BW_SERVER_STREAMING, /* one, any number */
    BW_CLIENT_STREAMING, /* any number, one */
    BW_BIDI_STREAMING,   /* any number both ways, in no order but their own */
};

/* What became of a message that was to be sent. */
enum bw_send {
    BW_SEND_OK,     /* taken (copied) */
    BW_SEND_FULL,   /* not taken: too much is queued, wait for on_writable */
    BW_SEND_CLOSED, /* not taken: the call is over, or this side of it has ended */
};

#ifdef __cplusplus
}
#endif
#endif
