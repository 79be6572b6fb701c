#include "script.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exits.h"
#include "ids.h"
#include "lines.h"

enum { OK_CODE = 0, CANCELLED_CODE = 1, UNAVAILABLE_CODE = 14 };

struct script {
    struct lines *lines;
    struct ids *ids;
    struct bw_breaker *breaker;
    const struct bw_breaker_config *config;
    uint64_t now_ms;
    struct line line;
    /* What the event was answered; NULL = does not apply. */
    const char *decision, *verdict;
    bool admitted;
};

static bool has(const struct script *s, enum member member) {
    return line_has(&s->line, member);
}

static bool result_of(const struct script *s, struct bw_result *result) {
    static const char *const names[] = {"ok", "fail", "ignored"};
    static const int codes[] = {OK_CODE, UNAVAILABLE_CODE, CANCELLED_CODE};
    if (has(s, OUTCOME) == has(s, CODE))
        return lines_complain(s->lines, "outcome or code, one of the two is allowed");
    result->latency_ms = has(s, LATENCY_MS) ? s->line.number[LATENCY_MS] : -1;
    result->pushback_ms = has(s, PUSHBACK_MS) ? s->line.number[PUSHBACK_MS] : -1;
    if (has(s, CODE)) {
        result->code = (int)s->line.number[CODE];
        result->outcome = bw_breaker_classify(s->config, result->code, 0);
        return true;
    }
    for (int i = 0; i < 3; i++)
        if (strcmp(s->line.text[OUTCOME], names[i]) == 0) {
            result->outcome = (enum bw_outcome)i;
            result->code = codes[i];
            return true;
        }
    return lines_complain(s->lines, "outcome: \"%.60s\" is not allowed, only ok, fail or ignored",
                          s->line.text[OUTCOME]);
}

static struct bw_ticket *ticket_of(const struct script *s) {
    struct bw_ticket *ticket = ids_find(s->ids, s->line.text[ID], s->line.is_number[ID]);
    if (!ticket)
        lines_complain(s->lines, "id: \"%.60s\" is not allowed, only one that was acquired",
                       s->line.text[ID]);
    return ticket;
}

static void acquire_into(struct script *s, struct bw_ticket *ticket) {
    enum bw_decision decision = bw_breaker_acquire(s->breaker, s->now_ms, ticket, NULL);
    s->decision = bw_decision_name(decision);
    s->admitted = bw_admitted(decision);
}

static bool acquire(struct script *s) {
    struct bw_ticket *ticket = ids_take(s->ids, s->line.text[ID], s->line.is_number[ID]);
    if (!ticket)
        return lines_complain(s->lines, "no memory for another id");
    if (bw_ticket_is_out(ticket))
        return lines_complain(s->lines, "id: \"%.60s\" is still out, only another one is allowed",
                              s->line.text[ID]);
    acquire_into(s, ticket);
    return true;
}

static void complete_with(struct script *s, struct bw_ticket *ticket, const struct bw_result *result) {
    s->verdict = bw_verdict_name(bw_breaker_complete(s->breaker, ticket, s->now_ms, result));
}

static bool complete(struct script *s) {
    struct bw_result result;
    struct bw_ticket *ticket = ticket_of(s);
    if (!ticket || !result_of(s, &result))
        return false;
    complete_with(s, ticket, &result);
    return true;
}

static bool release(struct script *s) {
    const struct bw_result ignored = {.outcome = BW_IGNORED, .code = -1, .latency_ms = -1, .pushback_ms = -1};
    struct bw_ticket *ticket = ticket_of(s);
    if (ticket)
        complete_with(s, ticket, &ignored);
    return ticket != NULL;
}

static bool call(struct script *s) {
    struct bw_result result;
    struct bw_ticket ticket;
    if (!result_of(s, &result))
        return false;
    acquire_into(s, &ticket);
    if (s->admitted)
        complete_with(s, &ticket, &result);
    return true;
}

static bool hold(struct script *s, const char *holder) {
    int result = bw_breaker_hold(s->breaker, s->now_ms, holder);
    if (result == BW_BREAKER_FULL)
        return lines_complain(s->lines, "handle: no more than %d holders are allowed",
                              BW_BREAKER_HOLDERS_MAX);
    if (result == BW_BREAKER_NAME)
        return lines_complain(s->lines, "handle: no more than %d bytes are allowed", BW_BREAKER_NAME_MAX);
    return true;
}

static bool force(struct script *s) {
    const char *to = s->line.text[TO];
    const char *holder = has(s, HANDLE) ? s->line.text[HANDLE] : "";
    if (strcmp(to, "reset") == 0) {
        bw_breaker_reset(s->breaker, s->now_ms);
        return true;
    }
    if (strcmp(to, "unforce") == 0) {
        bw_breaker_release_hold(s->breaker, s->now_ms, holder);
        return true;
    }
    if (strcmp(to, bw_state_name(BW_FORCED_OPEN)) == 0)
        return hold(s, holder);
    for (int i = 0; i < BW_STATES; i++)
        if (strcmp(to, bw_state_name((enum bw_state)i)) == 0) {
            bw_breaker_force(s->breaker, s->now_ms, (enum bw_state)i, (uint64_t)s->line.number[FOR_MS]);
            return true;
        }
    return lines_complain(
        s->lines,
        "to: \"%.60s\" is not allowed, only open, closed, half_open, forced_open, disabled, "
        "metrics_only, reset or unforce",
        to);
}

static bool poll(struct script *s) {
    bw_breaker_poll(s->breaker, s->now_ms);
    return true;
}

static bool read_only(struct script *s) {
    (void)s;
    return true;
}

#define BIT(member) (1U << (member))
#define RESULT      (BIT(OUTCOME) | BIT(CODE) | BIT(LATENCY_MS) | BIT(PUSHBACK_MS))
#define EVERY_EVENT (BIT(T_MS) | BIT(OP))
static const struct {
    const char *name;
    bool (*play)(struct script *);
    unsigned must, may;
} ops[] = {
    {"acquire", acquire, EVERY_EVENT | BIT(ID), 0},
    {"complete", complete, EVERY_EVENT | BIT(ID), RESULT},
    {"release", release, EVERY_EVENT | BIT(ID), 0},
    {"call", call, EVERY_EVENT, RESULT},
    {"force", force, EVERY_EVENT | BIT(TO), BIT(FOR_MS) | BIT(HANDLE)},
    {"poll", poll, EVERY_EVENT, 0},
    {"read", read_only, EVERY_EVENT, 0},
};
enum { OPS = sizeof ops / sizeof ops[0] };

static bool play(struct script *s) {
    const char *op = has(s, OP) ? s->line.text[OP] : NULL;
    int i = 0;
    while (op && i < OPS && strcmp(ops[i].name, op) != 0)
        i++;
    if (!op || i == OPS)
        return lines_complain(
            s->lines,
            "op: \"%.60s\" is not allowed, only acquire, complete, release, call, force, poll "
            "or read",
            op ? op : "");
    if (!lines_allow(s->lines, &s->line, ops[i].must, ops[i].may, op))
        return false;
    if ((uint64_t)s->line.number[T_MS] < s->now_ms)
        return lines_complain(s->lines, "t_ms: %" PRId64 " is not allowed, only %" PRIu64 " and later",
                              s->line.number[T_MS], s->now_ms);
    s->now_ms = (uint64_t)s->line.number[T_MS];
    s->decision = s->verdict = NULL;
    return ops[i].play(s);
}

/* "word" or null, into a buffer that is large enough for any word of the enums. */
static const char *quoted(const char *word, char text[32]) {
    if (!word)
        return "null";
    snprintf(text, 32, "\"%s\"", word);
    return text;
}

static void print(const struct script *s) {
    struct bw_breaker_snapshot p;
    char decision[32], verdict[32], after[24];
    bw_breaker_snapshot(s->breaker, s->now_ms, &p);
    snprintf(after, sizeof after, "%" PRIu64, p.retry_after_ms);
    printf("{\"t_ms\": %" PRIu64
           ", \"op\": \"%s\", \"admitted\": %s, \"decision\": %s, \"verdict\": %s, "
           "\"state\": \"%s\", \"view\": \"%s\", \"generation\": %" PRIu64 ", \"attempt\": %" PRIu32
           ", \"retry_after_ms\": %s, ",
           s->now_ms, s->line.text[OP],
           !s->decision  ? "null"
           : s->admitted ? "true"
                         : "false",
           quoted(s->decision, decision), quoted(s->verdict, verdict), bw_state_name(p.state),
           bw_state_name(p.view), p.generation, p.open_attempt,
           p.retry_after_ms == BW_BREAKER_NEVER ? "null" : after);
    printf("\"window\": {\"calls\": %" PRIu32 ", \"failed\": %" PRIu32 ", \"slow\": %" PRIu32
           "}, "
           "\"transitions\": {\"opened\": %" PRIu64 ", \"half_opened\": %" PRIu64 ", \"closed\": %" PRIu64
           "}}\n",
           p.window_calls, p.window_failed, p.window_slow,
           p.counters.entered[BW_OPEN] + p.counters.entered[BW_FORCED_OPEN], p.counters.entered[BW_HALF_OPEN],
           p.counters.entered[BW_CLOSED]);
    fflush(stdout);
}

static int play_all(struct script *s) {
    for (;;) {
        enum lines_result result = lines_next(s->lines, &s->line);
        if (result == LINES_END)
            return EXIT_WELL;
        if (result == LINES_BAD || !play(s))
            return EXIT_BAD_INPUT;
        print(s);
    }
}

int script_run(const char *path, const struct bw_breaker_config *config) {
    uint64_t size;
    struct script s = {.config = config, .lines = lines_open(path, &size)};
    int exit_code = EXIT_CANNOT_RUN;
    if (!s.lines)
        return exit_code;
    s.ids = ids_new();
    s.breaker = bw_breaker_new("breaker-sim", config, 0);
    if (s.ids && s.breaker)
        exit_code = play_all(&s);
    else
        fprintf(stderr, "breaker-sim: no memory\n");
    bw_breaker_free(s.breaker);
    ids_free(s.ids);
    lines_close(s.lines);
    return exit_code;
}
