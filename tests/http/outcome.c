#include "outcome.h"

#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- answers -------------------------------------------------------------------------------- */

struct answer {
    int status;
    size_t length;
    bool has_length, close;
    struct bw_span allow;
};

/* Takes a line without its CR LF; false: there is none. */
static bool take_line(struct bw_span *bytes, struct bw_span *line) {
    for (size_t i = 0; i + 1 < bytes->len; i++)
        if (bytes->data[i] == '\r' && bytes->data[i + 1] == '\n') {
            *line = bw_span_of(bytes->data, i);
            *bytes = bw_span_of(bytes->data + i + 2, bytes->len - i - 2);
            return true;
        }
    return false;
}

static bool is_status_line(struct bw_span line) {
    if (line.len < 13 || !bw_span_starts(line, "HTTP/1.1 ") || line.data[12] != ' ')
        return false;
    for (size_t i = 9; i < 12; i++)
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
    return line.data[9] >= '1' && line.data[9] <= '5';
}

static bool take_field(struct bw_span line, const char *name, struct bw_span *value) {
    size_t n = strlen(name);
    if (!bw_span_starts(line, name) || line.len < n + 2 || line.data[n] != ':' || line.data[n + 1] != ' ')
        return false;
    *value = bw_span_of(line.data + n + 2, line.len - n - 2);
    return true;
}

static bool take_fields(struct bw_span *bytes, struct answer *answer) {
    struct bw_span line, value;
    while (take_line(bytes, &line)) {
        uint64_t length;
        if (line.len == 0)
            return true;
        if (take_field(line, "Content-Length", &value)) {
            if (answer->has_length || !bw_span_to_u64(value, SIZE_MAX, &length))
                return false;
            answer->has_length = true;
            answer->length = (size_t)length;
        }
        if (take_field(line, "Connection", &value))
            answer->close = bw_span_is(value, "close");
        if (take_field(line, "Allow", &value))
            answer->allow = value;
    }
    return false;
}

static bool take_head(struct bw_span *bytes, struct answer *answer) {
    struct bw_span line;
    *answer = (struct answer){0};
    if (!take_line(bytes, &line) || !is_status_line(line))
        return false;
    answer->status = (line.data[9] - '0') * 100 + (line.data[10] - '0') * 10 + (line.data[11] - '0');
    return take_fields(bytes, answer);
}

static void put_answer(struct bw_buf *out, const struct answer *answer, bool bodyless) {
    bw_buf_printf(out, "%d%s", answer->status, bodyless ? "-" : "");
    if (answer->allow.len > 0) {
        bw_buf_append_text(out, " Allow=");
        bw_buf_append_span(out, answer->allow);
    }
    if (answer->close)
        bw_buf_append_text(out, " close");
    bw_buf_append_text(out, ", ");
}

void outcome_of_answers(struct bw_buf *out, struct bw_span bytes) {
    while (bytes.len > 0) {
        struct answer answer;
        if (!take_head(&bytes, &answer)) {
            bw_buf_append_text(out, "?");
            return;
        }
        bool next_follows = bytes.len == 0 || bw_span_starts(bytes, "HTTP/1.1 ");
        bool bodyless = answer.length > 0 && next_follows;
        if (!answer.has_length && answer.status >= 200 && answer.status != 204 && answer.status != 304)
            answer.length = bytes.len; /* until the end of the connection */
        if (bodyless)
            answer.length = 0;
        if (answer.length > bytes.len) {
            bw_buf_append_text(out, "?");
            return;
        }
        bytes = bw_span_of(bytes.data + answer.length, bytes.len - answer.length);
        put_answer(out, &answer, bodyless);
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

static void answer_all(struct app *app, struct peer *peer) {
    while (app->open_count > 0) {
        app_answer(app);
        peer_turn(peer);
    }
}

/* A piece that the core does not want to read stays in the socket: here it is dropped with the connection. */
static void play(struct app *app, struct peer *peer, struct bw_span piece) {
    if (piece.len > 0 && peer_wants_read(peer))
        peer_send_bytes(peer, piece.data, piece.len);
    answer_all(app, peer);
}

void outcome_of_request(struct bw_buf *out, struct bw_span bytes, const size_t *cuts, size_t n) {
    struct app app;
    struct peer peer;
    size_t at = 0, pieces = n == SIZE_MAX ? bytes.len : n + 1;
    app_run(&app);
    peer_open(&peer, app.server, 1000);
    for (size_t i = 0; i < pieces; i++) {
        size_t to = n == SIZE_MAX ? i + 1 : i < n ? cuts[i] : bytes.len;
        play(&app, &peer, bw_span_of(bytes.data + at, to - at));
        at = to;
    }
    bw_buf_append_text(out, app_seen(&app));
    bw_buf_append_text(out, "-> ");
    outcome_of_answers(out, bw_buf_span(&peer.got));
    bw_buf_append_text(out, peer_is_ended(&peer) ? "end" : "open");
    peer_close(&peer);
    app_stop(&app);
}
