#include "turn.h"

#include <stddef.h>

#define ROUNDS_MAX 4

static uint64_t now_of(const struct bw_turn *turn) {
    return uv_now(turn->alarm.loop);
}

static void mark_due(struct bw_turn *turn) {
    struct bw_timer *timer;
    while ((timer = bw_timers_pop_due(&turn->timers, now_of(turn))))
        bw_turn_mark(BW_OWNER_OF(timer, struct bw_chore, timer));
}

/* Members may be removed, marked and freed by one another while this runs. */
static void tend_marked(struct bw_turn *turn) {
    struct bw_list batch;
    bw_list_move_all(&turn->marked, &batch);
    while (!bw_list_empty(&batch)) {
        struct bw_chore *chore = BW_OWNER_OF(batch.next, struct bw_chore, mark);
        bw_list_remove(&chore->mark);
        chore->tend(chore, now_of(turn));
    }
}

static void on_alarm(uv_timer_t *alarm) {
    struct bw_turn *turn = alarm->data;
    turn->alarm_ms = BW_NEVER; /* the rest follows before the next wait */
}

/* Only ever set earlier: an alarm that rings for a timer that is gone costs less than following every change.
 */
static void set_alarm(struct bw_turn *turn) {
    uint64_t next = bw_timers_next(&turn->timers), now = now_of(turn);
    if (next >= turn->alarm_ms)
        return;
    uv_timer_start(&turn->alarm, on_alarm, next > now ? next - now : 0, 0);
    turn->alarm_ms = next;
}

static void on_no_wait(uv_idle_t *idle) {
    (void)idle;
}

static void settle(struct bw_turn *turn) {
    mark_due(turn);
    for (int round = 0; round < ROUNDS_MAX && !bw_list_empty(&turn->marked); round++)
        tend_marked(turn);
    if (bw_list_empty(&turn->marked))
        uv_idle_stop(&turn->no_wait);
    else
        uv_idle_start(&turn->no_wait, on_no_wait);
    set_alarm(turn);
}

static void on_before_wait(uv_prepare_t *prepare) {
    settle(prepare->data);
}

static void on_after_wait(uv_check_t *check) {
    settle(check->data);
}

int bw_turn_open(struct bw_turn *turn, uv_loop_t *loop) {
    bw_timers_init(&turn->timers);
    bw_list_init(&turn->marked);
    turn->alarm_ms = BW_NEVER;
    uv_prepare_init(loop, &turn->before_wait);
    uv_check_init(loop, &turn->after_wait);
    uv_idle_init(loop, &turn->no_wait);
    uv_timer_init(loop, &turn->alarm);
    turn->before_wait.data = turn->after_wait.data = turn->alarm.data = turn;
    uv_prepare_start(&turn->before_wait, on_before_wait);
    return uv_check_start(&turn->after_wait, on_after_wait);
}

void bw_turn_close(struct bw_turn *turn) {
    uv_close((uv_handle_t *)&turn->before_wait, NULL);
    uv_close((uv_handle_t *)&turn->after_wait, NULL);
    uv_close((uv_handle_t *)&turn->no_wait, NULL);
    uv_close((uv_handle_t *)&turn->alarm, NULL);
    bw_timers_free(&turn->timers);
}

void bw_turn_chore_add(struct bw_turn *turn, struct bw_chore *chore,
                       void (*tend)(struct bw_chore *, uint64_t)) {
    *chore = (struct bw_chore){.turn = turn, .tend = tend};
    bw_list_init(&chore->mark);
}

void bw_turn_chore_remove(struct bw_chore *chore) {
    bw_turn_unmark(chore);
    if (chore->turn)
        bw_timer_remove(&chore->turn->timers, &chore->timer);
    chore->turn = NULL;
}

void bw_turn_mark(struct bw_chore *chore) {
    if (chore->turn && bw_list_empty(&chore->mark))
        bw_list_append(&chore->turn->marked, &chore->mark);
}

void bw_turn_unmark(struct bw_chore *chore) {
    bw_list_remove(&chore->mark);
}

static void wake(void *chore) {
    bw_turn_mark(chore);
}

struct bw_wake bw_turn_wake(struct bw_chore *chore) {
    return (struct bw_wake){wake, chore};
}

void bw_turn_due(struct bw_chore *chore, uint64_t due_ms) {
    struct bw_timer *timer = &chore->timer;
    struct bw_turn *turn = chore->turn;
    if (!turn || due_ms == (bw_timer_is_set(timer) ? timer->due_ms : BW_NEVER))
        return;
    if (due_ms <= now_of(turn)) {
        bw_timer_remove(&turn->timers, timer);
        bw_turn_mark(chore);
    } else if (!bw_timer_set(&turn->timers, timer, due_ms)) {
        bw_turn_mark(chore); /* no memory: looked after every turn, which is slow, but nothing is forgotten */
    }
}
