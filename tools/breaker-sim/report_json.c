#include <breakwire/json_writer.h>

#include <stdio.h>

#include "whatif.h"

static void put_moves(struct bw_json *json, const struct column *column) {
    bw_json_key(json, "transitions");
    bw_json_array_begin(json);
    for (size_t i = 0; i < column->n_moves; i++) {
        const struct move *move = &column->moves[i];
        bw_json_object_begin(json);
        bw_json_put_u64(json, "t_ms", move->at_ms);
        bw_json_put_text(json, "from", bw_state_name(move->from));
        bw_json_put_text(json, "to", bw_state_name(move->to));
        bw_json_put_text(json, "reason", bw_reason_name(move->reason));
        bw_json_put_u64(json, "generation", move->generation);
        bw_json_key(json, "value");
        bw_json_double(json, move->value);
        bw_json_key(json, "threshold");
        bw_json_double(json, move->threshold);
        bw_json_object_end(json);
    }
    bw_json_array_end(json);
    bw_json_put_u64(json, "transitions_omitted", column->moves_omitted);
}

static void put_column(struct bw_json *json, const struct comparison *c, const struct column *column) {
    const struct tally *tally = replay_tally(column->replay);
    bw_json_object_begin(json);
    bw_json_put_text(json, "config", column->name);
    bw_json_put_u64(json, "opened", tally->opened);
    bw_json_put_u64(json, "admitted", tally->admitted);
    bw_json_put_u64(json, "failures_let_through", tally->failed);
    bw_json_put_u64(json, "rejected", tally->rejected);
    bw_json_put_u64(json, "rejected_would_have_succeeded", tally->lost);
    bw_json_key(json, "ms_in_state");
    bw_json_object_begin(json);
    for (int i = 0; i < BW_STATES; i++)
        bw_json_put_u64(json, bw_state_name((enum bw_state)i),
                        replay_ms_in_state(column->replay, c->end_ms, (enum bw_state)i));
    bw_json_object_end(json);
    put_moves(json, column);
    bw_json_object_end(json);
}

bool report_json(const struct comparison *c) {
    struct bw_buf out;
    struct bw_json json;
    bw_buf_init(&out, 0);
    bw_json_init(&json, &out);
    bw_json_object_begin(&json);
    bw_json_put_u64(&json, "calls", c->calls);
    bw_json_put_u64(&json, "failures", c->failed);
    bw_json_put_u64(&json, "end_ms", c->end_ms);
    bw_json_key(&json, "configs");
    bw_json_array_begin(&json);
    for (int i = 0; i < c->n_columns; i++)
        put_column(&json, c, &c->columns[i]);
    bw_json_array_end(&json);
    bw_json_object_end(&json);
    struct bw_span text = bw_buf_span(&out);
    bool ok = !out.failed && fwrite(text.data, 1, text.len, stdout) == text.len && putchar('\n') == '\n';
    if (!ok)
        fprintf(stderr, "breaker-sim: the comparison cannot be written\n");
    bw_buf_free(&out);
    return ok;
}
