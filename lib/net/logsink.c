#include <breakwire/logsink.h>

#include <breakwire/loop.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* poll(2) says that a pipe is writable when PIPE_BUF bytes fit: a line must not be longer (pipe(7)). */
_Static_assert(BW_LOG_LINE_MAX <= PIPE_BUF, "a log line fits into a pipe at once or not at all");

struct sink {
    int fd;
    bool is_socket;
    bool torn;  /* only a part of the last line was taken: its newline is missing */
    bool taken; /* the last line was taken whole */
    uint64_t dropped, reported;
    struct bw_log notes; /* writes the line about drops, through put() */
};

static ssize_t write_now(const struct sink *sink, const char *bytes, size_t len) {
    struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};
    if (sink->is_socket)
        return send(sink->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (poll(&ready, 1, 0) <= 0 || !(ready.revents & POLLOUT))
        return -1;
    return write(sink->fd, bytes, len);
}

static void put(void *owner, const char *line, size_t len) {
    struct sink *sink = owner;
    if (sink->torn)
        sink->torn = write_now(sink, "\n", 1) != 1;
    ssize_t n = sink->torn ? -1 : write_now(sink, line, len);
    sink->taken = n == (ssize_t)len;
    if (n > 0 && !sink->taken)
        sink->torn = true;
}

static void report_drops(struct sink *sink) {
    uint64_t dropped = sink->dropped;
    bw_log_fields(&sink->notes, BW_LOG_WARN, "log lines were dropped",
                  bw_field_u64("dropped", dropped - sink->reported));
    if (sink->taken)
        sink->reported = dropped;
}

static void put_line(void *owner, const char *line, size_t len) {
    struct sink *sink = owner;
    if (sink->dropped > sink->reported)
        report_drops(sink);
    if (sink->dropped == sink->reported)
        put(sink, line, len);
    if (!sink->taken)
        sink->dropped++;
}

static uint64_t wall_ms(void *owner) {
    (void)owner;
    return bw_wall_ms();
}

static void drop(void *owner, const char *line, size_t len) {
    (void)owner, (void)line, (void)len;
}

/* stderr's number must not go to the next socket that is opened. */
static void fill_closed_stderr(void) {
    if (fcntl(STDERR_FILENO, F_GETFD) >= 0 || errno != EBADF)
        return;
    int fd = open("/dev/null", O_WRONLY);
    if (fd >= 0 && fd != STDERR_FILENO) {
        dup2(fd, STDERR_FILENO);
        close(fd);
    }
}

/* A pipe or a terminal is opened anew without blocking: O_NONBLOCK on stderr itself would change it for
 * everybody who shares it. Where that is not allowed, poll() before each write does nearly the same. */
static void open_stderr(struct sink *sink) {
    struct stat status;
    fill_closed_stderr();
    sink->fd = STDERR_FILENO;
    if (fstat(STDERR_FILENO, &status) < 0)
        return;
    sink->is_socket = S_ISSOCK(status.st_mode);
    if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))
        return;
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        sink->fd = fd;
}

static enum bw_log_format choose(enum bw_logsink_format format) {
    if (format == BW_LOGSINK_AUTO)
        return isatty(STDERR_FILENO) ? BW_LOG_TEXT : BW_LOG_JSON;
    return format == BW_LOGSINK_TEXT ? BW_LOG_TEXT : BW_LOG_JSON;
}

bool bw_log_to_stderr(struct bw_log *log, const char *program, enum bw_log_level level,
                      enum bw_logsink_format format) {
    *log = (struct bw_log){level, choose(format), program, drop, wall_ms, NULL};
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return false;
    open_stderr(sink);
    log->sink = put_line;
    log->owner = sink;
    sink->notes = *log;
    sink->notes.sink = put;
    sink->notes.level = BW_LOG_WARN;
    return true;
}

uint64_t bw_logsink_dropped(const struct bw_log *log) {
    const struct sink *sink = log->owner;
    return sink ? sink->dropped : 0;
}

void bw_logsink_free(struct bw_log *log) {
    struct sink *sink = log->owner;
    log->sink = drop;
    log->owner = NULL;
    if (sink && sink->fd != STDERR_FILENO)
        close(sink->fd);
    free(sink);
}
