#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MIB 1048576

struct call {
    struct world world;
    struct caller caller;
    struct peer near, far;
    struct bw_dialer *dialer;
    struct bw_listener *listener;
};

static void call_open(struct call *call, const char *address) {
    memset(call, 0, sizeof *call);
    world_open(&call->world);
    peer_init(&call->near);
    peer_init(&call->far);
    call->caller.deadline = BW_NEVER;
    call->caller.peer = &call->near;
    if (address)
        call->listener = listen_at(&call->world, address, &call->far);
    call->dialer = bw_dialer_new(call->world.loop);
    assert_non_null(call->dialer);
    bw_dialer_start(call->dialer, caller_dialable(&call->caller));
}

static void call_close(struct call *call) {
    bw_dialer_free(call->dialer);
    bw_listener_free(call->listener);
    if (call->world.loop)
        world_close(&call->world);
    peer_close(&call->near);
    peer_close(&call->far);
}

static void wish(struct call *call, enum bw_wish_kind kind, uint64_t id, const char *text) {
    caller_wish(&call->caller, kind, id, text);
    struct bw_wake wake = bw_dialer_wake(call->dialer);
    bw_wake_up(&wake);
}

static bool echo_is_complete(void *user) {
    struct call *call = user;
    return bw_buf_size(&call->near.in) == MIB;
}

static void an_echo_over(const char *listen_address) {
    struct call call;
    call_open(&call, listen_address);
    call.far.echo = true;
    uint8_t *bytes = bw_buf_reserve(&call.near.out, MIB);
    memset(bytes, 'e', MIB);
    bw_buf_grew(&call.near.out, MIB);
    wish(&call, BW_WISH_CONNECT, 7, bw_listener_address(call.listener));
    world_run(&call.world, echo_is_complete, &call);
    assert_int_equal(call.caller.connected, 1);
    assert_int_equal(call.near.written, MIB);
    assert_int_equal(call.far.written, MIB);
    call_close(&call);
    assert_int_equal(call.near.lost_reason, BW_LOST_SHUTDOWN);
    assert_int_equal(call.near.freed, 1);
    assert_int_equal(call.far.freed, 1);
}

static void a_mebibyte_goes_to_an_echo_and_comes_back(void **state) {
    (void)state;
    an_echo_over("127.0.0.1:0");
}

static void ipv6_works_where_it_is(void **state) {
    (void)state;
    char why[200];
    struct bw_loop *loop = bw_loop_new();
    struct bw_listener *probe = bw_listener_new(loop, "[::1]:0", peer_accept, NULL, why, sizeof why);
    bool is_there = probe != NULL;
    if (is_there)
        assert_int_equal(strncmp(bw_listener_address(probe), "[::1]:", 6), 0);
    bw_listener_free(probe);
    bw_loop_free(loop);
    if (!is_there)
        skip();
    an_echo_over("[::1]:0");
}

static void a_refused_connect_fails_with_a_reason(void **state) {
    (void)state;
    struct call call;
    char address[64], expected[200];
    call_open(&call, "127.0.0.1:0");
    snprintf(address, sizeof address, "%s", bw_listener_address(call.listener));
    bw_listener_close(call.listener);
    wish(&call, BW_WISH_CONNECT, 3, address);
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_int_equal(call.caller.failed, 1);
    assert_int_equal(call.caller.failed_id, 3);
    snprintf(expected, sizeof expected, "cannot connect to %s: connection refused", address);
    assert_string_equal(call.caller.why, expected);
    call_close(&call);
}

static void an_address_that_is_none_fails_with_a_reason(void **state) {
    (void)state;
    struct call call;
    call_open(&call, NULL);
    wish(&call, BW_WISH_CONNECT, 4, "localhost");
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_string_equal(call.caller.why, "cannot connect to localhost: invalid argument");
    call_close(&call);
}

/* Nobody is called in plain text who was to be called by TLS. */
static void a_wish_for_TLS_fails_where_nothing_in_between_fulfils_it(void **state) {
    (void)state;
    struct call call;
    call_open(&call, "127.0.0.1:0");
    wish(&call, BW_WISH_CONNECT, 4, bw_listener_address(call.listener));
    snprintf(call.caller.wishes[0].host, sizeof call.caller.wishes[0].host, "b.test");
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_int_equal(call.caller.connected, 0);
    assert_non_null(strstr(call.caller.why, ": TLS is asked for, and there is none"));
    call_close(&call);
}

static void a_unix_socket_is_dialed(void **state) {
    (void)state;
    struct call call;
    char folder[] = "/tmp/dialer_test.XXXXXX", text[128];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(folder));
    snprintf(at.sun_path, sizeof at.sun_path, "%s/b.sock", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    call_open(&call, NULL);
    snprintf(text, sizeof text, "unix:%s", at.sun_path);
    wish(&call, BW_WISH_CONNECT, 1, text);
    bw_buf_append_text(&call.near.out, "hello");
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_int_equal(call.caller.connected, 1);
    int accepted = accept(fd, NULL, NULL);
    close(fd);
    unlink(at.sun_path);
    wish(&call, BW_WISH_CONNECT, 2, text);
    call.caller.connected = 0;
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_int_equal(call.caller.failed_id, 2);
    char bytes[8] = "";
    assert_int_equal(recv(accepted, bytes, sizeof bytes, 0), 5);
    close(accepted);
    rmdir(folder);
    call_close(&call);
}

static void localhost_is_resolved_anew_and_can_be_connected_to(void **state) {
    (void)state;
    struct call call;
    call_open(&call, "127.0.0.1:0");
    for (int i = 0; i < 2; i++) {
        call.caller.addresses_count = 0;
        wish(&call, BW_WISH_RESOLVE, 1, "localhost");
        world_run(&call.world, caller_has_answer, &call.caller);
        assert_int_equal(call.caller.failed, 0);
    }
    size_t v4 = 0;
    for (size_t i = 0; i < call.caller.addresses_count; i++)
        v4 += strcmp(call.caller.addresses[i].text, "127.0.0.1:5001") == 0;
    assert_int_equal(v4, 1);
    wish(&call, BW_WISH_CONNECT, 2, bw_listener_address(call.listener));
    world_run(&call.world, peer_is_open, &call.far);
    call_close(&call);
}

static void a_numeric_host_resolves_to_itself(void **state) {
    (void)state;
    struct call call;
    call_open(&call, NULL);
    wish(&call, BW_WISH_RESOLVE, 1, "::1");
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_int_equal(call.caller.addresses_count, 1);
    assert_string_equal(call.caller.addresses[0].text, "[::1]:5001");
    call_close(&call);
}

static void a_name_that_is_none_fails_with_a_reason(void **state) {
    (void)state;
    struct call call;
    call_open(&call, NULL);
    wish(&call, BW_WISH_RESOLVE, 9, "no such host.invalid");
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_int_equal(call.caller.failed_id, 9);
    assert_int_equal(strncmp(call.caller.why, "cannot resolve no such host.invalid: ", 37), 0);
    call_close(&call);
}

static void close_of_a_connection_sends_the_rest_and_tells_nobody(void **state) {
    (void)state;
    struct call call;
    call_open(&call, "127.0.0.1:0");
    wish(&call, BW_WISH_CONNECT, 5, bw_listener_address(call.listener));
    world_run(&call.world, peer_is_open, &call.far);
    bw_buf_append_text(&call.near.out, "last words");
    wish(&call, BW_WISH_CLOSE, 5, NULL);
    wish(&call, BW_WISH_CLOSE, 99, NULL);
    world_run(&call.world, peer_is_freed, &call.far);
    assert_true(bw_span_is(bw_buf_span(&call.far.in), "last words"));
    assert_int_equal(call.near.lost, 0);
    assert_int_equal(call.near.freed, 1);
    call_close(&call);
    assert_int_equal(call.near.freed, 1);
}

static bool no_wishes(void *caller) {
    return ((struct caller *)caller)->wishes_count == 0;
}

static void attempts_that_are_given_up_are_not_answered(void **state) {
    (void)state;
    struct call call;
    call_open(&call, "127.0.0.1:0");
    wish(&call, BW_WISH_CONNECT, 1, bw_listener_address(call.listener));
    wish(&call, BW_WISH_CLOSE, 1, NULL);
    wish(&call, BW_WISH_RESOLVE, 2, "localhost");
    wish(&call, BW_WISH_CLOSE, 2, NULL);
    world_run(&call.world, no_wishes, &call.caller);
    wish(&call, BW_WISH_RESOLVE, 3, "127.0.0.1");
    world_run(&call.world, caller_has_answer, &call.caller);
    assert_int_equal(call.caller.connected, 0);
    assert_int_equal(call.caller.failed, 0);
    call_close(&call);
}

static void the_loop_may_go_before_a_dialer_with_everything_under_way(void **state) {
    (void)state;
    struct call call;
    call_open(&call, "127.0.0.1:0");
    wish(&call, BW_WISH_CONNECT, 1, bw_listener_address(call.listener));
    world_run(&call.world, peer_is_open, &call.far);
    wish(&call, BW_WISH_CONNECT, 2, bw_listener_address(call.listener));
    wish(&call, BW_WISH_RESOLVE, 3, "localhost");
    world_run(&call.world, no_wishes, &call.caller);
    world_close(&call.world);
    struct bw_wake wake = bw_dialer_wake(call.dialer);
    bw_wake_up(&wake);
    assert_int_equal(call.near.freed, call.caller.connected);
    assert_int_equal(call.far.freed, 1);
    call_close(&call);
}

static void free_the_dialer(struct caller *caller) {
    struct call *call = caller->user;
    bw_dialer_free(call->dialer);
    call->dialer = NULL;
}

static void a_dialer_may_be_freed_inside_connected(void **state) {
    (void)state;
    struct call call;
    call_open(&call, "127.0.0.1:0");
    call.caller.on_connected = free_the_dialer;
    call.caller.user = &call;
    wish(&call, BW_WISH_CONNECT, 1, bw_listener_address(call.listener));
    world_run(&call.world, peer_is_freed, &call.near);
    world_run(&call.world, peer_is_freed, &call.far);
    call_close(&call);
}

static bool ticked(void *caller) {
    return ((struct caller *)caller)->ticks > 0;
}

static void the_dialable_is_ticked_at_its_deadline(void **state) {
    (void)state;
    struct call call;
    call_open(&call, NULL);
    call.caller.deadline = bw_loop_now(call.world.loop) + 10;
    world_run(&call.world, ticked, &call.caller);
    assert_int_equal(call.caller.ticks, 1);
    call_close(&call);
}

BW_TESTS(cmocka_unit_test(a_mebibyte_goes_to_an_echo_and_comes_back),
         cmocka_unit_test(ipv6_works_where_it_is), cmocka_unit_test(a_refused_connect_fails_with_a_reason),
         cmocka_unit_test(an_address_that_is_none_fails_with_a_reason),
         cmocka_unit_test(a_wish_for_TLS_fails_where_nothing_in_between_fulfils_it),
         cmocka_unit_test(a_unix_socket_is_dialed),
         cmocka_unit_test(localhost_is_resolved_anew_and_can_be_connected_to),
         cmocka_unit_test(a_numeric_host_resolves_to_itself),
         cmocka_unit_test(a_name_that_is_none_fails_with_a_reason),
         cmocka_unit_test(close_of_a_connection_sends_the_rest_and_tells_nobody),
         cmocka_unit_test(attempts_that_are_given_up_are_not_answered),
         cmocka_unit_test(the_loop_may_go_before_a_dialer_with_everything_under_way),
         cmocka_unit_test(a_dialer_may_be_freed_inside_connected),
         cmocka_unit_test(the_dialable_is_ticked_at_its_deadline))
