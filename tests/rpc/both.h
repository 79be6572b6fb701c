/* both.h: a channel and a server of service.h, with health and reflection, wired in memory. */
#ifndef TESTS_RPC_BOTH_H
#define TESTS_RPC_BOTH_H

#include "service.h"
#include "wire.h"

#include <breakwire/channel.h>
#include <breakwire/health.h>
#include <breakwire/reflection.h>

enum { BOTH_TALKS = 32 };

/* A call and what it heard: "headers k=v; message hello; end OK k=v". */
struct talk {
    struct bw_call *call; /* NULL: ended, or never started */
    struct bw_buf trace;
    unsigned started, ends;
    enum bw_code code;
};

struct both {
    struct service service;
    struct bw_health *health;
    struct bw_reflection *reflection;
    struct bw_channel *channel;
    struct bw_wire *wire; /* NULL: not connected */
    size_t piece;         /* bytes per feed; 0 = all there are */
    struct talk talks[BOTH_TALKS];
    size_t talks_count;
};

/* False: no memory; both_free is still to be called. */
bool both_init(struct both *both);
void both_free(struct both *both);
void both_settle(struct both *both);
/* Moves the clock; a connection that is wished for after that is refused. */
void both_advance(struct both *both, uint64_t ms);
uint64_t both_now(const struct both *both);

/* timeout_ms 0: none. metadata may be NULL. */
struct talk *both_call(struct both *both, const char *path, struct bw_span message, uint64_t timeout_ms,
                       bool server_streaming, const struct bw_metadata *metadata);
/* Client- or bidi-streaming, without a message yet. */
struct talk *both_begin(struct both *both, const char *path, enum bw_kind kind, uint64_t timeout_ms);
const char *talk_trace(struct talk *talk);

#endif
