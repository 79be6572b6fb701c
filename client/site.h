/* site.h: which requests service-a's HTTP side takes: the host it is called by, and who may make it act.
 * Pure.
 *
 * Guards against DNS rebinding (Host), cross-site requests (Sec-Fetch-Site, Origin) and prefetching
 * (Sec-Purpose). No CORS fields are ever sent. Sources: Fetch Metadata Request Headers (W3C), RFC 9110
 * section 7.4 (421). */
#ifndef CLIENT_SITE_H
#define CLIENT_SITE_H

#include <breakwire/span.h>

enum { SITE_HOSTS_MAX = 32 };

/* The hosts it answers to, beside localhost, 127.0.0.1 and [::1]. Spans are lent. */
struct site {
    struct bw_span hosts[SITE_HOSTS_MAX];
    size_t hosts_count;
};

/* Adds a host; an IPv6 address has its brackets. False: there are SITE_HOSTS_MAX already. */
bool site_add_host(struct site *site, struct bw_span host);

struct site_request {
    bool is_post;
    struct bw_span path, host; /* host without port and without a trailing dot */
    struct bw_span authority;  /* Host as sent */
    /* data NULL = the field was not sent */
    struct bw_span origin, sec_fetch_site, sec_fetch_mode, sec_fetch_dest, sec_purpose;
};

struct site_verdict {
    int status;         /* 0 = go on, else 403 or 421 */
    const char *detail; /* why, a static sentence */
};

struct site_verdict site_judge(const struct site *site, const struct site_request *request);

#endif
