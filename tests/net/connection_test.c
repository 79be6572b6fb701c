#include "world.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB  1048576
#define MUCH (16 * MIB) /* more than the kernel ever buffers for a connection */

/* A listener with one accepted connection and a raw socket at its other end. */
struct pair {
    struct world world;
    struct peer peer;
    struct bw_listener *listener;
    int fd;
    size_t got, sent, to_send;
    size_t step; /* bytes read per look; 0 = does not read */
    bool eof;
};

static void pair_open(struct pair *pair, int receive_bytes) {
    memset(pair, 0, sizeof *pair);
    world_open(&pair->world);
    peer_init(&pair->peer);
    pair->listener = listen_at(&pair->world, "127.0.0.1:0", &pair->peer);
    pair->fd = raw_connect(bw_listener_address(pair->listener), receive_bytes);
    world_run(&pair->world, peer_is_open, &pair->peer);
}

static void pair_close(struct pair *pair) {
    if (pair->fd >= 0)
        close(pair->fd);
    bw_listener_free(pair->listener);
    world_close(&pair->world);
    assert_int_equal(pair->peer.freed, 1);
    assert_true(pair->peer.lost <= 1);
    peer_close(&pair->peer);
}

/* Bytes that tell their place: `at` is how many came before. */
static void pattern(uint8_t *bytes, size_t at, size_t len) {
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)((at + i) * 31 >> 8 ^ (at + i));
}

static void fill(struct bw_buf *buf, size_t len) {
    uint8_t *bytes = bw_buf_reserve(buf, len);
    assert_non_null(bytes);
    pattern(bytes, 0, len);
    bw_buf_grew(buf, len);
}

static void look_in(struct pair *pair) {
    uint8_t bytes[65536], expected[65536];
    ssize_t n = pair->step ? recv(pair->fd, bytes, pair->step, 0) : -1;
    if (n > 0) {
        pattern(expected, pair->got, (size_t)n);
        assert_memory_equal(bytes, expected, (size_t)n);
        pair->got += (size_t)n;
    }
    if (n == 0)
        pair->eof = true;
}

static void push_out(struct pair *pair) {
    uint8_t bytes[8192];
    size_t n = pair->to_send - pair->sent < sizeof bytes ? pair->to_send - pair->sent : sizeof bytes;
    pattern(bytes, pair->sent, n);
    ssize_t done = n ? send(pair->fd, bytes, n, 0) : 0;
    if (done > 0)
        pair->sent += (size_t)done;
}

static bool all_came_back(void *user) {
    struct pair *pair = user;
    for (int i = 0; i < 64; i++) {
        push_out(pair);
        look_in(pair);
    }
    return pair->got == pair->to_send;
}

static void a_mebibyte_comes_back_from_an_echo_to_a_slow_reader(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 4096);
    pair.peer.echo = true;
    pair.to_send = MIB;
    pair.step = 1500;
    world_run(&pair.world, all_came_back, &pair);
    assert_int_equal(pair.peer.written, MIB);
    assert_int_equal(pair.peer.lost, 0);
    pair_close(&pair);
}

static bool got_all_and_eof(void *user) {
    struct pair *pair = user;
    for (int i = 0; i < 64 && !pair->eof; i++)
        look_in(pair);
    return pair->eof;
}

static bool nothing_more_is_written(void *user) {
    struct pair *pair = user;
    bool same = pair->peer.written == pair->sent && pair->sent > 0;
    pair->sent = pair->peer.written;
    return same;
}

static void close_gives_a_slow_peer_every_byte_though_it_still_talks(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 0);
    fill(&pair.peer.out, MUCH);
    pair.peer.wants = BW_WANTS_CLOSE;
    bw_wake_up(&pair.peer.wake);
    assert_int_equal(send(pair.fd, "unread", 6, 0), 6);
    world_run(&pair.world, nothing_more_is_written, &pair);
    assert_true(pair.peer.written < MUCH);
    assert_int_equal(pair.peer.freed, 0);
    pair.step = 30000;
    world_run(&pair.world, got_all_and_eof, &pair);
    assert_int_equal(pair.got, MUCH);
    assert_int_equal(pair.peer.written, MUCH);
    assert_int_equal(pair.peer.lost, 0);
    assert_int_equal(pair.peer.freed, 1);
    pair_close(&pair);
}

static bool no_connections(void *listener) {
    return bw_listener_connections(listener) == 0;
}

static void the_last_bytes_survive_input_that_nobody_reads(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 0);
    pair.peer.feeds_none = true;
    fill(&pair.peer.out, 100);
    pair.to_send = 100000;
    while (pair.sent < pair.to_send)
        push_out(&pair);
    world_run(&pair.world, peer_is_freed, &pair.peer);
    assert_int_equal(pair.peer.feeds, 1);
    assert_int_equal(bw_listener_connections(pair.listener), 1);
    pair.step = 4096;
    world_run(&pair.world, got_all_and_eof, &pair);
    assert_int_equal(pair.got, 100);
    close(pair.fd);
    pair.fd = -1;
    world_run(&pair.world, no_connections, pair.listener);
    pair_close(&pair);
}

static void lingering_ends_after_a_second_with_a_peer_that_stays(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 0);
    pair.peer.wants = BW_WANTS_CLOSE;
    bw_wake_up(&pair.peer.wake);
    world_run(&pair.world, peer_is_freed, &pair.peer);
    uint64_t start = bw_loop_now(pair.world.loop);
    world_run(&pair.world, no_connections, pair.listener);
    uint64_t took = bw_loop_now(pair.world.loop) - start;
    assert_true(took >= 900 && took < 3000);
    pair_close(&pair);
}

static bool sender_is_stuck(void *user) {
    struct pair *pair = user;
    size_t before = pair->sent;
    push_out(pair);
    return pair->sent > 0 && pair->sent == before;
}

static bool all_arrived(void *user) {
    struct pair *pair = user;
    push_out(pair);
    return bw_buf_size(&pair->peer.in) == pair->to_send;
}

static void a_core_that_drops_read_holds_its_peer_up_and_loses_nothing(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 0);
    pair.peer.in_max = 10000;
    pair.to_send = 16 * MIB;
    world_run(&pair.world, sender_is_stuck, &pair);
    assert_true(bw_buf_size(&pair.peer.in) < 10000 + 65536);
    pair.to_send = pair.sent;
    pair.peer.in_max = 0;
    pair.peer.wants = BW_WANTS_READ;
    bw_wake_up(&pair.peer.wake);
    world_run(&pair.world, all_arrived, &pair);
    assert_true(pair.peer.feeds * 8000 < pair.to_send); /* full reads made the buffer larger */
    pair_close(&pair);
}

static bool lost(void *peer) {
    return ((struct peer *)peer)->lost > 0;
}

static void eof_is_told_once_and_then_the_core_is_freed(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 0);
    assert_int_equal(send(pair.fd, "bye", 3, 0), 3);
    close(pair.fd);
    pair.fd = -1;
    world_run(&pair.world, lost, &pair.peer);
    assert_int_equal(pair.peer.lost_reason, BW_LOST_EOF);
    assert_true(bw_span_is(bw_buf_span(&pair.peer.in), "bye"));
    assert_int_equal(pair.peer.freed, 1);
    pair_close(&pair);
}

static void a_peer_that_shuts_its_side_first_gets_the_answer(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 0);
    fill(&pair.peer.out, MUCH);
    bw_wake_up(&pair.peer.wake);
    shutdown(pair.fd, SHUT_WR);
    pair.step = 60000;
    world_run(&pair.world, got_all_and_eof, &pair);
    assert_int_equal(pair.got, MUCH);
    assert_int_equal(pair.peer.lost_reason, BW_LOST_EOF);
    pair_close(&pair);
}

static void a_write_to_a_closed_peer_is_an_error_and_not_the_end(void **state) {
    (void)state;
    struct pair pair;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    pair_open(&pair, 0);
    pair.peer.wants = 0; /* does not read, so only the write can tell */
    bw_wake_up(&pair.peer.wake);
    setsockopt(pair.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(pair.fd);
    pair.fd = -1;
    fill(&pair.peer.out, 100);
    world_run(&pair.world, lost, &pair.peer);
    assert_int_equal(pair.peer.lost_reason, BW_LOST_ERROR);
    assert_int_equal(pair.peer.freed, 1);
    pair_close(&pair);
}

static bool ticked(void *peer) {
    return ((struct peer *)peer)->ticks > 0;
}

static void a_core_is_ticked_at_its_deadline_and_never_before(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 0);
    uint64_t due = pair.peer.deadline = bw_loop_now(pair.world.loop) + 20;
    bw_wake_up(&pair.peer.wake);
    world_run(&pair.world, ticked, &pair.peer);
    assert_true(pair.peer.tick_ms >= due && pair.peer.tick_ms < due + 1000);
    pair.peer.ticks = 0;
    pair.peer.deadline = 0;
    bw_wake_up(&pair.peer.wake);
    world_run(&pair.world, ticked, &pair.peer);
    assert_int_equal(pair.peer.ticks, 1);
    pair_close(&pair);
}

static void answer_through_other(struct peer *peer) {
    struct peer *other = peer->user;
    unsigned drains = other->drains;
    bw_buf_append_text(&other->out, "hello");
    bw_wake_up(&other->wake);
    bw_wake_up(&other->wake);
    assert_int_equal(other->drains, drains); /* a wake only marks */
}

static bool got_five(void *user) {
    struct pair *pair = user;
    uint8_t bytes[16];
    ssize_t n = recv(pair->fd, bytes, sizeof bytes, 0);
    pair->got += n > 0 ? (size_t)n : 0;
    return pair->got >= 5;
}

static void a_core_woken_from_another_ones_callback_is_drained_once_at_the_end_of_the_turn(void **state) {
    (void)state;
    struct pair pair;
    struct peer second;
    pair_open(&pair, 0);
    peer_init(&second);
    struct bw_listener *listener = listen_at(&pair.world, "127.0.0.1:0", &second);
    int fd = raw_connect(bw_listener_address(listener), 0);
    world_run(&pair.world, peer_is_open, &second);
    second.on_feed = answer_through_other;
    second.user = &pair.peer;
    unsigned drains = pair.peer.drains;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    world_run(&pair.world, got_five, &pair);
    assert_int_equal(pair.peer.drains - drains,
                     2); /* one that gave the bytes, one that said there are no more */
    bw_listener_free(listener);
    assert_int_equal(second.lost_reason, BW_LOST_SHUTDOWN);
    assert_int_equal(second.freed, 1);
    peer_close(&second);
    close(fd);
    pair_close(&pair);
}

static void stop_other_and_talk_to_it(struct peer *peer) {
    struct pair *pair = peer->user;
    pair->peer.wants = 0;
    assert_int_equal(send(pair->fd, "later", 5, 0), 5);
}

static bool a_few_turns_are_over(void *user) {
    return ++((struct pair *)user)->got > 5;
}

static bool was_fed(void *peer) {
    return ((struct peer *)peer)->feeds > 0;
}

static void input_waits_when_another_core_made_its_core_stop_reading(void **state) {
    (void)state;
    struct pair pair;
    struct peer second;
    pair_open(&pair, 0);
    peer_init(&second);
    struct bw_listener *listener = listen_at(&pair.world, "127.0.0.1:0", &second);
    int fd = raw_connect(bw_listener_address(listener), 0);
    world_run(&pair.world, peer_is_open, &second);
    second.on_feed = stop_other_and_talk_to_it;
    second.user = &pair;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    world_run(&pair.world, was_fed, &second);
    world_run(&pair.world, a_few_turns_are_over, &pair);
    assert_int_equal(pair.peer.feeds, 0);
    pair.peer.wants = BW_WANTS_READ;
    bw_wake_up(&pair.peer.wake);
    world_run(&pair.world, was_fed, &pair.peer);
    assert_true(bw_span_is(bw_buf_span(&pair.peer.in), "later"));
    bw_listener_free(listener);
    peer_close(&second);
    close(fd);
    pair_close(&pair);
}

static void the_loop_may_be_freed_with_everything_open(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, 4096);
    fill(&pair.peer.out, MUCH); /* a write request is under way */
    bw_wake_up(&pair.peer.wake);
    world_run(&pair.world, nothing_more_is_written, &pair);
    assert_true(pair.peer.written < MUCH);
    world_close(&pair.world);
    assert_int_equal(pair.peer.lost, 1);
    assert_int_equal(pair.peer.lost_reason, BW_LOST_SHUTDOWN);
    assert_int_equal(pair.peer.freed, 1);
    assert_int_equal(bw_listener_connections(pair.listener), 0);
    bw_listener_free(pair.listener);
    peer_close(&pair.peer);
    close(pair.fd);
}

BW_TESTS(cmocka_unit_test(a_mebibyte_comes_back_from_an_echo_to_a_slow_reader),
         cmocka_unit_test(close_gives_a_slow_peer_every_byte_though_it_still_talks),
         cmocka_unit_test(the_last_bytes_survive_input_that_nobody_reads),
         cmocka_unit_test(lingering_ends_after_a_second_with_a_peer_that_stays),
         cmocka_unit_test(a_core_that_drops_read_holds_its_peer_up_and_loses_nothing),
         cmocka_unit_test(eof_is_told_once_and_then_the_core_is_freed),
         cmocka_unit_test(a_peer_that_shuts_its_side_first_gets_the_answer),
         cmocka_unit_test(a_write_to_a_closed_peer_is_an_error_and_not_the_end),
         cmocka_unit_test(a_core_is_ticked_at_its_deadline_and_never_before),
         cmocka_unit_test(a_core_woken_from_another_ones_callback_is_drained_once_at_the_end_of_the_turn),
         cmocka_unit_test(input_waits_when_another_core_made_its_core_stop_reading),
         cmocka_unit_test(the_loop_may_be_freed_with_everything_open))
