/* trap.h: memory in which another thread comes in between two steps of an operation, made certain.
 *
 * From some byte on the memory is read-only, or not readable, until it is touched. That moment, in the middle
 * of an operation that has read a word and is about to store another, is the rival's: it does what it wants,
 * and then the step that was caught is made. Not for several threads. */
#ifndef TESTS_BREAKER_TRAP_H
#define TESTS_BREAKER_TRAP_H

#include <stdbool.h>
#include <stddef.h>

#include <breakwire/breaker.h>

/* Zeroed memory of `size` bytes whose byte `boundary`, a multiple of 8, is the first one of a page. */
void *trap_memory(size_t size, size_t boundary);
/* A breaker there, made at 1000 ms; parameters as in scene.h. */
struct bw_breaker *trap_breaker(const char *parameters, size_t boundary);
/* Ends what one of them began. */
void trap_free(void);

enum trap_for { TRAP_WRITING, TRAP_READING };

/* From the boundary on `length` bytes, in whole pages, are watched. `rival` may be NULL. */
void trap_set(enum trap_for what, size_t length, void (*rival)(void *argument), void *argument);
/* Was it touched? The trap is gone in any case. */
bool trap_was_touched(void);

#endif
