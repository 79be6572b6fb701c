#define _POSIX_C_SOURCE 200809L /* isatty */

#include "whatif.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exits.h"
#include "lines.h"

enum { SHOW_PROGRESS_FROM = 8 * 1024 * 1024, LINES_PER_LOOK = 65536 };

static void on_event(void *owner, const struct bw_event *event) {
    struct column *column = owner;
    if (!event->transition)
        return;
    if (column->n_moves == MOVES_MAX) {
        column->moves_omitted++;
        return;
    }
    column->moves[column->n_moves++] = (struct move){.at_ms = event->at_ms,
                                                     .generation = event->generation,
                                                     .from = event->from,
                                                     .to = event->to,
                                                     .reason = event->reason,
                                                     .code = event->code,
                                                     .value = event->value,
                                                     .threshold = event->threshold};
}

static void merge_bins(struct strip *strip) {
    for (size_t i = 0; i < BINS; i++) {
        bool has_both = 2 * i + 1 < BINS;
        strip->calls[i] = has_both ? strip->calls[2 * i] + strip->calls[2 * i + 1] : 0;
        strip->failed[i] = has_both ? strip->failed[2 * i] + strip->failed[2 * i + 1] : 0;
    }
    strip->bin_ms *= 2;
}
_Static_assert(BINS % 2 == 0, "bins are merged in pairs");

static void note_call(struct comparison *c, const struct call *call, bool has_failed) {
    while (call->t_ms / c->strip.bin_ms >= BINS)
        merge_bins(&c->strip);
    c->strip.calls[call->t_ms / c->strip.bin_ms]++;
    c->strip.failed[call->t_ms / c->strip.bin_ms] += has_failed;
    c->calls++;
    c->failed += has_failed;
    if (c->end_ms < call->t_ms + call->latency_ms)
        c->end_ms = call->t_ms + call->latency_ms;
}

static bool read_call(struct lines *lines, const struct line *line, uint64_t after_ms, struct call *call) {
    const unsigned must = 1U << T_MS | 1U << LATENCY_MS | 1U << CODE;
    if (!lines_allow(lines, line, must, 1U << ID, "a recorded call"))
        return false;
    call->t_ms = (uint64_t)line->number[T_MS];
    call->latency_ms = (uint64_t)line->number[LATENCY_MS];
    call->code = (int)line->number[CODE];
    return call->t_ms >= after_ms ||
           lines_complain(lines, "t_ms: %" PRIu64 " is not allowed, only %" PRIu64 " and later", call->t_ms,
                          after_ms);
}

static void show_progress(const struct lines *lines, uint64_t size, bool is_over) {
    if (is_over)
        fprintf(stderr, "\r%20s\r", "");
    else
        fprintf(stderr, "\r%3d %%", (int)(lines_bytes_read(lines) * 100 / size));
}

static int replay_all(struct comparison *c, struct lines *lines, const struct bw_breaker_config *masks,
                      uint64_t size_to_show) {
    struct line line;
    struct call call = {0};
    enum lines_result result;
    while ((result = lines_next(lines, &line)) == LINES_OK) {
        if (!read_call(lines, &line, call.t_ms, &call))
            return EXIT_BAD_INPUT;
        note_call(c, &call, bw_breaker_classify(masks, call.code, 0) == BW_FAILURE);
        for (int i = 0; i < c->n_columns; i++)
            if (!replay_add(c->columns[i].replay, &call)) {
                fprintf(stderr, "breaker-sim: no memory for the calls that are out\n");
                return EXIT_CANNOT_RUN;
            }
        if (size_to_show && c->calls % LINES_PER_LOOK == 0)
            show_progress(lines, size_to_show, false);
    }
    if (size_to_show)
        show_progress(lines, size_to_show, true);
    for (int i = 0; i < c->n_columns; i++)
        replay_finish(c->columns[i].replay, c->end_ms);
    return result == LINES_BAD ? EXIT_BAD_INPUT : EXIT_WELL;
}

static bool start(struct comparison *c, const struct options *options,
                  const struct bw_breaker_config *configs) {
    c->strip.bin_ms = 1;
    for (; c->n_columns < options->n_configs; c->n_columns++) {
        struct column *column = &c->columns[c->n_columns];
        column->name = options->configs[c->n_columns];
        column->moves = calloc(MOVES_MAX, sizeof *column->moves);
        column->replay = replay_new(&configs[c->n_columns], on_event, column);
        if (!column->moves || !column->replay) {
            fprintf(stderr, "breaker-sim: no memory\n");
            return false;
        }
    }
    return true;
}

static void end(struct comparison *c) {
    for (int i = 0; i < CONFIGS_MAX; i++) {
        replay_free(c->columns[i].replay);
        free(c->columns[i].moves);
    }
    free(c);
}

static int report(const struct comparison *c, const struct options *options) {
    if (options->svg && !report_svg(c, options->svg))
        return EXIT_CANNOT_RUN;
    if (options->json)
        return report_json(c) ? EXIT_WELL : EXIT_CANNOT_RUN;
    report_table(c);
    return EXIT_WELL;
}

int whatif_run(const struct options *options, const struct bw_breaker_config *configs) {
    uint64_t size;
    struct lines *lines = lines_open(options->trace, &size);
    struct comparison *c = calloc(1, sizeof *c);
    int exit_code = EXIT_CANNOT_RUN;
    struct bw_breaker_config masks;
    bw_breaker_config_default(&masks); /* what counts as a failure in the strip */
    if (lines && c && start(c, options, configs)) {
        bool shows_progress = size >= SHOW_PROGRESS_FROM && isatty(STDERR_FILENO);
        exit_code = replay_all(c, lines, &masks, shows_progress ? size : 0);
        if (exit_code == EXIT_WELL)
            exit_code = report(c, options);
    }
    lines_close(lines);
    if (c)
        end(c);
    return exit_code;
}
