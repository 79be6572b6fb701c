/* guarded_call: a circuit breaker around a function that fails for a while. The clock is a counter, so that
 * minutes pass in no time; in your program now_ms is any clock that never steps back. */
#include <breakwire/breaker.h>

#include <inttypes.h>
#include <stdio.h>

/* Stands for your database, your peer, your disk. It is down from 4 s to 25 s. */
static bool peer_answers(uint64_t now_ms) {
    return now_ms < 4000 || now_ms >= 25000;
}

static void say(const struct bw_breaker *breaker, uint64_t now_ms, enum bw_decision decision,
                const char *what) {
    printf("%5.1f s  %-13s %-9s  circuit %s\n", (double)now_ms / 1000, bw_decision_name(decision), what,
           bw_state_name(bw_breaker_view(breaker, now_ms)));
}

static void guarded_call(struct bw_breaker *breaker, uint64_t now_ms) {
    struct bw_ticket ticket;
    uint64_t retry_after_ms;
    enum bw_decision decision = bw_breaker_acquire(breaker, now_ms, &ticket, &retry_after_ms);
    if (!bw_admitted(decision)) { /* no: the peer is left alone */
        char hint[32];
        snprintf(hint, sizeof hint, "%" PRIu64 " s left", retry_after_ms / 1000);
        say(breaker, now_ms, decision, hint);
        return;
    }
    bool ok = peer_answers(now_ms);
    struct bw_result result = {
        .outcome = ok ? BW_SUCCESS : BW_FAILURE,
        .code = ok ? 0 : 14, /* as in gRPC: OK, UNAVAILABLE */
        .latency_ms = -1,    /* measure it */
        .pushback_ms = -1,   /* the peer asked for nothing */
    };
    bw_breaker_complete(breaker, &ticket, now_ms, &result); /* exactly once for every yes */
    say(breaker, now_ms, decision, ok ? "answered" : "failed");
}

int main(void) {
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    config.trip_consecutive = 3; /* three failures in a row open the circuit ... */
    config.open_ms = 10000;      /* ... for ten seconds; then one call, the probe, finds out */
    char why[256];
    struct bw_breaker *breaker = NULL;
    if (bw_breaker_config_check(&config, why, sizeof why) != 0)
        fprintf(stderr, "%s\n", why);
    else
        breaker = bw_breaker_new("peer", &config, 0);
    if (!breaker)
        return 1;
    for (uint64_t now_ms = 0; now_ms <= 30000; now_ms += 2000)
        guarded_call(breaker, now_ms);
    bw_breaker_free(breaker);
    return 0;
}
