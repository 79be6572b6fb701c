#include "authority.h"

struct parts {
    struct bw_span host, port;
    bool has_port;
};

static bool is_alnum(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* unreserved, sub-delims and '%' of a reg-name */
static bool is_name_char(uint8_t c) {
    return is_alnum(c) || (c != 0 && strchr("-._~!$&'()*+,;=%", c) != NULL);
}

static bool is_literal_char(uint8_t c) {
    return is_alnum(c) || c == ':' || c == '.';
}

static size_t host_size(struct bw_span authority) {
    size_t n = 0;
    if (authority.len && authority.data[0] == '[') {
        for (n = 1; n < authority.len && is_literal_char(authority.data[n]); n++) {
        }
        return n > 1 && n < authority.len && authority.data[n] == ']' ? n + 1 : 0;
    }
    while (n < authority.len && is_name_char(authority.data[n]))
        n++;
    return n;
}

static struct parts split(struct bw_span authority) {
    struct parts parts = {.host = bw_span_of(authority.data, host_size(authority))};
    size_t n = parts.host.len;
    parts.has_port = n < authority.len && authority.data[n] == ':';
    parts.port = bw_span_of(authority.data + n + parts.has_port, authority.len - n - parts.has_port);
    return parts;
}

bool bw_http_authority_valid(struct bw_span authority) {
    uint64_t port;
    if (authority.len == 0 || authority.len > BW_HTTP_AUTHORITY_SIZE_MAX)
        return false;
    struct parts parts = split(authority);
    if (parts.host.len == 0 || !parts.has_port)
        return parts.host.len == authority.len;
    return parts.port.len == 0 || bw_span_to_u64(parts.port, 65535, &port);
}

struct bw_span bw_http_authority_host(struct bw_span authority) {
    struct bw_span host = split(authority).host;
    if (host.len > 1 && host.data[host.len - 1] == '.')
        host.len--;
    return host;
}

static uint64_t port_of(struct bw_span authority) {
    uint64_t port = 80;
    (void)bw_span_to_u64(split(authority).port, 65535, &port);
    return port;
}

bool bw_http_authority_same(struct bw_span a, struct bw_span b) {
    return port_of(a) == port_of(b) &&
           bw_span_equal_nocase(bw_http_authority_host(a), bw_http_authority_host(b));
}
