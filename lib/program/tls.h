/* tls.h: what program.c asks of tls.c. */
#ifndef PROGRAM_TLS_H
#define PROGRAM_TLS_H

#include <breakwire/program.h>

/* Reads all files again; what cannot be read is logged. */
void bw_program_tls_reload(const struct bw_program *program);
/* After the loop is gone. */
void bw_program_tls_end(struct bw_program *program);
/* For a health check of this program's own RPC address. NULL: `why`. */
struct bw_tls *bw_program_tls_probe(const struct bw_settings *settings, char *why, size_t cap);

#endif
