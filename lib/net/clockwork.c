#include "loop_private.h"

#include <assert.h>
#include <stdlib.h>

struct bw_clockwork {
    struct bw_chore chore;
    struct bw_tenant tenant;
    struct bw_clocked clocked; /* ops NULL: not started */
    bool ticking, freed;
};

static void tick(struct bw_clockwork *clockwork, uint64_t now) {
    clockwork->ticking = true;
    clockwork->clocked.ops->tick(clockwork->clocked.self, now);
    clockwork->ticking = false;
}

static void tend(struct bw_chore *chore, uint64_t now) {
    struct bw_clockwork *clockwork = BW_OWNER_OF(chore, struct bw_clockwork, chore);
    const struct bw_clocked *clocked = &clockwork->clocked;
    if (!clocked->ops)
        return;
    if (clocked->ops->next_deadline(clocked->self) <= now)
        tick(clockwork, now);
    if (clockwork->freed)
        free(clockwork);
    else
        bw_turn_due(chore, clocked->ops->next_deadline(clocked->self));
}

static void on_loop_gone(struct bw_tenant *tenant) {
    bw_turn_chore_remove(&BW_OWNER_OF(tenant, struct bw_clockwork, tenant)->chore);
}

struct bw_clockwork *bw_loop_clocked_add(struct bw_loop *loop) {
    struct bw_clockwork *clockwork = calloc(1, sizeof *clockwork);
    if (!clockwork)
        return NULL;
    bw_turn_chore_add(&loop->turn, &clockwork->chore, tend);
    bw_loop_tenant_add(loop, &clockwork->tenant, on_loop_gone);
    return clockwork;
}

struct bw_wake bw_clockwork_wake(struct bw_clockwork *clockwork) {
    return bw_turn_wake(&clockwork->chore);
}

void bw_clockwork_start(struct bw_clockwork *clockwork, struct bw_clocked clocked) {
    assert(!clockwork->clocked.ops && clocked.ops);
    clockwork->clocked = clocked;
    bw_turn_mark(&clockwork->chore);
}

void bw_clockwork_free(struct bw_clockwork *clockwork) {
    if (!clockwork)
        return;
    bw_turn_chore_remove(&clockwork->chore);
    bw_list_remove(&clockwork->tenant.link);
    clockwork->freed = true;
    if (!clockwork->ticking)
        free(clockwork);
}
