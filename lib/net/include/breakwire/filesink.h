/* filesink.h: lines go to the end of a file that is limited in size, without holding the loop up.
 *
 * Lines are taken at once and written by a thread of libuv's pool, one batch at a time. When the file would
 * grow above its limit it becomes FILE.1, in place of an older FILE.1, and a new FILE is begun; so does what
 * an earlier program left in FILE. A file always ends with a whole line, also on a full disk.
 *
 * The first fault ends it: on_failed says why, and nothing more is written. Rules as in loop.h. */
#ifndef BREAKWIRE_FILESINK_H
#define BREAKWIRE_FILESINK_H

#include <breakwire/loop.h>
#include <breakwire/span.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_filesink;

enum { BW_FILESINK_WAITING_MAX = 8 * 1024 * 1024 }; /* bytes that may wait for the disk */

struct bw_filesink_config {
    const char *path;  /* copied */
    uint64_t size_max; /* of FILE, in bytes; at least that of the longest line */
    /* Once at most, from the loop, until the loop is freed; `why` is lent. */
    void (*on_failed)(void *owner, const char *why);
    void *owner;
};

/* Opens the file; blocks for that. NULL: `why` (cap bytes, cut) is a reason such as "permission denied". Only
 * a regular file is taken. */
struct bw_filesink *bw_filesink_new(struct bw_loop *loop, const struct bw_filesink_config *config, char *why,
                                    size_t cap);
/* Copies whole lines, each with its newline. False: it has failed; on_failed tells, or has told. */
bool bw_filesink_write(struct bw_filesink *sink, struct bw_span lines);
/* What was taken is still written, in bw_loop_free at the latest. NULL is fine. */
void bw_filesink_free(struct bw_filesink *sink);

#ifdef __cplusplus
}
#endif
#endif
