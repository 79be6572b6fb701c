#include "ids.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *id; /* NULL = free */
    bool is_number;
    struct bw_ticket ticket;
};

/* Open addressing; at most half of the places are taken, a power of 2. */
struct ids {
    struct entry *entries;
    size_t places, taken;
};

static size_t hash(const char *id, bool is_number) {
    uint64_t sum = is_number ? UINT64_C(0x9E3779B97F4A7C15) : UINT64_C(0xCBF29CE484222325);
    for (; *id; id++)
        sum = (sum ^ (unsigned char)*id) * UINT64_C(0x100000001B3);
    return (size_t)(sum ^ sum >> 32);
}

static struct entry *place_of(const struct ids *ids, const char *id, bool is_number) {
    size_t i = hash(id, is_number) % ids->places;
    for (;; i = (i + 1) % ids->places) {
        struct entry *entry = &ids->entries[i];
        if (!entry->id || (entry->is_number == is_number && strcmp(entry->id, id) == 0))
            return entry;
    }
}

struct ids *ids_new(void) {
    struct ids *ids = calloc(1, sizeof *ids);
    if (!ids)
        return NULL;
    ids->places = 64;
    ids->entries = calloc(ids->places, sizeof *ids->entries);
    if (!ids->entries) {
        free(ids);
        return NULL;
    }
    return ids;
}

void ids_free(struct ids *ids) {
    for (size_t i = 0; ids && i < ids->places; i++)
        free(ids->entries[i].id);
    if (ids)
        free(ids->entries);
    free(ids);
}

static bool grow(struct ids *ids) {
    struct ids larger = {.places = ids->places * 2, .taken = ids->taken};
    larger.entries = calloc(larger.places, sizeof *larger.entries);
    if (!larger.entries)
        return false;
    for (size_t i = 0; i < ids->places; i++)
        if (ids->entries[i].id)
            *place_of(&larger, ids->entries[i].id, ids->entries[i].is_number) = ids->entries[i];
    free(ids->entries);
    *ids = larger;
    return true;
}

struct bw_ticket *ids_find(struct ids *ids, const char *id, bool is_number) {
    struct entry *entry = place_of(ids, id, is_number);
    return entry->id ? &entry->ticket : NULL;
}

struct bw_ticket *ids_take(struct ids *ids, const char *id, bool is_number) {
    struct entry *entry = place_of(ids, id, is_number);
    if (entry->id)
        return &entry->ticket;
    if (ids->taken * 2 >= ids->places) {
        if (!grow(ids))
            return NULL;
        entry = place_of(ids, id, is_number);
    }
    size_t length = strlen(id) + 1;
    entry->id = malloc(length);
    if (!entry->id)
        return NULL;
    memcpy(entry->id, id, length);
    entry->is_number = is_number;
    ids->taken++;
    return &entry->ticket;
}
