#include <breakwire/listener.h>

#include "address.h"
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_EVENT 16
#define REFUSALS_MAX      64
#define PAUSE_MS          100

struct bw_listener {
    struct bw_loop *loop; /* NULL: the loop is gone */
    struct bw_chore chore;
    struct bw_tenant tenant;
    struct bw_home home;
    uv_poll_t poll;
    bool polled; /* libuv still knows the handle */
    bool freed;
    int fd;       /* -1: closed */
    int spare_fd; /* given up to refuse connections when there is no other */
    size_t connections_max;
    bw_accept_fn accept;
    void *owner;
    struct bw_address address;
};

/* ---- accepting ---- */

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void set_accepting(struct bw_listener *l, bool accepting) {
    if (accepting)
        uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
    else
        uv_poll_stop(&l->poll);
}

static void pause_accepting(struct bw_listener *l) {
    set_accepting(l, false);
    bw_turn_due(&l->chore, bw_loop_now(l->loop) + PAUSE_MS);
}

static void tend(struct bw_chore *chore, uint64_t now) {
    (void)now;
    struct bw_listener *l = BW_OWNER_OF(chore, struct bw_listener, chore);
    if (l->fd >= 0)
        set_accepting(l, true);
}

static int open_spare(void) {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Out of file descriptors: those who wait are told at once, by a close, instead of hanging in the queue. */
static void refuse_waiting(struct bw_listener *l) {
    if (l->spare_fd < 0)
        return;
    close(l->spare_fd);
    for (int i = 0; i < REFUSALS_MAX; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break;
        close(fd);
    }
    l->spare_fd = open_spare();
}

/* False: nothing more is to be accepted now. */
static bool survives(struct bw_listener *l, int error) {
    switch (error) {
    case EINTR:
    case ECONNABORTED:
        return true;
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        refuse_waiting(l);
        break;
    default:
        break;
    }
    pause_accepting(l);
    return false;
}

static void welcome(struct bw_listener *l, int fd, const struct sockaddr *peer) {
    struct bw_address text;
    bw_address_text(peer, &text);
    struct bw_connection *c = bw_connection_of_fd(l->loop, &l->home, fd);
    if (!c)
        return;
    struct bw_conn core = l->accept(l->owner, bw_loop_now(l->loop), text.text, bw_connection_wake(c));
    if (core.ops)
        bw_connection_start(c, core);
    else
        bw_connection_end(c);
}

/* False: nothing more is to be accepted now. */
static bool accept_one(struct bw_listener *l) {
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof peer;
    if (l->home.count >= l->connections_max) {
        pause_accepting(l);
        return false;
    }
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return survives(l, errno);
    welcome(l, fd, (const struct sockaddr *)&peer);
    return l->fd >= 0; /* accept() may have closed the listener */
}

static void on_acceptable(uv_poll_t *poll, int status, int events) {
    struct bw_listener *l = poll->data;
    (void)events;
    if (status < 0) {
        pause_accepting(l);
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_EVENT && accept_one(l); i++) {
    }
}

/* ---- opening ---- */

/* The socket, or -errno. */
static int listen_on(const struct addrinfo *at) {
    int yes = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* IPv4 is preferred: whoever says "localhost" expects 127.0.0.1. Only that one is tried, so that a taken port
 * is an error and not a listener on the other family. */
static const struct addrinfo *preferred(const struct addrinfo *list) {
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        if (at->ai_family == AF_INET)
            return at;
    return list;
}

static void explain(char *why, size_t cap, const char *address, const char *reason) {
    if (cap > 0)
        snprintf(why, cap, "cannot listen on %s: %s", address, reason);
}

/* The socket, or -1 with `why`. */
static int open_socket(const char *address, char *why, size_t cap) {
    char host[BW_HOST_MAX], port[BW_PORT_MAX];
    struct addrinfo *list;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (!bw_address_split(address, host, port)) {
        explain(why, cap, address, "it is not of the form HOST:PORT or [IPV6]:PORT");
        return -1;
    }
    int error = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (error != 0) {
        explain(why, cap, address, error == EAI_SYSTEM ? uv_strerror(-errno) : gai_strerror(error));
        return -1;
    }
    int fd = listen_on(preferred(list));
    freeaddrinfo(list);
    if (fd < 0)
        explain(why, cap, address, uv_strerror(fd));
    return fd < 0 ? -1 : fd;
}

static size_t half_of_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return limit.rlim_cur / 2;
}

static void on_poll_closed(uv_handle_t *handle) {
    struct bw_listener *l = handle->data;
    l->polled = false;
    if (l->freed)
        free(l);
}

static void on_loop_gone(struct bw_tenant *tenant) {
    struct bw_listener *l = BW_OWNER_OF(tenant, struct bw_listener, tenant);
    bw_listener_close(l);
    l->loop = NULL;
}

/* Takes the fd over. */
static struct bw_listener *listener_of_fd(struct bw_loop *loop, int fd) {
    struct bw_listener *l = calloc(1, sizeof *l);
    if (!l || uv_poll_init(&loop->uv, &l->poll, fd) < 0) {
        close(fd);
        free(l);
        return NULL;
    }
    l->poll.data = l;
    l->polled = true;
    l->loop = loop;
    l->fd = fd;
    l->spare_fd = open_spare();
    l->connections_max = half_of_descriptors();
    bw_connection_home_init(&l->home, l);
    bw_turn_chore_add(&loop->turn, &l->chore, tend);
    bw_loop_tenant_add(loop, &l->tenant, on_loop_gone);
    return l;
}

static void read_own_address(struct bw_listener *l) {
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof own;
    getsockname(l->fd, (struct sockaddr *)&own, &len);
    bw_address_text((const struct sockaddr *)&own, &l->address);
}

struct bw_listener *bw_listener_new(struct bw_loop *loop, const char *address, bw_accept_fn accept,
                                    void *owner, char *why, size_t cap) {
    int fd = open_socket(address, why, cap);
    if (fd < 0)
        return NULL;
    struct bw_listener *l = listener_of_fd(loop, fd);
    if (!l) {
        explain(why, cap, address, uv_strerror(UV_ENOMEM));
        return NULL;
    }
    l->accept = accept;
    l->owner = owner;
    read_own_address(l);
    set_accepting(l, true);
    return l;
}

const char *bw_listener_address(const struct bw_listener *listener) {
    return listener->address.text;
}

size_t bw_listener_connections(const struct bw_listener *listener) {
    return listener->home.count;
}

void bw_listener_close(struct bw_listener *l) {
    if (l->fd < 0)
        return;
    uv_close((uv_handle_t *)&l->poll, on_poll_closed);
    close(l->fd);
    if (l->spare_fd >= 0)
        close(l->spare_fd);
    l->fd = l->spare_fd = -1;
    bw_turn_chore_remove(&l->chore);
}

void bw_listener_free(struct bw_listener *l) {
    if (!l)
        return;
    bw_listener_close(l);
    bw_connection_home_end(&l->home);
    bw_list_remove(&l->tenant.link);
    l->freed = true;
    if (!l->polled)
        free(l);
}
