#include "world.h"

#include <breakwire/filesink.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene {
    struct world world;
    struct bw_filesink *sink;
    char folder[64], path[96], old_path[100], why[128];
    unsigned failures;
};

static void on_failed(void *owner, const char *why) {
    struct scene *scene = owner;
    scene->failures++;
    snprintf(scene->why, sizeof scene->why, "%s", why);
}

static void open_sink(struct scene *scene, uint64_t size_max) {
    struct bw_filesink_config config = {scene->path, size_max, on_failed, scene};
    scene->sink = bw_filesink_new(scene->world.loop, &config, scene->why, sizeof scene->why);
}

static void open_scene(struct scene *scene) {
    memset(scene, 0, sizeof *scene);
    world_open(&scene->world);
    snprintf(scene->folder, sizeof scene->folder, "/tmp/filesink_test.XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof scene->path, "%s/trace", scene->folder);
    snprintf(scene->old_path, sizeof scene->old_path, "%s.1", scene->path);
}

/* What was taken is in the file once the loop is gone. */
static void finish(struct scene *scene) {
    bw_filesink_free(scene->sink);
    scene->sink = NULL;
    world_close(&scene->world);
}

static void remove_files(struct scene *scene) {
    remove(scene->path);
    remove(scene->old_path);
    remove(scene->folder);
}

static void say(struct scene *scene, const char *lines) {
    assert_true(bw_filesink_write(scene->sink, bw_span_text(lines)));
}

static const char *read_file(const char *path) {
    static char text[2][8192];
    static unsigned next;
    char *out = text[next++ % 2];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(out, 1, sizeof text[0] - 1, file) : 0;
    out[n] = '\0';
    if (file)
        fclose(file);
    return file ? out : "(none)";
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void lines_come_in_order_and_all_of_them_at_the_end(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    open_sink(&scene, 1000);
    say(&scene, "one\ntwo\n");
    say(&scene, "three\n"); /* while the first batch may be on its way */
    say(&scene, "four\n");
    finish(&scene);
    assert_string_equal(read_file(scene.path), "one\ntwo\nthree\nfour\n");
    assert_string_equal(read_file(scene.old_path), "(none)");
    assert_int_equal(scene.failures, 0);
    remove_files(&scene);
}

static void a_full_file_becomes_the_old_one_between_two_lines(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    open_sink(&scene, 10);
    say(&scene, "aaa\nbbb\nccc\nddd\neee\n");
    finish(&scene);
    assert_string_equal(read_file(scene.old_path), "ccc\nddd\n"); /* one old file only */
    assert_string_equal(read_file(scene.path), "eee\n");
    remove_files(&scene);
}

static void a_file_of_exactly_the_limit_is_not_full(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    open_sink(&scene, 8);
    say(&scene, "aaa\nbbb\n");
    finish(&scene);
    assert_string_equal(read_file(scene.path), "aaa\nbbb\n");
    assert_string_equal(read_file(scene.old_path), "(none)");
    remove_files(&scene);
}

static void what_an_earlier_program_left_is_kept_as_the_old_one(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    write_file(scene.path, "before\n");
    open_sink(&scene, 100);
    say(&scene, "now\n");
    finish(&scene);
    assert_string_equal(read_file(scene.old_path), "before\n");
    assert_string_equal(read_file(scene.path), "now\n");
    remove_files(&scene);
}

static void an_empty_file_is_taken_as_it_is(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    write_file(scene.path, "");
    open_sink(&scene, 100);
    finish(&scene);
    assert_string_equal(read_file(scene.path), "");
    assert_string_equal(read_file(scene.old_path), "(none)");
    remove_files(&scene);
}

static void what_cannot_be_opened_is_refused_with_the_reason(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    static const char *const paths[] = {"/dev/null", "/tmp", "/nonexistent/trace"};
    static const char *const reasons[] = {"it is not a file", "illegal operation on a directory",
                                          "no such file or directory"};
    for (int i = 0; i < 3; i++) {
        snprintf(scene.path, sizeof scene.path, "%s", paths[i]);
        open_sink(&scene, 100);
        assert_null(scene.sink);
        assert_string_equal(scene.why, reasons[i]);
    }
    world_close(&scene.world);
    assert_int_equal(scene.failures, 0);
    rmdir(scene.folder);
}

static bool has_failed(void *user) {
    return ((const struct scene *)user)->failures > 0;
}

/* A limit of the process stands for a full disk: writes fail part of the way through. */
static void a_full_disk_ends_it_once_and_the_file_ends_with_a_whole_line(void **state) {
    struct scene scene;
    struct rlimit old;
    (void)state;
    open_scene(&scene);
    open_sink(&scene, 100000);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 10, .rlim_max = old.rlim_max});
    say(&scene, "aaa\nbbb\nccc\nddd\n");
    world_run(&scene.world, has_failed, &scene);
    assert_string_equal(scene.why, "file too large");
    assert_false(bw_filesink_write(scene.sink, bw_span_text("eee\n")));
    finish(&scene);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_string_equal(read_file(scene.path), "aaa\nbbb\n");
    assert_int_equal(scene.failures, 1);
    remove_files(&scene);
}

static void more_than_may_wait_ends_it(void **state) {
    struct scene scene;
    static char lines[BW_FILESINK_WAITING_MAX / 2];
    (void)state;
    memset(lines, 'a', sizeof lines);
    lines[sizeof lines - 1] = '\n';
    open_scene(&scene);
    open_sink(&scene, UINT64_C(1) << 40);
    unsigned taken = 0; /* without the loop running nothing is written but the first batch */
    while (bw_filesink_write(scene.sink, bw_span_of(lines, sizeof lines)))
        taken++;
    assert_int_equal(taken, 3);
    world_run(&scene.world, has_failed, &scene);
    assert_string_equal(scene.why, "the disk is slower than the calls");
    finish(&scene);
    remove_files(&scene);
}

static void a_loop_that_goes_first_ends_it_too(void **state) {
    struct scene scene;
    (void)state;
    open_scene(&scene);
    open_sink(&scene, 100);
    say(&scene, "one\n");
    world_close(&scene.world);
    assert_false(bw_filesink_write(scene.sink, bw_span_text("two\n")));
    bw_filesink_free(scene.sink);
    bw_filesink_free(NULL);
    assert_string_equal(read_file(scene.path), "one\n");
    remove_files(&scene);
}

BW_TESTS(cmocka_unit_test(lines_come_in_order_and_all_of_them_at_the_end),
         cmocka_unit_test(a_full_file_becomes_the_old_one_between_two_lines),
         cmocka_unit_test(a_file_of_exactly_the_limit_is_not_full),
         cmocka_unit_test(what_an_earlier_program_left_is_kept_as_the_old_one),
         cmocka_unit_test(an_empty_file_is_taken_as_it_is),
         cmocka_unit_test(what_cannot_be_opened_is_refused_with_the_reason),
         cmocka_unit_test(a_full_disk_ends_it_once_and_the_file_ends_with_a_whole_line),
         cmocka_unit_test(more_than_may_wait_ends_it), cmocka_unit_test(a_loop_that_goes_first_ends_it_too))
