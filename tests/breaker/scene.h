/* scene.h: a breaker in virtual time that plays scripts.
 *
 *     scene_start(&s, "trip_consecutive=2 open_ms=100");
 *     scene_play(&s, "0   call fail  | admit recorded\n"
 *                    "30  call fail\n"
 *                    "40  acquire a  | reject_open 90\n");
 *     scene_expect_states(&s, "30 open");
 *
 * A line is a time, an operation and, after "|", the answer it must give; without "|" any answer will do:
 *
 *     acquire X                        decision; of a reject also retry_after_ms
 *     complete X ok|fail|ignored ...   verdict; more: code=14 latency=35 pushback=500
 *     call ok|fail|ignored ...         both at once: "admit recorded", "reject_open 90"
 *     release X, overdue X             "done"
 *     poll                             "moved" or "still"
 *     due                              next_due: a time or "never"
 *     read                             "STATE/VIEW retry_after_ms"
 *     state, view, attempt, generation, streak, failure_count, in_flight, holders
 *     window                           "CALLS FAILED SLOW"
 *     count NAME                       a counter
 *     force STATE [for_ms], reset, hold [NAME], release_hold [NAME], reconfigure k=v ...    "0" or a code
 *
 * X is a letter: the ticket. */
#ifndef TESTS_BREAKER_SCENE_H
#define TESTS_BREAKER_SCENE_H

#include <breakwire/breaker.h>

struct scene {
    struct bw_breaker *breaker;
    struct bw_breaker_config config;
    struct bw_ticket tickets[26];
    uint64_t seen_seq;
    char states[1000];
};

/* Defaults plus "name=value name=value"; the breaker is created at time 0. */
void scene_start(struct scene *s, const char *parameters);
void scene_start_at(struct scene *s, const char *parameters, uint64_t now_ms);
void scene_play(struct scene *s, const char *script);
/* Every transition since the start: "30 open, 80 half_open, 130 closed". */
void scene_expect_states(struct scene *s, const char *states);
/* The reason of the last transition. */
void scene_expect_reason(struct scene *s, const char *reason);
void scene_end(struct scene *s);

/* All of it: a breaker with these parameters plays the script, and has come through these states. */
void scene_run(const char *parameters, const char *script, const char *states);
/* And the last of them for this reason. */
void scene_run_to(const char *parameters, const char *script, const char *states, const char *reason);

/* All transitions, whatever from, to and why. */
uint64_t scene_transitions(const struct bw_breaker *breaker);
/* The next number after `*random`, which must not be 0: the same ones in every run. */
uint64_t scene_random(uint64_t *random);

void scene_configure(struct bw_breaker_config *config, const char *parameters);

#endif
