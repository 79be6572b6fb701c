#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* In front of every counted block, so that free knows its size; as wide as the strictest alignment. */
union head {
    size_t size;
    max_align_t align;
};

static bool fails_now(struct bw_h2_memory *memory) {
    memory->calls++;
    if (memory->fail_at == 0)
        return false;
    return memory->calls == memory->fail_at || (memory->fail_on && memory->calls > memory->fail_at);
}

void *bw_h2_memory_alloc_uncounted(struct bw_h2_memory *memory, size_t size) {
    return fails_now(memory) ? NULL : malloc(size);
}

void *bw_h2_memory_realloc(struct bw_h2_memory *memory, void *block, size_t size) {
    union head *old = block ? (union head *)block - 1 : NULL;
    size_t old_size = old ? old->size : 0;
    if (fails_now(memory) || size > memory->used_max || memory->used - old_size > memory->used_max - size)
        return NULL;
    union head *head = realloc(old, sizeof *head + size);
    if (!head)
        return NULL;
    memory->used += size - old_size;
    head->size = size;
    return head + 1;
}

void *bw_h2_memory_alloc(struct bw_h2_memory *memory, size_t size) {
    return bw_h2_memory_realloc(memory, NULL, size);
}

void bw_h2_memory_free(struct bw_h2_memory *memory, void *block) {
    if (!block)
        return;
    union head *head = (union head *)block - 1;
    memory->used -= head->size;
    free(head);
}

static void *hook_malloc(size_t size, void *memory) {
    return bw_h2_memory_alloc(memory, size);
}

static void hook_free(void *block, void *memory) {
    bw_h2_memory_free(memory, block);
}

static void *hook_calloc(size_t n, size_t size, void *memory) {
    if (size && n > SIZE_MAX / size)
        return NULL;
    void *block = bw_h2_memory_alloc(memory, n * size);
    return block ? memset(block, 0, n * size) : NULL;
}

static void *hook_realloc(void *block, size_t size, void *memory) {
    return bw_h2_memory_realloc(memory, block, size);
}

nghttp2_mem bw_h2_memory_hooks(struct bw_h2_memory *memory) {
    return (nghttp2_mem){memory, hook_malloc, hook_free, hook_calloc, hook_realloc};
}
