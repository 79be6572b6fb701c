#include "content_type.h"

static const char GRPC[] = "application/grpc";
enum { GRPC_LEN = sizeof GRPC - 1 };

bool bw_content_type_is_grpc(struct bw_span content_type) {
    if (content_type.len < GRPC_LEN || !bw_span_is_nocase(bw_span_of(content_type.data, GRPC_LEN), GRPC))
        return false;
    return content_type.len == GRPC_LEN || content_type.data[GRPC_LEN] == '+' ||
           content_type.data[GRPC_LEN] == ';';
}

bool bw_content_type_is_known_codec(struct bw_span content_type, bool *is_proto) {
    static const char proto[] = "+proto";
    const size_t n = sizeof proto - 1;
    struct bw_span rest = bw_span_of(content_type.data + GRPC_LEN, content_type.len - GRPC_LEN);
    *is_proto = rest.len >= n && bw_span_is_nocase(bw_span_of(rest.data, n), proto) &&
                (rest.len == n || rest.data[n] == ';');
    return rest.len == 0 || rest.data[0] == ';' || *is_proto;
}
