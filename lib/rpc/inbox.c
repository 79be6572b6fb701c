#include "inbox.h"

void bw_inbox_init(struct bw_inbox *inbox, uint32_t message_size_max) {
    *inbox = (struct bw_inbox){0};
    bw_frame_reader_init(&inbox->reader, message_size_max);
    bw_buf_init(&inbox->held, 0);
}

void bw_inbox_free(struct bw_inbox *inbox) {
    bw_frame_reader_free(&inbox->reader);
    bw_buf_free(&inbox->held);
}

static void give_back(struct bw_h2_stream *stream, size_t len) {
    if (stream && len)
        bw_h2_consume(stream, len);
}

enum bw_frame_result bw_inbox_read(struct bw_inbox *inbox, struct bw_h2_stream *stream,
                                   struct bw_span *message) {
    struct bw_span rest = bw_buf_span(&inbox->held);
    if (inbox->paused)
        return BW_FRAME_NEED_MORE;
    if (rest.len) {
        size_t before = rest.len;
        enum bw_frame_result result = bw_frame_read(&inbox->reader, &rest, message);
        bw_buf_consume(&inbox->held, before - rest.len);
        give_back(stream, before - rest.len);
        if (result != BW_FRAME_NEED_MORE)
            return result;
    }
    size_t before = inbox->fresh.len;
    enum bw_frame_result result = bw_frame_read(&inbox->reader, &inbox->fresh, message);
    give_back(stream, before - inbox->fresh.len);
    return result;
}

bool bw_inbox_keep(struct bw_inbox *inbox) {
    struct bw_span rest = inbox->fresh;
    inbox->fresh = bw_span_of(NULL, 0);
    return rest.len == 0 || bw_buf_append_span(&inbox->held, rest);
}

void bw_inbox_drop(struct bw_inbox *inbox, struct bw_h2_stream *stream) {
    size_t len = bw_buf_size(&inbox->held);
    give_back(stream, len + inbox->fresh.len);
    bw_buf_consume(&inbox->held, len);
    inbox->fresh = bw_span_of(NULL, 0);
}
