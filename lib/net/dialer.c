#include <breakwire/dialer.h>

#include "address.h"
#include "connection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define WISHES_PER_TURN 64
#define ADDRESSES_MAX   16
#define WHY_MAX         256

struct bw_dialer {
    struct bw_loop *loop; /* NULL: the loop is gone */
    struct bw_chore chore;
    struct bw_tenant tenant;
    struct bw_dialable dialable; /* ops NULL: not started, or freed */
    struct bw_home home;         /* of attempts and connections */
    struct bw_list lookups;
    unsigned calls; /* of the dialable under way: the memory stays until they return */
    bool freed;
};

struct lookup {
    uv_getaddrinfo_t request;
    struct bw_list link;
    struct bw_dialer *dialer; /* NULL: abandoned */
    uint64_t id;
    uint16_t port;
    char host[BW_HOST_MAX];
};

struct attempt {
    uv_connect_t request;
    struct bw_connection *connection;
    struct bw_address to;
};

static uint64_t now_of(const struct bw_dialer *d) {
    return bw_loop_now(d->loop);
}

/* ---- calls of the dialable: any of them may free the dialer ---- */

static void enter(struct bw_dialer *d) {
    d->calls++;
}

static void leave(struct bw_dialer *d) {
    if (--d->calls == 0 && d->freed)
        free(d);
}

static void tell_failed(struct bw_dialer *d, uint64_t id, const char *what, const char *where,
                        const char *reason) {
    char why[WHY_MAX];
    snprintf(why, sizeof why, "cannot %s %s: %s", what, where, reason);
    enter(d);
    if (d->dialable.ops)
        d->dialable.ops->failed(d->dialable.self, now_of(d), id, why);
    leave(d);
}

static void tell_resolved(struct bw_dialer *d, uint64_t id, const struct bw_address *addresses, size_t n) {
    enter(d);
    d->dialable.ops->resolved(d->dialable.self, now_of(d), id, addresses, n);
    leave(d);
}

static void start_core(struct bw_dialer *d, struct bw_connection *c) {
    enter(d);
    struct bw_conn core =
        d->dialable.ops->connected(d->dialable.self, now_of(d), c->id, bw_connection_wake(c));
    if (c->stage != BW_STAGE_CONNECTING && core.ops)
        core.ops->free(core.self); /* connected() has freed the dialer */
    else if (core.ops)
        bw_connection_start(c, core);
    else
        bw_connection_end(c);
    leave(d);
}

/* ---- resolve ---- */

static size_t read_list(const struct addrinfo *list, uint16_t port, struct bw_address *out) {
    size_t n = 0;
    for (; list && n < ADDRESSES_MAX; list = list->ai_next) {
        if (list->ai_family != AF_INET && list->ai_family != AF_INET6)
            continue;
        bw_address_set_port(list->ai_addr, port);
        bw_address_text(list->ai_addr, &out[n++]);
    }
    return n;
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct lookup *lookup = request->data;
    struct bw_dialer *d = lookup->dialer;
    struct bw_address addresses[ADDRESSES_MAX];
    size_t n = status == 0 ? read_list(list, lookup->port, addresses) : 0;
    uv_freeaddrinfo(list);
    bw_list_remove(&lookup->link);
    if (d && d->dialable.ops) {
        bw_turn_mark(&d->chore);
        if (n > 0)
            tell_resolved(d, lookup->id, addresses, n);
        else
            tell_failed(d, lookup->id, "resolve", lookup->host, uv_strerror(status ? status : UV_EAI_NODATA));
    }
    free(lookup);
}

/* 0 or a uv error. */
static int look_up(struct bw_dialer *d, const struct bw_wish *wish) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return UV_ENOMEM;
    lookup->request.data = lookup;
    lookup->dialer = d;
    lookup->id = wish->id;
    lookup->port = wish->port;
    snprintf(lookup->host, sizeof lookup->host, "%s", wish->host);
    int error = uv_getaddrinfo(&d->loop->uv, &lookup->request, on_looked_up, lookup->host, NULL, &hints);
    if (error < 0)
        free(lookup);
    else
        bw_list_append(&d->lookups, &lookup->link);
    return error;
}

static void resolve(struct bw_dialer *d, const struct bw_wish *wish) {
    struct sockaddr_storage numeric;
    struct bw_address address;
    if (bw_address_parse_host(wish->host, wish->port, &numeric)) {
        bw_address_text((const struct sockaddr *)&numeric, &address);
        tell_resolved(d, wish->id, &address, 1);
        return;
    }
    int error = look_up(d, wish);
    if (error < 0)
        tell_failed(d, wish->id, "resolve", wish->host, uv_strerror(error));
}

static void abandon(struct lookup *lookup) {
    lookup->dialer = NULL;
    bw_list_remove(&lookup->link);
    uv_cancel((uv_req_t *)&lookup->request); /* one that is being answered just now cannot be cancelled */
}

/* ---- connect ---- */

static void on_connected(uv_connect_t *request, int status) {
    struct attempt *attempt = BW_OWNER_OF(request, struct attempt, request);
    struct bw_connection *c = attempt->connection;
    if (c->stage == BW_STAGE_CONNECTING) {
        struct bw_dialer *d = c->home->owner;
        uint64_t id = c->id;
        bw_turn_mark(&d->chore);
        if (status == 0) {
            start_core(d, c);
        } else {
            bw_connection_end(c);
            tell_failed(d, id, "connect to", attempt->to.text, uv_strerror(status));
        }
    }
    free(attempt); /* otherwise it was given up, and the dialer may be gone */
}

/* 0 or a uv error. */
static int dial(struct bw_dialer *d, const struct bw_wish *wish) {
    struct sockaddr_storage to;
    if (!bw_address_parse(wish->address.text, &to))
        return UV_EINVAL;
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt)
        return UV_ENOMEM;
    attempt->to = wish->address;
    int error = UV_ENOMEM;
    attempt->connection = bw_connection_new(d->loop, &d->home, to.ss_family == AF_UNIX);
    if (attempt->connection) {
        attempt->connection->id = wish->id;
        error = bw_connection_dial(attempt->connection, &attempt->request, &to, on_connected);
    }
    if (error < 0)
        free(attempt);
    return error;
}

/* A wish for TLS is fulfilled by a dialable in between (tls.h), which takes the host
 * away. */
static void connect_to(struct bw_dialer *d, const struct bw_wish *wish) {
    if (wish->host[0]) {
        tell_failed(d, wish->id, "connect to", wish->address.text, "TLS is asked for, and there is none");
        return;
    }
    int error = dial(d, wish);
    if (error < 0)
        tell_failed(d, wish->id, "connect to", wish->address.text, uv_strerror(error));
}

/* ---- wishes ---- */

static void close_id(struct bw_dialer *d, uint64_t id) {
    for (struct bw_list *at = d->home.connections.next; at != &d->home.connections; at = at->next) {
        struct bw_connection *c = BW_OWNER_OF(at, struct bw_connection, in_home);
        if (c->id == id) {
            bw_connection_close(c);
            return;
        }
    }
    for (struct bw_list *at = d->lookups.next; at != &d->lookups; at = at->next) {
        struct lookup *lookup = BW_OWNER_OF(at, struct lookup, link);
        if (lookup->id == id) {
            abandon(lookup);
            return;
        }
    }
}

static void fulfil(struct bw_dialer *d, const struct bw_wish *wish) {
    switch (wish->kind) {
    case BW_WISH_NONE:
        return;
    case BW_WISH_RESOLVE:
        resolve(d, wish);
        return;
    case BW_WISH_CONNECT:
        connect_to(d, wish);
        return;
    case BW_WISH_CLOSE:
        close_id(d, wish->id);
        return;
    }
}

static bool take_wish(struct bw_dialer *d, struct bw_wish *wish) {
    return d->dialable.ops && d->dialable.ops->next_wish(d->dialable.self, now_of(d), wish);
}

static void tend(struct bw_chore *chore, uint64_t now) {
    struct bw_dialer *d = BW_OWNER_OF(chore, struct bw_dialer, chore);
    const struct bw_dialable *dialable = &d->dialable;
    struct bw_wish wish;
    int wishes = 0;
    if (!dialable->ops)
        return;
    enter(d);
    if (dialable->ops->next_deadline(dialable->self) <= now)
        dialable->ops->tick(dialable->self, now);
    while (wishes < WISHES_PER_TURN && take_wish(d, &wish)) {
        fulfil(d, &wish);
        wishes++;
    }
    if (wishes == WISHES_PER_TURN)
        bw_turn_mark(chore);
    if (dialable->ops)
        bw_turn_due(chore, dialable->ops->next_deadline(dialable->self));
    leave(d);
}

/* ---- from outside ---- */

static void abandon_all(struct bw_dialer *d) {
    while (!bw_list_empty(&d->lookups))
        abandon(BW_OWNER_OF(d->lookups.next, struct lookup, link));
    bw_connection_home_end(&d->home);
    bw_turn_chore_remove(&d->chore);
}

static void on_loop_gone(struct bw_tenant *tenant) {
    struct bw_dialer *d = BW_OWNER_OF(tenant, struct bw_dialer, tenant);
    abandon_all(d);
    d->loop = NULL;
}

struct bw_dialer *bw_dialer_new(struct bw_loop *loop) {
    struct bw_dialer *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->loop = loop;
    bw_list_init(&d->lookups);
    bw_connection_home_init(&d->home, d);
    bw_turn_chore_add(&loop->turn, &d->chore, tend);
    bw_loop_tenant_add(loop, &d->tenant, on_loop_gone);
    return d;
}

struct bw_wake bw_dialer_wake(struct bw_dialer *dialer) {
    return bw_turn_wake(&dialer->chore);
}

void bw_dialer_start(struct bw_dialer *dialer, struct bw_dialable dialable) {
    assert(!dialer->dialable.ops && dialable.ops);
    dialer->dialable = dialable;
    bw_turn_mark(&dialer->chore);
}

void bw_dialer_free(struct bw_dialer *d) {
    if (!d)
        return;
    enter(d);
    abandon_all(d);
    bw_list_remove(&d->tenant.link);
    d->dialable = (struct bw_dialable){NULL, NULL};
    d->freed = true;
    leave(d);
}
