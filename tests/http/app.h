/* app.h: a program for the tests: every route writes down what its handler saw. */
#ifndef TESTS_HTTP_APP_H
#define TESTS_HTTP_APP_H

#include <breakwire/buf.h>
#include <breakwire/http.h>

#include "run.h"

/* Paths: /echo GET POST, /read GET, /write POST, /act GET without HEAD and POST, /body POST that needs a
 * body, /static GET (lent), /large GET (16 KiB), /later GET POST (answered by app_answer), /events GET (a
 * stream), /options GET OPTIONS, / GET. The filter refuses the host "evil" with 421. */
struct app {
    struct bw_http_config config;
    struct bw_http_server *server;
    struct bw_buf seen;               /* "GET /echo?q @host 'body'; " for each request a handler saw */
    struct bw_http_exchange *open[8]; /* of /later */
    size_t open_count;
    struct bw_http_stream *streams[20]; /* of /events, in the order of their start; NULL: gone */
    size_t streams_count;
    unsigned gone, streams_gone, filtered;
    uint64_t later_body_size;
};

/* Fills app->config; change it, then app_start. */
void app_init(struct app *app);
void app_start(struct app *app);
void app_stop(struct app *app);
/* Both of the above. */
void app_run(struct app *app);

/* Answers the oldest exchange of /later with 200 "late". */
void app_answer(struct app *app);
const char *app_seen(struct app *app);
struct bw_http_counts app_counts(const struct app *app);

#endif
