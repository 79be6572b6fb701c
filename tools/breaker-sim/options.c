#include "options.h"

#include <stdio.h>
#include <string.h>

#include "exits.h"

static const char help[] =
    "breaker-sim: what would another circuit breaker have done?\n"
    "\n"
    "  breaker-sim --config A.json [--config B.json ...] [--json] [--svg FILE] TRACE\n"
    "  breaker-sim --config A.json --script FILE\n"
    "\n"
    "TRACE has recorded calls, one JSON object a line, in order of their start (service-a --record writes "
    "it):\n"
    "  {\"t_ms\": 120, \"latency_ms\": 35, \"code\": 0}\n"
    "Each configuration meets these calls, and what it did with them is compared. - reads standard input.\n"
    "\n"
    "  --config FILE   a JSON object with parameters of the breaker, such as {\"trip_consecutive\": 5}; what "
    "it\n"
    "                  leaves out has its default. Up to 16 times.\n"
    "  --json          the comparison as JSON\n"
    "  --svg FILE      a drawing of it: one band of states for each configuration\n"
    "  --script FILE   plays events, one JSON object a line, and prints the breaker's answer to each:\n"
    "                  acquire, complete, release, call, force, poll, read\n"
    "  --help          this text\n"
    "  --version       the version\n"
    "\n"
    "Ends with 0; with 1 when a file cannot be read or written; with 2 at the first line that is not "
    "allowed;\n"
    "with 78 when a configuration is refused.\n"
    "\n"
    "Examples:\n"
    "  breaker-sim --config today.json --config proposal.json outage.jsonl\n"
    "  printf '%s\\n' '{\"t_ms\":0,\"op\":\"call\",\"outcome\":\"fail\"}' | breaker-sim --config today.json "
    "--script -\n";

static int refuse(const char *what, const char *argument) {
    fprintf(stderr, "breaker-sim: %s%s; --help tells what is allowed\n", what, argument);
    return EXIT_BAD_INPUT;
}

/* The place of the value of an option, or NULL when the argument is not one. */
static const char **value_place(struct options *options, const char *argument) {
    if (strcmp(argument, "--config") == 0)
        return options->n_configs < CONFIGS_MAX ? &options->configs[options->n_configs++] : NULL;
    if (strcmp(argument, "--script") == 0)
        return &options->script;
    return strcmp(argument, "--svg") == 0 ? &options->svg : NULL;
}

static int check(const struct options *options) {
    if (options->n_configs == 0)
        return refuse("--config FILE is missing", "");
    if (options->script && (options->trace || options->json || options->svg || options->n_configs > 1))
        return refuse("--script goes with one --config and nothing else", "");
    if (!options->script && !options->trace)
        return refuse("a TRACE is missing, or --script FILE", "");
    return -1;
}

static int print(const char *text) {
    fputs(text, stdout);
    return EXIT_WELL;
}

int options_read(struct options *options, int argc, char **argv) {
    memset(options, 0, sizeof *options);
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (strcmp(argument, "--help") == 0)
            return print(help);
        if (strcmp(argument, "--version") == 0)
            return print("breaker-sim " BREAKWIRE_VERSION "\n");
        if (strcmp(argument, "--json") == 0) {
            options->json = true;
            continue;
        }
        const char **place = value_place(options, argument);
        if (place && i + 1 == argc)
            return refuse("a value is missing after ", argument);
        if (place)
            *place = argv[++i];
        else if (argument[0] == '-' && argument[1])
            return refuse("not allowed: ", argument);
        else if (options->trace)
            return refuse("one TRACE is allowed, not also ", argument);
        else
            options->trace = argument;
    }
    return check(options);
}
