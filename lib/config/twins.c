#include "private.h"

/* The value that the twin was given, as row i would have it written, under the name that the user wrote. */
static bool mirror(const struct bw_settings *settings, size_t i, const struct given *from, struct given *to) {
    struct bw_buf text;
    bw_buf_init(&text, 0);
    bw_value_write(bw_settings_row(settings, i), from->number, &text);
    *to = (struct given){.text = text.failed ? NULL : bw_settings_copy(bw_buf_span(&text)),
                         .written = bw_settings_copy(bw_span_text(from->written)),
                         .number = from->number};
    bw_buf_free(&text);
    return (to->text && to->written) || bw_describe_no_memory(settings->error);
}

static bool link_at(struct bw_settings *settings, size_t a, size_t b, enum bw_settings_origin origin) {
    struct given *one = &settings->given[a][origin], *other = &settings->given[b][origin];
    if (one->text && other->text)
        return one->number == other->number || bw_describe_contradiction(settings, origin, one, other);
    if (one->text)
        return mirror(settings, b, one, other);
    return !other->text || mirror(settings, a, other, one);
}

bool bw_settings_link_twins(struct bw_settings *settings) {
    const struct bw_settings_table *table = settings->table;
    for (size_t i = 0; i < table->n_twins; i++) {
        size_t a = bw_settings_place(settings, table->twins[i].name);
        size_t b = bw_settings_place(settings, table->twins[i].judged);
        for (int origin = BW_FROM_DEFAULT; origin <= BW_FROM_FLAG; origin++)
            if (!link_at(settings, a, b, (enum bw_settings_origin)origin))
                return false;
    }
    return true;
}
