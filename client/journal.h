/* journal.h: service-a's log of calls and of the breakers' changes. A clocked core of one loop.
 *
 * Each change is one line as it happens. A failing or rejected call is one line; a run of the same (breaker,
 * outcome and code) is one line a second with a count, so an outage at full load does not become a flood of
 * lines. Calls that succeed are logged at debug only. */
#ifndef CLIENT_JOURNAL_H
#define CLIENT_JOURNAL_H

#include "guard.h"

#include <breakwire/log.h>

struct journal;

/* `log` is lent. NULL: no memory. */
struct journal *journal_new(const struct bw_log *log, struct bw_wake wake);
void journal_free(struct journal *journal);
void journal_call(struct journal *journal, const struct guard_result *result, uint64_t now_ms);
void journal_change(struct journal *journal, const struct guard_change *change);
struct bw_clocked journal_clocked(struct journal *journal);

#endif
