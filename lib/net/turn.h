/* turn.h: the end of a turn: whatever was marked meanwhile, or has become due, is tended once.
 *
 * Marks set while tending are tended too, a few rounds long; what is left then waits for the next turn, which
 * looks at the sockets first and does not sleep. So neither a wake storm nor a busy socket starves the other.
 */
#ifndef NET_TURN_H
#define NET_TURN_H

#include "list.h"

#include <breakwire/core.h>
#include <breakwire/timers.h>

#include <uv.h>

struct bw_turn {
    uv_prepare_t before_wait;
    uv_check_t after_wait;
    uv_idle_t no_wait; /* active while something is marked: the loop then does not sleep */
    uv_timer_t alarm;
    uint64_t alarm_ms; /* when the alarm rings; BW_NEVER = it is not set */
    struct bw_timers timers;
    struct bw_list marked;
};

/* Something that is tended: a connection, a dialer, a listener, a clockwork embeds one. */
struct bw_chore {
    struct bw_turn *turn; /* NULL: the loop is gone, or nobody tends it any more */
    struct bw_list mark;  /* in the turn's list while marked */
    struct bw_timer timer;
    void (*tend)(struct bw_chore *chore, uint64_t now_ms);
};

/* 0 or a uv error. */
int bw_turn_open(struct bw_turn *turn, uv_loop_t *loop);
/* Closes the handles; the loop must run once more for that, then the memory may go. */
void bw_turn_close(struct bw_turn *turn);

void bw_turn_chore_add(struct bw_turn *turn, struct bw_chore *chore,
                       void (*tend)(struct bw_chore *, uint64_t));
/* Not tended any more; later marks do nothing. Allowed while it is being tended. */
void bw_turn_chore_remove(struct bw_chore *chore);

/* To be tended at the end of this turn. */
void bw_turn_mark(struct bw_chore *chore);
void bw_turn_unmark(struct bw_chore *chore);
/* The wake for a core: it marks. */
struct bw_wake bw_turn_wake(struct bw_chore *chore);
/* To be tended when due_ms has come (now = at the end of this turn; BW_NEVER = not for its time). */
void bw_turn_due(struct bw_chore *chore, uint64_t due_ms);

#endif
