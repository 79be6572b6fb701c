/* inbox.h: the bytes that came on a stream, from DATA to messages, with a tap. Either end of a call has one.
 *
 * While the tap is open bytes are read as they come and given back to the stream's window at once, those of a
 * message that is not whole among them: it may be larger than the window, and the limit of messages bounds
 * what is held (grpc-go grows the window instead). While it is shut bytes wait unread and count against the
 * window, which bounds them: the sender stops. */
#ifndef RPC_INBOX_H
#define RPC_INBOX_H

#include "frame.h"

#include <breakwire/h2.h>

struct bw_inbox {
    struct bw_frame_reader reader;
    struct bw_buf held;   /* received and not read */
    struct bw_span fresh; /* the DATA of the running event, lent; behind `held` */
    bool paused;          /* the tap is shut */
};

void bw_inbox_init(struct bw_inbox *inbox, uint32_t message_size_max);
void bw_inbox_free(struct bw_inbox *inbox);
/* The next message; lent until the next call of one of these functions. NEED_MORE: none now. stream NULL: it
 * is gone, no window matters. Other results as bw_frame_read. */
enum bw_frame_result bw_inbox_read(struct bw_inbox *inbox, struct bw_h2_stream *stream,
                                   struct bw_span *message);
/* At the end of a DATA event: what of `fresh` was not read is kept. False: no memory. */
bool bw_inbox_keep(struct bw_inbox *inbox);
/* Nobody will read the rest: it is given back to the window. What was lent stays readable. */
void bw_inbox_drop(struct bw_inbox *inbox, struct bw_h2_stream *stream);
/* Bytes wait to be read. */
static inline bool bw_inbox_waits(const struct bw_inbox *inbox) {
    return bw_buf_size(&inbox->held) > 0 || inbox->fresh.len > 0;
}

#endif
