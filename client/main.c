/* service-a: wires guards, face and front to one channel and two listeners. */
#include "config.h"
#include "face.h"
#include "fault_watch.h"
#include "front.h"
#include "journal.h"
#include "recorder.h"

#include <breakwire/dialer.h>
#include <breakwire/filesink.h>
#include <breakwire/health.h>
#include <breakwire/listener.h>
#include <breakwire/program.h>
#include <breakwire/reflection.h>
#include <pb.h>
#include <service_a_descriptors.h>

#include <stdio.h>

enum { WHY_MAX = 512, CLOCKWORKS_MAX = 5, BACKOFF_MAX_MS = 10000 };

static const char *const service_names[] = {
    "breakwire.breaker.v1.BreakerService", "breakwire.demo.v1.ControlService",
    "breakwire.demo.v1.DataService",       "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
};
enum { SERVICES = sizeof service_names / sizeof service_names[0] };

struct app {
    int exit_code; /* when it cannot start */
    struct bw_program *program;
    struct config *config;
    struct times times;
    struct bw_dialer *dialer;
    struct bw_tls_dialer *secured; /* NULL: service-b is called in plain text */
    struct bw_channel *channel;
    struct bw_clockwork *clockworks[CLOCKWORKS_MAX];
    size_t clockworks_count;
    struct journal *journal;
    struct recorder *recorder; /* NULL: nothing is recorded */
    struct bw_filesink *trace;
    struct guard *data_guard, *control_guard;
    struct fault_watch *fault_watch;
    struct feed *feed;
    struct page *page;
    struct front *front;
    struct bw_server *server;
    struct bw_health *health;
    struct bw_reflection *reflection;
    struct face *face;
    struct bw_tls_acceptor rpc_acceptor;
    struct bw_listener *http_listener, *rpc_listener;
};

/* ---- what happens goes to everyone who is told ---- */

static void on_call(void *user, const struct guard_result *result) {
    struct app *app = user;
    journal_call(app->journal, result, times_now(&app->times));
    if (app->recorder && strcmp(result->breaker, CONFIG_DATA_BREAKER) == 0)
        recorder_call(app->recorder, result, times_now(&app->times));
    feed_call(app->feed, result);
}

static void on_change(void *user, const struct guard_change *change) {
    struct app *app = user;
    journal_change(app->journal, change);
    feed_change(app->feed, change);
    face_changed(app->face, change->breaker, times_now(&app->times));
}

static void on_fault(void *user, const struct stub_fault *fault) {
    const struct app *app = user;
    feed_fault(app->feed, fault);
}

static void on_viewers(void *user, size_t viewers) {
    const struct app *app = user;
    fault_watch_viewers(app->fault_watch, viewers);
}

static uint64_t now_of(void *owner) {
    return bw_loop_now(owner);
}

static uint64_t wall_of(void *owner) {
    (void)owner;
    return bw_wall_ms();
}

/* ---- making it, from the wire up ---- */

static struct bw_clockwork *add_clockwork(struct app *app) {
    struct bw_clockwork *clockwork = bw_loop_clocked_add(app->program->loop);
    if (clockwork)
        app->clockworks[app->clockworks_count++] = clockwork;
    return clockwork;
}

/* What the dialer runs: the channel, or TLS around it. ops NULL: `why`. */
static struct bw_dialable secure_channel(struct app *app, char *why) {
    struct bw_dialable dialable = bw_channel_dialable(app->channel);
    if (!config_calls_by_tls(app->program->settings))
        return dialable;
    struct bw_tls *tls = bw_program_tls_new(app->program, &config_service_b_tls, why, WHY_MAX);
    if (tls)
        app->secured = bw_tls_dialer_new(tls, dialable, bw_dialer_wake(app->dialer));
    return app->secured ? bw_tls_dialer_dialable(app->secured) : (struct bw_dialable){NULL, NULL};
}

static bool make_channel(struct app *app, char *why) {
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = bw_settings_text(app->program->settings, "SERVICE_B_ADDRESS");
    config.user_agent = app->program->name;
    config.backoff_max_ms = BACKOFF_MAX_MS;
    config.tls = config_calls_by_tls(app->program->settings);
    app->dialer = bw_dialer_new(app->program->loop);
    if (!app->dialer || !bw_random_bytes(&config.seed, sizeof config.seed))
        return false;
    app->channel = bw_channel_new(&config, bw_dialer_wake(app->dialer), times_now(&app->times), why, WHY_MAX);
    if (!app->channel)
        return false;
    struct bw_dialable dialable = secure_channel(app, why);
    if (!dialable.ops)
        return false;
    bw_dialer_start(app->dialer, dialable);
    return true;
}

static struct guard *make_guard(struct app *app, const char *name, const struct bw_breaker_config *breaker) {
    struct guard_config config = {.name = name,
                                  .breaker = breaker,
                                  .channel = app->channel,
                                  .call_timeout_ms = config_timeout_ms(breaker),
                                  .observer = {on_call, on_change, app}};
    struct bw_clockwork *clockwork = add_clockwork(app);
    struct guard *guard =
        clockwork ? guard_new(&config, bw_clockwork_wake(clockwork), times_now(&app->times)) : NULL;
    if (guard)
        bw_clockwork_start(clockwork, guard_clocked(guard));
    return guard;
}

static bool make_guards(struct app *app) {
    struct bw_clockwork *clockwork = add_clockwork(app);
    app->journal = clockwork ? journal_new(&app->program->log, bw_clockwork_wake(clockwork)) : NULL;
    if (!app->journal)
        return false;
    bw_clockwork_start(clockwork, journal_clocked(app->journal));
    app->data_guard = make_guard(app, CONFIG_DATA_BREAKER, config_data_breaker(app->config));
    app->control_guard = make_guard(app, CONFIG_CONTROL_BREAKER, config_control_breaker(app->config));
    return app->data_guard && app->control_guard;
}

/* ---- the trace ---- */

static void on_lines(void *user, struct bw_span lines) {
    const struct app *app = user;
    bw_filesink_write(app->trace, lines);
}

static void on_trace_failed(void *user, const char *why) {
    const struct app *app = user;
    bw_log_fields(&app->program->log, BW_LOG_ERROR, "recording has ended",
                  bw_field_text("file", bw_settings_text(app->program->settings, "RECORD")),
                  bw_field_text("why", why));
}

static bool open_trace(struct app *app, const char *path, char *why) {
    struct bw_filesink_config config = {.path = path,
                                        .size_max =
                                            bw_settings_integer(app->program->settings, "RECORD_MAX_BYTES"),
                                        .on_failed = on_trace_failed,
                                        .owner = app};
    char reason[64];
    struct bw_buf source;
    app->trace = bw_filesink_new(app->program->loop, &config, reason, sizeof reason);
    if (app->trace)
        return true;
    bw_buf_init(&source, 0);
    bw_settings_source(app->program->settings, "RECORD", &source);
    snprintf(why, WHY_MAX, "%.80s is \"%.300s\", but that file cannot be written: %s", bw_buf_text(&source),
             path, reason);
    bw_buf_free(&source);
    app->exit_code = BW_EXIT_CONFIGURATION;
    return false;
}

static bool make_recorder(struct app *app, char *why) {
    const char *path = bw_settings_text(app->program->settings, "RECORD");
    struct recorder_config config = {app->data_guard, on_lines, app};
    if (!*path)
        return true;
    struct bw_clockwork *clockwork = open_trace(app, path, why) ? add_clockwork(app) : NULL;
    if (!clockwork)
        return false;
    app->recorder = recorder_new(&config, bw_clockwork_wake(clockwork), times_now(&app->times));
    if (!app->recorder)
        return false;
    bw_clockwork_start(clockwork, recorder_clocked(app->recorder));
    bw_log_fields(&app->program->log, BW_LOG_INFO, "recording", bw_field_text("file", path));
    return true;
}

/* Before connections are cut: what we end ourselves is no answer of service-b. */
static void end_trace(struct app *app) {
    if (!app->recorder) {
        bw_filesink_free(app->trace);
        return;
    }
    recorder_finish(app->recorder);
    if (recorder_missed(app->recorder))
        bw_log_fields(&app->program->log, BW_LOG_WARN, "calls are missing in the trace",
                      bw_field_u64("calls", recorder_missed(app->recorder)));
    bw_filesink_free(app->trace);
}

static bool make_feed(struct app *app) {
    struct feed_config config = {.guards = {app->data_guard, app->control_guard},
                                 .guards_count = 2,
                                 .times = app->times,
                                 .version = BREAKWIRE_VERSION,
                                 .boot = times_wall(&app->times),
                                 .on_viewers = on_viewers,
                                 .user = app};
    struct bw_clockwork *clockwork = add_clockwork(app);
    if (!clockwork)
        return false;
    app->feed = feed_new(&config);
    app->fault_watch = fault_watch_new(app->channel, bw_clockwork_wake(clockwork), on_fault, app);
    if (app->fault_watch)
        bw_clockwork_start(clockwork, fault_watch_clocked(app->fault_watch));
    return app->feed && app->fault_watch;
}

static bool make_front(struct app *app) {
    app->page = page_new();
    if (!app->page)
        return false;
    struct front_config config = {.data_guard = app->data_guard,
                                  .control_guard = app->control_guard,
                                  .feed = app->feed,
                                  .page = app->page,
                                  .site = config_site(app->config),
                                  .times = app->times};
    app->front = front_new(&config);
    return app->front != NULL;
}

static bool make_face(struct app *app, char *why) {
    struct face_config config = {app->data_guard, app->control_guard};
    struct bw_server_config server;
    bw_server_config_default(&server);
    server.name = app->program->name;
    server.drain_grace_ms = app->program->drain_timeout_ms;
    app->server = bw_server_new(&server);
    if (!app->server)
        return false;
    app->face = face_new(&config, app->server);
    app->health = bw_health_new(app->server);
    app->reflection =
        bw_reflection_new(app->server, bw_span_of(service_a_descriptors, service_a_descriptors_size),
                          service_names, SERVICES, why, WHY_MAX);
    bool ok = app->face && app->health && app->reflection;
    for (size_t i = 0; ok && i < SERVICES; i++)
        ok = bw_health_set(app->health, service_names[i], BW_SERVING);
    return ok;
}

/* False, for the caller to return. */
static bool name_setting(char *why, const char *setting) {
    if (strlen(why) + strlen(setting) + 32 < WHY_MAX)
        snprintf(why + strlen(why), WHY_MAX - strlen(why), " (%s chooses another)", setting);
    return false;
}

static bool listen_http(struct app *app, char *why) {
    const char *wanted = bw_settings_text(app->program->settings, "HTTP_ADDRESS");
    app->http_listener =
        bw_listener_new(app->program->loop, wanted, bw_http_accept, front_server(app->front), why, WHY_MAX);
    if (!app->http_listener)
        return name_setting(why, "HTTP_ADDRESS");
    bw_program_warn_open(app->program, bw_listener_address(app->http_listener));
    return true;
}

static bool listen_rpc(struct app *app, char *why) {
    app->rpc_listener =
        bw_program_listen_rpc(app->program, &app->rpc_acceptor, bw_server_accept, app->server, why, WHY_MAX);
    return app->rpc_listener || name_setting(why, "RPC_ADDRESS");
}

static bool listen_and_say(struct app *app, char *why) {
    char line[WHY_MAX];
    if (!listen_http(app, why) || !listen_rpc(app, why))
        return false;
    const char *http = bw_listener_address(app->http_listener), *rpc = bw_listener_address(app->rpc_listener);
    bw_log_fields(&app->program->log, BW_LOG_INFO, "listening", bw_field_text("http", http),
                  bw_field_text("rpc", rpc),
                  bw_field_text("service_b", bw_settings_text(app->program->settings, "SERVICE_B_ADDRESS")));
    snprintf(line, sizeof line, "service-a ready http://%s rpc=%s", http, rpc);
    return bw_net_ready_line(line);
}

static bool start(struct app *app, struct bw_program *program) {
    char why[WHY_MAX] = "out of memory";
    app->program = program;
    app->times = (struct times){now_of, wall_of, program->loop, bw_loop_now(program->loop)};
    if (make_channel(app, why) && make_guards(app) && make_recorder(app, why) && make_feed(app) &&
        make_front(app) && make_face(app, why) && listen_and_say(app, why))
        return true;
    bw_program_complain(program, why);
    return false;
}

/* Connections first: they tell their owners that they are lost, and everyone they could tell is still there.
 */
static void stop(struct app *app) {
    end_trace(app);
    bw_listener_free(app->http_listener);
    bw_listener_free(app->rpc_listener);
    bw_dialer_free(app->dialer);
    bw_tls_dialer_free(app->secured);
    for (size_t i = 0; i < app->clockworks_count; i++)
        bw_clockwork_free(app->clockworks[i]);
    front_free(app->front);
    bw_server_free(app->server);
    bw_reflection_free(app->reflection);
    bw_health_free(app->health);
    face_free(app->face);
    page_free(app->page);
    feed_free(app->feed);
    guard_free(app->data_guard);
    guard_free(app->control_guard);
    bw_channel_free(app->channel);
    fault_watch_free(app->fault_watch);
    recorder_free(app->recorder);
    journal_free(app->journal);
}

static void begin_drain(void *owner, uint64_t now_ms) {
    struct app *app = owner;
    bw_listener_close(app->http_listener);
    bw_listener_close(app->rpc_listener);
    front_drain(app->front, now_ms);
    bw_health_shutdown(app->health);
    face_drain(app->face);
    bw_server_drain(app->server, now_ms);
}

static bool is_drained(const void *owner) {
    const struct app *app = owner;
    return bw_listener_connections(app->http_listener) == 0 &&
           bw_listener_connections(app->rpc_listener) == 0;
}

int main(int argc, char **argv) {
    struct app app = {.config = config_new(), .exit_code = BW_EXIT_CANNOT_RUN};
    if (!app.config) {
        fputs("service-a: out of memory\n", stderr);
        return BW_EXIT_CANNOT_RUN;
    }
    struct bw_program_spec spec = {.table = config_table(app.config),
                                   .codec_version = NANOPB_VERSION,
                                   .apply = config_apply,
                                   .print = config_print,
                                   .owner = app.config};
    struct bw_program program;
    int code = bw_program_begin(&program, &spec, argc, argv);
    if (code == BW_PROGRAM_RUN) {
        struct bw_program_drain drain = {begin_drain, is_drained, &app};
        code = start(&app, &program) ? bw_program_run(&program, &drain) : app.exit_code;
        stop(&app);
    }
    bw_program_end(&program);
    config_free(app.config);
    return code;
}
