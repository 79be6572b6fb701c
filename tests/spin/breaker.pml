/* breaker.pml: the word of lib/breaker and everybody who changes it, for Spin to try in every order.
 *
 * A step (a statement, atomic {...} or d_step {...}) is one atomic operation of the C code, together with the
 * arithmetic on what it read. Between two steps all others may take any number of steps. Times are relative
 * to now, generations to the present one: so the model is finite though time, calls and generations have no
 * end. README.md says what is left out; spin.py holds the configurations and the planted bugs (-DBUG_...). */

#ifndef CALLERS
#define CALLERS 3
#endif
#ifndef OPEN_TIME
#define OPEN_TIME 1
#endif
#ifndef LEASE
#define LEASE 2
#endif
#ifndef AGE_MAX
#define AGE_MAX 2 /* a now_ms is so many ticks old at most when it is used */
#endif
#ifndef TRIP
#define TRIP 2 /* trip_consecutive */
#endif
#ifndef BUDGET
#define BUDGET 1
#endif
#ifndef INFLIGHT_MAX
#define INFLIGHT_MAX BUDGET
#endif
#ifndef SUCCESSES
#define SUCCESSES 1
#endif
#ifndef LEASE_TO
#define LEASE_TO OPEN /* or HALF: a lost probe is replaced */
#endif
#define GENERATIONS_MAX 3 /* nobody sleeps through more of them between two steps that need to know */

/* ---- The word: [payload][state 2]; NEW in what is to be stored: of the next generation ---- */

#define CLOSED 0 /* payload: failures in a row */
#define OPEN   1 /* payload: AGE_MAX + ticks to the deadline */
#define HALF   2 /* payload: [ticks since `since`][failed 2][ok 2][in flight 2] */
#define FORCED 3
#define NEW    4096

#define STATE(w)     ((w) & 3)
#define STREAK(w)    ((w) >> 2)
#define IN_FLIGHT(w) (((w) >> 2) & 3)
#define OKS(w)       (((w) >> 4) & 3)
#define FAILS(w)     (((w) >> 6) & 3)
#define SINCE(w)     ((w) >> 8)
#define SINCE_MAX    (LEASE + AGE_MAX)
#ifdef BUG_TWO_WORDS
#define DEADLINE(w)  deadline_beside
#else
#define DEADLINE(w)  ((w) >> 2)
#endif

#define NEXT(state, payload)             (NEW | (state) | ((payload) << 2))
#define SAME(w, payload)                 (STATE(w) | ((payload) << 2))
#define ROUND(flying, ok, failed, since) ((flying) | ((ok) << 2) | ((failed) << 4) | ((since) << 6))

/* One tick later. */
#define TICK_DEADLINE(d) ((d) > 0 -> (d) - 1 : 0)
#define TICK(w) (STATE(w) == OPEN && ((w) >> 2) > 0 -> (w) - 4 : \
                 (STATE(w) == HALF && SINCE(w) < SINCE_MAX -> (w) + 256 : (w)))

/* ---- What is shared ---- */

short word = 0; /* CLOSED, generation 1 */
#ifdef BUG_TWO_WORDS
byte deadline_beside = 0;
#endif
#ifdef BOOKS
byte published = 0;  /* how old the highest generation is that a winner has published */
#endif
#ifdef PLACES
byte places = 0;     /* of max_concurrency */
#endif
#ifdef SAMPLE
byte slow = 0;       /* the second word: how many slow probes, */
byte slow_age = 1;   /* and how old its generation is */
#define AGE_OLDEST (GENERATIONS_MAX + 1)
#endif
#ifdef WINDOW
byte window = 1;     /* the register: 1 and the failures of at most WINDOW calls, newest lowest, */
byte window_age = 0; /* and how old its generation is */
#define AGE_OLDEST  (GENERATIONS_MAX + 1)
#define WINDOW_FULL (1 << WINDOW)
#endif

/* ---- What everybody holds: global, since a tick or a new generation makes all of it older at once ---- */

#define EVERYBODY (CALLERS + 2)
#define POLLER    CALLERS
#define OPERATOR  (CALLERS + 1)

short w[EVERYBODY];   /* the word as last read */
bool old[EVERYBODY];  /* it is of another generation, so that no compare-and-swap with it can succeed */
byte t[EVERYBODY];    /* 1 + how old its now_ms is; 0 = it needs none */
byte g[CALLERS];      /* ticket: how old its generation is; if that is all the same, 1 = old */
bool has_ticket[CALLERS];
bool adding[CALLERS]; /* and it is not all the same */
#ifdef BOOKS
byte won[EVERYBODY];  /* 1 + how old the generation is that it has won and not finished the books of */
#endif

/* ---- The truth, which the asserts compare with what the breaker knows ---- */

byte live = 0;          /* probes of this generation that are out */
byte true_deadline = 0; /* of OPEN */
byte first_probe = 0;   /* how long ago the first of the probes that are out was admitted */
#ifdef BOOKS
byte events = 15;       /* a bit for each of the last four generations: it has its event */
#endif
#ifdef PLACES
byte true_places = 0;
#endif
#ifdef SAMPLE
byte slow_begun = 0, slow_ended = 0; /* slow probes of this generation: known, and counted in the word */
#endif
#ifdef WINDOW
byte true_calls = 0;    /* results that the window's generation has recorded, at most WINDOW */
#endif

/* All 0: `assert(I2 || x)` is `assert(x)`, but its message names the invariant. */
hidden byte I1, I2, I3, I4, I5, I6, I7, I8, LEASE_IS_NEVER_SHORT, HELD_WHILE_THERE_ARE_HOLDERS;

/* Scratch, for use within one d_step: the search does not restore it. */
hidden int to, word4;
hidden byte what, ticks4, i;
hidden byte admitted4, has_room;

/* Spin reports what is never reached, but not within a d_step: REACHED(name) is printed the first time. */
#ifdef COVERAGE
c_decl {
    \#include <stdio.h>
    \#include <string.h>
    static const char *marks[64];
    static void mark(const char *name) {
        int n = 0;
        while (n < 63 && marks[n] && strcmp(marks[n], name) != 0)
            n++;
        if (!marks[n]) {
            marks[n] = name;
            printf("reached %s\n", name);
        }
    }
}
#define REACHED(name) c_code { mark(#name); }
#else
#define REACHED(name) skip
#endif
#define REACHED_IF(name, condition) \
    if \
    :: condition -> REACHED(name) \
    :: else \
    fi

/* Where a step of a caller leads. */
#define LEAVE 1
#define AGAIN 2
#define GO_ON 3

/* ---- policy.c: pure functions; a is the age of now_ms ---- */

/* what */
#define REJECT 0
#define ADMIT  1
#define PROBE  2
#define MOVE   3
#define KEEP   4
#define STALE  5
#define STORE  6
/* outcome */
#define NONE    0
#define OK      1
#define FAIL    2
#define IGNORED 3
#define SLOW    4

#ifdef BUG_OPEN_EARLY
#define OPEN_IS_OVER(w, a) (DEADLINE(w) + (a) <= AGE_MAX + 1)
#else
#define OPEN_IS_OVER(w, a) (DEADLINE(w) + (a) <= AGE_MAX)
#endif
#ifdef BUG_NO_LEASE
#define LEASE_IS_OVER(w, a) false
#else
#define LEASE_IS_OVER(w, a) (IN_FLIGHT(w) > 0 && SINCE(w) >= LEASE + (a))
#endif
#define HAS_SLOT(w) (IN_FLIGHT(w) < INFLIGHT_MAX && IN_FLIGHT(w) + OKS(w) + FAILS(w) < BUDGET)
#ifdef BUG_LEASE_WITH_STATE
#define SINCE_TAKEN(w, a) SINCE(w)
#else
#define SINCE_TAKEN(w, a) (IN_FLIGHT(w) == 0 -> (a) : SINCE(w))
#endif
#define SINCE_GIVEN(w, a) (IN_FLIGHT(w) == 1 -> (a) : SINCE(w))

#define TO_OPEN(a)     NEXT(OPEN, AGE_MAX + OPEN_TIME - (a))
#define TO_HALF(n, a)  NEXT(HALF, ROUND(n, 0, 0, a))
#define AFTER_LEASE(a) (LEASE_TO == OPEN -> TO_OPEN(a) : TO_HALF(0, a))
#define TAKEN(w, a)      SAME(w, ROUND(IN_FLIGHT(w) + 1, OKS(w), FAILS(w), SINCE_TAKEN(w, a)))
#define GIVEN_BACK(w, a) SAME(w, ROUND(IN_FLIGHT(w) - 1, OKS(w), FAILS(w), SINCE_GIVEN(w, a)))

/* The decision of an acquire: `what`, and `to` is the word to store for PROBE and MOVE. */
inline decide(x, a, place) {
    to = x;
    if
    :: STATE(x) == CLOSED && place -> what = ADMIT
    :: STATE(x) == OPEN && OPEN_IS_OVER(x, a) -> what = PROBE; to = TO_HALF(place, a)
    :: STATE(x) == HALF && LEASE_IS_OVER(x, a) -> what = MOVE; to = AFTER_LEASE(a)
    :: STATE(x) == HALF && !LEASE_IS_OVER(x, a) && HAS_SLOT(x) && place -> what = PROBE; to = TAKEN(x, a)
    :: else -> what = REJECT
    fi
}

/* poll: a transition that is due, or REJECT. */
inline due(x, a) {
    to = x;
    if
    :: STATE(x) == OPEN && OPEN_IS_OVER(x, a) -> what = MOVE; to = TO_HALF(0, a)
    :: STATE(x) == HALF && LEASE_IS_OVER(x, a) -> what = MOVE; to = AFTER_LEASE(a)
    :: else -> what = REJECT
    fi
}

#define ADMITS_NOBODY(w) (STATE(w) == OPEN || STATE(w) == FORCED || (STATE(w) == HALF && IN_FLIGHT(w) == 0))
#if defined(BUG_NO_GENERATION)
#define IS_STALE(w, g, outcome) ADMITS_NOBODY(w)
#elif defined(BUG_STALE_GIVES_SLOT_BACK)
#define IS_STALE(w, g, outcome) (((g) > 0 && (outcome) != IGNORED) || ADMITS_NOBODY(w))
#else
#define IS_STALE(w, g, outcome) ((g) > 0 || ADMITS_NOBODY(w))
#endif

#define FAILED(outcome) ((outcome) == FAIL)
#ifdef BUG_IGNORED_KEEPS_SLOT
#define IGNORED_PROBE(w, a) (w)
#else
#define IGNORED_PROBE(w, a) GIVEN_BACK(w, a)
#endif
#define ONE_MORE(w, a, outcome) \
    SAME(w, ROUND(IN_FLIGHT(w) - 1, OKS(w) + !FAILED(outcome), FAILS(w) + FAILED(outcome), SINCE_GIVEN(w, a)))
#ifdef SAMPLE
/* probe_decision = sample, after SAMPLE probes: one failure, or all of them slow, is bad. */
#define PROBE_ENDED(w, a, outcome, slow) \
    (OKS(w) + FAILS(w) + 1 < SAMPLE -> ONE_MORE(w, a, outcome) : \
     (FAILS(w) + FAILED(outcome) > 0 || (slow) >= SAMPLE -> TO_OPEN(a) : NEXT(CLOSED, 0)))
#else
#define PROBE_ENDED(w, a, outcome, slow) \
    (FAILED(outcome) -> TO_OPEN(a) : \
     (OKS(w) + 1 >= SUCCESSES -> NEXT(CLOSED, 0) : ONE_MORE(w, a, outcome)))
#endif
#ifdef WINDOW
/* Trips when the window is full of failures; the row of failures is counted all the same. */
#define CLOSED_ENDED(w, a, outcome, full) \
    (full -> TO_OPEN(a) : (FAILED(outcome) -> SAME(w, 1) : SAME(w, 0)))
#else
#define CLOSED_ENDED(w, a, outcome, full) \
    (FAILED(outcome) -> (STREAK(w) + 1 >= TRIP -> TO_OPEN(a) : SAME(w, STREAK(w) + 1)) : SAME(w, 0))
#endif

/* What a result makes of the word: STALE, KEEP, or STORE with `to`. */
inline judge(x, a, ticket, result, beside) {
    to = x;
    if
    :: IS_STALE(x, ticket, result) -> what = STALE
    :: !IS_STALE(x, ticket, result) && STATE(x) == HALF ->
        what = STORE;
        to = (result == IGNORED -> IGNORED_PROBE(x, a) : PROBE_ENDED(x, a, result, beside))
    :: !IS_STALE(x, ticket, result) && STATE(x) == CLOSED ->
        to = (result == IGNORED -> x : CLOSED_ENDED(x, a, result, beside));
        what = (to == x -> KEEP : STORE)
    fi
}

/* ---- transition.c: the compare-and-swap, and what must hold whenever it succeeds ---- */

#ifdef BUG_STORE
#define IS_UNCHANGED(me) true
#define FORGET(i)        skip
#else
#define IS_UNCHANGED(me) (!old[me] && w[me] == word)
#define FORGET(i)        w[i] = 0
#endif

/* Whoever needs to know a generation lets it become GENERATIONS_MAX old and no older. */
inline look_for_room() {
    has_room = true;
    i = 0;
    do
    :: i < EVERYBODY ->
#ifdef BOOKS
        has_room = has_room && won[i] <= GENERATIONS_MAX;
#endif
        if
        :: i < CALLERS && adding[i] && g[i] >= GENERATIONS_MAX -> has_room = false
        :: else
        fi;
        i++
    :: else -> break
    od
}

inline begin_generation(me) {
    i = 0;
    do
    :: i < EVERYBODY ->
        if
        :: t[i] > 0 -> old[i] = true; FORGET(i)
        :: else
        fi;
        if
        :: i < CALLERS -> g[i] = (adding[i] -> g[i] + 1 : has_ticket[i])
        :: else
        fi;
#ifdef BOOKS
        won[i] = (won[i] > 0 -> won[i] + 1 : 0);
#endif
        i++
    :: else -> break
    od;
    live = 0;
    true_deadline = (STATE(to) == OPEN -> AGE_MAX + OPEN_TIME + 1 - t[me] : 0);
#ifdef BOOKS
    assert(I6 || (events & 8));
    events = (events << 1) & 15;
    published++;
    won[me] = 1;
#endif
#ifdef SAMPLE
    slow_age = (slow_age < AGE_OLDEST -> slow_age + 1 : slow_age);
    slow_begun = 0;
    slow_ended = 0;
#endif
#ifdef WINDOW
    window_age = (window_age < AGE_OLDEST -> window_age + 1 : window_age);
#endif
}

/* I4: if all others stopped here for ever, wherever they are, one caller that asks once every tick would be
 * admitted within the open time and a lease. That depends on nothing but the word (and on a place of
 * max_concurrency). */
inline check_nobody_answers() {
    word4 = word;
    ticks4 = 0;
    admitted4 = (STATE(word) == FORCED);
    do
    :: !admitted4 && ticks4 <= OPEN_TIME + LEASE ->
        decide(word4, 0, 1);
        word4 = to & (NEW - 1);
        if
        :: what == ADMIT || what == PROBE -> admitted4 = true
        :: what == MOVE
        :: what == REJECT -> word4 = TICK(word4); ticks4++
        fi
    :: else -> break
    od;
    assert(I4 || admitted4)
}

/* why */
#define BY_CALL 0
#define IS_DUE  1
#define BY_HAND 2

/* The step that succeeds: `word` becomes `to`. It admits 0 or 1 probes, and ends 0 or 1. */
inline put(me, admits, ends, why) {
    assert(I6 || !old[me]);
    assert(I6 || (to & NEW) || STATE(to) == STATE(word));
    assert(I5 || STATE(word) != OPEN || (why) == BY_HAND || true_deadline + t[me] - 1 <= AGE_MAX);
    assert(LEASE_IS_NEVER_SHORT || STATE(word) != HALF || (why) != IS_DUE ||
           first_probe >= LEASE + t[me] - 1);
    REACHED_IF(OLDEST_TIME_IS_USED, t[me] == AGE_MAX + 1);
    REACHED_IF(LEASE_ENDS_WITH_TWO_LOST, (why) == IS_DUE && STATE(word) == HALF && live == 2);
    live = live - (ends);
    if
    :: to & NEW -> begin_generation(me)
    :: else
    fi;
    first_probe = (live > 0 -> first_probe : ((admits) -> t[me] - 1 : 0));
    live = live + (admits);
    word = to & (NEW - 1);
    w[me] = word;
    old[me] = false;
    if
    :: STATE(word) == HALF ->
        REACHED_IF(TWO_PROBES, live == 2);
        REACHED_IF(SLOT_COMES_BACK, (ends) && OKS(word) == 0);
        REACHED_IF(ROUND_WITHOUT_PROBE, live == 0);
        assert(I1 || live <= INFLIGHT_MAX);
        assert(I1 || live + OKS(word) + FAILS(word) <= BUDGET);
        assert(I2 || IN_FLIGHT(word) == live)
    :: else
    fi;
    check_nobody_answers()
}

/* bw_transition_done, by the winner: publish the generation, begin its window, add the event. What raises one
 * number with a compare-and-swap loop of its own is one step here: a try that fails has changed nothing. */
#ifdef BOOKS
inline books(me) {
#ifdef BUG_TWO_WORDS
    d_step {
        if
        :: STATE(word) == OPEN && won[me] == 1 -> deadline_beside = true_deadline
        :: else
        fi
    };
#endif
    d_step {
        REACHED_IF(PUBLISHED_OUT_OF_ORDER, published < won[me] - 1);
        published = (published < won[me] -> published : won[me] - 1)
    };
#ifdef WINDOW
    d_step {
        if
        :: window_age >= won[me] ->
            REACHED(WINNER_BEGINS_WINDOW);
            window = 1;
            window_age = won[me] - 1;
            true_calls = 0
        :: else
        fi
    };
#endif
    d_step {
        assert(I6 || !(events & (1 << (won[me] - 1))));
        events = events | (1 << (won[me] - 1));
        won[me] = 0;
        i = 0;
        do
        :: i < EVERYBODY && won[i] == 0 -> i++
        :: else -> break
        od;
        assert(I6 || i < EVERYBODY || (events == 15 && published == 0))
    }
}
#define HAS_BOOKS(me) (won[me] > 0)
#else
#define HAS_BOOKS(me) false
#endif

/* Beside the word. Each is a compare-and-swap loop over one number: a try that fails has changed nothing, so
 * the one that succeeds is all there is to model. */
#ifdef WINDOW
#define COUNTS_BESIDE (STATE(w[_pid]) == CLOSED && outcome != IGNORED)
/* One result more in the register, which starts anew when it is of an older generation than the result, and
 * drops it when it is of a newer one. */
inline count_beside(me) {
    next = AGAIN;
    if
#ifdef BUG_WINDOW_WITHOUT_TAG
    :: true ->
        what = window;
#else
    :: window_age < g[me] -> REACHED(WINDOW_IS_NEWER); next = LEAVE
    :: window_age >= g[me] ->
        true_calls = (window_age == g[me] -> true_calls : 0);
        what = (window_age == g[me] -> window : 1);
        REACHED_IF(RESULT_BEGINS_WINDOW, window_age > g[me]);
        REACHED_IF(LATE_IN_ITS_OWN_WINDOW, window_age == g[me] && g[me] > 0);
        window_age = g[me];
#endif
        what = (what << 1) | FAILED(outcome);
        window = (what >= 2 * WINDOW_FULL -> (what & (WINDOW_FULL - 1)) | WINDOW_FULL : what);
        extra = (window == 2 * WINDOW_FULL - 1);
        true_calls = (true_calls < WINDOW -> true_calls + 1 : true_calls);
        /* No result is ever counted in a generation that is not its own; none is lost. */
        assert(I3 || window_age == g[me]);
        assert(I3 || (window >= (1 << true_calls) && window < (2 << true_calls)))
    fi
}
#endif
#ifdef SAMPLE
#define COUNTS_BESIDE (STATE(w[_pid]) == HALF && outcome == SLOW)
inline count_beside(me) {
    next = AGAIN;
    slow_begun = slow_begun + (g[me] == 0);
    if
#ifdef BUG_SLOW_WITHOUT_TAG
    :: slow < 3 -> slow++
#else
    :: slow_age == g[me] -> slow++
    :: slow_age > g[me] -> REACHED(SLOW_STARTS_ANEW); slow = 1; slow_age = g[me]
#endif
    :: else
    fi
}
#ifdef BUG_SLOW_WITHOUT_TAG
#define SLOW_NOW slow
#else
#define SLOW_NOW (slow_age == 0 -> slow : 0)
#endif
#endif

/* ---- Everybody ---- */

#define AGE(me) (t[me] - 1)

#ifdef PLACES
#define HAS_PLACE      has_place
#define MAY_HAVE_PLACE (has_place || !is_full)
#define FORGET_PLACE   has_place = false; is_full = false /* a call that never ends keeps its place */
#define GIVE_PLACE_BACK places--; true_places = true_places - has_place; has_place = false
inline give_place_back() {
    if
#if defined(BUG_PLACE_NEVER_TAKEN) || defined(BUG_DOUBLE)
    :: true -> GIVE_PLACE_BACK
#elif defined(BUG_STALE_KEEPS_PLACE)
    :: has_place -> places = places - (g[_pid] == 0); true_places--; has_place = false
#else
    :: has_place -> GIVE_PLACE_BACK
#endif
    :: else
    fi;
    assert(I3 || places == true_places)
}
#else
#define HAS_PLACE      1
#define MAY_HAVE_PLACE 1
#define FORGET_PLACE   skip
#define give_place_back() skip
#endif
#define IS_ROUND_WITH_SLOT (STATE(w[_pid]) == HALF && HAS_SLOT(w[_pid]) && !LEASE_IS_OVER(w[_pid], AGE(_pid)))
#ifdef COUNTS_BESIDE
#define COUNT_BESIDE_FIRST \
    adding[_pid] = (what != STALE && COUNTS_BESIDE); \
    next = (adding[_pid] -> AGAIN : next)
#else
#define COUNT_BESIDE_FIRST skip
#endif
#ifdef SAMPLE
/* The round's slow probes: all that have ended, and none that is not of this round. */
#define CHECK_SLOW \
    REACHED_IF(ALL_PROBES_SLOW, extra == SAMPLE && STATE(to) == OPEN); \
    assert(I3 || STATE(word) != HALF || outcome == IGNORED || \
           (extra >= slow_ended + (outcome == SLOW) && extra <= slow_begun)); \
    slow_ended = slow_ended + (outcome == SLOW && STATE(word) == HALF)
#else
#define CHECK_SLOW skip
#endif

/* Nobody is so slow that a now_ms of his would become older than AGE_MAX. */
#define IS_YOUNG(i) (t[i] <= AGE_MAX)
#if CALLERS == 2
#define NOBODY_IS_TOO_OLD (IS_YOUNG(0) && IS_YOUNG(1) && IS_YOUNG(POLLER) && IS_YOUNG(OPERATOR))
#else
#define NOBODY_IS_TOO_OLD \
    (IS_YOUNG(0) && IS_YOUNG(1) && IS_YOUNG(2) && IS_YOUNG(POLLER) && IS_YOUNG(OPERATOR))
#endif
inline tick() {
    i = 0;
    do
    :: i < EVERYBODY ->
        t[i] = (t[i] > 0 -> t[i] + 1 : 0);
        w[i] = TICK(w[i]);
        i++
    :: else -> break
    od;
    word = TICK(word);
    true_deadline = TICK_DEADLINE(true_deadline);
    first_probe = (live > 0 && first_probe < SINCE_MAX -> first_probe + 1 : first_probe);
#ifdef BUG_TWO_WORDS
    deadline_beside = TICK_DEADLINE(deadline_beside);
#endif
    check_nobody_answers()
}

/* Callers who do nothing are all alike, so the first of them is always the next to call. */
byte calling = 0;
#define MINE    (1 << _pid)
#define IS_NEXT ((calling & (MINE - 1)) == MINE - 1)

inline read(me) {
    w[me] = word;
    old[me] = false
}
inline put_down(me) {
    w[me] = 0;
    old[me] = false;
    t[me] = 0
}

/* What was read may settle it: LEAVE, GO_ON; or it takes a compare-and-swap: AGAIN. */
inline settle_acquire() {
    decide(w[_pid], AGE(_pid), MAY_HAVE_PLACE);
    next = (what == REJECT -> LEAVE : (what == ADMIT && HAS_PLACE -> GO_ON : AGAIN))
}
inline settle_complete() {
    REACHED_IF(STALE_BESIDE_A_PROBE, g[_pid] > 0 && live > 0);
    judge(w[_pid], AGE(_pid), g[_pid], outcome, extra);
    next = (what == STORE -> AGAIN : LEAVE);
    assert(I3 || what == STALE || (g[_pid] == 0 && !done))
}

/* Whoever is done with a call, or with the first half of it, remembers nothing. */
inline settled() {
    if
    :: next == GO_ON -> has_ticket[_pid] = true; put_down(_pid)
    :: else
    fi
}
inline forget() {
    put_down(_pid);
    g[_pid] = 0;
    has_ticket[_pid] = false;
    outcome = NONE;
    extra = 0;
    done = false;
    FORGET_PLACE;
    calling = calling & ~MINE
}
inline ended() {
    assert(I7 || has_ticket[_pid]);
#ifdef BUG_DOUBLE
    put_down(_pid);
    outcome = NONE;
    extra = 0;
    has_ticket[_pid] = false;
    done = true
#else
    forget() /* completing it once more would find it done, and do nothing */
#endif
}
#ifdef BUG_DOUBLE
#define AFTER_THE_END admitted
#else
#define AFTER_THE_END idle
#endif

/* The call is made at `admitted`: nobody comes there without a ticket. */
#ifdef BUG_REJECTED_IS_SENT
#define AFTER_A_REJECT admitted
#else
#define AFTER_A_REJECT rejected
#endif

active [CALLERS] proctype Caller() {
    bool done = false;    /* ticket: stage */
    byte outcome = NONE;
    byte next = 0;        /* where a step leads */
#ifdef PLACES
    bool has_place = false, is_full = false; /* ticket; none was free */
#endif
    byte extra = 0;       /* is the window full of failures; how many probes of the round were slow */

idle:
#ifdef TIME_READ_APART
    atomic { IS_NEXT -> calling = calling | MINE; t[_pid] = 1 };
#endif
    atomic {
#ifndef TIME_READ_APART
        IS_NEXT -> calling = calling | MINE; t[_pid] = 1;
#endif
        d_step { read(_pid); settle_acquire(); settled() };
        if
        :: next == AGAIN -> next = 0
        :: next == GO_ON -> next = 0; goto admitted
        :: next == LEAVE -> next = 0; goto AFTER_A_REJECT
        fi
    };
acquire:
#ifdef PLACES
    if
    :: atomic {
        !has_place && !is_full &&
        (old[_pid] || !(STATE(w[_pid]) == HALF && LEASE_IS_OVER(w[_pid], AGE(_pid)))) ->
        d_step {
            if
            :: places < PLACES -> places++; true_places++; has_place = true
            :: places >= PLACES ->
                REACHED_IF(ROUND_BEGINS_WITHOUT_PLACE, !old[_pid] && STATE(w[_pid]) == OPEN);
                is_full = true
            fi;
            if
            :: !old[_pid] -> settle_acquire()
            :: old[_pid] -> next = AGAIN
            fi;
            settled()
        };
        if
        :: next == AGAIN -> next = 0
        :: next == GO_ON -> next = 0; goto admitted
        :: next == LEAVE -> next = 0; goto AFTER_A_REJECT
        fi
    }
    :: else
    fi;
#endif
    atomic {
        d_step {
            look_for_room();
            if
#ifdef BUG_UNLIMITED
            /* The slot is looked for in the word as read, and taken in the word as it is. */
            :: !IS_UNCHANGED(_pid) && IS_ROUND_WITH_SLOT && STATE(word) == HALF ->
                to = TAKEN(word, AGE(_pid));
                put(_pid, 1, 0, BY_CALL);
                next = GO_ON
            :: !IS_UNCHANGED(_pid) && !(IS_ROUND_WITH_SLOT && STATE(word) == HALF) ->
#else
            :: !IS_UNCHANGED(_pid) ->
#endif
                REACHED(ACQUIRE_LOSES);
                read(_pid);
                settle_acquire();
                REACHED_IF(LOSER_BECOMES_PROBE, what == PROBE)
            :: IS_UNCHANGED(_pid) ->
                decide(w[_pid], AGE(_pid), HAS_PLACE);
                if
                :: !(to & NEW) || has_room ->
                    next = (what == PROBE && HAS_PLACE -> GO_ON : AGAIN);
                    put(_pid, next == GO_ON, 0, (what == MOVE -> IS_DUE : BY_CALL));
                    if
                    :: next == AGAIN && !HAS_BOOKS(_pid) -> settle_acquire()
                    :: else
                    fi
                :: else -> REACHED(NO_ROOM); next = LEAVE
                fi
            fi;
            settled()
        };
        if
#ifdef BOOKS
        :: HAS_BOOKS(_pid)
#endif
        :: !HAS_BOOKS(_pid) && next == AGAIN -> next = 0; goto acquire
        :: !HAS_BOOKS(_pid) && next == GO_ON -> next = 0; goto admitted
        :: !HAS_BOOKS(_pid) && next == LEAVE -> next = 0; goto AFTER_A_REJECT
        fi
    };
#ifdef BOOKS
    books(_pid);
    atomic {
        d_step {
            if
            :: next == AGAIN && old[_pid] -> read(_pid)
            :: else
            fi;
            if
            :: next == AGAIN -> settle_acquire(); settled()
            :: else
            fi
        };
        if
        :: next == AGAIN -> next = 0; goto acquire
        :: next == GO_ON -> next = 0; goto admitted
        :: next == LEAVE -> next = 0; goto AFTER_A_REJECT
        fi
    };
#endif

rejected:
    atomic {
        give_place_back();
        forget();
        goto idle
    };

admitted:
    atomic {
        assert(I8 || has_ticket[_pid] || done);
        if
        :: outcome = OK
        :: outcome = FAIL
        :: outcome = IGNORED
#ifdef SAMPLE
        :: outcome = SLOW
#endif
        :: forget(); goto idle /* never completes */
        fi;
        t[_pid] = 1;
#if defined(PLACES) || defined(TIME_READ_APART)
        give_place_back()
    };
    atomic {
#endif
        d_step {
            read(_pid);
            settle_complete();
            COUNT_BESIDE_FIRST;
            if
            :: next == LEAVE -> ended()
            :: else
            fi
        };
        if
        :: next == LEAVE -> next = 0; goto AFTER_THE_END
        :: next == AGAIN -> next = 0
        fi
    };
#ifdef COUNTS_BESIDE
    /* What lies beside the word is counted before the compare-and-swap. */
    if
    :: atomic {
        adding[_pid] ->
        d_step {
            count_beside(_pid);
            adding[_pid] = false;
            g[_pid] = (g[_pid] > 0);
            if
            :: next == AGAIN && !old[_pid] -> settle_complete()
            :: else
            fi;
            if
            :: next == LEAVE -> ended()
            :: else
            fi
        };
        if
        :: next == LEAVE -> next = 0; goto AFTER_THE_END
        :: next == AGAIN -> next = 0
        fi
    }
    :: else
    fi;
#endif
complete:
#ifdef SAMPLE
    extra = (old[_pid] || STATE(w[_pid]) != HALF || outcome == IGNORED -> 0 : SLOW_NOW);
#endif
    atomic {
        d_step {
            look_for_room();
            if
            :: !IS_UNCHANGED(_pid) ->
                REACHED(COMPLETE_LOSES);
                read(_pid);
                settle_complete();
                REACHED_IF(LOSER_IS_STALE, what == STALE)
            :: IS_UNCHANGED(_pid) ->
                judge(w[_pid], AGE(_pid), g[_pid], outcome, extra);
                next = LEAVE;
                if
                :: what == STORE && (!(to & NEW) || has_room) ->
                    assert(I3 || (g[_pid] == 0 && !done));
                    CHECK_SLOW;
                    put(_pid, 0, STATE(word) == HALF, BY_CALL)
                :: else
                fi
            fi;
            if
            :: next == LEAVE && !HAS_BOOKS(_pid) -> ended()
            :: next == LEAVE && HAS_BOOKS(_pid) -> put_down(_pid)
            :: next == AGAIN
            fi
        };
        if
        :: next == AGAIN -> next = 0; goto complete
        :: next == LEAVE && !HAS_BOOKS(_pid) -> next = 0; goto AFTER_THE_END
#ifdef BOOKS
        :: HAS_BOOKS(_pid) -> next = 0
#endif
        fi
    };
#ifdef BOOKS
    books(_pid);
    atomic { ended(); goto AFTER_THE_END }
#endif
}

active proctype Clock() {
    do
    :: d_step { NOBODY_IS_TOO_OLD -> tick() }
    od
}

#ifndef NO_POLLER
active proctype Poller() {
poll:
    atomic { t[POLLER] = 1; read(POLLER) };
    d_step {
        look_for_room();
        if
        :: !IS_UNCHANGED(POLLER)
        :: IS_UNCHANGED(POLLER) ->
            due(w[POLLER], AGE(POLLER));
            if
            :: what == MOVE && has_room -> put(POLLER, 0, 0, IS_DUE)
            :: else
            fi
        fi;
        w[POLLER] = 0;
        old[POLLER] = false;
        t[POLLER] = 0
    };
#ifdef BOOKS
    if
    :: HAS_BOOKS(POLLER) -> books(POLLER)
    :: !HAS_BOOKS(POLLER)
    fi;
#endif
    goto poll
}
#endif

#ifdef OPERATORS
/* Operators: a lock lets them in one after the other, so one process does what they do. Two holders. */
active proctype Operators() {
    byte target = CLOSED;
    bool even_if_there = false, by_force = false, again = false, holds[2] = false;

order:
    assert(HELD_WHILE_THERE_ARE_HOLDERS || (holds[0] || holds[1]) == (STATE(word) == FORCED));
    atomic {
        if
        :: target = OPEN; even_if_there = true; by_force = true
        :: target = HALF; by_force = true
        :: target = CLOSED; even_if_there = true; by_force = true /* reset */
        :: !holds[0] -> holds[0] = true; target = FORCED
        :: !holds[1] -> holds[1] = true; target = FORCED
        :: holds[0] -> holds[0] = false; target = (holds[1] -> FORCED : CLOSED)
        :: holds[1] -> holds[1] = false; target = (holds[0] -> FORCED : CLOSED)
        fi
    };
    atomic { t[OPERATOR] = 1; read(OPERATOR) };
carry_out:
    atomic {
        d_step {
            look_for_room();
            if
            :: !old[OPERATOR] && STATE(w[OPERATOR]) == target && !even_if_there
            :: !IS_UNCHANGED(OPERATOR) && (old[OPERATOR] || STATE(w[OPERATOR]) != target || even_if_there) ->
                w[OPERATOR] = word;
                old[OPERATOR] = false;
                again = true;
                REACHED(OPERATOR_LOSES)
            :: IS_UNCHANGED(OPERATOR) && (STATE(w[OPERATOR]) != target || even_if_there) ->
                to = (target == OPEN -> TO_OPEN(AGE(OPERATOR)) :
                      (target == HALF -> TO_HALF(0, AGE(OPERATOR)) : NEXT(target, 0)));
                if
                :: has_room ->
                    REACHED_IF(OPERATOR_ENDS_A_ROUND, live > 0);
                    put(OPERATOR, 0, 0, BY_HAND)
                :: !has_room -> again = true
                fi
            fi
        };
        if
        :: again -> again = false; goto carry_out
        :: else
        fi
    };
#ifdef BOOKS
    if
    :: HAS_BOOKS(OPERATOR) -> books(OPERATOR)
    :: !HAS_BOOKS(OPERATOR)
    fi;
#endif
    d_step {
        holds[0] = holds[0] && !by_force;
        holds[1] = holds[1] && !by_force;
        by_force = false;
        even_if_there = false;
        target = CLOSED;
        w[OPERATOR] = 0;
        old[OPERATOR] = false;
        t[OPERATOR] = 0
    };
    goto order
}
#endif
