/* frames.h: looks at the heads of incoming frames before nghttp2 gets them: what is to be counted per frame.
 *
 * nghttp2 reports no ignored, unknown or invalid frame, and counts CONTINUATION frames per read; here every
 * frame head passes, however the bytes are cut. Refuses: more than 8 CONTINUATION frames in a block, HEADERS
 * on a stream id that was skipped, and an empty bucket. Pure. */
#ifndef BREAKWIRE_H2_FRAMES_H
#define BREAKWIRE_H2_FRAMES_H

#include "bucket.h"

#include <stddef.h>

enum {
    BW_H2_PREFACE_LEN = 24,      /* RFC 9113 section 3.4 */
    BW_H2_FRAME_HEAD_LEN = 9,    /* RFC 9113 section 4.1 */
    BW_H2_CONTINUATIONS_MAX = 8, /* per header block */
    BW_H2_IDS_REMEMBERED = 512,
};

struct bw_h2_frames {
    bool server;
    uint32_t preface_left; /* bytes of the client's preface still to come */
    uint8_t head[BW_H2_FRAME_HEAD_LEN];
    uint32_t head_len;     /* bytes of it that are here */
    uint32_t payload_left; /* of the frame that is being skipped */
    bool pad_wanted;       /* the next byte is the pad length of a DATA frame */
    bool block_open;       /* a header block has begun and its last byte is not here */
    bool block_ends;       /* ... and ends with this frame */
    uint64_t blocks;       /* header blocks begun so far */
    uint32_t continuations;
    uint32_t newest_id;                         /* of the streams the peer opened */
    uint64_t opened[BW_H2_IDS_REMEMBERED / 64]; /* by id / 2, modulo: was it opened, or skipped? */
};

/* Why the connection must end. */
struct bw_h2_fault {
    uint32_t code;   /* enum bw_h2_error; 0 = none */
    const char *why; /* static */
};

void bw_h2_frames_init(struct bw_h2_frames *frames, bool server);
/* Returns how many of the bytes may be handed on: all, or those before the frame that set *fault. */
size_t bw_h2_frames_check(struct bw_h2_frames *frames, struct bw_h2_bucket *bucket, uint64_t now_ms,
                          const uint8_t *bytes, size_t len, struct bw_h2_fault *fault);

#endif
