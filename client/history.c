#include "history.h"

void history_init(struct history *history) {
    *history = (struct history){.newest = 0};
}

void history_free(struct history *history) {
    for (size_t i = 0; i < HISTORY_KEPT; i++)
        bw_buf_free(&history->entries[i].json);
    history_init(history);
}

struct history_entry *history_add(struct history *history, const char *event) {
    struct history_entry *entry = &history->entries[history->newest % HISTORY_KEPT];
    bw_buf_clear(&entry->json);
    entry->number = ++history->newest;
    entry->event = event;
    return entry;
}

uint64_t history_oldest(const struct history *history) {
    return history->newest > HISTORY_KEPT ? history->newest - HISTORY_KEPT + 1 : 1;
}

const struct history_entry *history_get(const struct history *history, uint64_t number) {
    if (number < history_oldest(history) || number > history->newest)
        return NULL;
    return &history->entries[(number - 1) % HISTORY_KEPT];
}

size_t history_last(const struct history *history, const char *event, uint64_t *numbers, size_t cap) {
    uint64_t oldest = history_oldest(history), number = history->newest;
    size_t n = 0;
    for (; number >= oldest && n < cap; number--)
        if (strcmp(history_get(history, number)->event, event) == 0)
            numbers[n++] = number;
    for (size_t i = 0; i < n / 2; i++) {
        uint64_t swap = numbers[i];
        numbers[i] = numbers[n - 1 - i];
        numbers[n - 1 - i] = swap;
    }
    return n;
}
