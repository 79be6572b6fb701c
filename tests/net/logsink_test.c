#include "run.h"

#include <breakwire/logsink.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_MAX 262144

/* Puts `fd` in stderr's place; returns the saved stderr. */
static int take_stderr(int fd) {
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    dup2(fd, STDERR_FILENO);
    return saved;
}

static void give_back(int saved) {
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static size_t read_text(int fd, char *out) {
    size_t len = 0;
    ssize_t n;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (len + 1 < TEXT_MAX && (n = read(fd, out + len, TEXT_MAX - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    return len;
}

static size_t count_lines(const char *text) {
    size_t n = 0;
    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

static void say(const struct bw_log *log, const char *message) {
    bw_log_write(log, BW_LOG_INFO, message, NULL, 0);
}

static void lines_are_json_when_stderr_is_no_terminal(void **state) {
    (void)state;
    static char text[TEXT_MAX];
    struct bw_log log;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = take_stderr(ends[1]);
    assert_true(bw_log_to_stderr(&log, "service-b", BW_LOG_INFO, BW_LOGSINK_AUTO));
    say(&log, "listening");
    bw_log_write(&log, BW_LOG_DEBUG, "too fine", NULL, 0);
    give_back(saved);
    read_text(ends[0], text);
    assert_int_equal(text[0], '{');
    assert_non_null(strstr(text, "listening"));
    assert_int_equal(count_lines(text), 1);
    assert_int_equal(bw_logsink_dropped(&log), 0);
    bw_logsink_free(&log);
    say(&log, "after the end");
    close(ends[0]);
    close(ends[1]);
}

static void a_full_pipe_drops_lines_and_says_later_how_many(void **state) {
    (void)state;
    static char text[TEXT_MAX];
    struct bw_log log;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = take_stderr(ends[1]);
    assert_true(bw_log_to_stderr(&log, "service-b", BW_LOG_INFO, BW_LOGSINK_TEXT));
    for (int i = 0; i < 5000; i++)
        say(&log, "a line that is neither long nor short, as lines are");
    uint64_t dropped = bw_logsink_dropped(&log);
    size_t before = read_text(ends[0], text) ? count_lines(text) : 0;
    say(&log, "again");
    read_text(ends[0], text);
    give_back(saved);
    assert_true(dropped > 0);
    assert_int_equal(before + dropped, 5000);
    assert_non_null(strstr(text, "log lines were dropped"));
    assert_non_null(strstr(text, "again"));
    assert_int_equal(count_lines(text), 2);
    assert_int_equal(bw_logsink_dropped(&log), dropped);
    bw_logsink_free(&log);
    close(ends[0]);
    close(ends[1]);
}

static void a_pipe_without_a_reader_and_a_full_socket_block_nobody(void **state) {
    (void)state;
    struct bw_log log;
    int ends[2], saved;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    saved = take_stderr(ends[1]);
    assert_true(bw_log_to_stderr(&log, "service-b", BW_LOG_INFO, BW_LOGSINK_TEXT));
    say(&log, "nobody hears it");
    give_back(saved);
    assert_int_equal(bw_logsink_dropped(&log), 1);
    bw_logsink_free(&log);
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    saved = take_stderr(ends[1]);
    assert_true(bw_log_to_stderr(&log, "service-b", BW_LOG_INFO, BW_LOGSINK_TEXT));
    for (int i = 0; i < 20000; i++)
        say(&log, "a line");
    give_back(saved);
    assert_true(bw_logsink_dropped(&log) > 0);
    bw_logsink_free(&log);
    close(ends[0]);
    close(ends[1]);
}

static void a_closed_stderr_gives_its_number_to_nobody(void **state) {
    (void)state;
    struct bw_log log;
    int saved = dup(STDERR_FILENO), ends[2];
    close(STDERR_FILENO);
    bool is_open = bw_log_to_stderr(&log, "service-b", BW_LOG_INFO, BW_LOGSINK_TEXT);
    say(&log, "nobody hears it");
    int made = pipe(ends);
    give_back(saved);
    assert_true(is_open);
    assert_int_equal(made, 0);
    assert_true(ends[0] != STDERR_FILENO && ends[1] != STDERR_FILENO);
    bw_logsink_free(&log);
    close(ends[0]);
    close(ends[1]);
}

BW_TESTS(cmocka_unit_test(lines_are_json_when_stderr_is_no_terminal),
         cmocka_unit_test(a_full_pipe_drops_lines_and_says_later_how_many),
         cmocka_unit_test(a_pipe_without_a_reader_and_a_full_socket_block_nobody),
         cmocka_unit_test(a_closed_stderr_gives_its_number_to_nobody))
