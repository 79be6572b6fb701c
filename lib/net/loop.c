#include "connection.h"
#include "loop_private.h"

#include <assert.h>
#include <stdlib.h>

struct bw_signal {
    uv_signal_t handle;
    struct bw_list link;
    void (*fn)(void *user, int signum);
    void *user;
};

struct bw_loop *bw_loop_new(void) {
    struct bw_loop *loop = malloc(sizeof *loop);
    if (!loop)
        return NULL;
    if (uv_loop_init(&loop->uv) < 0) {
        free(loop);
        return NULL;
    }
    loop->running = false;
    bw_list_init(&loop->connections);
    bw_list_init(&loop->tenants);
    bw_list_init(&loop->signals);
    int opened = bw_turn_open(&loop->turn, &loop->uv);
    assert(opened == 0); /* starting a check handle with a callback cannot fail */
    return loop;
}

static void on_signal_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void close_signals(struct bw_loop *loop) {
    while (!bw_list_empty(&loop->signals)) {
        struct bw_signal *watch = BW_OWNER_OF(loop->signals.next, struct bw_signal, link);
        bw_list_remove(&watch->link);
        uv_close((uv_handle_t *)&watch->handle, on_signal_closed);
    }
}

void bw_loop_free(struct bw_loop *loop) {
    if (!loop)
        return;
    assert(!loop->running);
    bw_connection_end_all(loop);
    while (!bw_list_empty(&loop->tenants)) {
        struct bw_tenant *tenant = BW_OWNER_OF(loop->tenants.next, struct bw_tenant, link);
        bw_list_remove(&tenant->link);
        tenant->on_loop_gone(tenant);
    }
    close_signals(loop);
    bw_turn_close(&loop->turn);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int closed = uv_loop_close(&loop->uv);
    assert(closed == 0);
    free(loop);
}

void bw_loop_run(struct bw_loop *loop) {
    assert(!loop->running);
    loop->running = true;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->running = false;
}

void bw_loop_stop(struct bw_loop *loop) {
    uv_stop(&loop->uv);
}

uint64_t bw_loop_now(const struct bw_loop *loop) {
    return uv_now(&loop->uv);
}

void bw_loop_tenant_add(struct bw_loop *loop, struct bw_tenant *tenant,
                        void (*on_loop_gone)(struct bw_tenant *tenant)) {
    tenant->on_loop_gone = on_loop_gone;
    bw_list_append(&loop->tenants, &tenant->link);
}

static void on_signal(uv_signal_t *handle, int signum) {
    struct bw_signal *watch = handle->data;
    watch->fn(watch->user, signum);
}

bool bw_loop_on_signal(struct bw_loop *loop, int signum, void (*fn)(void *user, int signum), void *user) {
    struct bw_signal *watch = malloc(sizeof *watch);
    if (!watch)
        return false;
    if (uv_signal_init(&loop->uv, &watch->handle) < 0) {
        free(watch);
        return false;
    }
    watch->handle.data = watch;
    watch->fn = fn;
    watch->user = user;
    bw_list_append(&loop->signals, &watch->link);
    return uv_signal_start(&watch->handle, on_signal, signum) == 0; /* when not: it is closed with the loop */
}
