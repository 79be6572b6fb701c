/* loop.h: the event loop that drives pure cores (core.h) over real sockets, timers and signals.
 *
 * lib/net is the only library that waits or reads the clock. One loop belongs to one thread; nothing here
 * may be called from another. A turn of the loop delivers what happened, and at its end serves every core
 * that was woken meanwhile, once.
 *
 * Listeners, dialers and clockworks belong to whoever made them and may be freed before or after the loop;
 * once the loop is gone they do nothing. A program calls bw_ignore_sigpipe() first thing in main. */
#ifndef BREAKWIRE_LOOP_H
#define BREAKWIRE_LOOP_H

#include <breakwire/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bw_loop;

/* NULL: no memory, or no file descriptor left. */
struct bw_loop *bw_loop_new(void);
/* Ends every connection (lost with BW_LOST_SHUTDOWN, then free) and frees the loop. Not from inside a
 * callback: stop the loop first. Waits for a name lookup that is being answered just now. NULL is allowed. */
void bw_loop_free(struct bw_loop *loop);

/* Runs until bw_loop_stop, also when there is nothing to do. May be called again afterwards. */
void bw_loop_run(struct bw_loop *loop);
/* Makes bw_loop_run return at the end of this turn, cores served; before the run: it returns at once. */
void bw_loop_stop(struct bw_loop *loop);

/* Monotonic milliseconds, read once per turn: the now_ms that cores see. */
uint64_t bw_loop_now(const struct bw_loop *loop);
/* Milliseconds since 1970, UTC: for log lines and events, never for deadlines. */
uint64_t bw_wall_ms(void);
/* Fills `out` from the kernel's random source, for seeds. False: there is none. */
bool bw_random_bytes(void *out, size_t len);

/* Calls fn(user, signum) from the loop whenever the signal came in. False: not a signal that can be caught,
 * or no memory. Lasts as long as the loop. */
bool bw_loop_on_signal(struct bw_loop *loop, int signum, void (*fn)(void *user, int signum), void *user);

/* Something that only needs the time. It first gives the wake that the core wants at its creation:
 *     clockwork = bw_loop_clocked_add(loop);
 *     core = x_new(..., bw_clockwork_wake(clockwork));
 *     bw_clockwork_start(clockwork, x_clocked(core)); */
struct bw_clockwork;

/* NULL: no memory. */
struct bw_clockwork *bw_loop_clocked_add(struct bw_loop *loop);
/* Valid until bw_clockwork_free; a wake before the start is remembered. */
struct bw_wake bw_clockwork_wake(struct bw_clockwork *clockwork);
/* From the end of this turn on: tick when next_deadline has come, which is asked after every tick and wake.
 * The clocked is kept, not owned. Once only. */
void bw_clockwork_start(struct bw_clockwork *clockwork, struct bw_clocked clocked);
/* No tick follows. May be called inside the tick. NULL is allowed. */
void bw_clockwork_free(struct bw_clockwork *clockwork);

/* "1.44.2": the libuv that is loaded. Static text. */
const char *bw_net_library_version(void);

/* Ignores SIGPIPE for the process, and SIGXFSZ: otherwise a write to a closed peer, or to a file at the limit
 * of its size, would end it. */
void bw_ignore_sigpipe(void);
/* Writes the text and a newline to stdout, at once. May block: for the one line a program says when it is
 * ready. False: stdout does not take it. */
bool bw_net_ready_line(const char *text);

#ifdef __cplusplus
}
#endif
#endif
