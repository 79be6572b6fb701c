#include "frames.h"

#include <breakwire/h2.h>

#include <string.h>

/* RFC 9113 section 6. */
enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, CONTINUATION = 9 };
enum { END_STREAM = 0x1, END_HEADERS = 0x4, PADDED = 0x8 };

void bw_h2_frames_init(struct bw_h2_frames *frames, bool server) {
    memset(frames, 0, sizeof *frames);
    frames->server = server;
    frames->preface_left = server ? BW_H2_PREFACE_LEN : 0;
}

static uint32_t length_of(const uint8_t *head) {
    return (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
}

static uint32_t stream_of(const uint8_t *head) {
    return (uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
}

static void mark(struct bw_h2_frames *frames, uint32_t id, bool opened) {
    uint32_t at = id / 2 % BW_H2_IDS_REMEMBERED;
    uint64_t bit = (uint64_t)1 << at % 64;
    if (opened)
        frames->opened[at / 64] |= bit;
    else
        frames->opened[at / 64] &= ~bit;
}

/* "The first use of a new stream identifier implicitly closes all streams in the idle state that might have
 * been initiated by that peer with a lower-valued stream identifier" (RFC 9113 section 5.1.1). */
static bool is_skipped(struct bw_h2_frames *frames, uint32_t id) {
    if (!frames->server || id % 2 == 0)
        return false;
    if (id <= frames->newest_id) {
        uint32_t at = id / 2 % BW_H2_IDS_REMEMBERED;
        bool remembered = frames->newest_id / 2 - id / 2 < BW_H2_IDS_REMEMBERED;
        return remembered && !(frames->opened[at / 64] >> at % 64 & 1);
    }
    uint32_t skipped = id / 2 - frames->newest_id / 2;
    if (skipped > BW_H2_IDS_REMEMBERED)
        memset(frames->opened, 0, sizeof frames->opened);
    else
        for (uint32_t old = frames->newest_id + 2; old < id; old += 2)
            mark(frames, old, false);
    mark(frames, id, true);
    frames->newest_id = id;
    return false;
}

static void begin_block(struct bw_h2_frames *frames) {
    frames->block_open = true;
    frames->blocks++;
    frames->continuations = 0;
}

/* Charges one token for a frame that is no call and no data. */
static void charge(struct bw_h2_bucket *bucket, uint64_t now_ms, struct bw_h2_fault *fault) {
    if (!bw_h2_bucket_take(bucket, now_ms, BW_H2_COST_FRAME))
        *fault = (struct bw_h2_fault){BW_H2_ENHANCE_YOUR_CALM, "too_many_frames"};
}

/* A whole head is here. */
static void judge(struct bw_h2_frames *frames, struct bw_h2_bucket *bucket, uint64_t now_ms,
                  struct bw_h2_fault *fault) {
    uint8_t type = frames->head[3], flags = frames->head[4];
    frames->payload_left = length_of(frames->head);
    switch (type) {
    case DATA:
        frames->pad_wanted = (flags & PADDED) && frames->payload_left > 0;
        if (frames->payload_left == 0 && !(flags & END_STREAM))
            charge(bucket, now_ms, fault);
        break;
    case HEADERS:
        if (is_skipped(frames, stream_of(frames->head)))
            *fault = (struct bw_h2_fault){BW_H2_PROTOCOL_ERROR, "HEADERS on a skipped stream id"};
        begin_block(frames);
        frames->block_ends = flags & END_HEADERS;
        break;
    case CONTINUATION:
        if (++frames->continuations > BW_H2_CONTINUATIONS_MAX)
            *fault = (struct bw_h2_fault){BW_H2_ENHANCE_YOUR_CALM, "too_many_continuations"};
        frames->block_ends = flags & END_HEADERS;
        break;
    default:
        charge(bucket, now_ms, fault);
    }
}

static void end_frame(struct bw_h2_frames *frames) {
    frames->head_len = 0;
    if (frames->block_open && frames->block_ends)
        frames->block_open = frames->block_ends = false;
}

static size_t take_head(struct bw_h2_frames *frames, const uint8_t *bytes, size_t len) {
    size_t n = BW_H2_FRAME_HEAD_LEN - frames->head_len;
    if (n > len)
        n = len;
    memcpy(frames->head + frames->head_len, bytes, n);
    frames->head_len += (uint32_t)n;
    return n;
}

/* Padding only, without END_STREAM, is as empty as an empty frame. */
static void judge_padding(struct bw_h2_frames *frames, struct bw_h2_bucket *bucket, uint64_t now_ms,
                          uint8_t pad, struct bw_h2_fault *fault) {
    frames->pad_wanted = false;
    if (length_of(frames->head) - 1 <= pad && !(frames->head[4] & END_STREAM))
        charge(bucket, now_ms, fault);
}

static size_t skip(uint32_t *left, size_t len) {
    size_t n = len < *left ? len : *left;
    *left -= (uint32_t)n;
    return n;
}

size_t bw_h2_frames_check(struct bw_h2_frames *frames, struct bw_h2_bucket *bucket, uint64_t now_ms,
                          const uint8_t *bytes, size_t len, struct bw_h2_fault *fault) {
    size_t at = skip(&frames->preface_left, len);
    while (at < len) {
        if (frames->head_len < BW_H2_FRAME_HEAD_LEN) {
            size_t begin = at;
            at += take_head(frames, bytes + at, len - at);
            if (frames->head_len < BW_H2_FRAME_HEAD_LEN)
                return at;
            judge(frames, bucket, now_ms, fault);
            if (fault->code)
                return begin;
        } else {
            if (frames->pad_wanted)
                judge_padding(frames, bucket, now_ms, bytes[at], fault);
            if (fault->code)
                return at;
            at += skip(&frames->payload_left, len - at);
        }
        if (frames->payload_left == 0)
            end_frame(frames);
    }
    return at;
}
