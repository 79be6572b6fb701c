/* world.h: a channel in a world in memory: a driver that fulfils its wishes, servers that answer from
 * scripts, and a virtual clock. What happens is traced as text.
 *
 *   struct world world;
 *   world_open(&world, "127.0.0.1:5001");
 *   world.answer = "H content-type=application/grpc|M pong|T grpc-status=0";
 *   struct call *call = world_call(&world, NULL);
 *   world_settle(&world);
 *   assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
 *
 * A script is a list of steps: H fields (response headers; :status=200 is put in front when missing), HE (the
 * same with END_STREAM), M text (a message), D hex (bytes of DATA), T fields (trailers), E (END_STREAM on
 * DATA), R number (RST_STREAM). */
#ifndef TESTS_RPC_WORLD_H
#define TESTS_RPC_WORLD_H

#include "run.h"

#include <breakwire/buf.h>
#include <breakwire/channel.h>
#include <breakwire/h2.h>

#define GRPC     "content-type=application/grpc+proto"
#define ANSWER   "H " GRPC "|M pong|T grpc-status=0"
#define START_MS 1000u

enum { LINKS_MAX = 64, HELD_MAX = 64, CALLS_MAX = 2100 };

struct world;

/* A connection and the server at its other end. */
struct link {
    struct world *world;
    uint64_t id;
    struct bw_conn client;   /* ops NULL: freed */
    struct bw_h2 *server;    /* NULL: a script of raw bytes, or gone */
    struct bw_buf to_client; /* on the way */
    struct bw_buf heard;     /* raw: what the client sent */
    size_t streams;          /* requests seen */
};

struct call {
    struct world *world;
    struct bw_call *call; /* NULL: ended */
    struct bw_buf trace;
    unsigned ends;
    struct bw_call_result result; /* of the end; texts are not kept */
    struct bw_metadata *headers, *trailers;
    struct bw_buf details, message;
    void (*on_headers)(struct call *call); /* what the caller does from inside an event */
    void (*on_message)(struct call *call);
    void (*on_writable)(struct call *call);
    void (*on_end)(struct call *call);
};

/* What the driver does with a wish to connect. */
enum dialling {
    DIAL_ACCEPT, /* a server is there */
    DIAL_RAW,    /* ... and says nothing but what the test makes it say */
    DIAL_REFUSE, /* "cannot connect to ADDRESS: connection refused" */
    DIAL_HANG,   /* no answer */
};

struct world {
    struct bw_channel *channel;
    struct bw_dialable dialable;
    uint64_t now_ms;
    enum dialling dialling;
    const char *addresses; /* what a name is resolved to, "a b c"; NULL: no answer */
    struct bw_buf wishes;  /* trace: "CONNECT 127.0.0.1:5001; CLOSE 1; " */
    struct bw_wish last_wish;

    struct link links[LINKS_MAX];
    size_t links_count;
    size_t piece;                /* bytes per feed */
    uint32_t concurrent_streams; /* of the servers */
    bool cut_off;                /* nothing the servers say arrives */
    const char *answer;          /* to every request when it is complete; NULL: it is held */
    struct bw_h2_stream *held[HELD_MAX];
    size_t held_count;
    struct bw_h2_stream *newest; /* request, complete or not; NULL: closed */
    bool keeps_window;           /* of the request's bytes: the client has to stop */
    struct bw_buf request;       /* the newest one: its fields, " name=value" each */
    struct bw_buf body;          /* ... and its DATA */
    struct bw_buf resets;        /* RST_STREAM codes that servers saw: "CANCEL " */

    struct call *calls[CALLS_MAX];
    size_t calls_count;
};

/* DIAL_ACCEPT, ANSWER, and the given config (NULL: the default one, with this target). */
void world_open_config(struct world *world, const struct bw_channel_config *config);
void world_open(struct world *world, const char *target);
void world_close(struct world *world); /* checks that every call ended once at most */

/* Everything that can happen now has happened. */
void world_settle(struct world *world);
void world_advance(struct world *world, uint64_t ms);
/* The wishes so far, and forgets them. */
const char *world_wishes(struct world *world);

/* A unary call of /t/Call with the message "ping"; options NULL: the default ones with this path. */
struct call *world_call(struct world *world, const struct bw_call_options *options);
struct call *world_call_with(struct world *world, const struct bw_call_options *options,
                             struct bw_span request);
struct call *world_call_within(struct world *world, uint64_t ms);
struct call *world_stream(struct world *world); /* server-streaming */
/* Client- or bidi-streaming, without a message yet; timeout_ms 0: none. */
struct call *world_begin(struct world *world, enum bw_kind kind, uint64_t timeout_ms);
enum bw_send call_say(struct call *call, const char *message);
/* A message of `len` zeros, at most 1 MiB, until the answer is not OK; how many were taken. */
unsigned call_fill(struct call *call, size_t len, enum bw_send *last);
const char *call_trace(struct call *call);
const char *call_message(struct call *call); /* of the result */
void call_cancel(struct call *call);

void world_play(struct bw_h2_stream *stream, const char *script);
/* The newest link. */
struct link *world_link(struct world *world);
/* The connection breaks, as the client sees it. */
void world_cut(struct world *world, struct link *link);

/* A raw link: frames by hand. */
void link_say_frame(struct link *link, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                    size_t len);
/* "name=value name=value". */
void link_say_headers(struct link *link, uint8_t flags, uint32_t id, const char *fields);
void link_say_settings(struct link *link);

/* For world.c alone. */
void link_make_server(struct link *link);
void call_forget(struct call *call);

#endif
