/* scene.h: service-a's HTTP side as main.c puts it together, in the world in memory; requests as text,
 * answers taken apart.
 *
 *   struct scene *scene = scene_open();
 *   const struct reply *reply = scene_get(scene, "/circuit-status");
 *   assert_int_equal(reply->status, 200);
 *   json_t *json = reply_json(reply);
 *   json_decref(json);
 *   scene_close(scene); */
#ifndef TESTS_CLIENT_SCENE_H
#define TESTS_CLIENT_SCENE_H

#include "world.h"

#include "front.h"

#include <jansson.h>

#define BOOT 0xabcu

struct scene {
    struct world world;
    struct guard *data, *control;
    struct feed *feed;
    struct page *page;
    struct site site;
    struct front *front;
    size_t viewers; /* as the feed told it */
};

/* The first answer in what a browser has got; spans lie in `text`. */
struct reply {
    int status;
    char text[65536];
    size_t head_len, len;
    struct bw_span body; /* what came of Content-Length bytes; without that field all there is */
};

/* There is one scene at a time. */
struct scene *scene_open(void);
struct scene *scene_open_with(const struct bw_breaker_config *breaker);
void scene_close(struct scene *scene);

/* "METHOD /target" and fields "Name: value\r\n" (NULL: none) of a browser that says Host: localhost:5000.
 * Nothing has happened yet. */
struct bw_wire *scene_browse(struct scene *scene, const char *method_and_target, const char *fields);
void scene_leave(struct scene *scene, struct bw_wire *browser);

/* What the browser has got. One static reply: the next reading overwrites it. */
const struct reply *reply_read(struct bw_wire *browser);
/* Browses, settles, reads, leaves. */
const struct reply *scene_ask(struct scene *scene, const char *method_and_target, const char *fields);
const struct reply *scene_get(struct scene *scene, const char *target);
const struct reply *scene_post(struct scene *scene, const char *target);

/* A field's value, NULL = not sent. One static text. */
const char *reply_field(const struct reply *reply, const char *name);
/* The body, which must be valid JSON of that content type; the caller decrefs it. */
json_t *reply_json(const struct reply *reply);
json_t *reply_problem(const struct reply *reply, int status);
/* json must be an object with exactly these keys, "a b c", in this order. */
void assert_keys(json_t *json, const char *keys);
/* A member that must be a text; and a path of names, "window.calls", that must be a number. */
const char *text_of(const json_t *json, const char *key);
json_int_t number_of(const json_t *json, const char *path);
/* Bytes as JSON; fails the test when they are not. */
json_t *parse(struct bw_span bytes);

#endif
