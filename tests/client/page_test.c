#include "page.h"
#include "run.h"

#include <breakwire/buf.h>

static const char *language(const char *query, const char *accept) {
    return page_language(bw_span_text(query), bw_span_text(accept));
}

static void the_query_decides_the_language_when_it_names_one(void **state) {
    (void)state;
    assert_string_equal(language("es", "en"), "es");
    assert_string_equal(language("en", "es"), "en");
    assert_string_equal(language("fr", "es"), "es");
    assert_string_equal(language("ES", ""), "en");
    assert_string_equal(language("esp", ""), "en");
}

static void the_accepted_language_with_the_highest_weight_wins(void **state) {
    (void)state;
    assert_string_equal(language("", "es-MX,es;q=0.9,en;q=0.8"), "es");
    assert_string_equal(language("", "fr, en;q=0.5, es;q=0.7"), "es");
    assert_string_equal(language("", "en;q=0.5 , ES-419 ; q=0.501"), "es");
    assert_string_equal(language("", "es;q=0.5, en;q=0.5"), "es");
    assert_string_equal(language("", "en, es"), "en");
    assert_string_equal(language("", "es;q=0, en;q=0.1"), "en");
    assert_string_equal(language("", "es;q=0.2, *;q=0.5"), "en");
}

static void without_an_accepted_language_it_is_english(void **state) {
    (void)state;
    const char *const none[] = {"",       ",",          ";",     "fr",          "fr;q=1.0",
                                "es;q=2", "es;q=1.001", "es;q=", "es;q=0.0000", "es;q=a",
                                "es;w",   "esperanto",  "-es",   " , ,;=",      "es;q=0,5"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_string_equal(page_language(bw_span_of(NULL, 0), bw_span_text(none[i])), "en");
}

static const struct guard_status closed = {
    .name = "ServiceB_CB",
    .state = "closed",
    .view = "closed",
    .last_reason = "",
    .failure_threshold = 3,
    .open_ms = 20000,
    .call_timeout_ms = 3000,
    .probe_budget = 1,
};

/* The document for a status and calls, as text; freed by release(). */
static struct bw_buf document;

static const char *render(const char *language, const struct guard_status *status, const char *snapshot,
                          const struct page_call *calls, size_t n) {
    struct page *page = page_new();
    assert_non_null(page);
    const struct page_view view = {language, status, bw_span_text(snapshot), calls, n};
    bw_buf_init(&document, 0);
    assert_true(page_render(page, &view, &document));
    page_free(page);
    return bw_buf_text(&document);
}

static void release(void) {
    bw_buf_free(&document);
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("not in the document: %s", part);
}

static void has_not(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("in the document: %s", part);
}

static void the_document_carries_state_and_sentence_in_both_languages(void **state) {
    (void)state;
    const char *text = render("en", &closed, "{}", NULL, 0);
    has(text, "<html lang=\"en\" data-state=\"closed\">");
    has(text, "<title>CLOSED \xc2\xb7 Breakwire</title>");
    has(text, ": every call goes through to service-b. 3 failures in a row open the circuit.");
    has(text, "after 20 s");
    has_not(text, "{{");
    release();
    text = render("es", &closed, "{}", NULL, 0);
    has(text, "<html lang=\"es\"");
    has(text, "3 fallos seguidos abren el circuito.");
    has_not(text, "{{");
    release();
}

static void an_open_circuit_says_why_and_when_it_probes(void **state) {
    (void)state;
    struct guard_status open = closed;
    open.state = open.view = "open";
    open.last_reason = "CONSECUTIVE";
    open.failure_count = 3;
    open.retry_after_ms = 11001;
    open.open_ms = 1500;
    const char *text = render("en", &open, "{}", NULL, 0);
    has(text, ", because 3 calls in a row failed.");
    has(text, "the first one after 12 s is the probe.");
    has(text, "after 1.5 s");
    release();
    has(render("es", &open, "{}", NULL, 0), "tras 1,5 s");
    release();
    open.view = "half_open";
    text = render("en", &open, "{}", NULL, 0);
    has(text, "data-state=\"half_open\"");
    has(text, "the open time is over. The next call is the probe");
    release();
    open.state = "half_open";
    open.probes_in_flight = 1;
    has(render("en", &open, "{}", NULL, 0), "the probe is on its way and alone decides.");
    release();
}

static void one_of_something_has_its_own_grammar(void **state) {
    (void)state;
    struct guard_status one = closed;
    one.failure_threshold = 1;
    has(render("en", &one, "{}", NULL, 0), "1 failure opens the circuit.");
    release();
}

static void the_last_calls_are_rows_and_none_is_a_row_that_says_so(void **state) {
    (void)state;
    const struct page_call calls[] = {
        {"2026-01-02T03:04:05.678Z", "failed", "INTERNAL", "open", 12},
        {"2026-01-02T03:04:04.001Z", "ok", "OK", "closed", 3},
    };
    const char *text = render("en", &closed, "{}", calls, 2);
    has(text,
        "<tr class=\"failed\"><td><time datetime=\"2026-01-02T03:04:05.678Z\">03:04:05Z</time>"
        "<td>failed<td>INTERNAL<td>12 ms<td>OPEN\n");
    has(text, "<td>OK<td>3 ms<td>CLOSED");
    has_not(text, "No call yet. The circuit starts closed.");
    release();
    has(render("en", &closed, "{}", NULL, 0), "No call yet. The circuit starts closed.");
    release();
}

static void text_from_outside_is_escaped(void **state) {
    (void)state;
    struct guard_status odd = closed;
    strcpy(odd.name, "<a b='c'>&\"");
    odd.view = "<x>";
    const struct page_call call = {"<\">", "<b>", "<i>&", "<u>", 1};
    const char *text = render("en", &odd, "{\"m\":\"</script><!--\"}", &call, 1);
    has(text, "&lt;a b=&#39;c&#39;&gt;&amp;&quot;");
    has(text, "data-state=\"&lt;x&gt;\"");
    has(text, "<td>&lt;b&gt;<td>&lt;i&gt;&amp;<td>");
    has(text, "{\"m\":\"\\u003c/script>\\u003c!--\"}");
    has_not(text, "<a b=");
    has_not(text, "<i>&");
    release();
}

static void a_document_over_the_limit_is_refused(void **state) {
    (void)state;
    struct page *page = page_new();
    struct bw_buf small;
    bw_buf_init(&small, 1000);
    const struct page_view view = {"en", &closed, bw_span_text("{}"), NULL, 0};
    assert_false(page_render(page, &view, &small));
    bw_buf_free(&small);
    page_free(page);
}

static void every_file_is_there_plain_and_as_gzip_with_a_strong_etag(void **state) {
    (void)state;
    const struct page_file *files;
    size_t n = page_files(&files);
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(page_file(bw_span_text(files[i].path)), &files[i]);
        assert_int_equal(files[i].path[0], '/');
        assert_int_equal(strlen(files[i].etag), 18);
        assert_true(files[i].etag[0] == '"' && files[i].etag[17] == '"');
        assert_true(files[i].plain.len > 0);
        assert_memory_equal(files[i].gzip.data, "\x1f\x8b", 2);
        assert_non_null(strchr(files[i].content_type, '/'));
    }
    assert_null(page_file(bw_span_text("/")));
    assert_null(page_file(bw_span_text("/index.html")));
    assert_null(page_file(bw_span_text("/app.js/")));
}

BW_TESTS(cmocka_unit_test(the_query_decides_the_language_when_it_names_one),
         cmocka_unit_test(the_accepted_language_with_the_highest_weight_wins),
         cmocka_unit_test(without_an_accepted_language_it_is_english),
         cmocka_unit_test(the_document_carries_state_and_sentence_in_both_languages),
         cmocka_unit_test(an_open_circuit_says_why_and_when_it_probes),
         cmocka_unit_test(one_of_something_has_its_own_grammar),
         cmocka_unit_test(the_last_calls_are_rows_and_none_is_a_row_that_says_so),
         cmocka_unit_test(text_from_outside_is_escaped),
         cmocka_unit_test(a_document_over_the_limit_is_refused),
         cmocka_unit_test(every_file_is_there_plain_and_as_gzip_with_a_strong_etag))
