#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "whatif.h"

/* Pixels. The drawing has a margin for the names of states and grows downwards. */
enum { LEFT = 20, WIDTH = 1080, TOP = 64, STRIP = 80, BAND = 30, GAP = 52, SCALE = 40, TICKS = 8 };

static const char style[] =
    "<style>text{font:14px system-ui,sans-serif;fill:#1c1c1c}.n{font-weight:600}.s{font-size:12px}"
    ".p{fill:#fff}.c{fill:#8a8f98}.f{fill:#b3261e}.l{stroke:#8a8f98}"
    ".closed{fill:#1d7a3e}.open{fill:#b3261e}.half_open{fill:#9a6700}.forced_open{fill:#6e1d1d}"
    ".disabled,.metrics_only{fill:#5b6470}.w{fill:#fff;font-size:12px}"
    "@media(prefers-color-scheme:dark){text{fill:#ececec}.p{fill:#16181c}.w{fill:#fff}}</style>\n";

/* "&", "<" and the like as entities; control bytes not at all. */
static void put_text(FILE *file, const char *text) {
    for (; *text; text++) {
        if (*text == '&')
            fputs("&amp;", file);
        else if (*text == '<')
            fputs("&lt;", file);
        else if (*text == '>')
            fputs("&gt;", file);
        else if ((unsigned char)*text >= ' ')
            fputc(*text, file);
    }
}

static double x_of(const struct comparison *c, uint64_t ms) {
    uint64_t end_ms = c->end_ms ? c->end_ms : 1;
    return LEFT + (double)WIDTH * (double)(ms < end_ms ? ms : end_ms) / (double)end_ms;
}

static uint64_t most_calls(const struct strip *strip) {
    uint64_t most = 1;
    for (int i = 0; i < BINS; i++)
        if (strip->calls[i] > most)
            most = strip->calls[i];
    return most;
}

static void put_bar(FILE *file, const char *class, double x, double width, double height) {
    if (height > 0)
        fprintf(file, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", class, x,
                TOP + STRIP - height, width, height);
}

static void put_strip(FILE *file, const struct comparison *c) {
    uint64_t most = most_calls(&c->strip);
    fprintf(file, "<text class=\"s\" x=\"%d\" y=\"%d\">recorded calls, failures in red</text>\n", LEFT,
            TOP - 8);
    for (int i = 0; i < BINS; i++) {
        double x = x_of(c, (uint64_t)i * c->strip.bin_ms), end = x_of(c, (uint64_t)(i + 1) * c->strip.bin_ms);
        double scale = (double)STRIP / (double)most, width = end - x > 1.4 ? end - x - 0.4 : 1;
        put_bar(file, "c", x, width, (double)c->strip.calls[i] * scale);
        put_bar(file, "f", x, width, (double)c->strip.failed[i] * scale);
    }
}

static void put_state(FILE *file, const struct comparison *c, int y, uint64_t from_ms, uint64_t to_ms,
                      enum bw_state state) {
    double x = x_of(c, from_ms), width = x_of(c, to_ms) - x;
    const char *name = bw_state_name(state);
    fprintf(file,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>%s %.3f s to %.3f "
            "s</title></rect>\n",
            name, x, y, width < 1 ? 1 : width, BAND, name, (double)from_ms / 1000, (double)to_ms / 1000);
    if (width > 9.0 * (double)strlen(name))
        fprintf(file, "<text class=\"w\" x=\"%.1f\" y=\"%d\">%s</text>\n", x + 5, y + BAND - 10, name);
}

static void put_band(FILE *file, const struct comparison *c, const struct column *column, int y) {
    const struct tally *tally = replay_tally(column->replay);
    uint64_t from_ms = 0;
    enum bw_state state = BW_CLOSED;
    fprintf(file, "<text class=\"n\" x=\"%d\" y=\"%d\">", LEFT, y - 8);
    put_text(file, column->name);
    fprintf(file,
            "</text><text class=\"s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">opened %" PRIu64
            " times, %" PRIu64 " failures let through, %" PRIu64 " rejected (%" PRIu64
            " would have succeeded)",
            LEFT + WIDTH, y - 8, tally->opened, tally->failed, tally->rejected, tally->lost);
    if (column->moves_omitted)
        fprintf(file, "; the last %" PRIu64 " changes are not drawn", column->moves_omitted);
    fputs("</text>\n", file);
    for (size_t i = 0; i < column->n_moves; i++) {
        put_state(file, c, y, from_ms, column->moves[i].at_ms, state);
        from_ms = column->moves[i].at_ms;
        state = column->moves[i].to;
    }
    if (!column->moves_omitted) /* else nobody knows how long this one lasted */
        put_state(file, c, y, from_ms, c->end_ms, state);
}

static void put_scale(FILE *file, const struct comparison *c, int y) {
    for (int i = 0; i <= TICKS; i++) {
        double x = LEFT + (double)WIDTH * i / TICKS;
        fprintf(file, "<line class=\"l\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x, y, y + 6);
        fprintf(file, "<text class=\"s\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.1f s</text>\n", x, y + 22,
                i == 0       ? "start"
                : i == TICKS ? "end"
                             : "middle",
                (double)c->end_ms * i / TICKS / 1000);
    }
}

bool report_svg(const struct comparison *c, const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "breaker-sim: %s: %s\n", path, strerror(errno));
        return false;
    }
    int bands = TOP + STRIP + GAP, height = bands + c->n_columns * (BAND + GAP) - GAP + 16 + SCALE;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
            "<title>What each configuration did with %" PRIu64 " recorded calls</title>\n",
            LEFT * 2 + WIDTH, height, c->calls);
    fputs(style, file);
    fprintf(
        file,
        "<rect class=\"p\" width=\"100%%\" height=\"100%%\"/>\n<text class=\"n\" x=\"%d\" y=\"28\">%" PRIu64
        " calls, %" PRIu64 " failures</text>\n",
        LEFT, c->calls, c->failed);
    put_strip(file, c);
    for (int i = 0; i < c->n_columns; i++)
        put_band(file, c, &c->columns[i], bands + i * (BAND + GAP));
    put_scale(file, c, height - SCALE);
    fputs("</svg>\n", file);
    bool ok = !ferror(file);
    ok = fclose(file) == 0 && ok;
    if (!ok)
        fprintf(stderr, "breaker-sim: %s cannot be written\n", path);
    return ok;
}
