#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "trap.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#include "run.h"
#include "scene.h"

enum { PAGE = 4096 };

static struct {
    char *pages, *watched;
    size_t size, length;
    void (*rival)(void *);
    void *argument;
    bool touched;
    struct sigaction before;
} trap;

static size_t whole_pages(size_t size) {
    return (size + PAGE - 1) / PAGE * PAGE;
}

void *trap_memory(size_t size, size_t boundary) {
    assert_int_equal(boundary % 8, 0);
    size_t before = whole_pages(boundary);
    trap.size = before + whole_pages(size - boundary);
    trap.pages = mmap(NULL, trap.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(trap.pages != MAP_FAILED);
    trap.watched = trap.pages + before;
    return trap.watched - boundary;
}

struct bw_breaker *trap_breaker(const char *parameters, size_t boundary) {
    struct bw_breaker_config config;
    bw_breaker_config_default(&config);
    scene_configure(&config, parameters);
    void *memory = trap_memory(bw_breaker_size(&config), boundary);
    struct bw_breaker *breaker = bw_breaker_init(memory, "trapped", &config, 1000);
    assert_non_null(breaker);
    return breaker;
}

void trap_free(void) {
    assert_int_equal(munmap(trap.pages, trap.size), 0);
}

static void open_all(void) {
    mprotect(trap.pages, trap.size, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &trap.before, NULL);
}

static void touched(int signal_number) {
    (void)signal_number;
    open_all();
    trap.touched = true;
    if (trap.rival)
        trap.rival(trap.argument);
}

void trap_set(enum trap_for what, size_t length, void (*rival)(void *argument), void *argument) {
    struct sigaction action = {.sa_handler = touched, .sa_flags = SA_NODEFER};
    trap.rival = rival;
    trap.argument = argument;
    trap.touched = false;
    assert_int_equal(sigaction(SIGSEGV, &action, &trap.before), 0);
    assert_int_equal(
        mprotect(trap.watched, length / PAGE * PAGE, what == TRAP_WRITING ? PROT_READ : PROT_NONE), 0);
}

bool trap_was_touched(void) {
    if (!trap.touched)
        open_all();
    return trap.touched;
}
