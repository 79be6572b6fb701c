#include "frame.h"

void bw_frame_reader_init(struct bw_frame_reader *reader, uint32_t size_max) {
    *reader = (struct bw_frame_reader){.size_max = size_max};
    bw_buf_init(&reader->partial, 0);
}

void bw_frame_reader_free(struct bw_frame_reader *reader) {
    bw_buf_free(&reader->partial);
}

static struct bw_span take(struct bw_span *rest, size_t len) {
    size_t n = len < rest->len ? len : rest->len;
    struct bw_span taken = bw_span_of(rest->data, n);
    if (n)
        *rest = bw_span_of(rest->data + n, rest->len - n);
    return taken;
}

static enum bw_frame_result read_head(struct bw_frame_reader *reader, struct bw_span *rest) {
    struct bw_span piece = take(rest, BW_FRAME_HEAD - reader->head_len);
    if (piece.len)
        memcpy(reader->head + reader->head_len, piece.data, piece.len);
    reader->head_len += piece.len;
    if (reader->head_len > 0 && reader->head[0] > 1)
        return BW_FRAME_BAD_FLAG;
    if (reader->head_len < BW_FRAME_HEAD)
        return BW_FRAME_NEED_MORE;
    const uint8_t *h = reader->head;
    reader->size = (uint32_t)h[1] << 24 | (uint32_t)h[2] << 16 | (uint32_t)h[3] << 8 | h[4];
    if (h[0] == 1)
        return BW_FRAME_COMPRESSED;
    return reader->size > reader->size_max ? BW_FRAME_TOO_LARGE : BW_FRAME_MESSAGE;
}

enum bw_frame_result bw_frame_read(struct bw_frame_reader *reader, struct bw_span *rest,
                                   struct bw_span *message) {
    if (reader->head_len == BW_FRAME_HEAD && bw_buf_size(&reader->partial) == reader->size &&
        reader->partial.len) {
        bw_buf_clear(&reader->partial); /* the one given out by the call before */
        reader->head_len = 0;
    }
    if (reader->head_len < BW_FRAME_HEAD) {
        enum bw_frame_result head = read_head(reader, rest);
        if (head != BW_FRAME_MESSAGE)
            return head;
    }
    size_t missing = reader->size - bw_buf_size(&reader->partial);
    /* A message that is whole in these bytes is lent from where it lies. */
    if (bw_buf_size(&reader->partial) == 0 && rest->len >= missing) {
        *message = take(rest, missing);
        reader->head_len = 0;
        return BW_FRAME_MESSAGE;
    }
    if (!bw_buf_append_span(&reader->partial, take(rest, missing)))
        return BW_FRAME_NO_MEMORY;
    if (bw_buf_size(&reader->partial) < reader->size)
        return BW_FRAME_NEED_MORE;
    *message = bw_buf_span(&reader->partial);
    return BW_FRAME_MESSAGE;
}

bool bw_frame_is_partial(const struct bw_frame_reader *reader) {
    return reader->head_len > 0 && !(reader->head_len == BW_FRAME_HEAD && reader->size &&
                                     bw_buf_size(&reader->partial) == reader->size);
}

void bw_frame_head(uint8_t head[BW_FRAME_HEAD], size_t size) {
    head[0] = 0;
    head[1] = (uint8_t)(size >> 24);
    head[2] = (uint8_t)(size >> 16);
    head[3] = (uint8_t)(size >> 8);
    head[4] = (uint8_t)size;
}
