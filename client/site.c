#include "site.h"

bool site_add_host(struct site *site, struct bw_span host) {
    if (site->hosts_count == SITE_HOSTS_MAX)
        return false;
    site->hosts[site->hosts_count++] = host;
    return true;
}

static bool knows_host(const struct site *site, struct bw_span host) {
    static const char *const always[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (bw_span_is_nocase(host, always[i]))
            return true;
    for (size_t i = 0; i < site->hosts_count; i++)
        if (bw_span_equal_nocase(host, site->hosts[i]))
            return true;
    return false;
}

/* Probes of orchestrators call by address. */
static bool is_probe(struct bw_span path) {
    return bw_span_is(path, "/health") || bw_span_is(path, "/livez") || bw_span_is(path, "/readyz") ||
           bw_span_is(path, "/metrics");
}

static bool acts(const struct site_request *request) {
    return request->is_post || bw_span_is(request->path, "/call-service-b");
}

static bool is_own_origin(const struct site_request *request) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(schemes[i]);
        if (bw_span_starts(request->origin, schemes[i]) &&
            bw_span_equal_nocase(bw_span_of(request->origin.data + n, request->origin.len - n),
                                 request->authority))
            return true;
    }
    return false;
}

static struct site_verdict refuse(const char *detail) {
    return (struct site_verdict){403, detail};
}

static struct site_verdict judge_acting(const struct site_request *request) {
    if (request->sec_fetch_site.data) {
        if (!bw_span_is(request->sec_fetch_site, "same-origin") &&
            !bw_span_is(request->sec_fetch_site, "none"))
            return refuse("Only the page itself may do this: Sec-Fetch-Site must be same-origin or none.");
    } else if (request->origin.data && !is_own_origin(request)) {
        return refuse(
            "Only the page itself may do this: Origin must be http(s):// and the Host of the request.");
    }
    if (request->sec_purpose.data)
        return refuse("A prefetch or prerender may not do this: Sec-Purpose must be absent.");
    return (struct site_verdict){0, NULL};
}

/* A foreign page may link here, but not frame, fetch or stream from here. */
static struct site_verdict judge_reading(const struct site_request *request) {
    bool is_foreign =
        bw_span_is(request->sec_fetch_site, "cross-site") || bw_span_is(request->sec_fetch_site, "same-site");
    bool is_navigation =
        bw_span_is(request->sec_fetch_mode, "navigate") && bw_span_is(request->sec_fetch_dest, "document");
    if (is_foreign && !is_navigation)
        return refuse("Another site may only link to this one.");
    return (struct site_verdict){0, NULL};
}

struct site_verdict site_judge(const struct site *site, const struct site_request *request) {
    if (!is_probe(request->path) && !knows_host(site, request->host))
        return (struct site_verdict){
            421, "This host name is not one of ours; add it to ALLOWED_HOSTS if it should be."};
    return acts(request) ? judge_acting(request) : judge_reading(request);
}
