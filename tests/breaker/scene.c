#define _POSIX_C_SOURCE 200809L /* strtok_r */

#include "scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

enum { WORDS_MAX = 10, ANSWER_MAX = 200 };

/* One line of a script, taken apart. */
struct line {
    uint64_t now_ms;
    const char *op;
    char *words[WORDS_MAX]; /* what follows op */
    int count;
};

void scene_configure(struct bw_breaker_config *config, const char *parameters) {
    char copy[1000], why[300], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", parameters);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        if (!equals)
            fail_msg("not name=value: %s", word);
        *equals = '\0';
        if (bw_breaker_config_set(config, word, equals + 1, why, sizeof why) != 0)
            fail_msg("%s", why);
    }
    if (bw_breaker_config_check(config, why, sizeof why) != 0)
        fail_msg("%s", why);
}

void scene_start_at(struct scene *s, const char *parameters, uint64_t now_ms) {
    memset(s, 0, sizeof *s);
    bw_breaker_config_default(&s->config);
    scene_configure(&s->config, parameters);
    s->breaker = bw_breaker_new("scene", &s->config, now_ms);
    assert_non_null(s->breaker);
}

void scene_start(struct scene *s, const char *parameters) {
    scene_start_at(s, parameters, 0);
}

void scene_end(struct scene *s) {
    bw_breaker_free(s->breaker);
    s->breaker = NULL;
}

static void write_number(char *answer, uint64_t number) {
    if (number == BW_BREAKER_NEVER)
        snprintf(answer, ANSWER_MAX, "never");
    else
        snprintf(answer, ANSWER_MAX, "%" PRIu64, number);
}

static struct bw_ticket *ticket_of(struct scene *s, const char *word) {
    assert_true(word[0] >= 'a' && word[0] <= 'z' && !word[1]);
    return &s->tickets[word[0] - 'a'];
}

static bool acquire(struct scene *s, uint64_t now_ms, struct bw_ticket *ticket, char *answer) {
    uint64_t retry_after_ms;
    enum bw_decision decision = bw_breaker_acquire(s->breaker, now_ms, ticket, &retry_after_ms);
    int length = snprintf(answer, ANSWER_MAX, "%s", bw_decision_name(decision));
    if (bw_admitted(decision)) {
        assert_int_equal(retry_after_ms, 0);
        return true;
    }
    answer[length++] = ' ';
    write_number(answer + length, retry_after_ms);
    return false;
}

static int64_t option(const struct line *line, const char *name, int64_t otherwise) {
    size_t length = strlen(name);
    for (int i = 0; i < line->count; i++)
        if (strncmp(line->words[i], name, length) == 0 && line->words[i][length] == '=')
            return strtoll(line->words[i] + length + 1, NULL, 10);
    return otherwise;
}

static enum bw_verdict complete(struct scene *s, const struct line *line, struct bw_ticket *ticket,
                                const char *outcome) {
    struct bw_result result = {.outcome = strcmp(outcome, "ok") == 0     ? BW_SUCCESS
                                          : strcmp(outcome, "fail") == 0 ? BW_FAILURE
                                                                         : BW_IGNORED};
    result.code = (int)option(line, "code", result.outcome == BW_FAILURE ? 14 : 0);
    result.latency_ms = option(line, "latency", -1);
    result.pushback_ms = option(line, "pushback", -1);
    return bw_breaker_complete(s->breaker, ticket, line->now_ms, &result);
}

static void call(struct scene *s, const struct line *line, char *answer) {
    struct bw_ticket ticket;
    if (!acquire(s, line->now_ms, &ticket, answer))
        return;
    size_t length = strlen(answer);
    enum bw_verdict verdict = complete(s, line, &ticket, line->words[0]);
    snprintf(answer + length, ANSWER_MAX - length, " %s", bw_verdict_name(verdict));
}

static enum bw_state state_of(const char *name) {
    for (int i = 0; i < BW_STATES; i++)
        if (strcmp(bw_state_name((enum bw_state)i), name) == 0)
            return (enum bw_state)i;
    fail_msg("no state %s", name);
    return BW_CLOSED;
}

static int reconfigure(struct scene *s, const struct line *line) {
    char parameters[300] = "";
    for (int i = 0; i < line->count; i++) {
        size_t length = strlen(parameters);
        snprintf(parameters + length, sizeof parameters - length, "%s ", line->words[i]);
    }
    bw_breaker_configured(s->breaker, &s->config);
    scene_configure(&s->config, parameters);
    return bw_breaker_reconfigure(s->breaker, &s->config, line->now_ms);
}

static bool is(const struct line *line, const char *op) {
    return strcmp(line->op, op) == 0;
}

static bool play_call(struct scene *s, const struct line *line, char *answer) {
    const char *first = line->count ? line->words[0] : NULL;
    if (is(line, "acquire"))
        acquire(s, line->now_ms, ticket_of(s, first), answer);
    else if (is(line, "complete"))
        snprintf(answer, ANSWER_MAX, "%s",
                 bw_verdict_name(complete(s, line, ticket_of(s, first), line->words[1])));
    else if (is(line, "call"))
        call(s, line, answer);
    else if (is(line, "release"))
        bw_breaker_release(s->breaker, ticket_of(s, first), line->now_ms);
    else if (is(line, "overdue"))
        bw_breaker_overdue(s->breaker, ticket_of(s, first), line->now_ms);
    else
        return false;
    return true;
}

static bool play_order(struct scene *s, const struct line *line, char *answer) {
    const char *first = line->count ? line->words[0] : NULL;
    uint64_t for_ms = line->count > 1 ? strtoull(line->words[1], NULL, 10) : 0;
    int result = 0;
    if (is(line, "force"))
        result = bw_breaker_force(s->breaker, line->now_ms, state_of(first), for_ms);
    else if (is(line, "reset"))
        bw_breaker_reset(s->breaker, line->now_ms);
    else if (is(line, "hold"))
        result = bw_breaker_hold(s->breaker, line->now_ms, first);
    else if (is(line, "release_hold"))
        result = bw_breaker_release_hold(s->breaker, line->now_ms, first);
    else if (is(line, "reconfigure"))
        result = reconfigure(s, line);
    else
        return false;
    snprintf(answer, ANSWER_MAX, "%d", result);
    return true;
}

static uint64_t counter_of(const struct bw_breaker_snapshot *p, const char *name) {
    const struct bw_breaker_counters *c = &p->counters;
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"admitted", c->admitted},
        {"admitted_probe", c->admitted_probe},
        {"ok", c->ok},
        {"failed", c->failed},
        {"slow", c->slow},
        {"ignored", c->ignored},
        {"stale", c->stale},
        {"double", c->twice},
        {"lost_probe", c->lost_probe},
        {"reject_open", c->rejected[BW_REJECT_OPEN]},
        {"reject_probing", c->rejected[BW_REJECT_PROBING]},
        {"reject_forced", c->rejected[BW_REJECT_FORCED]},
        {"reject_concurrency", c->rejected[BW_REJECT_CONCURRENCY]},
        {"reject_ramp", c->rejected[BW_REJECT_RAMP]},
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        if (strcmp(counters[i].name, name) == 0)
            return counters[i].value;
    fail_msg("no counter %s", name);
    return 0;
}

static bool play_reading(struct scene *s, const struct line *line, char *answer) {
    struct bw_breaker_snapshot p;
    bw_breaker_snapshot(s->breaker, line->now_ms, &p);
    assert_int_equal(bw_breaker_view(s->breaker, line->now_ms), p.view);
    if (is(line, "read")) {
        int length = snprintf(answer, ANSWER_MAX, "%s/%s ", bw_state_name(p.state), bw_state_name(p.view));
        write_number(answer + length, p.retry_after_ms);
    } else if (is(line, "state"))
        snprintf(answer, ANSWER_MAX, "%s", bw_state_name(p.state));
    else if (is(line, "view"))
        snprintf(answer, ANSWER_MAX, "%s", bw_state_name(p.view));
    else if (is(line, "attempt"))
        write_number(answer, p.open_attempt);
    else if (is(line, "generation"))
        write_number(answer, p.generation);
    else if (is(line, "streak"))
        write_number(answer, p.consecutive);
    else if (is(line, "failure_count"))
        write_number(answer, p.failure_count);
    else if (is(line, "in_flight"))
        write_number(answer, p.probes_in_flight);
    else if (is(line, "window"))
        snprintf(answer, ANSWER_MAX, "%" PRIu32 " %" PRIu32 " %" PRIu32, p.window_calls, p.window_failed,
                 p.window_slow);
    else if (is(line, "holders"))
        write_number(answer, p.holders);
    else if (is(line, "count"))
        write_number(answer, counter_of(&p, line->words[0]));
    else
        return false;
    return true;
}

static void play_line(struct scene *s, const struct line *line, char *answer) {
    snprintf(answer, ANSWER_MAX, "done");
    if (is(line, "poll"))
        snprintf(answer, ANSWER_MAX, "%s", bw_breaker_poll(s->breaker, line->now_ms) ? "moved" : "still");
    else if (is(line, "due"))
        write_number(answer, bw_breaker_next_due(s->breaker, line->now_ms));
    else if (!play_call(s, line, answer) && !play_order(s, line, answer) && !play_reading(s, line, answer))
        fail_msg("no operation %s", line->op);
}

static void note_states(struct scene *s) {
    struct bw_event event;
    while (bw_breaker_events(s->breaker, s->seen_seq, &event, 1) == 1) {
        size_t length = strlen(s->states);
        s->seen_seq = event.seq;
        if (event.transition)
            snprintf(s->states + length, sizeof s->states - length, "%s%" PRIu64 " %s", length ? ", " : "",
                     event.at_ms, bw_state_name(event.to));
    }
}

/* Takes `text` apart and plays it; the answer must be what stands after the "|". */
static void play_text(struct scene *s, char *text) {
    char shown[300], answer[ANSWER_MAX], *rest = NULL;
    snprintf(shown, sizeof shown, "%s", text);
    char *bar = strchr(text, '|');
    if (bar)
        *bar = '\0';
    const char *expected = bar ? bar + 1 + strspn(bar + 1, " ") : NULL;
    char *time = strtok_r(text, " ", &rest);
    if (!time)
        return;
    struct line line = {.now_ms = strtoull(time, NULL, 10), .op = strtok_r(NULL, " ", &rest)};
    for (char *word = strtok_r(NULL, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        line.words[line.count++] = word;
    play_line(s, &line, answer);
    note_states(s);
    if (expected && strcmp(expected, answer) != 0)
        fail_msg("\"%s\" answered \"%s\"", shown, answer);
}

void scene_play(struct scene *s, const char *script) {
    while (*script) {
        char line[300];
        size_t length = strcspn(script, "\n");
        assert_true(length < sizeof line);
        memcpy(line, script, length);
        line[length] = '\0';
        play_text(s, line);
        script += length + (script[length] == '\n');
    }
}

void scene_expect_states(struct scene *s, const char *states) {
    note_states(s);
    assert_string_equal(s->states, states);
}

void scene_expect_reason(struct scene *s, const char *reason) {
    struct bw_breaker_snapshot p;
    bw_breaker_snapshot(s->breaker, 0, &p);
    assert_string_equal(bw_reason_name(p.last_reason), reason);
}

void scene_run_to(const char *parameters, const char *script, const char *states, const char *reason) {
    struct scene s;
    scene_start(&s, parameters);
    scene_play(&s, script);
    scene_expect_states(&s, states);
    if (reason)
        scene_expect_reason(&s, reason);
    scene_end(&s);
}

void scene_run(const char *parameters, const char *script, const char *states) {
    scene_run_to(parameters, script, states, NULL);
}

uint64_t scene_transitions(const struct bw_breaker *breaker) {
    uint64_t count = 0;
    for (int from = 0; from < BW_STATES; from++)
        for (int to = 0; to < BW_STATES; to++)
            for (int reason = 0; reason < BW_REASONS; reason++)
                count += bw_breaker_transitions(breaker, (enum bw_state)from, (enum bw_state)to,
                                                (enum bw_reason)reason);
    return count;
}

uint64_t scene_random(uint64_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}
