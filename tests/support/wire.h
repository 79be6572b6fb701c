/* wire.h: two connection cores (core.h) connected in memory, with a virtual clock: no socket, no sleep.
 *
 *   struct bw_wire *wire = bw_wire_new(client_conn, server_conn);
 *   bw_wire_settle(wire);          everything that can happen now has happened
 *   bw_wire_advance(wire, 5000);   and so has everything of the next 5 seconds
 *   bw_wire_free(wire);            frees both cores
 *
 * An end without ops is a script: the test writes its bytes with bw_wire_say, and reads with bw_wire_heard
 * what the other end sent. */
#ifndef TESTS_SUPPORT_WIRE_H
#define TESTS_SUPPORT_WIRE_H

#include <breakwire/core.h>
#include <breakwire/span.h>

enum { BW_WIRE_A, BW_WIRE_B };

struct bw_wire;

/* Takes both cores. Time begins at BW_WIRE_START_MS: make the cores with it. */
#define BW_WIRE_START_MS 1000u
struct bw_wire *bw_wire_new(struct bw_conn a, struct bw_conn b);
/* The same for cores that were made at now_ms. */
struct bw_wire *bw_wire_new_at(struct bw_conn a, struct bw_conn b, uint64_t now_ms);
/* Frees both cores; those that were not told of a lost connection are not told now. */
void bw_wire_free(struct bw_wire *wire);
/* For the cores that are made before the wire: wakes are not needed here, everything is looked at. */
static inline struct bw_wake bw_wire_wake(void) {
    return (struct bw_wake){NULL, NULL};
}

uint64_t bw_wire_now(const struct bw_wire *wire);
/* From now on bytes arrive n at a time; 1 = one byte per feed. At first: all there are. */
void bw_wire_pieces(struct bw_wire *wire, size_t n);
/* What `end` sends piles up unread on its way (a blocked socket) after room bytes; SIZE_MAX = not. Bytes that
 * are in its pipe then stay there until the room is SIZE_MAX again. */
void bw_wire_block(struct bw_wire *wire, int end, size_t room);

/* One round: drain, deliver, tick, close. True when anything happened. */
bool bw_wire_step(struct bw_wire *wire);
/* Steps until nothing happens at this time. Fails the test after very many steps. */
void bw_wire_settle(struct bw_wire *wire);
/* Settles, moves the clock from deadline to deadline, and settles at each, up to ms from now. */
void bw_wire_advance(struct bw_wire *wire, uint64_t ms);
/* The connection breaks: both ends are told. */
void bw_wire_cut(struct bw_wire *wire, enum bw_lost reason);
/* Has this end asked for CLOSE and been closed, or been told that the other is gone? */
bool bw_wire_is_closed(const struct bw_wire *wire, int end);

/* For an end that is a script. */
void bw_wire_say(struct bw_wire *wire, int end, const void *bytes, size_t len);
struct bw_span bw_wire_heard(const struct bw_wire *wire, int end);
void bw_wire_forget(struct bw_wire *wire, int end);

#endif
