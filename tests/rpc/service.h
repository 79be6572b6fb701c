/* service.h: a gRPC server for tests, with one method of each kind and a trace of what its handlers heard.
 *
 *   /t.Test/Echo    unary: answers with the request
 *   /t.Test/Later   unary: answered by the test, through `held`
 *   /t.Test/Fail    unary: INVALID_ARGUMENT with the request as its message, a header, a trailer, details
 *   /t.Test/Meta    unary: sends the request's metadata back, "h-" keys as headers, "t-" keys as trailers
 *   /t.Test/Many    server streaming: the request is a number; as many messages as it says
 *   /t.Test/Chat    bidi: each message is answered, half close ends it with OK
 *   /t.Test/Collect client streaming: half close is answered with all messages, one behind the other
 *   /t.Test/Early   client streaming: the first message is the answer
 *   /t.Test/Small   unary: as Echo, 10 bytes at most
 *   /t.Proxy/       by prefix: answers with the path
 *
 * The trace: "message hello\n", "half-close\n", "end FINISHED\n". */
#ifndef TESTS_RPC_SERVICE_H
#define TESTS_RPC_SERVICE_H

#include <breakwire/buf.h>
#include <breakwire/server.h>

enum { SERVICE_HELD = 32 };

struct service {
    struct bw_server *server;
    struct bw_buf trace;
    struct bw_server_call *held[SERVICE_HELD]; /* calls without an answer, oldest first */
    size_t held_count;
    unsigned many_left; /* of Many: messages that did not fit yet */
    uint64_t deadline_ms;
    bool pauses;                     /* Chat and Collect pause at each message */
    struct bw_server_call *talks[2]; /* of Chat and Collect, the newest that has not ended */
    struct bw_buf collected;
};

/* config NULL: default. */
void service_init(struct service *service, const struct bw_server_config *config);
/* False: no memory; to be freed all the same. */
bool service_try(struct service *service, const struct bw_server_config *config);
void service_free(struct service *service);
const char *service_trace(struct service *service);

#endif
