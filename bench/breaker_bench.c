/* breaker_bench: what a call through the breaker costs, beside an atomic load, a relaxed fetch_add and a
 * mutex.
 *
 * All rows are measured in turns: a round is one short burst of each, so that a machine that is slow for a
 * while is slow for all of them. A ratio compares bursts of the same round. Only this program reads a clock;
 * the breaker is told a time that goes on by 1 ms every 64 calls. */
#define _POSIX_C_SOURCE 200809L

#include <breakwire/breaker.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MAX = 2, ROUNDS_MAX = 1000, CALLS_PER_MS = 64 };

/* One line of the table. */
struct row {
    const char *name;
    void (*burst)(struct row *row, unsigned thread, uint64_t calls);
    unsigned threads, breakers;
    const char *settings; /* of the breakers, "name=value ..." over the defaults */
    enum bw_state state;  /* they are in while measured */
    enum bw_decision expected;
    /* Filled by the run. */
    struct bw_breaker *breaker[THREADS_MAX];
    uint64_t now_ms[THREADS_MAX], surprises[THREADS_MAX];
    unsigned apart; /* rounds in which the threads did not run at the same time, however often it was tried */
    double ns[ROUNDS_MAX];
};

static alignas(64) atomic_uint_fast64_t shared_word;
static pthread_mutex_t shared_mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile uint64_t sink; /* what is written here was not for nothing */

static void burst_load(struct row *row, unsigned thread, uint64_t calls) {
    (void)row, (void)thread;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < calls; i++)
        sum += atomic_load_explicit(&shared_word, memory_order_acquire);
    sink = sum;
}

static void burst_fetch_add(struct row *row, unsigned thread, uint64_t calls) {
    (void)row, (void)thread;
    for (uint64_t i = 0; i < calls; i++)
        atomic_fetch_add_explicit(&shared_word, 1, memory_order_relaxed);
}

static void burst_mutex(struct row *row, unsigned thread, uint64_t calls) {
    (void)row, (void)thread;
    for (uint64_t i = 0; i < calls; i++) {
        pthread_mutex_lock(&shared_mutex);
        pthread_mutex_unlock(&shared_mutex);
    }
}

/* acquire and, if it was a yes, complete. */
static void burst_call(struct row *row, unsigned thread, uint64_t calls) {
    static const struct bw_result success = {.outcome = BW_SUCCESS, .latency_ms = -1, .pushback_ms = -1};
    struct bw_breaker *breaker = row->breaker[thread % row->breakers];
    uint64_t began_ms = row->now_ms[thread], surprises = 0;
    for (uint64_t i = 0; i < calls; i++) {
        struct bw_ticket ticket;
        uint64_t now_ms = began_ms + i / CALLS_PER_MS;
        enum bw_decision decision = bw_breaker_acquire(breaker, now_ms, &ticket, NULL);
        if (bw_admitted(decision))
            bw_breaker_complete(breaker, &ticket, now_ms, &success);
        surprises += decision != row->expected;
    }
    row->now_ms[thread] = began_ms + calls / CALLS_PER_MS;
    row->surprises[thread] += surprises;
}

#define BREAKER     .burst = burst_call, .threads = 1, .breakers = 1
#define ONE_BREAKER .burst = burst_call, .threads = 2, .breakers = 1
#define COUNT(n)    "window=count trip_failure_rate=0.5 window_calls=" #n
#define TIME        "window=time trip_failure_rate=0.5 window_min_calls=20 window_ms=10000 window_buckets=10"
static struct row rows[] = {
    {"atomic load", .burst = burst_load, .threads = 1},
    {"fetch_add, relaxed", .burst = burst_fetch_add, .threads = 1},
    {"mutex, lock and unlock", .burst = burst_mutex, .threads = 1},
    {"closed", BREAKER},
    {"open: rejected", BREAKER, .state = BW_OPEN, .expected = BW_REJECT_OPEN},
    {"half-open: rejected", BREAKER, .settings = "probe_lease_ms=0", .state = BW_HALF_OPEN,
     .expected = BW_REJECT_PROBING},
    {"slow_call_ms", BREAKER, .settings = "slow_call_ms=500"},
    {"max_concurrency", BREAKER, .settings = "max_concurrency=100"},
    {"window of 20 calls", BREAKER, .settings = COUNT(20)},
    {"window of 46 calls", BREAKER, .settings = COUNT(46)},
    {"window of 100 calls", BREAKER, .settings = COUNT(100)},
    {"window of 1000 calls", BREAKER, .settings = COUNT(1000)},
    {"window of 20 calls, slow too", BREAKER, .settings = COUNT(20) " slow_call_ms=500 trip_slow_rate=0.5"},
    {"window of 10 x 1 s", BREAKER, .settings = TIME},
    {"2 threads, one fetch_add", .burst = burst_fetch_add, .threads = 2},
    {"2 threads, one mutex", .burst = burst_mutex, .threads = 2},
    {"2 threads, one breaker", ONE_BREAKER},
    {"2 threads, one breaker, open", ONE_BREAKER, .state = BW_OPEN, .expected = BW_REJECT_OPEN},
    {"2 threads, two breakers", .burst = burst_call, .threads = 2, .breakers = 2},
    {"2 threads, one max_concurrency", ONE_BREAKER, .settings = "max_concurrency=100"},
    {"2 threads, one window of 20 calls", ONE_BREAKER, .settings = COUNT(20)},
    {"2 threads, one window of 1000 calls", ONE_BREAKER, .settings = COUNT(1000)},
    {"2 threads, one window of 10 x 1 s", ONE_BREAKER, .settings = TIME},
};
enum { ROWS = sizeof rows / sizeof rows[0], FETCH_ADD = 1 };

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "breaker-bench: %s: %s\n", what, why);
    exit(1);
}

static void configure(const struct row *row, struct bw_breaker_config *config) {
    char text[256], why[256];
    snprintf(text, sizeof text, "%s", row->settings ? row->settings : "");
    bw_breaker_config_default(config);
    int refused = 0;
    for (char *rest, *name = strtok_r(text, " ", &rest); name && !refused;
         name = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(name, '=');
        *value++ = 0;
        refused = bw_breaker_config_set(config, name, value, why, sizeof why);
    }
    if (!refused)
        refused = bw_breaker_config_check(config, why, sizeof why);
    if (refused)
        die(row->name, why);
}

static void set_state(struct bw_breaker *breaker, enum bw_state state) {
    const uint64_t day_ms = 86400000; /* longer than any run */
    struct bw_ticket never_ends;
    if (state != BW_CLOSED)
        bw_breaker_force(breaker, 0, state, state == BW_OPEN ? day_ms : 0);
    if (state == BW_HALF_OPEN)
        bw_breaker_acquire(breaker, 0, &never_ends, NULL);
}

static void prepare(struct row *row) {
    struct bw_breaker_config config;
    configure(row, &config);
    for (unsigned i = 0; i < row->breakers; i++) {
        row->breaker[i] = bw_breaker_new("bench", &config, 0);
        if (!row->breaker[i])
            die(row->name, "no memory");
        set_state(row->breaker[i], row->state);
    }
}

static double clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

struct burst {
    struct row *row;
    unsigned thread;
    uint64_t calls;
    atomic_uint *missing;      /* threads that are not here yet */
    double began_ns, ended_ns; /* out */
};

static void *run_burst(void *user) {
    struct burst *burst = user;
    atomic_fetch_sub(burst->missing, 1);
    while (atomic_load(burst->missing))
        sched_yield();
    burst->began_ns = clock_ns();
    burst->row->burst(burst->row, burst->thread, burst->calls);
    burst->ended_ns = clock_ns();
    return NULL;
}

static void burst_together(struct burst bursts[THREADS_MAX], unsigned threads) {
    pthread_t others[THREADS_MAX];
    for (unsigned i = 1; i < threads; i++)
        if (pthread_create(&others[i], NULL, run_burst, &bursts[i]) != 0)
            die(bursts[i].row->name, "no thread");
    run_burst(&bursts[0]);
    for (unsigned i = 1; i < threads; i++)
        pthread_join(others[i], NULL);
}

/* Whether the threads were in each other's way for four fifths of their time. */
static bool overlapped(const struct burst *a, const struct burst *b) {
    double begin = a->began_ns > b->began_ns ? a->began_ns : b->began_ns;
    double end = a->ended_ns < b->ended_ns ? a->ended_ns : b->ended_ns;
    return end - begin > 0.4 * (a->ended_ns - a->began_ns + b->ended_ns - b->began_ns);
}

/* ns per call: the mean of the threads, each by its own clock. */
static double measure(struct row *row, uint64_t calls) {
    enum { TRIES = 10 };
    struct burst bursts[THREADS_MAX];
    bool together = false;
    for (int i = 0; i < TRIES && !together; i++) {
        atomic_uint missing = row->threads;
        for (unsigned thread = 0; thread < row->threads; thread++)
            bursts[thread] = (struct burst){row, thread, calls, &missing, 0, 0};
        burst_together(bursts, row->threads);
        together = row->threads == 1 || overlapped(&bursts[0], &bursts[1]);
    }
    row->apart += !together;
    double sum = 0;
    for (unsigned i = 0; i < row->threads; i++)
        sum += (bursts[i].ended_ns - bursts[i].began_ns) / (double)calls;
    return sum / row->threads;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct figures {
    double median, low, high; /* ns; low and high are the quartiles */
    double ratio;             /* median of the ratios to fetch_add */
};

static struct figures figures_of(const struct row *row, unsigned rounds) {
    double ns[ROUNDS_MAX], ratio[ROUNDS_MAX];
    for (unsigned i = 0; i < rounds; i++) {
        ns[i] = row->ns[i];
        ratio[i] = row->ns[i] / rows[FETCH_ADD].ns[i];
    }
    qsort(ns, rounds, sizeof ns[0], ascending);
    qsort(ratio, rounds, sizeof ratio[0], ascending);
    return (struct figures){ns[rounds / 2], ns[rounds / 4], ns[rounds * 3 / 4], ratio[rounds / 2]};
}

static void print_table(unsigned rounds, uint64_t calls) {
    printf("%u rounds of %llu calls. ns per call: median (quartiles), and as a multiple of fetch_add\n\n",
           rounds, (unsigned long long)calls);
    for (unsigned i = 0; i < ROWS; i++) {
        struct figures figures = figures_of(&rows[i], rounds);
        char quartiles[40];
        snprintf(quartiles, sizeof quartiles, "(%.1f .. %.1f)", figures.low, figures.high);
        printf("%-36s %8.1f  %-20s %6.1f x%s\n", rows[i].name, figures.median, quartiles, figures.ratio,
               rows[i].apart ? "  (not always at the same time)" : "");
    }
}

static void print_json(unsigned rounds, uint64_t calls) {
    printf("{\"rounds\": %u, \"calls\": %llu, \"rows\": [", rounds, (unsigned long long)calls);
    for (unsigned i = 0; i < ROWS; i++) {
        struct figures figures = figures_of(&rows[i], rounds);
        printf("%s\n  {\"name\": \"%s\", ", i ? "," : "", rows[i].name);
        printf("\"ns\": %.3f, \"ns_25\": %.3f, \"ns_75\": %.3f, \"ratio\": %.3f, \"apart\": %u}",
               figures.median, figures.low, figures.high, figures.ratio, rows[i].apart);
    }
    printf("\n]}\n");
}

static void run(unsigned rounds, uint64_t calls) {
    for (unsigned i = 0; i < ROWS; i++)
        prepare(&rows[i]);
    for (unsigned round = 0; round <= rounds; round++) /* the first is to get warm */
        for (unsigned i = 0; i < ROWS; i++)
            rows[i].ns[round ? round - 1 : 0] = measure(&rows[i], calls);
    for (unsigned i = 0; i < ROWS; i++) {
        if (rows[i].surprises[0] + rows[i].surprises[1] > 0)
            die(rows[i].name, "the breaker decided otherwise than this row is about");
        for (unsigned j = 0; j < rows[i].breakers; j++)
            bw_breaker_free(rows[i].breaker[j]);
    }
}

static bool number(const char *text, uint64_t max, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    if (!text || end == text || *end || errno || value < 1 || value > max)
        return false;
    *out = value;
    return true;
}

int main(int argc, char **argv) {
    uint64_t rounds = 25, calls = 200000;
    bool json = false, understood = true;
    for (int i = 1; i < argc && understood; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--rounds") == 0)
            understood = number(argv[++i], ROUNDS_MAX, &rounds);
        else
            understood = strcmp(argv[i], "--calls") == 0 && number(argv[++i], 1000000, &calls);
    }
    if (!understood) {
        fprintf(stderr, "usage: breaker-bench [--json] [--rounds 1..%d] [--calls 1..1000000]\n", ROUNDS_MAX);
        return 2;
    }
    run((unsigned)rounds, calls);
    (json ? print_json : print_table)((unsigned)rounds, calls);
    return 0;
}
