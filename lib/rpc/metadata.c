#include <breakwire/metadata.h>

#include "metadata_wire.h"

#include <breakwire/base64.h>

#include <stdlib.h>

struct entry {
    size_t key, key_len, value, value_len; /* places in bytes */
};

struct bw_metadata {
    struct bw_buf bytes; /* keys and values, one after the other */
    struct entry *entries;
    size_t count, cap;
};

struct bw_metadata *bw_metadata_new(void) {
    return calloc(1, sizeof(struct bw_metadata));
}

void bw_metadata_free(struct bw_metadata *metadata) {
    if (!metadata)
        return;
    bw_buf_free(&metadata->bytes);
    free(metadata->entries);
    free(metadata);
}

static bool is_key_byte(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.';
}

static bool is_key(struct bw_span key) {
    for (size_t i = 0; i < key.len; i++)
        if (!is_key_byte(key.data[i]))
            return false;
    return key.len > 0;
}

bool bw_metadata_is_binary(struct bw_span key) {
    return key.len >= 4 && bw_span_is_nocase(bw_span_of(key.data + key.len - 4, 4), "-bin");
}

static bool starts_grpc(struct bw_span key) {
    return key.len >= 5 && bw_span_is_nocase(bw_span_of(key.data, 5), "grpc-");
}

/* grpc-* is the protocol's own, but these travel with the application (gRFC A6, OpenCensus). */
static bool is_open_grpc_name(struct bw_span key) {
    static const char *const open[] = {"grpc-previous-rpc-attempts", "grpc-retry-pushback-ms",
                                       "grpc-trace-bin", "grpc-tags-bin"};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        if (bw_span_is_nocase(key, open[i]))
            return true;
    return false;
}

bool bw_metadata_is_reserved(struct bw_span key) {
    static const char *const names[] = {"content-type",      "te",         "host",       "user-agent",
                                        "content-length",    "connection", "keep-alive", "proxy-connection",
                                        "transfer-encoding", "upgrade"};
    if (key.len && key.data[0] == ':')
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bw_span_is_nocase(key, names[i]))
            return true;
    return starts_grpc(key) && !is_open_grpc_name(key);
}

static bool is_text(struct bw_span value) {
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] < 0x20 || value.data[i] > 0x7E)
            return false;
    return true;
}

static bool make_room(struct bw_metadata *metadata) {
    if (metadata->count < metadata->cap)
        return true;
    size_t cap = metadata->cap ? metadata->cap * 2 : 8;
    struct entry *entries = realloc(metadata->entries, cap * sizeof *entries);
    if (!entries)
        return false;
    metadata->entries = entries;
    metadata->cap = cap;
    return true;
}

static bool store(struct bw_metadata *metadata, struct bw_span key, struct bw_span value) {
    size_t at = bw_buf_size(&metadata->bytes);
    uint8_t *room = make_room(metadata) ? bw_buf_reserve(&metadata->bytes, key.len + value.len) : NULL;
    if (!room)
        return false;
    for (size_t i = 0; i < key.len; i++)
        room[i] = key.data[i] >= 'A' && key.data[i] <= 'Z' ? (uint8_t)(key.data[i] + 32) : key.data[i];
    if (value.len)
        memcpy(room + key.len, value.data, value.len);
    bw_buf_grew(&metadata->bytes, key.len + value.len);
    metadata->entries[metadata->count++] = (struct entry){at, key.len, at + key.len, value.len};
    return true;
}

enum bw_metadata_result bw_metadata_add(struct bw_metadata *metadata, struct bw_span key,
                                        struct bw_span value) {
    if (!is_key(key))
        return BW_METADATA_BAD_KEY;
    if (bw_metadata_is_reserved(key))
        return BW_METADATA_RESERVED;
    if (!bw_metadata_is_binary(key) && !is_text(value))
        return BW_METADATA_BAD_VALUE;
    return store(metadata, key, value) ? BW_METADATA_ADDED : BW_METADATA_NO_MEMORY;
}

/* "Implementations must split Binary-Headers on ',' before decoding" (PROTOCOL-HTTP2.md). */
static enum bw_metadata_result add_binary(struct bw_metadata *metadata, struct bw_span key,
                                          struct bw_span value) {
    struct bw_buf decoded;
    bool more = true;
    enum bw_metadata_result result = BW_METADATA_ADDED;
    bw_buf_init(&decoded, 0);
    while (result == BW_METADATA_ADDED && more) {
        const uint8_t *comma = value.len ? memchr(value.data, ',', value.len) : NULL;
        size_t n = comma ? (size_t)(comma - value.data) : value.len;
        bw_buf_clear(&decoded);
        if (!bw_base64_decode(&decoded, bw_span_trim(bw_span_of(value.data, n))))
            result = decoded.failed ? BW_METADATA_NO_MEMORY : BW_METADATA_BAD_VALUE;
        else if (!store(metadata, key, bw_buf_span(&decoded)))
            result = BW_METADATA_NO_MEMORY;
        more = comma != NULL;
        if (more)
            value = bw_span_of(comma + 1, value.len - n - 1);
    }
    bw_buf_free(&decoded);
    return result;
}

/* Other bytes than 0x20-0x7E in a text value "must not cause an error": the entry is dropped. */
enum bw_metadata_result bw_metadata_add_wire(struct bw_metadata *metadata, struct bw_span key,
                                             struct bw_span value) {
    if (!is_key(key) || bw_metadata_is_reserved(key))
        return BW_METADATA_RESERVED;
    if (bw_metadata_is_binary(key))
        return add_binary(metadata, key, value);
    return bw_metadata_add(metadata, key, bw_span_trim(value));
}

size_t bw_metadata_count(const struct bw_metadata *metadata) {
    return metadata ? metadata->count : 0;
}

struct bw_metadata_entry bw_metadata_get(const struct bw_metadata *metadata, size_t i) {
    const uint8_t *bytes = bw_buf_span(&metadata->bytes).data;
    const struct entry *entry = &metadata->entries[i];
    return (struct bw_metadata_entry){bw_span_of(bytes + entry->key, entry->key_len),
                                      bw_span_of(bytes + entry->value, entry->value_len)};
}

struct bw_span bw_metadata_find(const struct bw_metadata *metadata, const char *key) {
    for (size_t i = 0; i < bw_metadata_count(metadata); i++) {
        struct bw_metadata_entry entry = bw_metadata_get(metadata, i);
        if (bw_span_is(entry.key, key))
            return entry.value;
    }
    return bw_span_of(NULL, 0);
}

struct bw_metadata *bw_metadata_copy(const struct bw_metadata *metadata) {
    struct bw_metadata *copy = bw_metadata_new();
    for (size_t i = 0; copy && i < bw_metadata_count(metadata); i++) {
        struct bw_metadata_entry entry = bw_metadata_get(metadata, i);
        if (!store(copy, entry.key, entry.value)) {
            bw_metadata_free(copy);
            return NULL;
        }
    }
    return copy;
}
