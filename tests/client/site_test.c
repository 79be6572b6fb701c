#include "run.h"

#include "site.h"

/* One request and what is to become of it; NULL = the field is not sent. */
struct row {
    const char *method, *path, *host, *authority, *origin, *site, *mode, *dest, *purpose;
    int status;
};

static struct bw_span field(const char *text) {
    return text ? bw_span_text(text) : bw_span_of(NULL, 0);
}

static int judge(const struct row *row) {
    struct site site = {.hosts_count = 0};
    assert_true(site_add_host(&site, bw_span_text("demo.example")));
    struct site_request request = {
        .is_post = row->method[0] == 'P',
        .path = bw_span_text(row->path),
        .host = bw_span_text(row->host),
        .authority = bw_span_text(row->authority ? row->authority : row->host),
        .origin = field(row->origin),
        .sec_fetch_site = field(row->site),
        .sec_fetch_mode = field(row->mode),
        .sec_fetch_dest = field(row->dest),
        .sec_purpose = field(row->purpose),
    };
    return site_judge(&site, &request).status;
}

static void check(const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int status = judge(&rows[i]);
        if (status != rows[i].status)
            fail_msg("row %zu: %s %s of %s: %d, not %d", i, rows[i].method, rows[i].path, rows[i].host,
                     status, rows[i].status);
    }
}
#define CHECK(...)                                                                                           \
    do {                                                                                                     \
        static const struct row rows[] = {__VA_ARGS__};                                                      \
        check(rows, sizeof rows / sizeof rows[0]);                                                           \
    } while (0)

static void only_known_hosts_are_answered(void **state) {
    (void)state;
    CHECK({"GET", "/", "localhost", .status = 0}, {"GET", "/", "LOCALHOST", .status = 0},
          {"GET", "/", "127.0.0.1", .status = 0}, {"GET", "/", "[::1]", .status = 0},
          {"GET", "/", "demo.example", .status = 0}, {"GET", "/", "Demo.Example", .status = 0},
          {"GET", "/", "evil.example", .status = 421}, {"GET", "/", "demo.example.evil", .status = 421},
          {"GET", "/", "127.0.0.2", .status = 421}, {"GET", "/", "", .status = 421},
          {"POST", "/call-service-b", "evil.example", .status = 421});
}

static void probes_may_use_any_host(void **state) {
    (void)state;
    CHECK({"GET", "/health", "10.1.2.3", .status = 0}, {"GET", "/livez", "x", .status = 0},
          {"GET", "/readyz", "x", .status = 0}, {"GET", "/metrics", "x", .status = 0},
          {"GET", "/healthz", "x", .status = 421}, {"GET", "/health/", "x", .status = 421});
}

static void only_the_page_itself_may_act(void **state) {
    (void)state;
    CHECK({"POST", "/induce-failure", "localhost", .site = "same-origin", .status = 0},
          {"POST", "/induce-failure", "localhost", .site = "none", .status = 0},
          {"POST", "/induce-failure", "localhost", .site = "same-site", .status = 403},
          {"POST", "/induce-failure", "localhost", .site = "cross-site", .status = 403},
          {"POST", "/induce-failure", "localhost", .site = "", .status = 403},
          {"POST", "/induce-failure", "localhost", .status = 0},
          {"GET", "/call-service-b", "localhost", .site = "cross-site", .mode = "navigate",
           .dest = "document", .status = 403},
          {"GET", "/call-service-b", "localhost", .site = "none", .status = 0},
          {"POST", "/", "localhost", .site = "cross-site", .status = 403});
}

static void an_origin_counts_where_fetch_metadata_is_missing(void **state) {
    (void)state;
    CHECK({"POST", "/x", "localhost", "localhost:5000", "http://localhost:5000", .status = 0},
          {"POST", "/x", "localhost", "localhost:5000", "https://LOCALHOST:5000", .status = 0},
          {"POST", "/x", "localhost", "localhost:5000", "http://localhost:5001", .status = 403},
          {"POST", "/x", "localhost", "localhost:5000", "http://localhost", .status = 403},
          {"POST", "/x", "localhost", "localhost:5000", "null", .status = 403},
          {"POST", "/x", "localhost", "localhost:5000", "ftp://localhost:5000", .status = 403},
          {"POST", "/x", "localhost", "localhost:5000", "", .status = 403},
          {"POST", "/x", "localhost", "localhost:5000", "http://evil.example", "same-origin", .status = 0});
}

static void a_prefetch_never_acts(void **state) {
    (void)state;
    CHECK({"GET", "/call-service-b", "localhost", .purpose = "prefetch", .status = 403},
          {"POST", "/x", "localhost", .site = "same-origin", .purpose = "prefetch;prerender", .status = 403},
          {"GET", "/", "localhost", .purpose = "prefetch", .status = 0});
}

static void another_site_may_link_here_and_nothing_else(void **state) {
    (void)state;
    CHECK(
        {"GET", "/", "localhost", .site = "cross-site", .mode = "navigate", .dest = "document", .status = 0},
        {"GET", "/", "localhost", .site = "cross-site", .mode = "navigate", .dest = "iframe", .status = 403},
        {"GET", "/events", "localhost", .site = "cross-site", .mode = "cors", .dest = "empty", .status = 403},
        {"GET", "/events", "localhost", .site = "same-site", .mode = "no-cors", .dest = "", .status = 403},
        {"GET", "/circuit-status", "localhost", .site = "cross-site", .mode = "navigate", .status = 403},
        {"GET", "/circuit-status", "localhost", .site = "same-origin", .mode = "cors", .status = 0});
}

static void a_host_beyond_the_limit_is_refused(void **state) {
    (void)state;
    struct site site = {.hosts_count = 0};
    for (int i = 0; i < SITE_HOSTS_MAX; i++)
        assert_true(site_add_host(&site, bw_span_text("a")));
    assert_false(site_add_host(&site, bw_span_text("b")));
}

BW_TESTS(cmocka_unit_test(only_known_hosts_are_answered), cmocka_unit_test(probes_may_use_any_host),
         cmocka_unit_test(only_the_page_itself_may_act),
         cmocka_unit_test(an_origin_counts_where_fetch_metadata_is_missing),
         cmocka_unit_test(a_prefetch_never_acts),
         cmocka_unit_test(another_site_may_link_here_and_nothing_else),
         cmocka_unit_test(a_host_beyond_the_limit_is_refused))
