/* flags.h: the command line of gRPC's interop programs: --name=value, --name value, and --name for a switch.
 *
 * No threads; nothing is allocated. Values point into argv. */
#ifndef INTEROP_FLAGS_H
#define INTEROP_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

/* One of the two is set. */
struct flag {
    const char *name;  /* "use_tls" */
    const char **text; /* takes a value */
    bool *on;          /* a switch: --name, --name=true, --name=false */
    const char *help;
};

/* Reads argv into what the flags point to. False: a flag is unknown, has no value or a wrong one, or it was
 * --help; all flags were then written to stderr. */
bool flags_read(const struct flag *flags, size_t n, int argc, char **argv);

#endif
