/* loop_private.h: what the files of lib/net know of a loop. */
#ifndef NET_LOOP_PRIVATE_H
#define NET_LOOP_PRIVATE_H

#include "turn.h"

#include <breakwire/loop.h>

#define BW_READ_SMALL 4096
#define BW_READ_LARGE 65536
#define BW_DRAIN_MAX  65536

/* Something of a user's that the loop only hosts: it is told when the loop goes away before it does. */
struct bw_tenant {
    struct bw_list link;
    void (*on_loop_gone)(struct bw_tenant *tenant);
};

struct bw_loop {
    uv_loop_t uv;
    struct bw_turn turn;
    struct bw_list connections;
    struct bw_list tenants;
    struct bw_list signals;
    bool running;
    char read_bytes[BW_READ_LARGE];    /* lent to libuv from the read until its callback returns */
    uint8_t drain_bytes[BW_DRAIN_MAX]; /* what one connection drains, until it is written */
};

void bw_loop_tenant_add(struct bw_loop *loop, struct bw_tenant *tenant,
                        void (*on_loop_gone)(struct bw_tenant *tenant));

#endif
