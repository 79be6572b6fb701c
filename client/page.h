/* page.h: the demo page and its files, embedded in the program. Pure: bytes for front.c to answer with.
 *
 * The document is rendered in the viewer's language with the state already in it (also for a browser without
 * JavaScript); script, style and strings are files with a strong ETag and a gzip copy made at build time. */
#ifndef CLIENT_PAGE_H
#define CLIENT_PAGE_H

#include "status.h"

struct page;

/* NULL: no memory, or an embedded file that is not what it should be (a fault of the build). */
struct page *page_new(void);
void page_free(struct page *page);

/* The language for a viewer: the query's `lang` if it is one, else the best of Accept-Language, else "en".
 * Both may be empty. Static text. */
const char *page_language(struct bw_span query_lang, struct bw_span accept_language);

/* One of the last calls, for the table that works without JavaScript. */
struct page_call {
    char at[25]; /* RFC 3339 */
    const char *outcome, *code, *state;
    uint64_t latency_ms;
};

struct page_view {
    const char *language;
    const struct guard_status *status; /* of the breaker that the page is about */
    struct bw_span snapshot_json;      /* the snapshot event's data: what the script starts from */
    const struct page_call *calls;     /* newest first */
    size_t calls_count;
};

/* Appends the document. False: no memory. */
bool page_render(const struct page *page, const struct page_view *view, struct bw_buf *out);

struct page_file {
    const char *path, *content_type, *etag; /* etag quoted, strong */
    struct bw_span plain, gzip;
};

/* The file under a path such as "/app.js"; NULL = none. Static. */
const struct page_file *page_file(struct bw_span path);
/* All of them, for the routes. */
size_t page_files(const struct page_file **files);

#endif
