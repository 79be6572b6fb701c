/* How a channel comes to a connection: states, addresses in order, limits of time, backoff. */
#include "world.h"

#include <stdio.h>

static enum bw_channel_state state_of(const struct world *world) {
    return bw_channel_state(world->channel);
}

static struct call *wait_call(struct world *world) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Call";
    options.wait_for_ready = true;
    return world_call(world, &options);
}

static void states_have_names(void **state) {
    (void)state;
    assert_string_equal(bw_channel_state_name(BW_CHANNEL_IDLE), "IDLE");
    assert_string_equal(bw_channel_state_name(BW_CHANNEL_CONNECTING), "CONNECTING");
    assert_string_equal(bw_channel_state_name(BW_CHANNEL_READY), "READY");
    assert_string_equal(bw_channel_state_name(BW_CHANNEL_TRANSIENT_FAILURE), "TRANSIENT_FAILURE");
    assert_string_equal(bw_channel_state_name(BW_CHANNEL_SHUTDOWN), "SHUTDOWN");
}

static void nothing_is_dialled_before_the_first_call(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world_advance(&world, 60000);
    assert_string_equal(world_wishes(&world), "");
    assert_int_equal(state_of(&world), BW_CHANNEL_IDLE);
    world_call(&world, NULL);
    assert_int_equal(state_of(&world), BW_CHANNEL_CONNECTING);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT 127.0.0.1:5001; ");
    assert_int_equal(state_of(&world), BW_CHANNEL_READY);
    world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "");
    assert_int_equal(world.links[0].streams, 2);
    world_close(&world);
}

static void a_name_is_looked_up_and_an_address_is_not(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "b.test:5001");
    world.addresses = "10.0.0.1:5001";
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "RESOLVE b.test 5001; CONNECT 10.0.0.1:5001; ");
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    assert_non_null(strstr(bw_buf_text(&world.request), ":authority=b.test:5001 "));
    world_close(&world);
    world_open(&world, "[::1]:5001");
    world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT [::1]:5001; ");
    world_close(&world);
}

static void open_tls(struct world *world, const char *target) {
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = target;
    config.tls = true;
    world_open_config(world, &config);
}

/* Lines 3 and 16. */
static void with_tls_the_scheme_is_https_and_the_targets_host_is_to_be_proved(void **state) {
    static const struct {
        const char *target, *wishes;
    } cases[] = {
        {"b.test:5001", "RESOLVE b.test 5001; CONNECT 10.0.0.1:5001 as b.test; "},
        {"10.0.0.9:5001", "CONNECT 10.0.0.9:5001 as 10.0.0.9; "},
        {"[::1]:5001", "CONNECT [::1]:5001 as ::1; "},
        {"unix:/run/b.sock", "CONNECT unix:/run/b.sock as localhost; "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        open_tls(&world, cases[i].target);
        world.addresses = "10.0.0.1:5001";
        world_call(&world, NULL);
        world_settle(&world);
        assert_string_equal(world_wishes(&world), cases[i].wishes);
        assert_non_null(strstr(bw_buf_text(&world.request), ":scheme=https "));
        world_close(&world);
    }
}

/* TLS 1.3 tells a client that it is refused only after the client's own handshake: after connected(). */
static void an_attempt_may_fail_with_a_reason_until_the_settings_come(void **state) {
    struct world world;
    (void)state;
    open_tls(&world, "10.0.0.9:5001");
    world.dialling = DIAL_RAW;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    world.dialable.ops->failed(world.dialable.self, world.now_ms, world.last_wish.id, "certificate required");
    world.links[0].client.ops->lost(world.links[0].client.self, world.now_ms, BW_LOST_ERROR);
    world_settle(&world);
    assert_int_equal(bw_channel_state(world.channel), BW_CHANNEL_TRANSIENT_FAILURE);
    assert_string_equal(bw_channel_last_error(world.channel), "certificate required");
    assert_int_equal(call->result.code, BW_UNAVAILABLE);
    world_close(&world);
}

static void the_channel_is_ready_only_with_the_servers_settings(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.dialling = DIAL_RAW;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_int_equal(state_of(&world), BW_CHANNEL_CONNECTING);
    link_say_settings(world_link(&world));
    world_settle(&world);
    assert_int_equal(state_of(&world), BW_CHANNEL_READY);
    assert_string_equal(call_trace(call), "");
    world_close(&world);
}

static void addresses_are_tried_in_order_one_at_a_time(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "b.test:5001");
    world.addresses = "10.0.0.1:5001 10.0.0.2:5001 10.0.0.3:5001";
    world.dialling = DIAL_HANG;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "RESOLVE b.test 5001; CONNECT 10.0.0.1:5001; ");
    world.dialable.ops->failed(world.dialable.self, world.now_ms, world.last_wish.id,
                               "cannot connect: refused");
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT 10.0.0.2:5001; ");
    assert_int_equal(state_of(&world), BW_CHANNEL_CONNECTING);
    world.dialling = DIAL_ACCEPT;
    world.dialable.ops->failed(world.dialable.self, world.now_ms, world.last_wish.id,
                               "cannot connect: refused");
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT 10.0.0.3:5001; ");
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    assert_string_equal(bw_channel_last_error(world.channel), "");
    world_close(&world);
}

static void when_every_address_fails_waiting_calls_fail_fast(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "b.test:5001");
    world.addresses = "10.0.0.1:5001 10.0.0.2:5001";
    world.dialling = DIAL_REFUSE;
    struct call *call = world_call(&world, NULL), *patient = wait_call(&world);
    world_settle(&world);
    assert_string_equal(world_wishes(&world),
                        "RESOLVE b.test 5001; CONNECT 10.0.0.1:5001; CONNECT 10.0.0.2:5001; ");
    assert_string_equal(call_trace(call), "end UNAVAILABLE TRANSPORT");
    assert_string_equal(call_message(call), "cannot connect to 10.0.0.2:5001: connection refused");
    assert_string_equal(bw_channel_last_error(world.channel), call_message(call));
    assert_false(call->result.sent);
    assert_int_equal(state_of(&world), BW_CHANNEL_TRANSIENT_FAILURE);
    assert_string_equal(call_trace(patient), "");

    call = world_call(&world, NULL); /* while the backoff runs */
    world_settle(&world);
    assert_string_equal(call_trace(call), "end UNAVAILABLE TRANSPORT");
    assert_string_equal(world_wishes(&world), "");

    world.dialling = DIAL_ACCEPT;
    world_advance(&world, 1200); /* a call waits: at once after the backoff, the name is looked up anew */
    assert_string_equal(world_wishes(&world), "RESOLVE b.test 5001; CONNECT 10.0.0.1:5001; ");
    assert_string_equal(call_trace(patient), "headers; message pong; end OK SERVER");
    world_close(&world);
}

static void a_name_that_is_not_found_is_a_failure(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "b.test:5001");
    world.addresses = "";
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(call), "end UNAVAILABLE TRANSPORT");
    assert_string_equal(call_message(call), "cannot resolve b.test: unknown node or service");
    world_close(&world);
    world_open(&world, "b.test:5001");
    call = world_call(&world, NULL);
    world_settle(&world);
    world.dialable.ops->resolved(world.dialable.self, world.now_ms, world.last_wish.id, NULL, 0);
    world_settle(&world);
    assert_string_equal(call_message(call), "cannot look up b.test: the name has no address");
    world_close(&world);
}

static void an_attempt_that_hangs_is_given_up(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.dialling = DIAL_HANG;
    struct call *call = world_call(&world, NULL);
    world_advance(&world, 19999);
    assert_string_equal(world_wishes(&world), "CONNECT 127.0.0.1:5001; ");
    assert_string_equal(call_trace(call), "");
    world_advance(&world, 1);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CLOSE 1; ");
    assert_string_equal(call_trace(call), "end UNAVAILABLE TRANSPORT");
    assert_string_equal(call_message(call), "cannot connect to 127.0.0.1:5001: timed out");
    /* What comes of it later is refused. */
    assert_null(world.dialable.ops->connected(world.dialable.self, world.now_ms, 1, (struct bw_wake){0}).ops);
    assert_int_equal(state_of(&world), BW_CHANNEL_TRANSIENT_FAILURE);
    world_close(&world);
}

static void a_look_up_that_hangs_is_given_up(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "b.test:5001");
    struct call *call = world_call(&world, NULL);
    world_advance(&world, 20000);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "RESOLVE b.test 5001; CLOSE 1; ");
    assert_string_equal(call_message(call), "cannot look up b.test: timed out");
    struct bw_address late = {"10.0.0.1:1"};
    world.dialable.ops->resolved(world.dialable.self, world.now_ms, 1, &late, 1);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "");
    world_close(&world);
}

static void a_server_that_never_speaks_is_given_up(void **state) {
    (void)state;
    struct world world;
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = "127.0.0.1:5001";
    config.connect_timeout_ms = 3000;
    world_open_config(&world, &config);
    world.dialling = DIAL_RAW;
    struct call *call = world_call(&world, NULL);
    world_advance(&world, 3000);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT 127.0.0.1:5001; CLOSE 1; ");
    assert_string_equal(call_message(call), "cannot connect to 127.0.0.1:5001: timed out");
    world_close(&world);
}

static void a_server_that_speaks_something_else_is_a_failure(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.dialling = DIAL_RAW;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    bw_buf_append_text(&world_link(&world)->to_client, "HTTP/1.1 400 Bad Request\r\n\r\n");
    world_settle(&world);
    assert_string_equal(call_trace(call), "end UNAVAILABLE TRANSPORT");
    assert_string_equal(call_message(call),
                        "cannot connect to 127.0.0.1:5001: the server does not speak HTTP/2");
    assert_int_equal(state_of(&world), BW_CHANNEL_TRANSIENT_FAILURE);
    world_close(&world);
}

static void a_connection_that_closes_before_the_settings_is_a_failure(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "b.test:5001");
    world.addresses = "10.0.0.1:5001 10.0.0.2:5001";
    world.dialling = DIAL_RAW;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    world.dialling = DIAL_ACCEPT;
    world_cut(&world, world_link(&world));
    world_settle(&world);
    assert_string_equal(world_wishes(&world),
                        "RESOLVE b.test 5001; CONNECT 10.0.0.1:5001; CONNECT 10.0.0.2:5001; ");
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    world_close(&world);
}

static uint64_t ms_until_connect(struct world *world) {
    uint64_t began_ms = world->now_ms;
    world_wishes(world);
    while (!bw_buf_size(&world->wishes)) {
        world_advance(world, 1);
        assert_true(world->now_ms - began_ms < 200000);
        world_settle(world);
    }
    return world->now_ms - began_ms;
}

static void the_backoff_grows_to_its_limit_and_jitters(void **state) {
    (void)state;
    static const unsigned expected_ms[] = {1000, 1600, 2560, 4096, 5000, 5000};
    struct world world;
    struct bw_channel_config config;
    bool jitters = false;
    bw_channel_config_default(&config);
    config.target = "127.0.0.1:5001";
    config.backoff_max_ms = 5000;
    config.seed = 7;
    world_open_config(&world, &config);
    world.dialling = DIAL_REFUSE;
    wait_call(&world);
    world_settle(&world);
    for (size_t i = 0; i < sizeof expected_ms / sizeof expected_ms[0]; i++) {
        uint64_t ms = ms_until_connect(&world);
        assert_in_range(ms, expected_ms[i] * 8 / 10, expected_ms[i] * 12 / 10);
        jitters |= ms != expected_ms[i];
    }
    assert_true(jitters);
    world_close(&world);
}

static void settings_start_the_backoff_anew_and_a_connection_alone_does_not(void **state) {
    (void)state;
    struct world world;
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = "127.0.0.1:5001";
    config.backoff_jitter = 0;
    world_open_config(&world, &config);
    world.dialling = DIAL_REFUSE;
    wait_call(&world);
    world_settle(&world);
    assert_int_equal(ms_until_connect(&world), 1000);
    world.dialling = DIAL_RAW;
    assert_int_equal(ms_until_connect(&world), 1600);
    world_cut(&world, world_link(&world)); /* before its SETTINGS */
    world.dialling = DIAL_ACCEPT;
    assert_int_equal(ms_until_connect(&world), 2560);
    assert_int_equal(state_of(&world), BW_CHANNEL_READY);
    world_cut(&world, world_link(&world));
    world.dialling = DIAL_REFUSE;
    wait_call(&world);
    world_settle(&world);
    assert_int_equal(ms_until_connect(&world), 1000);
    world_close(&world);
}

static void after_the_backoff_the_next_call_tries_again_and_waits(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.dialling = DIAL_REFUSE;
    world_call(&world, NULL);
    world_advance(&world, 1200);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT 127.0.0.1:5001; ");
    assert_int_equal(state_of(&world), BW_CHANNEL_IDLE);
    world.dialling = DIAL_ACCEPT;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    world_close(&world);
}

static void reset_backoff_tries_again_at_once(void **state) {
    (void)state;
    struct world world;
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = "127.0.0.1:5001";
    config.backoff_jitter = 0;
    world_open_config(&world, &config);
    bw_channel_reset_backoff(world.channel, world.now_ms); /* IDLE: nothing */
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "");
    world.dialling = DIAL_REFUSE;
    wait_call(&world);
    world_settle(&world);
    assert_int_equal(ms_until_connect(&world), 1000);
    world_wishes(&world);
    bw_channel_reset_backoff(world.channel, world.now_ms);
    assert_int_equal(state_of(&world), BW_CHANNEL_CONNECTING);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT 127.0.0.1:5001; ");
    assert_int_equal(ms_until_connect(&world), 1000);
    world_close(&world);
}

static void only_so_many_calls_may_wait(void **state) {
    (void)state;
    struct world world;
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = "127.0.0.1:5001";
    config.waiting_calls_max = 2;
    world_open_config(&world, &config);
    world.dialling = DIAL_HANG;
    struct call *first = world_call(&world, NULL);
    world_call(&world, NULL);
    struct call *third = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(third), "end RESOURCE_EXHAUSTED LOCAL");
    call_cancel(first);
    struct call *fourth = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(fourth), "");
    world_close(&world);
}

static void waiting_calls_go_out_in_order(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.dialling = DIAL_REFUSE;
    world.answer = NULL;
    struct call *calls[4];
    for (int i = 0; i < 4; i++)
        calls[i] = wait_call(&world);
    world_settle(&world);
    call_cancel(calls[1]);
    world.dialling = DIAL_ACCEPT;
    world_advance(&world, 1200);
    world_settle(&world);
    assert_int_equal(world.held_count, 3);
    world_play(world.held[0], ANSWER);
    world_settle(&world);
    assert_string_equal(call_trace(calls[0]), "headers; message pong; end OK SERVER");
    assert_string_equal(call_trace(calls[2]), "");
    world_close(&world);
}

BW_TESTS(cmocka_unit_test(states_have_names), cmocka_unit_test(nothing_is_dialled_before_the_first_call),
         cmocka_unit_test(a_name_is_looked_up_and_an_address_is_not),
         cmocka_unit_test(with_tls_the_scheme_is_https_and_the_targets_host_is_to_be_proved),
         cmocka_unit_test(an_attempt_may_fail_with_a_reason_until_the_settings_come),
         cmocka_unit_test(the_channel_is_ready_only_with_the_servers_settings),
         cmocka_unit_test(addresses_are_tried_in_order_one_at_a_time),
         cmocka_unit_test(when_every_address_fails_waiting_calls_fail_fast),
         cmocka_unit_test(a_name_that_is_not_found_is_a_failure),
         cmocka_unit_test(an_attempt_that_hangs_is_given_up),
         cmocka_unit_test(a_look_up_that_hangs_is_given_up),
         cmocka_unit_test(a_server_that_never_speaks_is_given_up),
         cmocka_unit_test(a_server_that_speaks_something_else_is_a_failure),
         cmocka_unit_test(a_connection_that_closes_before_the_settings_is_a_failure),
         cmocka_unit_test(the_backoff_grows_to_its_limit_and_jitters),
         cmocka_unit_test(settings_start_the_backoff_anew_and_a_connection_alone_does_not),
         cmocka_unit_test(after_the_backoff_the_next_call_tries_again_and_waits),
         cmocka_unit_test(reset_backoff_tries_again_at_once), cmocka_unit_test(only_so_many_calls_may_wait),
         cmocka_unit_test(waiting_calls_go_out_in_order))
