/* list.h: a circular list whose links lie in its members. Nothing is allocated. */
#ifndef NET_LIST_H
#define NET_LIST_H

#include <stdbool.h>

struct bw_list {
    struct bw_list *next, *prev;
};

/* A head without members, or a member that is in no list. */
static inline void bw_list_init(struct bw_list *list) {
    list->next = list->prev = list;
}

/* For a head: it has no members. For a member: it is in no list. */
static inline bool bw_list_empty(const struct bw_list *list) {
    return list->next == list;
}

static inline void bw_list_append(struct bw_list *head, struct bw_list *member) {
    member->prev = head->prev;
    member->next = head;
    head->prev->next = member;
    head->prev = member;
}

/* Takes the member out of the list it is in, if it is in one. */
static inline void bw_list_remove(struct bw_list *member) {
    member->prev->next = member->next;
    member->next->prev = member->prev;
    bw_list_init(member);
}

/* All members of `from` become the members of `to`, which had none. */
static inline void bw_list_move_all(struct bw_list *from, struct bw_list *to) {
    bw_list_init(to);
    if (bw_list_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    bw_list_init(from);
}

#endif
