#include <breakwire/breaker.h>

enum { CANCELLED = 1, UNKNOWN = 2, DEADLINE_EXCEEDED = 4, RESOURCE_EXHAUSTED = 8 };

enum bw_outcome bw_breaker_classify(const struct bw_breaker_config *config, int grpc_code, unsigned flags) {
    int code = grpc_code >= 0 && grpc_code < BW_BREAKER_CODES ? grpc_code : UNKNOWN;
    if ((code == CANCELLED && (flags & BW_CALL_CANCELLED_BY_CALLER)) ||
        (code == RESOURCE_EXHAUSTED && (flags & BW_CALL_MADE_LOCALLY)) ||
        (code == DEADLINE_EXCEEDED && (flags & BW_CALL_SHORT_DEADLINE)))
        return BW_IGNORED;
    if (config->ignore_mask >> code & 1)
        return BW_IGNORED;
    return config->failure_mask >> code & 1 ? BW_FAILURE : BW_SUCCESS;
}
