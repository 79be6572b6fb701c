#include <breakwire/status.h>

static const char *const names[BW_CODES] = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

const char *bw_code_name(int code) {
    return code >= 0 && code < BW_CODES ? names[code] : "UNKNOWN";
}

int bw_code_from_name(struct bw_span name) {
    for (int code = 0; code < BW_CODES; code++)
        if (bw_span_is(name, names[code]))
            return code;
    return -1;
}

enum bw_code bw_code_from_http(unsigned http_status) {
    switch (http_status) {
    case 400:
        return BW_INTERNAL;
    case 401:
        return BW_UNAUTHENTICATED;
    case 403:
        return BW_PERMISSION_DENIED;
    case 404:
        return BW_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return BW_UNAVAILABLE;
    default:
        return BW_UNKNOWN;
    }
}

enum bw_code bw_code_from_reset(uint32_t h2_error) {
    static const enum bw_code codes[] = {
        [0x0] = BW_INTERNAL,           /* NO_ERROR */
        [0x1] = BW_INTERNAL,           /* PROTOCOL_ERROR */
        [0x2] = BW_INTERNAL,           /* INTERNAL_ERROR */
        [0x3] = BW_INTERNAL,           /* FLOW_CONTROL_ERROR */
        [0x4] = BW_INTERNAL,           /* SETTINGS_TIMEOUT */
        [0x5] = BW_INTERNAL,           /* STREAM_CLOSED */
        [0x6] = BW_INTERNAL,           /* FRAME_SIZE_ERROR */
        [0x7] = BW_UNAVAILABLE,        /* REFUSED_STREAM */
        [0x8] = BW_CANCELLED,          /* CANCEL */
        [0x9] = BW_INTERNAL,           /* COMPRESSION_ERROR */
        [0xa] = BW_INTERNAL,           /* CONNECT_ERROR */
        [0xb] = BW_RESOURCE_EXHAUSTED, /* ENHANCE_YOUR_CALM */
        [0xc] = BW_PERMISSION_DENIED,  /* INADEQUATE_SECURITY */
    };
    return h2_error < sizeof codes / sizeof codes[0] ? codes[h2_error] : BW_UNKNOWN;
}

bool bw_code_parse(struct bw_span text, enum bw_code *out) {
    uint64_t number;
    *out = BW_UNKNOWN;
    if (!bw_span_to_u64(text, UINT32_MAX, &number))
        return false;
    if (number < BW_CODES)
        *out = (enum bw_code)number;
    return true;
}
