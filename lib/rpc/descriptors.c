#include "descriptors.h"

#include "pbwire.h"

#include <stdlib.h>

/* Field numbers of descriptor.proto. */
enum { SET_FILE = 1 };
enum {
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_IMPORT = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    FILE_EXTENSION = 7
};
enum {
    MESSAGE_NAME = 1,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_EXTENSION = 6,
    MESSAGE_ONEOF = 8
};
enum { ANY_NAME = 1, ENUM_VALUE = 2, SERVICE_METHOD = 2 };
enum { DEPTH_MAX = 32 };

struct symbol {
    size_t name, len; /* in names */
    size_t file;
};

struct bw_descriptors {
    struct bw_file_descriptor *files;
    size_t files_count;
    struct bw_buf names;
    struct symbol *symbols; /* sorted by name when all are there */
    size_t symbols_count, symbols_cap;
    bool malformed, failed;
};

/* A scope: the full name of what contains the names that are read now. */
struct scope {
    struct bw_descriptors *all;
    size_t file;
    size_t name, len; /* in names */
    unsigned depth;
};

static struct bw_span name_of(const struct bw_descriptors *all, size_t name, size_t len) {
    return bw_span_of(bw_buf_span(&all->names).data + name, len);
}

/* The first field of that number. */
static struct bw_span field_bytes(struct bw_span message, uint32_t number) {
    struct bw_pbwire_field field;
    while (bw_pbwire_next(&message, &field))
        if (field.number == number && field.type == BW_PB_BYTES)
            return field.bytes;
    return bw_span_of(NULL, 0);
}

static bool make_room(struct bw_descriptors *all) {
    if (all->symbols_count < all->symbols_cap)
        return true;
    size_t cap = all->symbols_cap ? all->symbols_cap * 2 : 64;
    struct symbol *grown = realloc(all->symbols, cap * sizeof *grown);
    if (!grown)
        return false;
    all->symbols = grown;
    all->symbols_cap = cap;
    return true;
}

/* Adds scope.name as a symbol; the result is the scope inside it. */
static struct scope add_symbol(const struct scope *scope, struct bw_span name) {
    struct bw_descriptors *all = scope->all;
    struct scope inner = {all, scope->file, bw_buf_size(&all->names), 0, scope->depth + 1};
    uint8_t *room = bw_buf_reserve(&all->names, scope->len + 1 + name.len);
    if (!room || !make_room(all)) {
        all->failed = true;
        return inner;
    }
    size_t at = 0;
    if (scope->len) {
        memcpy(room, name_of(all, scope->name, scope->len).data, scope->len);
        room[scope->len] = '.';
        at = scope->len + 1;
    }
    if (name.len)
        memcpy(room + at, name.data, name.len);
    inner.len = at + name.len;
    bw_buf_grew(&all->names, inner.len);
    all->symbols[all->symbols_count++] = (struct symbol){inner.name, inner.len, scope->file};
    return inner;
}

/* Enum values are named in the scope that contains the enum (language guide, "Enum Value Scoping"). */
static void add_enum(const struct scope *scope, struct bw_span bytes) {
    struct bw_pbwire_field field;
    add_symbol(scope, field_bytes(bytes, ANY_NAME));
    while (bw_pbwire_next(&bytes, &field))
        if (field.number == ENUM_VALUE && field.type == BW_PB_BYTES)
            add_symbol(scope, field_bytes(field.bytes, ANY_NAME));
    scope->all->malformed |= bytes.len != 0;
}

static void add_service(const struct scope *scope, struct bw_span bytes) {
    struct bw_pbwire_field field;
    struct scope inner = add_symbol(scope, field_bytes(bytes, ANY_NAME));
    while (bw_pbwire_next(&bytes, &field))
        if (field.number == SERVICE_METHOD && field.type == BW_PB_BYTES)
            add_symbol(&inner, field_bytes(field.bytes, ANY_NAME));
    scope->all->malformed |= bytes.len != 0;
}

static void add_message(const struct scope *scope, struct bw_span bytes) {
    struct bw_pbwire_field field;
    struct scope inner = add_symbol(scope, field_bytes(bytes, MESSAGE_NAME));
    if (inner.depth > DEPTH_MAX) {
        scope->all->malformed = true;
        return;
    }
    while (bw_pbwire_next(&bytes, &field)) {
        if (field.type != BW_PB_BYTES)
            continue;
        if (field.number == MESSAGE_NESTED)
            add_message(&inner, field.bytes);
        else if (field.number == MESSAGE_ENUM)
            add_enum(&inner, field.bytes);
        else if (field.number == MESSAGE_FIELD || field.number == MESSAGE_EXTENSION ||
                 field.number == MESSAGE_ONEOF)
            add_symbol(&inner, field_bytes(field.bytes, ANY_NAME));
    }
    scope->all->malformed |= bytes.len != 0;
}

static void add_symbols(struct bw_descriptors *all, size_t file) {
    struct bw_span bytes = all->files[file].bytes, package = all->files[file].package;
    struct bw_pbwire_field field;
    struct scope scope = {all, file, bw_buf_size(&all->names), package.len, 0};
    bw_buf_append_span(&all->names, package);
    while (bw_pbwire_next(&bytes, &field)) {
        if (field.type != BW_PB_BYTES)
            continue;
        if (field.number == FILE_MESSAGE)
            add_message(&scope, field.bytes);
        else if (field.number == FILE_ENUM)
            add_enum(&scope, field.bytes);
        else if (field.number == FILE_SERVICE)
            add_service(&scope, field.bytes);
        else if (field.number == FILE_EXTENSION)
            add_symbol(&scope, field_bytes(field.bytes, ANY_NAME));
    }
    all->malformed |= bytes.len != 0;
}

static bool add_file(struct bw_descriptors *all, struct bw_span bytes) {
    struct bw_file_descriptor *grown = realloc(all->files, (all->files_count + 1) * sizeof *grown);
    if (!grown)
        return false;
    all->files = grown;
    all->files[all->files_count++] =
        (struct bw_file_descriptor){field_bytes(bytes, FILE_NAME), field_bytes(bytes, FILE_PACKAGE), bytes};
    all->malformed |= all->files[all->files_count - 1].name.len == 0;
    add_symbols(all, all->files_count - 1);
    return true;
}

/* Heap sort: qsort has no place for the names that the order is by. */
static void sift_down(struct bw_descriptors *all, size_t root, size_t n) {
    struct symbol *s = all->symbols;
    for (size_t child = 2 * root + 1; child < n; root = child, child = 2 * root + 1) {
        if (child + 1 < n && bw_span_compare(name_of(all, s[child].name, s[child].len),
                                             name_of(all, s[child + 1].name, s[child + 1].len)) < 0)
            child++;
        if (bw_span_compare(name_of(all, s[root].name, s[root].len),
                            name_of(all, s[child].name, s[child].len)) >= 0)
            return;
        struct symbol swap = s[root];
        s[root] = s[child];
        s[child] = swap;
    }
}

static void sort_symbols(struct bw_descriptors *all) {
    size_t n = all->symbols_count;
    for (size_t root = n / 2; root-- > 0;)
        sift_down(all, root, n);
    while (n > 1) {
        struct symbol swap = all->symbols[0];
        all->symbols[0] = all->symbols[--n];
        all->symbols[n] = swap;
        sift_down(all, 0, n);
    }
}

struct bw_descriptors *bw_descriptors_new(struct bw_span set, bool *malformed) {
    struct bw_descriptors *all = calloc(1, sizeof *all);
    struct bw_pbwire_field field;
    *malformed = false;
    if (!all)
        return NULL;
    while (!all->failed && bw_pbwire_next(&set, &field))
        if (field.number == SET_FILE && field.type == BW_PB_BYTES)
            all->failed |= !add_file(all, field.bytes);
    *malformed = all->malformed || (!all->failed && set.len);
    if (*malformed || all->failed || all->names.failed) {
        bw_descriptors_free(all);
        return NULL;
    }
    sort_symbols(all);
    return all;
}

void bw_descriptors_free(struct bw_descriptors *descriptors) {
    if (!descriptors)
        return;
    free(descriptors->files);
    free(descriptors->symbols);
    bw_buf_free(&descriptors->names);
    free(descriptors);
}

size_t bw_descriptors_count(const struct bw_descriptors *descriptors) {
    return descriptors->files_count;
}

const struct bw_file_descriptor *bw_descriptors_file(const struct bw_descriptors *descriptors, size_t i) {
    return &descriptors->files[i];
}

size_t bw_descriptors_by_name(const struct bw_descriptors *descriptors, struct bw_span name) {
    for (size_t i = 0; i < descriptors->files_count; i++)
        if (bw_span_equal(descriptors->files[i].name, name))
            return i;
    return SIZE_MAX;
}

size_t bw_descriptors_by_symbol(const struct bw_descriptors *descriptors, struct bw_span symbol) {
    size_t low = 0, high = descriptors->symbols_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct symbol *s = &descriptors->symbols[middle];
        int order = bw_span_compare(name_of(descriptors, s->name, s->len), symbol);
        if (order == 0)
            return s->file;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

size_t bw_descriptors_import(const struct bw_descriptors *descriptors, size_t i, struct bw_span *cursor) {
    struct bw_pbwire_field field;
    if (!cursor->data)
        *cursor = descriptors->files[i].bytes;
    while (bw_pbwire_next(cursor, &field)) {
        size_t import = SIZE_MAX;
        if (field.number == FILE_IMPORT && field.type == BW_PB_BYTES)
            import = bw_descriptors_by_name(descriptors, field.bytes);
        if (import != SIZE_MAX)
            return import;
    }
    return SIZE_MAX;
}
