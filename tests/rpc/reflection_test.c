/* Reflection: what tools ask, and what they are told. Both versions are alike. */
#include "caller.h"

#include "descriptors.h"
#include "pbwire.h"

#include <stdio.h>

#include <breakwire/reflection.h>
#include <zoo_descriptors.h>

#define V1      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define V1ALPHA "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

/* Fields of ServerReflectionRequest and ServerReflectionResponse. */
enum { HOST = 1, FILE_BY_NAME = 3, BY_SYMBOL = 4, BY_EXTENSION = 5, EXTENSION_NUMBERS = 6, LIST = 7 };
enum { SAID_HOST = 1, SAID_REQUEST = 2, SAID_FILES = 4, SAID_NUMBERS = 5, SAID_LIST = 6, SAID_ERROR = 7 };

static struct caller caller;
static struct bw_reflection *reflection;
static struct bw_h2_stream *stream;
static struct bw_buf request, text;

static int make(void **state) {
    (void)state;
    static const char *const services[] = {"zoo.Zoo", "grpc.reflection.v1.ServerReflection", "a.First"};
    char why[128] = "";
    caller_init(&caller, NULL);
    reflection = bw_reflection_new(caller.service.server, bw_span_of(zoo_descriptors, zoo_descriptors_size),
                                   services, 3, why, sizeof why);
    assert_string_equal(why, "");
    assert_non_null(reflection);
    stream = caller_open(&caller, V1, "", false);
    return 0;
}

static int end(void **state) {
    (void)state;
    caller_free(&caller);
    bw_reflection_free(reflection);
    bw_buf_free(&request);
    bw_buf_free(&text);
    return 0;
}

/* ---- answers as text ---- */

static struct bw_span bytes_of(struct bw_span message, uint32_t number) {
    struct bw_pbwire_field field;
    while (bw_pbwire_next(&message, &field))
        if (field.number == number && field.type == BW_PB_BYTES)
            return field.bytes;
    return bw_span_of(NULL, 0);
}

static void put(const char *what, struct bw_span value) {
    bw_buf_printf(&text, "%s%.*s", what, (int)value.len, (const char *)value.data);
}

static void put_each(const char *what, struct bw_span list, uint32_t number, uint32_t inner) {
    struct bw_pbwire_field field;
    bw_buf_append_text(&text, what);
    while (bw_pbwire_next(&list, &field))
        if (field.number == number && field.type == BW_PB_BYTES)
            put(" ", bytes_of(field.bytes, inner));
}

static void put_error(struct bw_span error) {
    struct bw_pbwire_field field;
    assert_true(bw_pbwire_next(&error, &field));
    bw_buf_printf(&text, "error %u", (unsigned)field.varint);
    assert_true(bw_pbwire_next(&error, &field));
    put(" ", field.bytes);
}

static void put_answer(struct bw_span answer) {
    struct bw_pbwire_field field;
    while (bw_pbwire_next(&answer, &field)) {
        switch (field.number) {
        case SAID_HOST:
            put("host=", field.bytes);
            bw_buf_append_text(&text, " ");
            break;
        case SAID_REQUEST:
            assert_true(bw_span_equal(field.bytes, bw_buf_span(&request)));
            break;
        case SAID_FILES:
            put_each("files", field.bytes, 1, 1);
            break;
        case SAID_NUMBERS:
            put("numbers of ", bytes_of(field.bytes, 1));
            assert_int_equal(field.bytes.len, bytes_of(field.bytes, 1).len + 2);
            break;
        case SAID_LIST:
            put_each("list", field.bytes, 1, 1);
            break;
        case SAID_ERROR:
            put_error(field.bytes);
            break;
        }
    }
    assert_int_equal(answer.len, 0);
}

/* Asks on the open stream; the answer as text. */
static const char *ask(uint32_t number, const char *value) {
    bw_buf_clear(&request);
    bw_buf_clear(&text);
    bw_pbwire_put_bytes(&request, HOST, bw_span_text("h"));
    bw_pbwire_put_bytes(&request, number, bw_span_text(value));
    caller_say(stream, bw_buf_span(&request));
    struct bw_span body = caller_body(&caller);
    assert_true(body.len >= 5);
    assert_int_equal(body.data[2] << 16 | body.data[3] << 8 | body.data[4], body.len - 5);
    put_answer(bw_span_of(body.data + 5, body.len - 5));
    return bw_buf_text(&text);
}

/* ---- what tools ask ---- */

static void services_are_listed_in_order(void **state) {
    (void)state;
    assert_string_equal(ask(LIST, "*"), "host=h list a.First grpc.reflection.v1.ServerReflection zoo.Zoo");
    assert_string_equal(ask(LIST, ""), "host=h list a.First grpc.reflection.v1.ServerReflection zoo.Zoo");
}

static void a_file_brings_all_it_imports_once_on_a_stream(void **state) {
    (void)state;
    assert_string_equal(ask(FILE_BY_NAME, "zoo/food.proto"), "host=h files zoo/food.proto zoo/place.proto");
    assert_string_equal(ask(FILE_BY_NAME, "zoo/animal.proto"),
                        "host=h files zoo/animal.proto zoo/keeper.proto");
    assert_string_equal(ask(FILE_BY_NAME, "zoo/animal.proto"), "host=h files zoo/animal.proto");
}

static void another_stream_is_told_everything_anew(void **state) {
    (void)state;
    ask(FILE_BY_NAME, "zoo/animal.proto");
    bw_h2_finish(stream);
    caller_heard(&caller);
    stream = caller_open(&caller, V1ALPHA, "", false);
    assert_string_equal(ask(FILE_BY_NAME, "zoo/animal.proto"),
                        "host=h files zoo/animal.proto zoo/food.proto zoo/place.proto zoo/keeper.proto");
}

static void every_kind_of_symbol_is_found(void **state) {
    (void)state;
    static const struct {
        const char *symbol, *file;
    } rows[] = {
        {"zoo.Zoo", "animal"},
        {"zoo.Zoo.Feed", "animal"},
        {"zoo.Animal", "animal"},
        {"zoo.Animal.Leg", "animal"},
        {"zoo.Animal.name", "animal"},
        {"zoo.Animal.Leg.Side", "animal"},
        {"zoo.Animal.home", "animal"},
        {"zoo.Size", "animal"},
        {"zoo.LARGE", "animal"},
        {"zoo.Animal.Leg.LEFT", "animal"},
        {"zoo.Animal.Leg.side", "animal"},
        {"zoo.Food.from", "food"},
        {"Keeper", "keeper"},
        {"Keeper.lunch", "keeper"},
        {"zoo.Place", "place"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "host=h files zoo/%s.proto", rows[i].file);
        const char *answer = ask(BY_SYMBOL, rows[i].symbol);
        if (strncmp(answer, expected, strlen(expected)) != 0)
            fail_msg("%s: %s", rows[i].symbol, answer);
    }
}

static void what_is_unknown_is_an_error_in_a_stream_that_goes_on(void **state) {
    (void)state;
    static const char *const symbols[] = {
        "", "zoo", "zoo.", ".zoo.Zoo", "zoo.zoo", "zoo.Size.LARGE", "zoo.Zoo.Feed.x"};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        assert_non_null(strstr(ask(BY_SYMBOL, symbols[i]), "host=h error 5 unknown symbol "));
    assert_string_equal(ask(FILE_BY_NAME, "no.proto"), "host=h error 5 unknown file no.proto");
    assert_string_equal(ask(EXTENSION_NUMBERS, "zoo.None"), "host=h error 5 unknown type zoo.None");
    assert_string_equal(ask(EXTENSION_NUMBERS, "zoo.Animal"), "host=h numbers of zoo.Animal");
    assert_string_equal(ask(BY_EXTENSION, ""), "host=h error 5 there are no extensions");
    bw_h2_finish(stream);
    assert_non_null(strstr(caller_heard(&caller), "1 trailers grpc-status=0 end\n"));
}

static void a_question_that_is_not_set_or_not_readable_ends_the_stream(void **state) {
    (void)state;
    static const struct bw_span questions[] = {{(const uint8_t *)"", 0},
                                               {(const uint8_t *)"\x0a\x01h", 3},
                                               {(const uint8_t *)"\x42\x00", 2},
                                               {(const uint8_t *)"\x22\x05zo", 4}};
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        stream = caller_open(&caller, V1, "", false);
        caller_say(stream, questions[i]);
        assert_non_null(
            strstr(caller_heard(&caller), "grpc-status=3 grpc-message=message_request is not set"));
    }
    caller_still_served(&caller);
}

static void the_last_question_of_a_message_counts(void **state) {
    (void)state;
    bw_buf_clear(&request);
    bw_pbwire_put_bytes(&request, FILE_BY_NAME, bw_span_text("no.proto"));
    bw_pbwire_put_bytes(&request, HOST, bw_span_text("h"));
    bw_pbwire_put_bytes(&request, BY_SYMBOL, bw_span_text("zoo.Place"));
    bw_buf_clear(&text);
    caller_say(stream, bw_buf_span(&request));
    struct bw_span body = caller_body(&caller);
    put_answer(bw_span_of(body.data + 5, body.len - 5));
    assert_string_equal(bw_buf_text(&text), "host=h files zoo/place.proto");
}

static void many_questions_at_once_are_all_answered(void **state) {
    (void)state;
    enum { QUESTIONS = 300 };
    bw_buf_clear(&request);
    bw_pbwire_put_bytes(&request, FILE_BY_NAME, bw_span_text("zoo/animal.proto"));
    for (int i = 0; i < QUESTIONS; i++)
        caller_say(stream, bw_buf_span(&request));
    bw_h2_finish(stream);
    assert_non_null(strstr(caller_heard(&caller), "1 trailers grpc-status=0 end\n"));
    struct bw_span body = caller_body(&caller);
    int answers = 0;
    while (body.len >= 5) {
        size_t size = (size_t)(body.data[2] << 16 | body.data[3] << 8 | body.data[4]) + 5;
        body = bw_span_of(body.data + size, body.len - size);
        answers++;
    }
    assert_int_equal(answers, QUESTIONS);
}

static void who_never_reads_the_answers_is_cut_off(void **state) {
    (void)state;
    caller.end.keeps_window = true;
    bw_buf_clear(&request);
    bw_pbwire_put_bytes(&request, FILE_BY_NAME, bw_span_text("zoo/animal.proto"));
    for (int i = 0; i < 20000 && stream; i++) {
        if (bw_h2_stream_queued(stream) < 100000)
            caller_say(stream, bw_buf_span(&request));
        caller_heard(&caller);
        stream = caller.end.closed ? NULL : stream;
    }
    caller.end.keeps_window = false;
    assert_int_equal(bw_server_calls(caller.service.server), 0);
    caller_still_served(&caller);
}

/* ---- the set ---- */

static bool is_set(const void *bytes, size_t len) {
    bool malformed = false;
    struct bw_descriptors *descriptors = bw_descriptors_new(bw_span_of(bytes, len), &malformed);
    assert_int_equal(malformed, descriptors == NULL);
    bw_descriptors_free(descriptors);
    return descriptors != NULL;
}

static void a_set_cut_anywhere_inside_a_file_is_refused(void **state) {
    (void)state;
    size_t whole = 0;
    for (size_t len = 0; len < zoo_descriptors_size; len++) {
        uint8_t *copy = test_malloc(len + 1);
        memcpy(copy, zoo_descriptors, len);
        whole += is_set(copy, len);
        test_free(copy);
    }
    assert_int_equal(whole, 4); /* after none, one, two and three of the four files */
    assert_true(is_set(zoo_descriptors, zoo_descriptors_size));
}

static void a_set_with_any_bit_turned_is_read_within_its_bounds(void **state) {
    (void)state;
    uint8_t *copy = test_malloc(zoo_descriptors_size);
    memcpy(copy, zoo_descriptors, zoo_descriptors_size);
    for (size_t bit = 0; bit < zoo_descriptors_size * 8; bit += 3) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        is_set(copy, zoo_descriptors_size);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    test_free(copy);
}

static void messages_nested_beyond_reason_are_refused(void **state) {
    (void)state;
    struct bw_buf inner, outer;
    bw_buf_init(&inner, 0);
    bw_buf_init(&outer, 0);
    for (int i = 0; i < 100; i++) {
        bw_buf_clear(&outer);
        bw_pbwire_put_bytes(&outer, 1, bw_span_text("M"));
        bw_pbwire_put_bytes(&outer, i == 99 ? 4 : 3, bw_buf_span(&inner));
        bw_buf_clear(&inner);
        bw_buf_append_span(&inner, bw_buf_span(&outer));
    }
    bw_buf_clear(&outer);
    bw_pbwire_put_bytes(&outer, 1, bw_buf_span(&inner));
    assert_false(is_set(bw_buf_span(&outer).data, bw_buf_size(&outer)));
    bw_buf_free(&inner);
    bw_buf_free(&outer);
}

static void an_import_that_the_set_lacks_is_skipped(void **state) {
    (void)state;
    static const char set[] =
        "\x0a\x0f\x0a\x01"
        "a\x1a\x04none\x1a\x01"
        "b\x1a\x01"
        "a\x0a\x03\x0a\x01"
        "b";
    bool malformed;
    struct bw_descriptors *descriptors = bw_descriptors_new(bw_span_of(set, sizeof set - 1), &malformed);
    assert_non_null(descriptors);
    struct bw_span cursor = {0};
    assert_int_equal(bw_descriptors_import(descriptors, 0, &cursor), 1);
    assert_int_equal(bw_descriptors_import(descriptors, 0, &cursor), 0);
    assert_true(bw_descriptors_import(descriptors, 0, &cursor) == SIZE_MAX);
    bw_descriptors_free(descriptors);
}

static void what_is_no_descriptor_set_is_refused_with_a_sentence(void **state) {
    (void)state;
    char why[128] = "";
    struct caller other;
    caller_init(&other, NULL);
    assert_null(
        bw_reflection_new(other.service.server, bw_span_text("no descriptors"), NULL, 0, why, sizeof why));
    assert_string_equal(why, "the descriptors are no google.protobuf.FileDescriptorSet");
    caller_free(&other);
    assert_null(bw_reflection_new(caller.service.server, bw_span_of(NULL, 0), NULL, 0, why, sizeof why));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(services_are_listed_in_order), TEST(a_file_brings_all_it_imports_once_on_a_stream),
         TEST(another_stream_is_told_everything_anew), TEST(every_kind_of_symbol_is_found),
         TEST(what_is_unknown_is_an_error_in_a_stream_that_goes_on),
         TEST(a_question_that_is_not_set_or_not_readable_ends_the_stream),
         TEST(the_last_question_of_a_message_counts), TEST(many_questions_at_once_are_all_answered),
         TEST(who_never_reads_the_answers_is_cut_off), TEST(a_set_cut_anywhere_inside_a_file_is_refused),
         TEST(a_set_with_any_bit_turned_is_read_within_its_bounds),
         TEST(messages_nested_beyond_reason_are_refused), TEST(an_import_that_the_set_lacks_is_skipped),
         TEST(what_is_no_descriptor_set_is_refused_with_a_sentence))
