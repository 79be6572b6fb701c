/* headers.c: header blocks: collecting what comes in within limits, and handing over what goes out. */
#include "h2_internal.h"

enum { FIELD_OVERHEAD = 32, FIRST_CAP = 16 }; /* RFC 9113 section 6.5.2 */

struct bw_h2_saved_fields {
    size_t n;
    struct bw_h2_field fields[]; /* followed by their bytes */
};

static void release(struct bw_h2_block_in *block) {
    for (size_t i = 0; i < block->count; i++) {
        nghttp2_rcbuf_decref(block->buffers[i].name);
        nghttp2_rcbuf_decref(block->buffers[i].value);
    }
    block->count = 0;
}

void bw_h2_block_begin(struct bw_h2_block_in *block) {
    release(block);
    block->fields_seen = block->bytes_seen = 0;
    block->too_large = false;
}

void bw_h2_block_free(struct bw_h2 *h2) {
    release(&h2->block);
    bw_h2_memory_free(&h2->memory, h2->block.fields);
    bw_h2_memory_free(&h2->memory, h2->block.buffers);
}

static bool grow(struct bw_h2 *h2) {
    struct bw_h2_block_in *block = &h2->block;
    size_t cap = block->cap ? 2 * block->cap : FIRST_CAP;
    void *fields = bw_h2_memory_realloc(&h2->memory, block->fields, cap * sizeof *block->fields);
    if (!fields)
        return false;
    block->fields = fields;
    void *buffers = bw_h2_memory_realloc(&h2->memory, block->buffers, cap * sizeof *block->buffers);
    if (!buffers)
        return false;
    block->buffers = buffers;
    block->cap = cap;
    return true;
}

/* nghttp2 enforces no limit on header lists, so they are counted here. Fields over the limit are dropped, and
 * the request can still be answered; far over it the stream is reset. */
int bw_h2_block_count(struct bw_h2 *h2, size_t name_len, size_t value_len) {
    struct bw_h2_block_in *block = &h2->block;
    const struct bw_h2_config *config = &h2->config;
    block->fields_seen++;
    block->bytes_seen += name_len + value_len + FIELD_OVERHEAD;
    if (block->fields_seen > config->header_fields_max || block->bytes_seen > config->header_bytes_max)
        block->too_large = true;
    if (block->fields_seen <= (size_t)BW_H2_HARD_LIMIT_FACTOR * config->header_fields_max &&
        block->bytes_seen <= (size_t)BW_H2_HARD_LIMIT_FACTOR * config->header_bytes_max)
        return 0;
    release(block);
    bw_h2_charge(h2, BW_H2_COST_FAULT, "too_many_faults");
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int bw_h2_block_add(struct bw_h2 *h2, nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
    struct bw_h2_block_in *block = &h2->block;
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);
    int result = bw_h2_block_count(h2, n.len, v.len);
    if (result != 0 || block->too_large)
        return result;
    if (block->count == block->cap && !grow(h2))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_rcbuf_incref(name);
    nghttp2_rcbuf_incref(value);
    block->buffers[block->count] = (struct bw_h2_buffers){name, value};
    /* gRPC peers send values with spaces around them, which RFC 9113 section 8.2.1 forbids: strip, do not
     * reset. */
    block->fields[block->count++] = (struct bw_h2_field){.name = bw_span_of(n.base, n.len),
                                                         .value = bw_span_trim(bw_span_of(v.base, v.len))};
    return 0;
}

static size_t list_size(const struct bw_h2_field *fields, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += fields[i].name.len + fields[i].value.len + FIELD_OVERHEAD;
    return size;
}

bool bw_h2_fits(const struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n) {
    size_t size = list_size(fields, n);
    if (size > BW_H2_SEND_HEADERS_MAX || !h2->session)
        return false;
    return size <= nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
}

bool bw_h2_fields_to_nv(struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n) {
    if (!bw_h2_fits(h2, fields, n))
        return false;
    if (n > h2->nv_cap) {
        size_t cap = n > FIRST_CAP ? n : FIRST_CAP;
        nghttp2_nv *nv = bw_h2_memory_realloc(&h2->memory, h2->nv, cap * sizeof *nv);
        if (!nv)
            return false;
        h2->nv = nv;
        h2->nv_cap = cap;
    }
    for (size_t i = 0; i < n; i++)
        h2->nv[i] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)fields[i].name.data,
                                 .namelen = fields[i].name.len,
                                 .value = (uint8_t *)(uintptr_t)fields[i].value.data,
                                 .valuelen = fields[i].value.len,
                                 .flags = fields[i].secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE};
    return true;
}

static struct bw_span copy_span(uint8_t **at, struct bw_span span) {
    struct bw_span copy = bw_span_of(*at, span.len);
    if (span.len)
        memcpy(*at, span.data, span.len);
    *at += span.len;
    return copy;
}

struct bw_h2_saved_fields *bw_h2_fields_save(struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n) {
    size_t size = sizeof(struct bw_h2_saved_fields) + n * sizeof *fields + list_size(fields, n);
    struct bw_h2_saved_fields *saved = bw_h2_memory_alloc(&h2->memory, size);
    if (!saved)
        return NULL;
    saved->n = n;
    uint8_t *at = (uint8_t *)(saved->fields + n);
    for (size_t i = 0; i < n; i++)
        saved->fields[i] = (struct bw_h2_field){.name = copy_span(&at, fields[i].name),
                                                .value = copy_span(&at, fields[i].value),
                                                .secret = fields[i].secret};
    return saved;
}

void bw_h2_fields_discard(struct bw_h2 *h2, struct bw_h2_saved_fields *saved) {
    bw_h2_memory_free(&h2->memory, saved);
}

int bw_h2_fields_submit_trailers(struct bw_h2_stream *stream) {
    struct bw_h2 *h2 = stream->h2;
    const struct bw_h2_saved_fields *saved = stream->trailers;
    if (!bw_h2_fields_to_nv(h2, saved->fields, saved->n))
        return NGHTTP2_ERR_NOMEM;
    return nghttp2_submit_trailer(h2->session, stream->id, h2->nv, saved->n);
}
