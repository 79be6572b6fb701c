/* frame.h: messages in a stream of DATA bytes: flag, 4-byte length, message (PROTOCOL-HTTP2.md,
 * "Length-Prefixed-Message"). Pure: any split of the bytes gives the same messages. */
#ifndef RPC_FRAME_H
#define RPC_FRAME_H

#include <breakwire/buf.h>

enum { BW_FRAME_HEAD = 5 };

enum bw_frame_result {
    BW_FRAME_NEED_MORE,  /* all bytes are taken */
    BW_FRAME_MESSAGE,    /* one message is complete: read it, then go on with the rest */
    BW_FRAME_BAD_FLAG,   /* neither 0 nor 1 */
    BW_FRAME_COMPRESSED, /* flag 1, and no compression was agreed on */
    BW_FRAME_TOO_LARGE,  /* said as soon as the length is known */
    BW_FRAME_NO_MEMORY,
};

struct bw_frame_reader {
    uint32_t size_max;
    uint8_t head[BW_FRAME_HEAD];
    size_t head_len;
    uint32_t size; /* of the message being read */
    struct bw_buf partial;
};

void bw_frame_reader_init(struct bw_frame_reader *reader, uint32_t size_max);
void bw_frame_reader_free(struct bw_frame_reader *reader);
/* Takes bytes off `rest`. MESSAGE: `message` is lent until the next call; call again while bytes or messages
 * are left. After any other result than NEED_MORE and MESSAGE the reader is of no further use. */
enum bw_frame_result bw_frame_read(struct bw_frame_reader *reader, struct bw_span *rest,
                                   struct bw_span *message);
/* Bytes of an unfinished message are held: an end of the stream here is an error. */
bool bw_frame_is_partial(const struct bw_frame_reader *reader);
/* The head of an uncompressed message. size < 2^32. */
void bw_frame_head(uint8_t head[BW_FRAME_HEAD], size_t size);

#endif
