/* history.h: the last events of service-a, numbered, as the JSON that was sent: a bounded ring. Pure. */
#ifndef CLIENT_HISTORY_H
#define CLIENT_HISTORY_H

#include <breakwire/buf.h>

enum { HISTORY_KEPT = 256 };

struct history_entry {
    uint64_t number;   /* 1, 2, 3, ... */
    const char *event; /* "call", "state", "fault"; static text */
    struct bw_buf json;
};

struct history {
    struct history_entry entries[HISTORY_KEPT]; /* number n lies in (n - 1) % HISTORY_KEPT */
    uint64_t newest;                            /* 0 = none yet */
};

void history_init(struct history *history);
void history_free(struct history *history);
/* Begins the next entry; the caller writes its JSON. The oldest is forgotten. Never NULL. */
struct history_entry *history_add(struct history *history, const char *event);
/* The entry with that number; NULL = not there any more, or not yet. */
const struct history_entry *history_get(const struct history *history, uint64_t number);
/* The number of the oldest entry that is kept; newest + 1 when there is none. */
uint64_t history_oldest(const struct history *history);
/* The numbers of the last entries of one event, oldest first; returns how many. */
size_t history_last(const struct history *history, const char *event, uint64_t *numbers, size_t cap);

#endif
