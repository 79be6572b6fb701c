/* caller.h: a server of service.h and a plain HTTP/2 client of it on a wire, so that a test can send what no
 * gRPC client would.
 *
 *   caller_ask(&caller, "/t.Test/Echo", "", "hello");
 *   assert_string_equal(caller_heard(&caller), "1 response :status=200 ...\n1 trailers grpc-status=0 end\n"
 *                                              "1 closed NO_ERROR\n"); */
#ifndef TESTS_RPC_CALLER_H
#define TESTS_RPC_CALLER_H

#include "end.h"
#include "run.h"
#include "service.h"

struct caller {
    struct service service;
    struct end end;
    struct bw_wire *wire;
};

/* config NULL: default. */
void caller_init(struct caller *caller, const struct bw_server_config *config);
void caller_init_h2(struct caller *caller, const struct bw_server_config *config,
                    const struct bw_h2_config *client);
void caller_free(struct caller *caller);

/* Opens a stream with the usual fields of a gRPC request (POST, http, path, authority b, te, content-type
 * application/grpc), changed by `fields`: "name=value" a line; one that is there is replaced, "name" alone
 * takes it away, and others are added. */
struct bw_h2_stream *caller_open(struct caller *caller, const char *path, const char *fields,
                                 bool end_stream);
/* One framed message on it. */
void caller_say(struct bw_h2_stream *stream, struct bw_span message);
/* Open, one message, END_STREAM. */
struct bw_h2_stream *caller_ask(struct caller *caller, const char *path, const char *fields,
                                const char *message);
/* Lets everything happen; what the client heard since the last time. */
const char *caller_heard(struct caller *caller);
/* What came in DATA so far, and forgets it. */
struct bw_span caller_body(struct caller *caller);
/* One call of Echo still works on this connection, and on the server. */
void caller_still_served(struct caller *caller);

#define OK_START "response :status=200 content-type=application/grpc\n"

#endif
