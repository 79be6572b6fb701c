#include <breakwire/program.h>

#include <breakwire/channel.h>
#include <breakwire/dialer.h>
#include <breakwire/health.h>

#include <stdio.h>

enum { CHECK_MS = 1000, ADDRESS_MAX = 512, REACHABLE_EXTRA = 3 };
/* grpc_health_probe's table. */
enum { HEALTHY = 0, NO_CONNECTION = 2, RPC_FAILED = 3, UNHEALTHY = 4 };

struct check {
    struct bw_loop *loop;
    struct bw_tls *tls;            /* NULL: plain text */
    struct bw_tls_dialer *secured; /* NULL likewise */
    struct bw_channel *channel;
    const char *address;
    enum bw_serving serving;
    int exit_code;
};

static void on_message(void *user, struct bw_span message) {
    struct check *check = user;
    check->serving = bw_health_response(message);
}

static int judge(const struct check *check, const struct bw_call_result *result) {
    if (result->code == BW_OK)
        return check->serving == BW_SERVING ? HEALTHY : UNHEALTHY;
    return result->sent ? RPC_FAILED : NO_CONNECTION;
}

static void on_end(void *user, const struct bw_call_result *result) {
    struct check *check = user;
    check->exit_code = judge(check, result);
    if (check->exit_code == NO_CONNECTION)
        fprintf(stderr, "healthcheck: cannot connect to %s: %s\n", check->address,
                *bw_channel_last_error(check->channel) ? bw_channel_last_error(check->channel)
                                                       : result->message);
    else if (check->exit_code == RPC_FAILED)
        fprintf(stderr, "healthcheck: %s answered %s: %s\n", check->address, bw_code_name((int)result->code),
                result->message);
    else if (check->exit_code == UNHEALTHY)
        fprintf(stderr, "healthcheck: %s is not serving\n", check->address);
    bw_loop_stop(check->loop);
}

static bool start(struct check *check) {
    static const struct bw_call_events events = {.on_message = on_message, .on_end = on_end};
    uint64_t now_ms = bw_loop_now(check->loop);
    struct bw_call_options options;
    struct bw_buf request;
    bw_call_options_default(&options);
    options.path = BW_HEALTH_CHECK_PATH;
    options.deadline_ms = now_ms + CHECK_MS;
    bw_buf_init(&request, 0);
    bool ok = bw_health_request(&request, "") &&
              bw_channel_start(check->channel, now_ms, &options, bw_buf_span(&request), &events, check);
    bw_buf_free(&request);
    return ok;
}

static void run(struct check *check, struct bw_dialer *dialer) {
    char why[256] = "out of memory";
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = check->address;
    config.user_agent = "breakwire-healthcheck";
    config.tls = check->tls != NULL;
    check->channel =
        bw_channel_new(&config, bw_dialer_wake(dialer), bw_loop_now(check->loop), why, sizeof why);
    if (!check->channel) {
        fprintf(stderr, "healthcheck: %s\n", why);
        return;
    }
    struct bw_dialable dialable = bw_channel_dialable(check->channel);
    if (check->tls) {
        check->secured = bw_tls_dialer_new(check->tls, dialable, bw_dialer_wake(dialer));
        if (!check->secured)
            return;
        dialable = bw_tls_dialer_dialable(check->secured);
    }
    bw_dialer_start(dialer, dialable);
    if (start(check))
        bw_loop_run(check->loop);
}

int bw_program_healthcheck(const char *address, struct bw_tls *tls) {
    char target[ADDRESS_MAX];
    if (strlen(address) + REACHABLE_EXTRA > sizeof target)
        return NO_CONNECTION;
    bw_settings_reachable(address, target);
    struct check check = {.loop = bw_loop_new(), .tls = tls, .address = target, .exit_code = NO_CONNECTION};
    struct bw_dialer *dialer = check.loop ? bw_dialer_new(check.loop) : NULL;
    if (dialer)
        run(&check, dialer);
    bw_dialer_free(dialer);
    bw_tls_dialer_free(check.secured);
    bw_channel_free(check.channel);
    bw_loop_free(check.loop);
    return check.exit_code;
}
