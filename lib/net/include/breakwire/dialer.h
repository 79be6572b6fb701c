/* dialer.h: fulfils the wishes of a dialable (a channel): looks names up, connects, closes. Rules as in
 * loop.h.
 *
 *     dialer = bw_dialer_new(loop);
 *     channel = x_new(..., bw_dialer_wake(dialer));
 *     bw_dialer_start(dialer, x_dialable(channel));
 *
 * Names are looked up anew for every RESOLVE, off the loop's thread. A connect attempt has no limit of time
 * of its own: the dialable gives it up with CLOSE. A closed connection first sends what its core still
 * drains; its core gets no lost() for what the dialable itself asked for. */
#ifndef BREAKWIRE_DIALER_H
#define BREAKWIRE_DIALER_H

#include <breakwire/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_dialer;

/* NULL: no memory. */
struct bw_dialer *bw_dialer_new(struct bw_loop *loop);
/* Valid until bw_dialer_free; a wake before the start is remembered. */
struct bw_wake bw_dialer_wake(struct bw_dialer *dialer);
/* From the end of this turn on the dialable is asked for wishes and ticked. Kept, not owned. Once only. */
void bw_dialer_start(struct bw_dialer *dialer, struct bw_dialable dialable);
/* Abandons attempts, ends the connections that are left (lost with BW_LOST_SHUTDOWN, then free), frees. The
 * dialable is not called again and may be freed afterwards. Not from inside a callback of one of the
 * connections; inside one of the dialable's is allowed. NULL is allowed. */
void bw_dialer_free(struct bw_dialer *dialer);

#ifdef __cplusplus
}
#endif
#endif
