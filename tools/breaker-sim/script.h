/* script.h: plays an event script against one breaker and prints a line for each event. */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <breakwire/breaker.h>

/* The exit code of the program. */
int script_run(const char *path, const struct bw_breaker_config *config);

#endif
