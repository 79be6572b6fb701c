/* service-b: wires the data and control services to an RPC listener. */
#include "config.h"
#include "control.h"
#include "data.h"

#include <breakwire/health.h>
#include <breakwire/listener.h>
#include <breakwire/program.h>
#include <breakwire/reflection.h>
#include <protobuf-c/protobuf-c.h>
#include <service_b_descriptors.h>

#include <stdio.h>

enum { WHY_MAX = 256 };

static const char *const service_names[] = {
    "breakwire.demo.v1.ControlService",
    "breakwire.demo.v1.DataService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
};
enum { SERVICES = sizeof service_names / sizeof service_names[0] };

struct app {
    struct fault fault;
    struct data_service *data;
    struct control_service control;
    struct bw_server *server;
    struct bw_health *health;
    struct bw_reflection *reflection;
    struct bw_clockwork *clockwork;
    struct bw_tls_acceptor acceptor;
    struct bw_listener *listener;
};

static bool make_data(struct app *app, struct bw_program *program) {
    uint64_t seed;
    app->clockwork = bw_loop_clocked_add(program->loop);
    if (!app->clockwork || !bw_random_bytes(&seed, sizeof seed))
        return false;
    app->data = data_service_new(&app->fault, seed, bw_clockwork_wake(app->clockwork));
    if (!app->data)
        return false;
    bw_clockwork_start(app->clockwork, data_service_clocked(app->data));
    return true;
}

static bool make_server(struct app *app, struct bw_program *program, char *why) {
    struct bw_server_config config;
    bw_server_config_default(&config);
    config.name = program->name;
    config.drain_grace_ms = program->drain_timeout_ms;
    app->server = bw_server_new(&config);
    if (!app->server)
        return false;
    app->control = (struct control_service){&app->fault, app->data, &program->log};
    app->health = bw_health_new(app->server);
    app->reflection =
        bw_reflection_new(app->server, bw_span_of(service_b_descriptors, service_b_descriptors_size),
                          service_names, SERVICES, why, WHY_MAX);
    bool ok = app->health && app->reflection && data_service_register(app->data, app->server) == 0 &&
              control_service_register(&app->control, app->server) == 0;
    for (size_t i = 0; ok && i < SERVICES; i++)
        ok = bw_health_set(app->health, service_names[i], BW_SERVING);
    return ok;
}

static bool listen_and_say(struct app *app, struct bw_program *program, char *why) {
    char line[WHY_MAX];
    app->listener =
        bw_program_listen_rpc(program, &app->acceptor, bw_server_accept, app->server, why, WHY_MAX);
    if (!app->listener)
        return false;
    const char *address = bw_listener_address(app->listener);
    bw_log_fields(&program->log, BW_LOG_INFO, "listening", bw_field_text("rpc", address));
    snprintf(line, sizeof line, "service-b ready rpc=%s", address);
    return bw_net_ready_line(line);
}

static bool start(struct app *app, struct bw_program *program) {
    char why[WHY_MAX] = "out of memory";
    fault_init(&app->fault);
    if (make_data(app, program) && make_server(app, program, why) && listen_and_say(app, program, why))
        return true;
    bw_program_complain(program, why);
    return false;
}

static void stop(struct app *app) {
    bw_listener_free(app->listener);
    bw_server_free(app->server);
    bw_reflection_free(app->reflection);
    bw_health_free(app->health);
    bw_clockwork_free(app->clockwork);
    data_service_free(app->data);
}

static void begin_drain(void *owner, uint64_t now_ms) {
    struct app *app = owner;
    bw_listener_close(app->listener);
    bw_health_shutdown(app->health);
    bw_server_drain(app->server, now_ms);
}

static bool is_drained(const void *owner) {
    const struct app *app = owner;
    return bw_listener_connections(app->listener) == 0;
}

int main(int argc, char **argv) {
    char codec[64];
    snprintf(codec, sizeof codec, "protobuf-c %s", protobuf_c_version());
    struct bw_program_spec spec = {
        .table = &service_b_settings, .codec_version = codec, .apply = service_b_apply};
    struct bw_program program;
    struct app app = {0};
    int code = bw_program_begin(&program, &spec, argc, argv);
    if (code == BW_PROGRAM_RUN) {
        struct bw_program_drain drain = {begin_drain, is_drained, &app};
        code = start(&app, &program) ? bw_program_run(&program, &drain) : BW_EXIT_CANNOT_RUN;
        stop(&app);
    }
    bw_program_end(&program);
    return code;
}
