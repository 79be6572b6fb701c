/* front.h: service-a's HTTP side: the page, the JSON of the demo, the events. Routes and answers only: calls
 * go through the stub, events through the feed, who may ask through the site. One loop. */
#ifndef CLIENT_FRONT_H
#define CLIENT_FRONT_H

#include "feed.h"
#include "page.h"
#include "site.h"

#include <breakwire/http.h>

struct front;

struct front_config {
    struct guard *data_guard, *control_guard; /* kept, as everything below */
    struct feed *feed;
    const struct page *page;
    const struct site *site;
    struct times times;
};

/* NULL: no memory. */
struct front *front_new(const struct front_config *config);
/* After its HTTP server's connections are gone. */
void front_free(struct front *front);
/* The server whose connections ask it; owned by the front. */
struct bw_http_server *front_server(const struct front *front);
/* /readyz says 503 from now on; requests in work are answered, then connections close. */
void front_drain(struct front *front, uint64_t now_ms);

#endif
