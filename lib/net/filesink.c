#include <breakwire/filesink.h>

#include "loop_private.h"

#include <breakwire/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the worker has while a batch is on its way; nobody else touches it then. */
struct file {
    int fd;
    char *path, *old_path;
    uint64_t size, size_max;
    struct bw_buf batch;
    int error; /* errno of what failed; 0 = fine */
};

struct bw_filesink {
    uv_work_t work;
    struct bw_tenant tenant;
    struct bw_loop *loop; /* NULL: it is gone */
    struct file file;
    struct bw_buf waiting;
    void (*on_failed)(void *owner, const char *why);
    void *owner;
    bool working, failed, freed;
};

/* ---- the file; these block ---- */

static int open_path(const char *path, int more) {
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | more, 0644);
}

/* FILE becomes FILE.1 and a new FILE is begun. 0, or errno. */
static int begin_anew(struct file *file) {
    if (rename(file->path, file->old_path) < 0)
        return errno;
    int fd = open_path(file->path, O_EXCL);
    if (fd < 0)
        return errno;
    close(file->fd);
    file->fd = fd;
    file->size = 0;
    return 0;
}

static size_t up_to_newline(const uint8_t *bytes, size_t len) {
    while (len && bytes[len - 1] != '\n')
        len--;
    return len;
}

/* After a fault within a batch: the file ends with the last line that is whole. */
static void cut_back(struct file *file, const uint8_t *bytes, size_t written) {
    file->size += up_to_newline(bytes, written);
    if (ftruncate(file->fd, (off_t)file->size) < 0)
        return; /* the disk has its own troubles; the fault is told already */
}

static void write_whole(struct file *file, const uint8_t *bytes, size_t len) {
    size_t written = 0;
    while (written < len) {
        ssize_t n = write(file->fd, bytes + written, len - written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            file->error = n < 0 ? errno : EIO;
            cut_back(file, bytes, written);
            return;
        }
        written += (size_t)n;
    }
    file->size += len;
}

/* The next lines that fit into the file, at least one when it is empty. */
static size_t fitting(const struct file *file, struct bw_span rest) {
    uint64_t room = file->size < file->size_max ? file->size_max - file->size : 0;
    if (rest.len <= room)
        return rest.len;
    size_t n = up_to_newline(rest.data, (size_t)room);
    return n || file->size ? n : rest.len;
}

static void write_batch(struct file *file) {
    while (!file->error && bw_buf_size(&file->batch)) {
        struct bw_span rest = bw_buf_span(&file->batch);
        size_t n = fitting(file, rest);
        if (n)
            write_whole(file, rest.data, n);
        else
            file->error = begin_anew(file);
        bw_buf_consume(&file->batch, n);
    }
}

static int open_file(struct file *file) {
    struct stat status;
    file->fd = open_path(file->path, 0);
    if (file->fd < 0 || fstat(file->fd, &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return EINVAL;
    return status.st_size ? begin_anew(file) : 0;
}

/* ---- the loop's side ---- */

static const char *reason_of(int error) {
    return uv_strerror(uv_translate_sys_error(error));
}

static void destroy(struct bw_filesink *sink) {
    if (sink->file.fd >= 0)
        close(sink->file.fd);
    free(sink->file.path);
    free(sink->file.old_path);
    bw_buf_free(&sink->file.batch);
    bw_buf_free(&sink->waiting);
    free(sink);
}

/* No batch is started after a failure, so it is told once. */
static void tell_failure(struct bw_filesink *sink) {
    if (sink->on_failed)
        sink->on_failed(sink->owner,
                        sink->file.error ? reason_of(sink->file.error) : "the disk is slower than the calls");
}

static void work(uv_work_t *request) {
    write_batch(&((struct bw_filesink *)request->data)->file);
}

static void start_batch(struct bw_filesink *sink);

static void on_worked(uv_work_t *request, int status) {
    struct bw_filesink *sink = request->data;
    (void)status; /* nobody cancels it */
    sink->working = false;
    sink->failed = sink->failed || sink->file.error;
    if (sink->failed)
        tell_failure(sink);
    else if (sink->loop && bw_buf_size(&sink->waiting))
        start_batch(sink);
    if (sink->freed && !sink->working)
        destroy(sink);
}

static void start_batch(struct bw_filesink *sink) {
    struct bw_buf empty = sink->file.batch;
    bw_buf_clear(&empty);
    sink->file.batch = sink->waiting;
    sink->waiting = empty;
    sink->working = true;
    uv_queue_work(&sink->loop->uv, &sink->work, work, on_worked);
}

static void on_loop_gone(struct bw_tenant *tenant) {
    BW_OWNER_OF(tenant, struct bw_filesink, tenant)->loop = NULL;
}

static bool name_file(struct file *file, const struct bw_filesink_config *config) {
    size_t size = strlen(config->path) + 3;
    file->size_max = config->size_max;
    file->path = malloc(size);
    file->old_path = malloc(size);
    if (!file->path || !file->old_path)
        return false;
    snprintf(file->path, size, "%s", config->path);
    snprintf(file->old_path, size, "%s.1", config->path);
    return true;
}

struct bw_filesink *bw_filesink_new(struct bw_loop *loop, const struct bw_filesink_config *config, char *why,
                                    size_t cap) {
    struct bw_filesink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        snprintf(why, cap, "out of memory");
        return NULL;
    }
    sink->file.fd = -1;
    bw_buf_init(&sink->file.batch, BW_FILESINK_WAITING_MAX);
    bw_buf_init(&sink->waiting, BW_FILESINK_WAITING_MAX);
    int error = name_file(&sink->file, config) ? open_file(&sink->file) : ENOMEM;
    if (error) {
        snprintf(why, cap, "%s", error == EINVAL ? "it is not a file" : reason_of(error));
        destroy(sink);
        return NULL;
    }
    sink->loop = loop;
    sink->work.data = sink;
    sink->on_failed = config->on_failed;
    sink->owner = config->owner;
    bw_loop_tenant_add(loop, &sink->tenant, on_loop_gone);
    return sink;
}

bool bw_filesink_write(struct bw_filesink *sink, struct bw_span lines) {
    if (sink->failed || !sink->loop)
        return false;
    sink->failed = !bw_buf_append_span(&sink->waiting, lines);
    if (!sink->working) /* also after a failure: the end of the batch tells it */
        start_batch(sink);
    return !sink->failed;
}

void bw_filesink_free(struct bw_filesink *sink) {
    if (!sink)
        return;
    if (sink->loop)
        bw_list_remove(&sink->tenant.link);
    sink->freed = true;
    if (!sink->working)
        destroy(sink);
}
