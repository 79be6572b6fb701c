/* feed.h: what happens in service-a, told to whoever watches the page: history, /circuit-status and /events.
 *
 * One event per call, per change of a breaker and per change of service-b's fault, numbered "<boot>-<n>". A
 * viewer first gets a full snapshot, then what it missed (Last-Event-ID of this run), then everything as it
 * happens. */
#ifndef CLIENT_FEED_H
#define CLIENT_FEED_H

#include "status.h"

#include <breakwire/http.h>

struct feed;

enum { FEED_GUARDS_MAX = 4, FEED_CALLS_SHOWN = 20 };

struct feed_config {
    const struct guard *guards[FEED_GUARDS_MAX]; /* the first is the one the page is about */
    size_t guards_count;
    struct times times;
    const char *version;
    uint64_t boot; /* tells one run of the program from another in event ids */
    void (*on_viewers)(void *user, size_t viewers); /* their number changed; may be NULL */
    void *user;
};

/* NULL: no memory. */
struct feed *feed_new(const struct feed_config *config);
/* After the HTTP server's connections are gone. */
void feed_free(struct feed *feed);

void feed_call(struct feed *feed, const struct guard_result *result);
void feed_change(struct feed *feed, const struct guard_change *change);
/* What service-b's fault is; NULL = not known. An event only when it differs from the last. */
void feed_fault(struct feed *feed, const struct stub_fault *fault);

/* Answers the exchange with the event stream. */
void feed_watch(struct feed *feed, struct bw_http_exchange *exchange);
/* Appends the object of /circuit-status. */
void feed_status(const struct feed *feed, struct bw_buf *out);
/* The last calls of the first guard, newest first; returns how many. */
struct feed_call {
    uint64_t wall_ms, latency_ms;
    const char *outcome, *code, *state; /* static text */
};
size_t feed_calls(const struct feed *feed, struct feed_call *out, size_t cap);

#endif
