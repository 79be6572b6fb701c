#include "run.h"

#include "history.h"

static void add(struct history *history, const char *event) {
    struct history_entry *entry = history_add(history, event);
    bw_buf_printf(&entry->json, "%d", (int)entry->number);
}

static void entries_are_numbered_from_one(void **state) {
    (void)state;
    struct history history;
    history_init(&history);
    assert_null(history_get(&history, 0));
    assert_null(history_get(&history, 1));
    assert_int_equal(history_oldest(&history), 1);
    add(&history, "call");
    add(&history, "state");
    assert_string_equal(history_get(&history, 2)->event, "state");
    assert_true(bw_span_is(bw_buf_span(&history_get(&history, 1)->json), "1"));
    assert_null(history_get(&history, 3));
    history_free(&history);
}

static void the_oldest_entries_are_forgotten(void **state) {
    (void)state;
    struct history history;
    history_init(&history);
    for (int i = 0; i < HISTORY_KEPT + 10; i++)
        add(&history, "call");
    assert_int_equal(history_oldest(&history), 11);
    assert_null(history_get(&history, 10));
    assert_true(bw_span_is(bw_buf_span(&history_get(&history, 11)->json), "11"));
    assert_true(bw_span_is(bw_buf_span(&history_get(&history, 266)->json), "266"));
    history_free(&history);
}

static void the_last_of_one_event_come_oldest_first(void **state) {
    (void)state;
    struct history history;
    uint64_t numbers[3];
    history_init(&history);
    assert_int_equal(history_last(&history, "call", numbers, 3), 0);
    for (int i = 0; i < 5; i++) {
        add(&history, "call");
        add(&history, "state");
    }
    assert_int_equal(history_last(&history, "call", numbers, 3), 3);
    assert_int_equal(numbers[0], 5);
    assert_int_equal(numbers[1], 7);
    assert_int_equal(numbers[2], 9);
    assert_int_equal(history_last(&history, "fault", numbers, 3), 0);
    history_free(&history);
}

BW_TESTS(cmocka_unit_test(entries_are_numbered_from_one), cmocka_unit_test(the_oldest_entries_are_forgotten),
         cmocka_unit_test(the_last_of_one_event_come_oldest_first))
