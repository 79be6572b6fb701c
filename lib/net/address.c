#include "address.h"

#include <breakwire/span.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <uv.h>

static bool is_port(struct bw_span port) {
    uint64_t number;
    return port.len < BW_PORT_MAX && bw_span_to_u64(port, 65535, &number);
}

bool bw_address_split(const char *text, char host[BW_HOST_MAX], char port[BW_PORT_MAX]) {
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    struct bw_span name = bw_span_of(text, (size_t)(colon - text));
    bool bracketed = name.len >= 2 && name.data[0] == '[' && name.data[name.len - 1] == ']';
    if (bracketed)
        name = bw_span_of(text + 1, name.len - 2);
    else if (memchr(text, ':', name.len) || memchr(text, '[', name.len))
        return false;
    if (name.len >= BW_HOST_MAX || !is_port(bw_span_text(colon + 1)))
        return false;
    bw_span_copy_text(name, host, BW_HOST_MAX);
    bw_span_copy_text(bw_span_text(colon + 1), port, BW_PORT_MAX);
    return true;
}

bool bw_address_parse_host(const char *host, uint16_t port, struct sockaddr_storage *out) {
    char bare[BW_HOST_MAX];
    struct bw_span text = bw_span_text(host);
    if (text.len >= 2 && host[0] == '[' && host[text.len - 1] == ']')
        text = bw_span_of(host + 1, text.len - 2);
    bw_span_copy_text(text, bare, sizeof bare);
    memset(out, 0, sizeof *out);
    return uv_ip4_addr(bare, port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(bare, port, (struct sockaddr_in6 *)out) == 0;
}

static bool parse_unix(const char *path, struct sockaddr_storage *out) {
    struct sockaddr_un *address = (struct sockaddr_un *)out;
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof address->sun_path)
        return false;
    memset(out, 0, sizeof *out);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len);
    return true;
}

bool bw_address_parse(const char *text, struct sockaddr_storage *out) {
    if (bw_span_starts(bw_span_text(text), "unix:"))
        return parse_unix(text + strlen("unix:"), out);
    char host[BW_HOST_MAX], port[BW_PORT_MAX];
    uint64_t number = 0;
    return bw_address_split(text, host, port) && bw_span_to_u64(bw_span_text(port), 65535, &number) &&
           bw_address_parse_host(host, (uint16_t)number, out);
}

void bw_address_text(const struct sockaddr *address, struct bw_address *out) {
    char host[INET6_ADDRSTRLEN + 1];
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        uv_ip4_name(v4, host, sizeof host);
        snprintf(out->text, sizeof out->text, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        char scope[IF_NAMESIZE] = "";
        uv_ip6_name(v6, host, sizeof host);
        /* A link-local address means nothing without its interface (RFC 4007 section 11). */
        bool scoped = v6->sin6_scope_id && if_indextoname(v6->sin6_scope_id, scope);
        snprintf(out->text, sizeof out->text, "[%s%s%s]:%u", host, scoped ? "%" : "", scope,
                 (unsigned)ntohs(v6->sin6_port));
    } else {
        snprintf(out->text, sizeof out->text, "unknown");
    }
}

void bw_address_set_port(struct sockaddr *address, uint16_t port) {
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    else if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}
