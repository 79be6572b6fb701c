/* google.rpc.Status with google.rpc.RetryInfo, as bytes. */
#include "pbwire.h"

#include <breakwire/status.h>

#define RETRY_INFO_URL "type.googleapis.com/google.rpc.RetryInfo"

/* Field numbers of google/rpc/status.proto, error_details.proto, protobuf's any.proto and duration.proto. */
enum { STATUS_CODE = 1, STATUS_MESSAGE = 2, STATUS_DETAILS = 3 };
enum { ANY_TYPE_URL = 1, ANY_VALUE = 2, RETRY_DELAY = 1, DURATION_SECONDS = 1, DURATION_NANOS = 2 };

static void put_retry_info(struct bw_buf *out, uint64_t ms) {
    struct bw_buf duration, info, any;
    bw_buf_init(&duration, 0);
    bw_buf_init(&info, 0);
    bw_buf_init(&any, 0);
    bw_pbwire_put_varint(&duration, DURATION_SECONDS, ms / 1000);
    bw_pbwire_put_varint(&duration, DURATION_NANOS, ms % 1000 * 1000000);
    bw_pbwire_put_bytes(&info, RETRY_DELAY, bw_buf_span(&duration));
    bw_pbwire_put_bytes(&any, ANY_TYPE_URL, bw_span_text(RETRY_INFO_URL));
    bw_pbwire_put_bytes(&any, ANY_VALUE, bw_buf_span(&info));
    bw_pbwire_put_bytes(out, STATUS_DETAILS, bw_buf_span(&any));
    out->failed |= duration.failed || info.failed || any.failed;
    bw_buf_free(&duration);
    bw_buf_free(&info);
    bw_buf_free(&any);
}

bool bw_status_details(struct bw_buf *out, enum bw_code code, const char *message, int64_t retry_after_ms) {
    bw_pbwire_put_varint(out, STATUS_CODE, (uint64_t)code);
    bw_pbwire_put_bytes(out, STATUS_MESSAGE, bw_span_text(message));
    if (retry_after_ms >= 0)
        put_retry_info(out, (uint64_t)retry_after_ms);
    return !out->failed;
}

/* The last field of that number and type BYTES; empty when there is none or the bytes are malformed. */
static struct bw_span find_bytes(struct bw_span message, uint32_t number) {
    struct bw_pbwire_field field;
    struct bw_span found = {0};
    while (bw_pbwire_next(&message, &field))
        if (field.number == number && field.type == BW_PB_BYTES)
            found = field.bytes;
    return message.len ? bw_span_of(NULL, 0) : found;
}

static int64_t duration_ms(struct bw_span duration) {
    struct bw_pbwire_field field;
    uint64_t seconds = 0, nanos = 0;
    while (bw_pbwire_next(&duration, &field)) {
        if (field.number == DURATION_SECONDS)
            seconds = field.varint;
        else if (field.number == DURATION_NANOS)
            nanos = field.varint;
    }
    if (duration.len || seconds > INT32_MAX || nanos >= 1000000000)
        return -1;
    return (int64_t)(seconds * 1000 + nanos / 1000000);
}

int64_t bw_status_details_retry_ms(struct bw_span details) {
    struct bw_pbwire_field field;
    int64_t ms = -1;
    while (bw_pbwire_next(&details, &field))
        if (field.number == STATUS_DETAILS && field.type == BW_PB_BYTES &&
            bw_span_is(find_bytes(field.bytes, ANY_TYPE_URL), RETRY_INFO_URL))
            ms = duration_ms(find_bytes(find_bytes(field.bytes, ANY_VALUE), RETRY_DELAY));
    return details.len ? -1 : ms;
}
