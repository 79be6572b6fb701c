/* logsink.h: the log of a program (log.h) goes to stderr, and never holds the program up.
 *
 * A line that stderr does not take at once is dropped and counted; the next line that is taken is preceded by
 * one that says how many were dropped. A closed stderr drops them all. One thread. */
#ifndef BREAKWIRE_LOGSINK_H
#define BREAKWIRE_LOGSINK_H

#include <breakwire/log.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bw_logsink_format {
    BW_LOGSINK_AUTO, /* text on a terminal, JSON otherwise */
    BW_LOGSINK_TEXT,
    BW_LOGSINK_JSON,
};

/* Fills `log`. `program` is lent for as long as the log is used. Call it early: when stderr is closed,
 * /dev/null takes its place, so that no socket gets its number. False: no memory; the log then drops
 * everything. */
bool bw_log_to_stderr(struct bw_log *log, const char *program, enum bw_log_level level,
                      enum bw_logsink_format format);
/* Lines dropped since the start. */
uint64_t bw_logsink_dropped(const struct bw_log *log);
/* Frees what bw_log_to_stderr took; the log then drops everything. */
void bw_logsink_free(struct bw_log *log);

#ifdef __cplusplus
}
#endif
#endif
