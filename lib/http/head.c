#include "head.h"

#include "authority.h"

enum {
    METHOD_SIZE_MAX = 16,
    /* what a request line may hold besides path and query: method, "http://", authority, version, spaces */
    LINE_OVERHEAD_MAX = METHOD_SIZE_MAX + 7 + BW_HTTP_AUTHORITY_SIZE_MAX + 8 + 2,
};

static int refuse(struct bw_http_head *head, int status, const char *why) {
    head->why = why;
    return status;
}

static struct bw_http_piece piece(size_t at, size_t len) {
    return (struct bw_http_piece){(uint16_t)at, (uint16_t)len};
}

static size_t until(struct bw_span text, uint8_t byte) {
    const uint8_t *found = text.len ? memchr(text.data, byte, text.len) : NULL;
    return found ? (size_t)(found - text.data) : text.len;
}

static bool is_tchar(uint8_t c) {
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool bw_http_is_token(struct bw_span text) {
    for (size_t i = 0; i < text.len; i++)
        if (!is_tchar(text.data[i]))
            return false;
    return text.len > 0;
}

static bool is_digits(struct bw_span text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.len > 0;
}

/* ---- the request line ----------------------------------------------------------------------- */

static unsigned method_of(struct bw_span text) {
    static const struct {
        const char *text;
        unsigned method;
    } methods[] = {
        {"GET", BW_HTTP_GET}, {"HEAD", BW_HTTP_HEAD}, {"POST", BW_HTTP_POST}, {"OPTIONS", BW_HTTP_OPTIONS}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (bw_span_is(text, methods[i].text))
            return methods[i].method;
    return 0;
}

/* HTTP-version = "HTTP/" DIGIT "." DIGIT, case-sensitive (RFC 9112 section 2.3) */
static bool is_version(struct bw_span text) {
    return text.len == 8 && bw_span_starts(text, "HTTP/") && text.data[6] == '.' &&
           is_digits(bw_span_of(text.data + 5, 1)) && is_digits(bw_span_of(text.data + 7, 1));
}

/* absolute-form (RFC 9112 section 3.2.2): what follows "http://" up to the path is the authority. */
static size_t read_authority(struct bw_http_head *head, struct bw_span target, size_t at) {
    static const char scheme[] = "http://";
    size_t skip = sizeof scheme - 1;
    if (target.len < skip || !bw_span_is_nocase(bw_span_of(target.data, skip), scheme))
        return 0;
    struct bw_span rest = bw_span_of(target.data + skip, target.len - skip);
    size_t slash = until(rest, '/'), question = until(rest, '?');
    size_t len = slash < question ? slash : question;
    head->authority = piece(at + skip, len);
    return bw_http_authority_valid(bw_span_of(rest.data, len)) ? skip + len : 0;
}

static int read_target(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span target,
                       size_t at) {
    size_t skip = target.data[0] == '/' ? 0 : read_authority(head, target, at);
    if (target.data[0] != '/' && skip == 0)
        return refuse(head, 400, "The request target is neither a path nor an http URL.");
    if (target.len - skip > limits->target_size_max)
        return refuse(head, 414, "The request target is too long.");
    if (until(target, '#') < target.len)
        return refuse(head, 400, "The request target has a fragment.");
    struct bw_span rest = bw_span_of(target.data + skip, target.len - skip);
    size_t path = until(rest, '?');
    head->path = piece(at + skip, path);
    if (path < rest.len)
        head->query = piece(at + skip + path + 1, rest.len - path - 1);
    return BW_HTTP_HEAD_MORE;
}

/* request-line = method SP request-target SP HTTP-version (RFC 9112 section 3) */
static int read_request_line(struct bw_http_head *head, const struct bw_http_config *limits,
                             struct bw_span line) {
    size_t method = until(line, ' ');
    size_t rest = method < line.len ? method + 1 : line.len;
    size_t target = until(bw_span_of(line.data + rest, line.len - rest), ' ');
    size_t after = rest + target < line.len ? rest + target + 1 : line.len;
    struct bw_span version = bw_span_of(line.data + after, line.len - after);
    if (!bw_http_is_token(bw_span_of(line.data, method)) || target == 0 || !is_version(version))
        return refuse(head, 400, "The request line is not method, target and version.");
    if (version.data[5] != '1' || version.data[7] > '1')
        return refuse(head, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    head->minor = (uint8_t)(version.data[7] - '0');
    head->method = method_of(bw_span_of(line.data, method));
    if (head->method == 0)
        return refuse(head, 501, "Only GET, HEAD, POST and OPTIONS are implemented.");
    return read_target(head, limits, bw_span_of(line.data + rest, target), head->line + rest);
}

/* ---- fields --------------------------------------------------------------------------------- */

static void note_host(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span value) {
    (void)limits, (void)value;
    head->hosts++;
    head->host = head->fields[head->fields_count - 1].value;
}

static void note_length(struct bw_http_head *head, const struct bw_http_config *limits,
                        struct bw_span value) {
    uint64_t size = 0;
    head->lengths++;
    head->bad_length |= !is_digits(value);
    head->long_length |= !bw_span_to_u64(value, limits->body_size_max, &size);
    head->body_size = (size_t)size;
}

static void note_coding(struct bw_http_head *head, const struct bw_http_config *limits,
                        struct bw_span value) {
    (void)limits, (void)value;
    head->coded = true;
}

static void note_expect(struct bw_http_head *head, const struct bw_http_config *limits,
                        struct bw_span value) {
    (void)limits;
    if (bw_span_is_nocase(value, "100-continue"))
        head->expects_continue = true;
    else
        head->expects_another = true;
}

/* Connection = #connection-option (RFC 9110 section 7.6.1) */
static void note_connection(struct bw_http_head *head, const struct bw_http_config *limits,
                            struct bw_span value) {
    (void)limits;
    for (size_t n = 0; value.len > 0; value = bw_span_of(value.data + n, value.len - n)) {
        n = until(value, ',');
        if (bw_span_is_nocase(bw_span_trim(bw_span_of(value.data, n)), "close"))
            head->close = true;
        n += n < value.len;
    }
}

static void note(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span name,
                 struct bw_span value) {
    static const struct {
        const char *name;
        void (*fn)(struct bw_http_head *, const struct bw_http_config *, struct bw_span);
    } notable[] = {{"host", note_host},
                   {"content-length", note_length},
                   {"transfer-encoding", note_coding},
                   {"expect", note_expect},
                   {"connection", note_connection}};
    for (size_t i = 0; i < sizeof notable / sizeof notable[0]; i++)
        if (bw_span_is_nocase(name, notable[i].name))
            notable[i].fn(head, limits, value);
}

/* field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5); folding (5.2) and a space before the
 * colon (5.1) are not tokens, hence refused. */
static int read_field(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span line) {
    size_t name = until(line, ':');
    if (name == line.len || !bw_http_is_token(bw_span_of(line.data, name)))
        return refuse(head, 400, "A field is not a name, a colon and a value.");
    if (head->fields_count == limits->fields_max)
        return refuse(head, 431, "There are too many fields.");
    struct bw_span value = bw_span_trim(bw_span_of(line.data + name + 1, line.len - name - 1));
    size_t at = head->line + (size_t)(value.data - line.data);
    head->fields[head->fields_count].name = piece(head->line, name);
    head->fields[head->fields_count++].value = piece(at, value.len);
    note(head, limits, bw_span_of(line.data, name), value);
    return BW_HTTP_HEAD_MORE;
}

/* ---- the end of the head -------------------------------------------------------------------- */

/* RFC 9112 section 3.2: no Host, several, or an invalid one is 400; 3.2.2: an absolute-form target rules, so
 * a Host that differs from it would only mislead whoever looks at Host. */
static int judge_host(struct bw_http_head *head, struct bw_span run) {
    if (head->hosts != 1)
        return refuse(head, 400, "There must be exactly one Host field.");
    struct bw_span host = bw_http_piece_of(head->host, run.data);
    if (!bw_http_authority_valid(host))
        return refuse(head, 400, "The Host field is malformed.");
    if (head->authority.len && !bw_http_authority_same(host, bw_http_piece_of(head->authority, run.data)))
        return refuse(head, 400, "The Host field differs from the request target.");
    return BW_HTTP_HEAD_DONE;
}

/* RFC 9112 section 6.3. Two Content-Length are refused even if they are equal. */
static int judge_body(struct bw_http_head *head) {
    if (head->coded)
        return refuse(head, 501, "Transfer-Encoding is not implemented.");
    if (head->lengths > 1 || head->bad_length)
        return refuse(head, 400, "There must be at most one Content-Length, a decimal number.");
    if (head->long_length)
        return refuse(head, 413, "The body is too large.");
    /* RFC 9110 section 10.1.1: an HTTP/1.0 expectation is ignored. */
    if (head->expects_another && head->minor > 0)
        return refuse(head, 417, "Only 100-continue can be expected.");
    /* RFC 9110 section 9.3.1: content here has no meaning and is a way of smuggling. */
    if (head->body_size > 0 && head->method != BW_HTTP_POST)
        return refuse(head, 400, "Only POST may have content.");
    return BW_HTTP_HEAD_DONE;
}

static int finish(struct bw_http_head *head, struct bw_span run) {
    head->size = head->scanned;
    if (head->minor == 0) {
        head->close = true;
        head->expects_continue = false;
    }
    int verdict = judge_host(head, run);
    return verdict == BW_HTTP_HEAD_DONE ? judge_body(head) : verdict;
}

/* RFC 9112 section 2.2: at least one empty line before a request is ignored; here exactly one. */
static int skip_line(struct bw_http_head *head) {
    if (head->skipped_line)
        return refuse(head, 400, "There are empty lines before the request.");
    head->skipped_line = true;
    return BW_HTTP_HEAD_MORE;
}

static int end_line(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span run) {
    struct bw_span line = bw_span_of(run.data + head->line, head->scanned - 2 - head->line);
    int verdict;
    if (head->in_fields)
        verdict = line.len ? read_field(head, limits, line) : finish(head, run);
    else
        verdict = line.len ? read_request_line(head, limits, line) : skip_line(head);
    head->in_fields |= line.len > 0;
    head->line = head->scanned;
    return verdict;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static bool may_stand_in_line(const struct bw_http_head *head, uint8_t c) {
    if (c >= 0x20 && c <= 0x7E)
        return true;
    return head->in_fields && (c == '\t' || c >= 0x80); /* obs-text, RFC 9110 section 5.5 */
}

static int judge_line_size(struct bw_http_head *head, const struct bw_http_config *limits,
                           struct bw_span run) {
    size_t len = head->scanned - head->line;
    if (head->in_fields || len <= LINE_OVERHEAD_MAX + limits->target_size_max)
        return BW_HTTP_HEAD_MORE;
    if (until(bw_span_of(run.data + head->line, len), ' ') == len)
        return refuse(head, 501, "The method is too long to be one of GET, HEAD, POST and OPTIONS.");
    return refuse(head, 414, "The request target is too long.");
}

static int take_byte(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span run) {
    uint8_t c = run.data[head->scanned];
    bool after_cr = head->after_cr;
    if (head->scanned == limits->head_size_max)
        return refuse(head, head->in_fields ? 431 : 414, "The head of the request is too large.");
    head->scanned++;
    head->after_cr = c == '\r' && !after_cr;
    if (after_cr)
        return c == '\n' ? end_line(head, limits, run) : refuse(head, 400, "A line ends in CR without LF.");
    if (c == '\r')
        return BW_HTTP_HEAD_MORE;
    if (!may_stand_in_line(head, c))
        return refuse(head, 400, "A byte that may not stand in the head, or a line ends in LF without CR.");
    return judge_line_size(head, limits, run);
}

void bw_http_head_init(struct bw_http_head *head) {
    *head = (struct bw_http_head){0};
}

int bw_http_head_read(struct bw_http_head *head, const struct bw_http_config *limits, struct bw_span run) {
    int verdict = BW_HTTP_HEAD_MORE;
    while (verdict == BW_HTTP_HEAD_MORE && head->scanned < run.len)
        verdict = take_byte(head, limits, run);
    return verdict;
}

bool bw_http_head_begun(const struct bw_http_head *head) {
    return head->in_fields || head->scanned > head->line;
}
