/* memory.h: the memory of one connection: counted, capped, and able to fail on purpose for tests.
 *
 * nghttp2 allocates through it (nghttp2_mem), and so do our own streams. Queued DATA is not counted against
 * the cap: bw_h2_config.send_queue_max bounds it. */
#ifndef BREAKWIRE_H2_MEMORY_H
#define BREAKWIRE_H2_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <nghttp2/nghttp2.h>

struct bw_h2_memory {
    size_t used, used_max; /* bytes */
    size_t calls;          /* allocations asked for so far */
    size_t fail_at;        /* tests: the n-th allocation fails, 0 = none */
    bool fail_on;          /* tests: and so do all after it */
};

/* What nghttp2 wants; `memory` must outlive the session. */
nghttp2_mem bw_h2_memory_hooks(struct bw_h2_memory *memory);

/* As malloc, realloc and free; NULL also when the cap is reached. */
void *bw_h2_memory_alloc(struct bw_h2_memory *memory, size_t size);
void *bw_h2_memory_realloc(struct bw_h2_memory *memory, void *block, size_t size);
void bw_h2_memory_free(struct bw_h2_memory *memory, void *block);

/* Not counted; free with free(). For queued DATA. */
void *bw_h2_memory_alloc_uncounted(struct bw_h2_memory *memory, size_t size);

#endif
