#include "fields.h"

#include "metadata_wire.h"

#include <breakwire/base64.h>
#include <breakwire/percent.h>

#include <stdlib.h>

enum { MESSAGE_MAX = 1024 };

void bw_fields_init(struct bw_fields *fields) {
    fields->items = fields->inline_items;
    fields->places = fields->inline_places;
    fields->n = 0;
    fields->cap = BW_FIELDS_INLINE;
    fields->failed = false;
    bw_buf_init(&fields->encoded, 0);
}

void bw_fields_free(struct bw_fields *fields) {
    if (fields->items != fields->inline_items) {
        free(fields->items);
        free(fields->places);
    }
    bw_buf_free(&fields->encoded);
    bw_fields_init(fields);
}

static bool grow(struct bw_fields *fields) {
    size_t cap = fields->cap * 2;
    struct bw_h2_field *items = malloc(cap * sizeof *items);
    size_t *places = malloc(cap * sizeof *places);
    if (!items || !places) {
        free(items);
        free(places);
        return false;
    }
    memcpy(items, fields->items, fields->n * sizeof *items);
    memcpy(places, fields->places, fields->n * sizeof *places);
    if (fields->items != fields->inline_items) {
        free(fields->items);
        free(fields->places);
    }
    fields->items = items;
    fields->places = places;
    fields->cap = cap;
    return true;
}

static void add(struct bw_fields *fields, struct bw_span name, struct bw_span value, size_t place,
                bool secret) {
    if (fields->n == fields->cap && !grow(fields)) {
        fields->failed = true;
        return;
    }
    fields->items[fields->n] = (struct bw_h2_field){name, value, secret};
    fields->places[fields->n++] = place;
}

void bw_fields_add(struct bw_fields *fields, const char *name, struct bw_span value) {
    add(fields, bw_span_text(name), value, SIZE_MAX, false);
}

void bw_fields_add_unindexed(struct bw_fields *fields, const char *name, struct bw_span value) {
    add(fields, bw_span_text(name), value, SIZE_MAX, true);
}

/* What was appended to `encoded` since `place` becomes the value. */
static void add_encoded(struct bw_fields *fields, struct bw_span name, size_t place, bool secret) {
    fields->failed |= fields->encoded.failed;
    add(fields, name, bw_span_of(NULL, bw_buf_size(&fields->encoded) - place), place, secret);
}

void bw_fields_add_copy(struct bw_fields *fields, const char *name, struct bw_span value) {
    size_t place = bw_buf_size(&fields->encoded);
    bw_buf_append_span(&fields->encoded, value);
    add_encoded(fields, bw_span_text(name), place, true);
}

/* Cuts between characters of UTF-8, so that the peer can decode what is left. */
static struct bw_span cut(struct bw_span text) {
    if (text.len <= MESSAGE_MAX)
        return text;
    text.len = MESSAGE_MAX;
    while (text.len && (text.data[text.len] & 0xC0) == 0x80)
        text.len--;
    return text;
}

void bw_fields_add_message(struct bw_fields *fields, const char *message) {
    if (!message || !*message)
        return;
    size_t place = bw_buf_size(&fields->encoded);
    bw_percent_encode(&fields->encoded, cut(bw_span_text(message)));
    add_encoded(fields, bw_span_text("grpc-message"), place, true);
}

void bw_fields_add_status(struct bw_fields *fields, enum bw_code code) {
    static const char *const digits[BW_CODES] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                                 "9", "10", "11", "12", "13", "14", "15", "16"};
    bool known = (int)code >= 0 && (int)code < BW_CODES;
    bw_fields_add(fields, "grpc-status", bw_span_text(digits[known ? code : BW_UNKNOWN]));
}

static void add_base64(struct bw_fields *fields, struct bw_span name, struct bw_span bytes) {
    size_t place = bw_buf_size(&fields->encoded);
    bw_base64_encode(&fields->encoded, bytes);
    add_encoded(fields, name, place, true);
}

void bw_fields_add_binary(struct bw_fields *fields, const char *name, struct bw_span bytes) {
    add_base64(fields, bw_span_text(name), bytes);
}

void bw_fields_add_metadata(struct bw_fields *fields, const struct bw_metadata *metadata) {
    for (size_t i = 0; i < bw_metadata_count(metadata); i++) {
        struct bw_metadata_entry entry = bw_metadata_get(metadata, i);
        bool secret = bw_span_is(entry.key, "authorization") || bw_span_is(entry.key, "traceparent");
        if (bw_metadata_is_binary(entry.key))
            add_base64(fields, entry.key, entry.value);
        else
            add(fields, entry.key, entry.value, SIZE_MAX, secret);
    }
}

const struct bw_h2_field *bw_fields_block(struct bw_fields *fields) {
    const uint8_t *encoded = bw_buf_span(&fields->encoded).data;
    for (size_t i = 0; i < fields->n; i++)
        if (fields->places[i] != SIZE_MAX)
            fields->items[i].value.data = fields->items[i].value.len ? encoded + fields->places[i] : NULL;
    return fields->failed ? NULL : fields->items;
}
