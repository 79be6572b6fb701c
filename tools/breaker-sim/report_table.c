#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "whatif.h"

enum { LABEL_WIDTH = 34, COLUMN_WIDTH = 16, SHOWN_MAX = 12 };

/* The file's name without folders and ".json", cut to fit its column. */
static void print_name(const char *name) {
    const char *slash = strrchr(name, '/');
    const char *from = slash ? slash + 1 : name;
    size_t length = strlen(from);
    if (length > 5 && strcmp(from + length - 5, ".json") == 0)
        length -= 5;
    if (length > COLUMN_WIDTH - 2)
        length = COLUMN_WIDTH - 2;
    printf("%*.*s", COLUMN_WIDTH, (int)length, from);
}

static void print_row(const struct comparison *c, const char *label,
                      uint64_t (*value)(const struct tally *)) {
    printf("%-*s", LABEL_WIDTH, label);
    for (int i = 0; i < c->n_columns; i++)
        printf("%*" PRIu64, COLUMN_WIDTH, value(replay_tally(c->columns[i].replay)));
    printf("\n");
}

static uint64_t opened(const struct tally *t) {
    return t->opened;
}
static uint64_t admitted(const struct tally *t) {
    return t->admitted;
}
static uint64_t rejected(const struct tally *t) {
    return t->rejected;
}
static uint64_t lost(const struct tally *t) {
    return t->lost;
}
static uint64_t failed(const struct tally *t) {
    return t->failed;
}

static void print_times(const struct comparison *c) {
    for (int state = 0; state < BW_STATES; state++) {
        uint64_t sum = 0;
        for (int i = 0; i < c->n_columns; i++)
            sum += replay_ms_in_state(c->columns[i].replay, c->end_ms, (enum bw_state)state);
        if (sum == 0)
            continue;
        char label[LABEL_WIDTH + 1];
        snprintf(label, sizeof label, "seconds %s", bw_state_name((enum bw_state)state));
        printf("%-*s", LABEL_WIDTH, label);
        for (int i = 0; i < c->n_columns; i++) {
            uint64_t ms = replay_ms_in_state(c->columns[i].replay, c->end_ms, (enum bw_state)state);
            printf("%*.3f", COLUMN_WIDTH, (double)ms / 1000);
        }
        printf("\n");
    }
}

static void print_moves(const struct column *column) {
    printf("\n%s\n", column->name);
    for (size_t i = 0; i < column->n_moves && i < SHOWN_MAX; i++) {
        const struct move *move = &column->moves[i];
        printf("  %10.3f s  %-9s -> %-9s  %s", (double)move->at_ms / 1000, bw_state_name(move->from),
               bw_state_name(move->to), bw_reason_name(move->reason));
        if (move->threshold > 0)
            printf(" %.4g of %.4g", move->value, move->threshold);
        printf("\n");
    }
    uint64_t more = column->n_moves - (column->n_moves < SHOWN_MAX ? column->n_moves : SHOWN_MAX);
    if (more + column->moves_omitted)
        printf("  ... and %" PRIu64 " more; --json has them\n", more + column->moves_omitted);
    if (column->n_moves == 0)
        printf("  stayed closed\n");
}

void report_table(const struct comparison *c) {
    printf("%" PRIu64 " calls in %.3f seconds, %" PRIu64 " of them failures\n\n", c->calls,
           (double)c->end_ms / 1000, c->failed);
    printf("%-*s", LABEL_WIDTH, "");
    for (int i = 0; i < c->n_columns; i++)
        print_name(c->columns[i].name);
    printf("\n");
    print_row(c, "opened, times", opened);
    print_row(c, "calls let through", admitted);
    print_row(c, "  of them failures", failed);
    print_row(c, "calls rejected", rejected);
    print_row(c, "  that would have succeeded", lost);
    print_times(c);
    for (int i = 0; i < c->n_columns; i++)
        print_moves(&c->columns[i]);
}
