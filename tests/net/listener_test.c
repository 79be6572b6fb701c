#include "world.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_taken_port_is_refused_with_a_reason(void **state) {
    (void)state;
    struct world world;
    char why[200], expected[200];
    world_open(&world);
    struct bw_listener *first = listen_at(&world, "127.0.0.1:0", NULL);
    const char *address = bw_listener_address(first);
    assert_null(bw_listener_new(world.loop, address, peer_accept, NULL, why, sizeof why));
    snprintf(expected, sizeof expected, "cannot listen on %s: address already in use", address);
    assert_string_equal(why, expected);
    bw_listener_free(first);
    world_close(&world);
}

static void what_is_no_address_is_refused_with_a_reason(void **state) {
    (void)state;
    struct world world;
    char why[200], short_why[8];
    world_open(&world);
    assert_null(bw_listener_new(world.loop, "5001", peer_accept, NULL, why, sizeof why));
    assert_string_equal(why, "cannot listen on 5001: it is not of the form HOST:PORT or [IPV6]:PORT");
    assert_null(bw_listener_new(world.loop, "5001", peer_accept, NULL, short_why, sizeof short_why));
    assert_string_equal(short_why, "cannot ");
    assert_null(bw_listener_new(world.loop, "192.0.2.1:0", peer_accept, NULL, why, sizeof why));
    assert_string_equal(why, "cannot listen on 192.0.2.1:0: address not available");
    world_close(&world);
}

static void localhost_is_listened_on_by_its_name(void **state) {
    (void)state;
    struct world world;
    struct peer peer;
    world_open(&world);
    peer_init(&peer);
    struct bw_listener *listener = listen_at(&world, "localhost:0", &peer);
    assert_int_equal(strncmp(bw_listener_address(listener), "127.0.0.1:", 10), 0);
    int fd = raw_connect(bw_listener_address(listener), 0);
    world_run(&world, peer_is_open, &peer);
    assert_int_equal(bw_listener_connections(listener), 1);
    close(fd);
    world_run(&world, peer_is_freed, &peer);
    assert_int_equal(bw_listener_connections(listener), 0);
    bw_listener_free(listener);
    world_close(&world);
    peer_close(&peer);
}

static bool read_eof(void *fd) {
    char byte;
    return recv(*(int *)fd, &byte, 1, 0) == 0;
}

static void a_refused_connection_is_closed(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct bw_listener *listener = listen_at(&world, "127.0.0.1:0", NULL);
    int fd = raw_connect(bw_listener_address(listener), 0);
    world_run(&world, read_eof, &fd);
    assert_int_equal(bw_listener_connections(listener), 0);
    close(fd);
    bw_listener_free(listener);
    world_close(&world);
}

static bool echoed(void *fd) {
    char byte;
    return recv(*(int *)fd, &byte, 1, 0) == 1;
}

static void after_close_existing_connections_go_on(void **state) {
    (void)state;
    struct world world;
    struct peer peer;
    char why[200];
    world_open(&world);
    peer_init(&peer);
    peer.echo = true;
    struct bw_listener *listener = listen_at(&world, "127.0.0.1:0", &peer);
    int fd = raw_connect(bw_listener_address(listener), 0);
    world_run(&world, peer_is_open, &peer);
    bw_listener_close(listener);
    bw_listener_close(listener);
    send(fd, "x", 1, 0);
    world_run(&world, echoed, &fd);
    assert_int_equal(bw_listener_connections(listener), 1);
    struct bw_listener *again =
        bw_listener_new(world.loop, bw_listener_address(listener), peer_accept, NULL, why, sizeof why);
    assert_non_null(again); /* the port is free again */
    bw_listener_free(again);
    close(fd);
    bw_listener_free(listener);
    assert_int_equal(peer.lost_reason, BW_LOST_SHUTDOWN);
    world_close(&world);
    peer_close(&peer);
}

static void a_listener_may_be_freed_before_or_after_the_loop(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct bw_listener *before = listen_at(&world, "127.0.0.1:0", NULL);
    struct bw_listener *after = listen_at(&world, "127.0.0.1:0", NULL);
    bw_listener_free(before);
    world_close(&world);
    bw_listener_close(after);
    bw_listener_free(after);
    bw_listener_free(NULL);
}

static rlim_t limit_descriptors(rlim_t soft) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static int lowest_free_descriptor(void) {
    int fd = dup(0);
    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static void without_descriptors_the_waiting_are_told_and_accepting_goes_on_later(void **state) {
    (void)state;
    struct world world;
    struct peer peer;
    world_open(&world);
    peer_init(&peer);
    struct bw_listener *listener = listen_at(&world, "127.0.0.1:0", &peer);
    int refused = raw_connect(bw_listener_address(listener), 0);
    uint64_t start = bw_loop_now(world.loop);
    rlim_t before = limit_descriptors((rlim_t)lowest_free_descriptor());
    world_run(&world, read_eof, &refused);
    assert_false(peer_is_open(&peer));
    limit_descriptors(before);
    int fd = raw_connect(bw_listener_address(listener), 0);
    world_run(&world, peer_is_open, &peer);
    assert_true(bw_loop_now(world.loop) - start >= 100); /* accepting had stopped: nothing spins */
    close(refused);
    close(fd);
    bw_listener_free(listener);
    world_close(&world);
    peer_close(&peer);
}

struct crowd {
    struct peer peers[80];
    unsigned accepted;
    struct bw_listener *listener;
};

static struct bw_conn crowd_accept(void *owner, uint64_t now, const char *text, struct bw_wake wake) {
    struct crowd *crowd = owner;
    (void)now, (void)text;
    struct peer *peer = &crowd->peers[crowd->accepted++];
    peer->wake = wake;
    return peer_conn(peer);
}

static bool at_the_limit(void *user) {
    return ((struct crowd *)user)->accepted >= 32;
}

static bool beyond_the_limit(void *user) {
    return ((struct crowd *)user)->accepted >= 33;
}

static void connections_are_limited_to_half_of_the_descriptors(void **state) {
    (void)state;
    struct world world;
    static struct crowd crowd;
    char why[200];
    int fds[34];
    world_open(&world);
    for (size_t i = 0; i < 80; i++)
        peer_init(&crowd.peers[i]);
    rlim_t before = limit_descriptors(64);
    crowd.listener = bw_listener_new(world.loop, "127.0.0.1:0", crowd_accept, &crowd, why, sizeof why);
    limit_descriptors(before);
    assert_non_null(crowd.listener);
    for (size_t i = 0; i < 34; i++)
        fds[i] = raw_connect(bw_listener_address(crowd.listener), 0);
    world_run(&world, at_the_limit, &crowd);
    assert_int_equal(bw_listener_connections(crowd.listener), 32);
    close(fds[0]);
    world_run(&world, beyond_the_limit, &crowd);
    assert_int_equal(crowd.accepted, 33);
    assert_int_equal(bw_listener_connections(crowd.listener), 32);
    for (size_t i = 1; i < 34; i++)
        close(fds[i]);
    bw_listener_free(crowd.listener);
    world_close(&world);
    for (size_t i = 0; i < 80; i++)
        peer_close(&crowd.peers[i]);
}

BW_TESTS(cmocka_unit_test(a_taken_port_is_refused_with_a_reason),
         cmocka_unit_test(what_is_no_address_is_refused_with_a_reason),
         cmocka_unit_test(localhost_is_listened_on_by_its_name),
         cmocka_unit_test(a_refused_connection_is_closed),
         cmocka_unit_test(after_close_existing_connections_go_on),
         cmocka_unit_test(a_listener_may_be_freed_before_or_after_the_loop),
         cmocka_unit_test(without_descriptors_the_waiting_are_told_and_accepting_goes_on_later),
         cmocka_unit_test(connections_are_limited_to_half_of_the_descriptors))
