/* get_data ADDRESS: calls breakwire.demo.v1.DataService/GetData once and prints the answer. The whole of a
 * client. */
#include <breakwire/channel.h>
#include <breakwire/demo/v1/demo.pb-c.h>
#include <breakwire/dialer.h>

#include <stdio.h>

struct app {
    struct bw_loop *loop;
    int exit_code;
};

static void on_message(void *user, struct bw_span message) {
    (void)user;
    Breakwire__Demo__V1__GetDataResponse *response =
        breakwire__demo__v1__get_data_response__unpack(NULL, message.len, message.data);
    if (!response)
        return;
    printf("%s %d\n", response->message, response->data);
    breakwire__demo__v1__get_data_response__free_unpacked(response, NULL);
}

static void on_end(void *user, const struct bw_call_result *result) {
    struct app *app = user;
    app->exit_code = (int)result->code;
    if (result->code != BW_OK)
        fprintf(stderr, "%s: %s\n", bw_code_name((int)result->code), result->message);
    bw_loop_stop(app->loop);
}

static bool call(struct app *app, struct bw_channel *channel) {
    static const struct bw_call_events events = {.on_message = on_message, .on_end = on_end};
    uint64_t now_ms = bw_loop_now(app->loop);
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/breakwire.demo.v1.DataService/GetData";
    options.deadline_ms = now_ms + 3000;
    struct bw_span request = {0}; /* GetDataRequest has no fields: no bytes */
    return bw_channel_start(channel, now_ms, &options, request, &events, app) != NULL;
}

int main(int argc, char **argv) {
    char why[256];
    struct app app = {.exit_code = 2};
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = argc > 1 ? argv[1] : "127.0.0.1:5001";
    bw_ignore_sigpipe();
    app.loop = bw_loop_new();
    struct bw_dialer *dialer = bw_dialer_new(app.loop);
    struct bw_channel *channel =
        bw_channel_new(&config, bw_dialer_wake(dialer), bw_loop_now(app.loop), why, sizeof why);
    if (!channel) {
        fprintf(stderr, "%s\n", why);
    } else {
        bw_dialer_start(dialer, bw_channel_dialable(channel));
        if (call(&app, channel))
            bw_loop_run(app.loop);
    }
    bw_dialer_free(dialer);
    bw_channel_free(channel);
    bw_loop_free(app.loop);
    return app.exit_code;
}
