/* interop-server: grpc.testing.TestService on a port, with the flags of gRPC's own interop servers. */
#include "flags.h"
#include "service.h"

#include <breakwire/listener.h>
#include <breakwire/tls.h>

#include <signal.h>
#include <stdio.h>

enum { WHY_MAX = 256, EXIT_CANNOT_RUN = 1, EXIT_USAGE = 2 };

struct options {
    const char *host, *port, *certificate, *key;
    bool use_tls;
};

struct app {
    struct bw_loop *loop;
    struct bw_clockwork *clockwork;
    struct service *service;
    struct bw_server *server;
    struct bw_tls *tls;
    struct bw_tls_acceptor acceptor;
    struct bw_listener *listener;
};

static bool make_service(struct app *app) {
    struct bw_server_config config;
    bw_server_config_default(&config);
    config.name = "interop-server";
    app->loop = bw_loop_new();
    app->clockwork = app->loop ? bw_loop_clocked_add(app->loop) : NULL;
    if (!app->clockwork)
        return false;
    app->service = service_new(bw_clockwork_wake(app->clockwork));
    app->server = bw_server_new(&config);
    if (!app->service || !app->server)
        return false;
    bw_clockwork_start(app->clockwork, service_clocked(app->service));
    return service_add_to(app->service, app->server);
}

static bool listen_tls(struct app *app, const struct options *options, const char *address, char *why) {
    struct bw_tls_config config;
    bw_tls_config_default(&config, BW_TLS_SERVER);
    config.certificate_file = options->certificate;
    config.key_file = options->key;
    app->tls = bw_tls_new(&config, why, WHY_MAX);
    if (!app->tls)
        return false;
    app->acceptor =
        (struct bw_tls_acceptor){.tls = app->tls, .accept = bw_server_accept, .owner = app->server};
    app->listener = bw_listener_new(app->loop, address, bw_tls_accept, &app->acceptor, why, WHY_MAX);
    return app->listener != NULL;
}

static bool listen_at(struct app *app, const struct options *options, char *why) {
    char address[WHY_MAX];
    snprintf(address, sizeof address, "%s:%s", options->host, options->port);
    if (options->use_tls)
        return listen_tls(app, options, address, why);
    app->listener = bw_listener_new(app->loop, address, bw_server_accept, app->server, why, WHY_MAX);
    return app->listener != NULL;
}

static void on_signal(void *user, int signum) {
    (void)signum;
    bw_loop_stop(user);
}

static bool start(struct app *app, const struct options *options, char *why) {
    char line[WHY_MAX];
    if (!make_service(app) || !bw_loop_on_signal(app->loop, SIGTERM, on_signal, app->loop) ||
        !bw_loop_on_signal(app->loop, SIGINT, on_signal, app->loop) || !listen_at(app, options, why))
        return false;
    snprintf(line, sizeof line, "interop-server ready rpc=%s", bw_listener_address(app->listener));
    return bw_net_ready_line(line);
}

static void stop(struct app *app) {
    bw_listener_free(app->listener);
    bw_tls_free(app->tls);
    bw_server_free(app->server);
    bw_clockwork_free(app->clockwork);
    service_free(app->service);
    bw_loop_free(app->loop);
}

int main(int argc, char **argv) {
    struct options options = {.host = "127.0.0.1", .port = "10000"};
    const struct flag flags[] = {
        {"port", &options.port, NULL, "10000; 0 picks a free one, which the first line of output says"},
        {"host", &options.host, NULL, "127.0.0.1; 0.0.0.0 is all addresses"},
        {"use_tls", NULL, &options.use_tls, "TLS, with the two files below"},
        {"tls_cert_file", &options.certificate, NULL, "PEM"},
        {"tls_key_file", &options.key, NULL, "PEM"},
    };
    char why[WHY_MAX] = "out of memory";
    struct app app = {0};
    if (!flags_read(flags, sizeof flags / sizeof flags[0], argc, argv))
        return EXIT_USAGE;
    bw_ignore_sigpipe();
    bool ok = start(&app, &options, why);
    if (ok)
        bw_loop_run(app.loop);
    else
        fprintf(stderr, "interop-server: %s\n", why);
    stop(&app);
    return ok ? 0 : EXIT_CANNOT_RUN;
}
