/* The saved bytes themselves: a file that an older program wrote must still mean the same. */
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "scene.h"

/* Where the fields stand when the name is "scene". */
enum {
    AT_NAME_LENGTH = 5,
    AT_NAME = 6,
    AT_STATE = 11,
    AT_ATTEMPT = 12,
    AT_STREAK = 13,
    AT_LEFT = 15,
    AT_WALL = 23,
    AT_LEFT_CLOSED_AT = 31,
    AT_HOLDERS = 35,
    AT_HOLDER = 36,
    BYTES_MAX = 4096,
};
static const struct bw_instant at_1000 = {1000, 1000000};

#define HEAD                                                                                                 \
    "bwBR\x01\x05"                                                                                           \
    "scene"
#define ZERO_8 "\0\0\0\0\0\0\0\0"
#define WALL   "\x40\x42\x0f\0\0\0\0\0"

struct blob {
    unsigned char bytes[BYTES_MAX];
    size_t length;
};

static struct blob saved(const struct scene *s, uint64_t now_ms) {
    struct blob b;
    struct bw_instant at = {now_ms, 1000000};
    b.length = bw_breaker_save(s->breaker, at, b.bytes, sizeof b.bytes);
    return b;
}

/* Into memory of exactly this length. */
static void expect_exactly(const struct scene *s, uint64_t now_ms, const void *bytes, size_t length) {
    void *exact = malloc(length);
    assert_non_null(exact);
    struct bw_instant at = {now_ms, 1000000};
    assert_int_equal(bw_breaker_save(s->breaker, at, exact, length), length);
    assert_memory_equal(exact, bytes, length);
    free(exact);
}

static void expect_bytes(const struct scene *s, uint64_t now_ms, const void *bytes, size_t length) {
    struct blob b = saved(s, now_ms);
    assert_int_equal(b.length, length);
    assert_memory_equal(b.bytes, bytes, length);
    expect_exactly(s, now_ms, bytes, length);
}
#define EXPECT(s, now_ms, text) expect_bytes(s, now_ms, text, sizeof(text) - 1)

/* From memory of exactly this length, so that a sanitizer sees a byte too many. */
static int load(struct scene *s, const void *bytes, size_t length) {
    void *exact = malloc(length ? length : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    int result = bw_breaker_load(s->breaker, at_1000, exact, length);
    free(exact);
    return result;
}
static int load_blob(struct scene *s, const struct blob *b) {
    return load(s, b->bytes, b->length);
}
#define LOAD(s, text) load(s, text, sizeof(text) - 1)

static void the_bytes_of_each_state_are_these(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "open_ms=160");
    EXPECT(&s, 0,
           HEAD "\0\0\0\0" ZERO_8 WALL
                "\0\0\0\0"
                "\0");
    scene_play(&s, "1 call fail\n1 call fail\n");
    EXPECT(&s, 2,
           HEAD "\0\0\2\0" ZERO_8 WALL
                "\0\0\0\0"
                "\0");
    scene_play(&s, "100 call fail\n");
    EXPECT(&s, 150,
           HEAD
           "\1\1\0\0"
           "\x6e\0\0\0\0\0\0\0" WALL
           "\3\0\0\0"
           "\0");
    EXPECT(&s, 259,
           HEAD
           "\1\1\0\0"
           "\1\0\0\0\0\0\0\0" WALL
           "\3\0\0\0"
           "\0");
    EXPECT(&s, 260,
           HEAD "\1\1\0\0" ZERO_8 WALL
                "\3\0\0\0"
                "\0");
    EXPECT(&s, 999,
           HEAD "\1\1\0\0" ZERO_8 WALL
                "\3\0\0\0"
                "\0");
    scene_play(&s, "300 acquire a\n");
    EXPECT(&s, 300,
           HEAD "\2\1\0\0" ZERO_8 WALL
                "\3\0\0\0"
                "\0");
    scene_play(&s, "300 hold ann\n300 hold\n300 hold bob\n");
    EXPECT(&s, 301,
           HEAD "\3\1\0\0" ZERO_8 WALL
                "\3\0\0\0"
                "\3\3"
                "ann"
                "\0\3"
                "bob");
    scene_play(&s, "301 force disabled\n");
    EXPECT(&s, 301,
           HEAD "\4\1\0\0" ZERO_8 WALL
                "\3\0\0\0"
                "\0");
    scene_play(&s, "302 force metrics_only\n302 call fail\n");
    EXPECT(&s, 302,
           HEAD "\5\1\1\0" ZERO_8 WALL
                "\3\0\0\0"
                "\0");
    scene_end(&s);
}

static void each_field_comes_back_from_its_place(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "open_ms=160 trip_consecutive=65535 half_open_max_ms=500");
    assert_int_equal(LOAD(&s, HEAD "\0\0\2\1" ZERO_8 WALL "\4\3\2\1"
                                   "\0"),
                     0);
    scene_play(&s, "1000 state | closed\n1000 streak | 258\n1000 failure_count | 258\n1000 attempt | 0\n");
    assert_int_equal(LOAD(&s, HEAD "\1\7\2\1"
                                   "\x88\7\6\5\4\0\0\0" WALL "\4\3\2\1"
                                   "\0"),
                     0);
    scene_play(&s,
               "1000 state         | open\n"
               "1000 attempt       | 7\n"
               "1000 due           | 17264151408\n"
               "1000 failure_count | 16909060\n");
    assert_int_equal(LOAD(&s, HEAD "\5\2\3\0" ZERO_8 WALL "\0\0\0\0"
                                   "\0"),
                     0);
    scene_play(&s, "1000 state | metrics_only\n1000 streak | 3\n1000 attempt | 2\n");
    assert_int_equal(LOAD(&s, HEAD "\2\3\0\0" ZERO_8 WALL "\0\0\0\0"
                                   "\0"),
                     0);
    scene_play(&s, "1000 state | half_open\n1000 attempt | 3\n1000 due | 1508\n1000 in_flight | 0\n");
    assert_int_equal(LOAD(&s, HEAD "\3\0\0\0" ZERO_8 WALL "\0\0\0\0"
                                   "\2\0\1"
                                   "x"),
                     0);
    scene_play(
        &s, "1000 state | forced_open\n1000 holders | 2\n1000 release_hold | 0\n1000 release_hold x | 0\n");
    scene_expect_states(&s,
                        "1000 closed, 1000 open, 1000 metrics_only, 1000 half_open, 1000 forced_open, "
                        "1000 closed");
    scene_end(&s);
}

static void the_event_of_a_load_has_no_code_and_the_time_that_is_left(void **state) {
    (void)state;
    struct scene s;
    struct bw_event events[3];
    scene_start(&s, "open_ms=160");
    assert_int_equal(LOAD(&s, HEAD "\1\1\0\0"
                                   "\x6e\0\0\0\0\0\0\0"
                                   "\x36\x42\x0f\0\0\0\0\0"
                                   "\3\0\0\0"
                                   "\0"),
                     0);
    assert_int_equal(bw_breaker_events(s.breaker, 0, events, 3), 1);
    assert_int_equal(events[0].reason, BW_REASON_RESTORED);
    assert_int_equal(events[0].code, -1);
    assert_int_equal(events[0].open_ms, 100);
    assert_int_equal(events[0].at_ms, 1000);
    assert_true(events[0].transition);
    scene_end(&s);
}

static void cut_anywhere_it_is_refused_and_nothing_changed(void **state) {
    (void)state;
    static const char bytes[] = HEAD "\3\0\0\0" ZERO_8 WALL
                                     "\0\0\0\0"
                                     "\2\1"
                                     "a"
                                     "\2"
                                     "bc";
    struct scene s;
    scene_start(&s, "");
    for (size_t cut = 0; cut < sizeof bytes - 1; cut++)
        assert_int_equal(load(&s, bytes, cut), BW_BREAKER_REFUSED);
    assert_int_equal(load(&s, bytes, sizeof bytes), BW_BREAKER_REFUSED);
    scene_play(&s, "0 generation | 1\n0 holders | 0\n");
    assert_int_equal(load(&s, bytes, sizeof bytes - 1), 0);
    scene_end(&s);
}

struct field {
    int at;
    unsigned char value;
    int expected;
};

/* One byte of an OPEN breaker changed. */
static void every_field_has_its_range(void **state) {
    (void)state;
    static const struct field fields[] = {
        {0, 'B', BW_BREAKER_REFUSED},
        {1, 0, BW_BREAKER_REFUSED},
        {2, 'b', BW_BREAKER_REFUSED},
        {3, 'r', BW_BREAKER_REFUSED},
        {4, 0, BW_BREAKER_VERSION},
        {4, 2, BW_BREAKER_VERSION},
        {AT_NAME_LENGTH, 4, BW_BREAKER_REFUSED},
        {AT_NAME_LENGTH, 6, BW_BREAKER_REFUSED},
        {AT_NAME, 'S', BW_BREAKER_NAME},
        {AT_NAME + 4, 0, BW_BREAKER_REFUSED},
        {AT_STATE, 0, 0},
        {AT_STATE, 3, BW_BREAKER_REFUSED},
        {AT_STATE, 5, 0},
        {AT_STATE, 6, BW_BREAKER_REFUSED},
        {AT_STATE, 255, BW_BREAKER_REFUSED},
        {AT_ATTEMPT, 15, 0},
        {AT_ATTEMPT, 16, BW_BREAKER_REFUSED},
        {AT_STREAK, 255, 0},
        {AT_LEFT + 4, 255, 0},
        {AT_LEFT + 5, 1, BW_BREAKER_REFUSED},
        {AT_LEFT + 7, 1, BW_BREAKER_REFUSED},
        {AT_WALL + 7, 255, 0},
        {AT_LEFT_CLOSED_AT + 3, 255, 0},
        {AT_HOLDERS, 1, BW_BREAKER_REFUSED},
        {AT_HOLDERS, 33, BW_BREAKER_REFUSED},
    };
    static const char open[] = HEAD
        "\1\1\0\0"
        "\x6e\0\0\0\0\0\0\0" WALL
        "\3\0\0\0"
        "\0";
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct scene s;
        struct blob b = {.length = sizeof open - 1};
        memcpy(b.bytes, open, b.length);
        b.bytes[fields[i].at] = fields[i].value;
        scene_start(&s, "");
        int result = load_blob(&s, &b);
        if (result != fields[i].expected)
            fail_msg("byte %d set to %d gives %d", fields[i].at, fields[i].value, result);
        scene_play(&s, result ? "0 generation | 1\n" : "0 generation | 2\n");
        scene_end(&s);
    }
}

static void the_longest_time_left_is_taken_and_no_longer_one(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    assert_int_equal(LOAD(&s, HEAD "\1\1\0\0"
                                   "\xff\xff\xff\xff\xff\0\0\0" WALL "\0\0\0\0"
                                   "\0"),
                     0);
    assert_int_equal(LOAD(&s, HEAD "\1\1\0\0"
                                   "\0\0\0\0\0\1\0\0" WALL "\0\0\0\0"
                                   "\0"),
                     BW_BREAKER_REFUSED);
    assert_int_equal(LOAD(&s, HEAD "\1\1\0\0"
                                   "\1\0\0\0\0\1\0\0" WALL "\0\0\0\0"
                                   "\0"),
                     BW_BREAKER_REFUSED);
    scene_end(&s);
}

static void holders_belong_to_forced_open_alone(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    for (char other = 0; other < BW_STATES; other++) {
        char bytes[] = HEAD "\0\0\0\0" ZERO_8 WALL
                            "\0\0\0\0"
                            "\1\1"
                            "a";
        bytes[AT_STATE] = other;
        assert_int_equal(LOAD(&s, bytes), other == BW_FORCED_OPEN ? 0 : BW_BREAKER_REFUSED);
    }
    scene_end(&s);
}

/* A forced breaker with this many holders: each is 63 bytes long and begins with a letter of its own. */
static struct blob held_by(int holders, size_t name_length) {
    static const char head[] = HEAD "\3\0\0\0" ZERO_8 WALL "\0\0\0\0";
    struct blob b = {.length = AT_HOLDER};
    memcpy(b.bytes, head, sizeof head - 1);
    b.bytes[AT_HOLDERS] = (unsigned char)holders;
    for (int i = 0; i < holders; i++) {
        b.bytes[b.length] = (unsigned char)name_length;
        memset(b.bytes + b.length + 1, '0' + i, name_length);
        b.length += 1 + name_length;
    }
    return b;
}

static void thirty_two_holders_with_63_bytes_are_taken_and_no_more(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    struct blob most = held_by(32, 63), more = held_by(33, 63), longer = held_by(2, 64);
    assert_int_equal(load_blob(&s, &more), BW_BREAKER_REFUSED);
    assert_int_equal(load_blob(&s, &longer), BW_BREAKER_REFUSED);
    longer = held_by(1, 255);
    assert_int_equal(load_blob(&s, &longer), BW_BREAKER_REFUSED);
    assert_int_equal(load_blob(&s, &most), 0);
    assert_int_equal(saved(&s, 1000).length, AT_HOLDER + 32 * 64);
    assert_memory_equal(saved(&s, 1000).bytes, most.bytes, most.length);
    scene_play(&s, "1000 holders | 32\n1000 hold another | -2\n");
    char name[64] = "";
    memset(name, '0' + 31, 63);
    assert_int_equal(bw_breaker_release_hold(s.breaker, 1000, name), 0);
    scene_end(&s);
}

static void a_holder_with_a_zero_in_its_name_is_refused(void **state) {
    (void)state;
    struct scene s;
    scene_start(&s, "");
    struct blob b = held_by(2, 3);
    b.bytes[AT_HOLDER + 2] = 0;
    assert_int_equal(load_blob(&s, &b), BW_BREAKER_REFUSED);
    b = held_by(2, 3);
    b.bytes[AT_HOLDER + 7] = 0;
    assert_int_equal(load_blob(&s, &b), BW_BREAKER_REFUSED);
    scene_end(&s);
}

static void a_breaker_with_the_longest_or_no_name_comes_back(void **state) {
    (void)state;
    char longest[64] = "";
    memset(longest, 'n', 63);
    const char *names[] = {longest, ""};
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    for (int i = 0; i < 2; i++) {
        unsigned char bytes[BYTES_MAX];
        struct bw_breaker *b = bw_breaker_new(names[i], &config, 0);
        assert_non_null(b);
        size_t length = bw_breaker_save(b, at_1000, bytes, sizeof bytes);
        assert_int_equal(length, 31 + strlen(names[i]));
        assert_int_equal(bytes[5], strlen(names[i]));
        assert_int_equal(bw_breaker_load(b, at_1000, bytes, length), 0);
        bw_breaker_free(b);
    }
}

BW_TESTS(cmocka_unit_test(the_bytes_of_each_state_are_these),
         cmocka_unit_test(each_field_comes_back_from_its_place),
         cmocka_unit_test(the_event_of_a_load_has_no_code_and_the_time_that_is_left),
         cmocka_unit_test(cut_anywhere_it_is_refused_and_nothing_changed),
         cmocka_unit_test(every_field_has_its_range),
         cmocka_unit_test(the_longest_time_left_is_taken_and_no_longer_one),
         cmocka_unit_test(holders_belong_to_forced_open_alone),
         cmocka_unit_test(thirty_two_holders_with_63_bytes_are_taken_and_no_more),
         cmocka_unit_test(a_holder_with_a_zero_in_its_name_is_refused),
         cmocka_unit_test(a_breaker_with_the_longest_or_no_name_comes_back))
