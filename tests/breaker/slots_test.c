/* The ring of events with stamps set by hand, as another thread in the middle of its work leaves them. It
 * looks inside the library. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "run.h"

#include "../../lib/breaker/events.h"

static struct bw_events *ring_of(int events) {
    struct bw_events *ring = calloc(1, sizeof *ring);
    assert_non_null(ring);
    for (int i = 1; i <= events; i++) {
        struct bw_event event = {.at_ms = 1000 + (uint64_t)i, .last = {[7] = {i, 77}}};
        bw_events_add(ring, &event);
        assert_int_equal(event.seq, i);
    }
    return ring;
}

static struct bw_events *ring_with(int events, uint64_t seq, uint64_t stamp) {
    struct bw_events *ring = ring_of(events);
    atomic_store(&ring->slots[seq % BW_BREAKER_EVENTS_KEPT].stamp, stamp);
    return ring;
}

static void expect_seqs(struct bw_events *ring, uint64_t after, size_t count, uint64_t first, uint64_t last) {
    static struct bw_event out[BW_BREAKER_EVENTS_KEPT + 1];
    assert_int_equal(bw_events_read(ring, after, out, BW_BREAKER_EVENTS_KEPT + 1), count);
    if (count) {
        assert_int_equal(out[0].seq, first);
        assert_int_equal(out[count - 1].seq, last);
        assert_int_equal(out[count - 1].at_ms, 1000 + last);
        assert_int_equal(out[count - 1].last[7].code, last);
        assert_int_equal(out[count - 1].last[7].latency_ms, 77);
    }
}

static void stamps_are_twice_the_number_of_the_event(void **state) {
    (void)state;
    struct bw_events *ring = ring_of(3);
    assert_int_equal(atomic_load(&ring->slots[0].stamp), 0);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(atomic_load(&ring->slots[i].stamp), i * 2);
    free(ring);
}

static void an_event_that_is_being_written_ends_the_reading(void **state) {
    (void)state;
    static const uint64_t not_yet[] = {0, 1, 3, 5};
    for (int i = 0; i < 4; i++) {
        struct bw_events *ring = ring_with(4, 3, not_yet[i]);
        expect_seqs(ring, 0, 2, 1, 2);
        expect_seqs(ring, 2, 0, 0, 0);
        expect_seqs(ring, 3, 1, 4, 4);
        free(ring);
    }
    struct bw_events *ring = ring_with(4, 3, 7); /* its own number, claimed */
    expect_seqs(ring, 0, 2, 1, 2);
    free(ring);
}

static void an_event_that_was_added_after_the_reading_began_comes_with_the_next(void **state) {
    (void)state;
    struct bw_events *ring = ring_of(4);
    atomic_store(&ring->last_seq, 3); /* when it began */
    expect_seqs(ring, 0, 3, 1, 3);
    expect_seqs(ring, 3, 0, 0, 0);
    free(ring);
}

static void an_event_that_a_later_one_has_replaced_is_left_out(void **state) {
    (void)state;
    static const uint64_t lost[] = {8, 9, 518, 519};
    for (int i = 0; i < 4; i++) {
        struct bw_events *ring = ring_with(4, 3, lost[i]);
        expect_seqs(ring, 0, 3, 1, 4);
        expect_seqs(ring, 2, 1, 4, 4);
        free(ring);
    }
}

static void the_ring_keeps_the_last_256(void **state) {
    (void)state;
    static const int added[] = {255, 256, 257, 600};
    for (int i = 0; i < 4; i++) {
        struct bw_events *ring = ring_of(added[i]);
        uint64_t last = (uint64_t)added[i], oldest = last > 256 ? last - 255 : 1;
        expect_seqs(ring, 0, last - oldest + 1, oldest, last);
        expect_seqs(ring, oldest - 1, last - oldest + 1, oldest, last);
        expect_seqs(ring, oldest, last - oldest, oldest + 1, last);
        expect_seqs(ring, last - 1, 1, last, last);
        expect_seqs(ring, last, 0, 0, 0);
        free(ring);
    }
}

/* The stamp of the next event's slot, and whether the event gets in. */
static void expect_claim(uint64_t stamp, bool taken) {
    struct bw_events *ring = ring_of(258);
    struct bw_event event = {.at_ms = 1259};
    struct bw_event_slot *slot = &ring->slots[259 % 256];
    uint64_t before = atomic_load(&slot->words[0]);
    atomic_store(&slot->stamp, stamp);
    bw_events_add(ring, &event);
    assert_int_equal(event.seq, 259);
    assert_int_equal(atomic_load(&slot->stamp), taken ? 518 : stamp);
    assert_int_equal(atomic_load(&slot->words[0]), taken ? 259 : before);
    assert_int_equal(atomic_load(&ring->last_seq), 259);
    free(ring);
}

static void a_slot_that_is_claimed_or_already_later_is_left_alone(void **state) {
    (void)state;
    expect_claim(0, true);
    expect_claim(6, true);
    expect_claim(516, true);
    expect_claim(7, false);
    expect_claim(517, false);
    expect_claim(518, false);
    expect_claim(519, false);
    expect_claim(520, false);
    expect_claim(776, false);
    expect_claim(1030, false);
}

/* A slot whose words reach into a page that traps: the handler looks at the ring as another thread would in
 * the middle of a copy, and lets the copy go on. */
static struct bw_event_slot *trapped;
static char *trapping_page;
static uint64_t seen_stamp, set_stamp;

static void trap(int signal_number) {
    (void)signal_number;
    seen_stamp = atomic_load(&trapped->stamp);
    mprotect(trapping_page, 4096, PROT_READ | PROT_WRITE);
    if (set_stamp)
        atomic_store(&trapped->stamp, set_stamp);
}

enum { TRAPPING_BYTES = (sizeof(struct bw_events) + 8191) / 4096 * 4096 };

static struct bw_events *ring_that_traps(void) {
    char *memory = mmap(NULL, TRAPPING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    trapping_page = memory + 4096;
    return (struct bw_events *)memory;
}

static void a_slot_that_another_thread_claims_first_is_left_to_it(void **state) {
    (void)state;
    struct bw_events *ring = ring_that_traps();
    struct sigaction action = {.sa_handler = trap}, before;
    struct bw_event event = {.at_ms = 7}, out[2];
    uint64_t seq = 4096 / sizeof ring->slots[0] + 1; /* the whole slot lies in the page */
    trapped = &ring->slots[seq];
    atomic_store(&ring->last_seq, seq - 1);
    set_stamp = (seq + 256) * 2;
    sigaction(SIGSEGV, &action, &before);
    mprotect(trapping_page, 4096, PROT_READ);
    bw_events_add(ring, &event);
    sigaction(SIGSEGV, &before, NULL);
    assert_int_equal(seen_stamp, 0);
    assert_int_equal(atomic_load(&trapped->stamp), (seq + 256) * 2);
    assert_int_equal(atomic_load(&trapped->words[0]), 0);
    assert_int_equal(event.seq, seq);
    assert_int_equal(bw_events_read(ring, seq - 1, out, 2), 0);
    munmap(ring, TRAPPING_BYTES);
}

static void a_copy_in_the_middle_is_marked_and_a_torn_one_is_lost(void **state) {
    (void)state;
    struct bw_events *ring = ring_that_traps();
    struct sigaction action = {.sa_handler = trap}, before;
    struct bw_event event = {.at_ms = 7}, out[2];
    uint64_t seq = (4096 - offsetof(struct bw_events, slots) - 16) / sizeof ring->slots[0];
    trapped = &ring->slots[seq];
    set_stamp = 0;
    atomic_store(&ring->last_seq, seq - 1);
    sigaction(SIGSEGV, &action, &before);
    mprotect(trapping_page, 4096, PROT_READ);
    bw_events_add(ring, &event);
    assert_int_equal(seen_stamp, seq * 2 + 1);
    assert_int_equal(atomic_load(&trapped->stamp), seq * 2);
    set_stamp = (seq + 256) * 2 + 1;
    mprotect(trapping_page, 4096, PROT_NONE);
    assert_int_equal(bw_events_read(ring, seq - 1, out, 2), 0);
    assert_int_equal(seen_stamp, seq * 2);
    sigaction(SIGSEGV, &before, NULL);
    munmap(ring, TRAPPING_BYTES);
}

BW_TESTS(cmocka_unit_test(stamps_are_twice_the_number_of_the_event),
         cmocka_unit_test(an_event_that_is_being_written_ends_the_reading),
         cmocka_unit_test(an_event_that_was_added_after_the_reading_began_comes_with_the_next),
         cmocka_unit_test(an_event_that_a_later_one_has_replaced_is_left_out),
         cmocka_unit_test(the_ring_keeps_the_last_256),
         cmocka_unit_test(a_slot_that_is_claimed_or_already_later_is_left_alone),
         cmocka_unit_test(a_slot_that_another_thread_claims_first_is_left_to_it),
         cmocka_unit_test(a_copy_in_the_middle_is_marked_and_a_torn_one_is_lost))
