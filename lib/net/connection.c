#include "connection.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINGER_MS   1000  /* how long input is dropped after our side was shut */
#define PATIENCE_MS 10000 /* how long the last output may make no progress */

static uint64_t now_of(const struct bw_connection *c) {
    return uv_now(&c->loop->uv);
}

/* ---- the end of a core and of a socket ---- */

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void close_socket(struct bw_connection *c) {
    c->stage = BW_STAGE_GONE;
    bw_turn_chore_remove(&c->chore);
    bw_list_remove(&c->in_loop);
    bw_list_remove(&c->in_home);
    c->home->count--;
    uv_close((uv_handle_t *)&c->socket.stream, on_closed);
}

static void free_core(struct bw_connection *c) {
    struct bw_conn core = c->core;
    c->core = (struct bw_conn){NULL, NULL};
    if (core.ops)
        core.ops->free(core.self);
}

static void lose(struct bw_connection *c, enum bw_lost reason) {
    if (c->core.ops)
        c->core.ops->lost(c->core.self, now_of(c), reason);
    free_core(c);
    close_socket(c);
}

/* ---- reading ---- */

static bool drops_input(const struct bw_connection *c) {
    return c->stage == BW_STAGE_LINGERING;
}

static bool wants_read(const struct bw_connection *c) {
    return c->stage != BW_STAGE_ENDED && !c->deaf && (c->core.ops->wants(c->core.self) & BW_WANTS_READ);
}

/* The core may have stopped wanting to read since it was last served, because of another core: then no buffer
 * is given, which leaves the bytes in the socket. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    (void)suggested;
    struct bw_connection *c = handle->data;
    if (!drops_input(c) && !wants_read(c))
        *out = uv_buf_init(NULL, 0);
    else
        *out = uv_buf_init(c->loop->read_bytes, c->reads_large ? BW_READ_LARGE : BW_READ_SMALL);
}

static void serve(struct bw_connection *c);

static void set_reading(struct bw_connection *c, bool reading);

static void take(struct bw_connection *c, const char *bytes, size_t len) {
    c->reads_large = len >= (c->reads_large ? BW_READ_SMALL + 1 : BW_READ_SMALL);
    if (c->core.ops->feed(c->core.self, now_of(c), (const uint8_t *)bytes, len) < len)
        c->deaf = true;
    serve(c);
}

static void end_of_input(struct bw_connection *c) {
    set_reading(c, false);
    if (drops_input(c)) {
        close_socket(c);
        return;
    }
    c->stage = BW_STAGE_ENDED;
    c->give_up_ms = now_of(c) + PATIENCE_MS;
    serve(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    struct bw_connection *c = stream->data;
    if (n == UV_EOF) {
        end_of_input(c);
    } else if (n == UV_ENOBUFS) {
        set_reading(c, false);
        bw_turn_mark(&c->chore);
    } else if (n < 0) {
        lose(c, BW_LOST_ERROR);
    } else if (n > 0 && !drops_input(c)) {
        take(c, buf->base, (size_t)n);
    }
}

static void set_reading(struct bw_connection *c, bool reading) {
    if (reading == c->reading)
        return;
    c->reading = reading;
    if (reading)
        uv_read_start(&c->socket.stream, on_alloc, on_read);
    else
        uv_read_stop(&c->socket.stream);
}

/* ---- writing ---- */

static void tell_written(struct bw_connection *c, size_t len) {
    if (len == 0)
        return;
    if (c->stage != BW_STAGE_OPEN)
        c->give_up_ms = now_of(c) + PATIENCE_MS;
    c->core.ops->written(c->core.self, now_of(c), len);
}

/* A slow peer takes the rest bit by bit: its progress counts before the request is complete. */
static void tell_progress(struct bw_connection *c) {
    if (!c->rest)
        return;
    size_t gone = c->rest_len - uv_stream_get_write_queue_size(&c->socket.stream);
    size_t news = gone - c->rest_told;
    c->rest_told = gone;
    tell_written(c, news);
}

static void on_written(uv_write_t *request, int status) {
    struct bw_connection *c = request->data;
    size_t news = c->rest_len - c->rest_told;
    free(c->rest);
    c->rest = NULL;
    if (c->stage == BW_STAGE_GONE)
        return;
    if (status < 0) {
        lose(c, BW_LOST_ERROR);
        return;
    }
    tell_written(c, news);
    serve(c);
}

/* 0 or a uv error. */
static int send_later(struct bw_connection *c, const uint8_t *bytes, size_t len) {
    c->rest = malloc(len);
    if (!c->rest)
        return UV_ENOMEM;
    memcpy(c->rest, bytes, len);
    c->rest_len = len;
    c->rest_told = 0;
    c->write.data = c;
    uv_buf_t buf = uv_buf_init((char *)c->rest, (unsigned)len);
    int error = uv_write(&c->write, &c->socket.stream, &buf, 1, on_written);
    if (error < 0) {
        free(c->rest);
        c->rest = NULL;
    }
    return error;
}

static size_t drain(struct bw_connection *c, uint8_t *out) {
    size_t used = 0, n = 1;
    while (n > 0 && used < BW_DRAIN_MAX) {
        n = c->core.ops->drain(c->core.self, now_of(c), out + used, BW_DRAIN_MAX - used);
        used += n;
    }
    c->dry = n == 0;
    return used;
}

/* Drains once, writes once. False: the connection is lost. */
static bool push(struct bw_connection *c) {
    uint8_t *out = c->loop->drain_bytes;
    size_t len = c->rest ? 0 : drain(c, out);
    if (len == 0)
        return true;
    uv_buf_t buf = uv_buf_init((char *)out, (unsigned)len);
    int n = uv_try_write(&c->socket.stream, &buf, 1);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (n >= 0 || n == UV_EAGAIN)
        n = sent < len ? send_later(c, out + sent, len - sent) : 0;
    if (n < 0) {
        lose(c, BW_LOST_ERROR);
        return false;
    }
    tell_written(c, sent);
    if (!c->dry && !c->rest)
        bw_turn_mark(&c->chore); /* there is more, but the others come first */
    return true;
}

/* ---- stages ---- */

/* A close with unread input makes the kernel send a reset, which can overtake our last bytes at the peer
 * (RFC 9112 section 9.6): so only our side is shut, and input is dropped until the peer shuts its own. */
static void linger(struct bw_connection *c) {
    uv_os_fd_t fd;
    free_core(c);
    if (uv_fileno((uv_handle_t *)&c->socket.stream, &fd) < 0 || shutdown(fd, SHUT_WR) < 0) {
        close_socket(c);
        return;
    }
    c->stage = BW_STAGE_LINGERING;
    c->give_up_ms = now_of(c) + LINGER_MS;
    set_reading(c, true);
    bw_turn_unmark(&c->chore);
    bw_turn_due(&c->chore, c->give_up_ms);
}

static void all_sent(struct bw_connection *c) {
    if (c->stage == BW_STAGE_ENDED)
        lose(c, BW_LOST_EOF);
    else
        linger(c);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Does what the core wants by now. */
static void follow(struct bw_connection *c) {
    unsigned wants = c->core.ops->wants(c->core.self);
    if (c->stage == BW_STAGE_OPEN && (wants & BW_WANTS_CLOSE)) {
        c->stage = BW_STAGE_CLOSING;
        c->give_up_ms = now_of(c) + PATIENCE_MS;
    }
    if (c->stage != BW_STAGE_OPEN && c->dry && !c->rest) {
        all_sent(c);
        return;
    }
    set_reading(c, wants_read(c));
    uint64_t deadline = c->core.ops->next_deadline(c->core.self);
    bw_turn_due(&c->chore, c->stage == BW_STAGE_OPEN ? deadline : earlier(deadline, c->give_up_ms));
}

/* What every event ends with: the core's tick if it is due, one drain, and its wishes. */
static void serve(struct bw_connection *c) {
    bw_turn_unmark(&c->chore);
    tell_progress(c);
    if (c->core.ops->next_deadline(c->core.self) <= now_of(c))
        c->core.ops->tick(c->core.self, now_of(c));
    if (push(c))
        follow(c);
}

static void give_up(struct bw_connection *c) {
    if (c->stage == BW_STAGE_ENDED) {
        lose(c, BW_LOST_EOF);
        return;
    }
    free_core(c);
    close_socket(c);
}

static void tend(struct bw_chore *chore, uint64_t now) {
    struct bw_connection *c = BW_OWNER_OF(chore, struct bw_connection, chore);
    if (c->stage == BW_STAGE_CONNECTING)
        return;
    if (c->core.ops)
        tell_progress(c);
    if (c->stage > BW_STAGE_OPEN && now >= c->give_up_ms)
        give_up(c);
    else if (c->core.ops)
        serve(c);
    else
        bw_turn_due(chore, c->give_up_ms);
}

/* ---- from outside ---- */

void bw_connection_home_init(struct bw_home *home, void *owner) {
    home->owner = owner;
    home->count = 0;
    bw_list_init(&home->connections);
}

void bw_connection_home_end(struct bw_home *home) {
    while (!bw_list_empty(&home->connections))
        bw_connection_end(BW_OWNER_OF(home->connections.next, struct bw_connection, in_home));
}

struct bw_connection *bw_connection_new(struct bw_loop *loop, struct bw_home *home, bool is_unix) {
    struct bw_connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    int error =
        is_unix ? uv_pipe_init(&loop->uv, &c->socket.pipe, 0) : uv_tcp_init(&loop->uv, &c->socket.tcp);
    assert(error == 0); /* without flags no socket is made yet */
    c->socket.stream.data = c;
    c->loop = loop;
    c->home = home;
    bw_turn_chore_add(&loop->turn, &c->chore, tend);
    bw_list_append(&loop->connections, &c->in_loop);
    bw_list_append(&home->connections, &c->in_home);
    home->count++;
    return c;
}

struct bw_connection *bw_connection_of_fd(struct bw_loop *loop, struct bw_home *home, int fd) {
    struct bw_connection *c = bw_connection_new(loop, home, false);
    if (!c || uv_tcp_open(&c->socket.tcp, fd) < 0) {
        close(fd);
        if (c)
            close_socket(c);
        return NULL;
    }
    return c;
}

int bw_connection_dial(struct bw_connection *c, uv_connect_t *request, const struct sockaddr_storage *to,
                       uv_connect_cb on_done) {
    int error = 0;
    if (to->ss_family == AF_UNIX)
        uv_pipe_connect(request, &c->socket.pipe, ((const struct sockaddr_un *)to)->sun_path, on_done);
    else
        error = uv_tcp_connect(request, &c->socket.tcp, (const struct sockaddr *)to, on_done);
    if (error < 0)
        close_socket(c);
    return error;
}

struct bw_wake bw_connection_wake(struct bw_connection *c) {
    return bw_turn_wake(&c->chore);
}

void bw_connection_start(struct bw_connection *c, struct bw_conn core) {
    c->core = core;
    c->stage = BW_STAGE_OPEN;
    if (c->socket.stream.type == UV_TCP)
        uv_tcp_nodelay(&c->socket.tcp, 1);
    bw_turn_mark(&c->chore);
}

void bw_connection_close(struct bw_connection *c) {
    if (c->stage == BW_STAGE_CONNECTING) {
        close_socket(c);
    } else if (c->stage == BW_STAGE_OPEN) {
        c->stage = BW_STAGE_CLOSING;
        c->give_up_ms = now_of(c) + PATIENCE_MS;
        bw_turn_mark(&c->chore);
    }
}

void bw_connection_end(struct bw_connection *c) {
    if (c->stage != BW_STAGE_GONE)
        lose(c, BW_LOST_SHUTDOWN);
}

void bw_connection_end_all(struct bw_loop *loop) {
    while (!bw_list_empty(&loop->connections))
        bw_connection_end(BW_OWNER_OF(loop->connections.next, struct bw_connection, in_loop));
}
