/* SPDX-License-Identifier: MIT */
/*
 * How much stack librst needs, as rst.h says: measured on a stack that was painted before.
 */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define STACK ((size_t)256 * 1024)
#define PAINT 0xa5
#define LOAD_LIMIT 8192 /* what dlopen(3) itself needs apart */
#ifdef __GLIBC__
#define FILE_LIMIT LOAD_LIMIT
#else
#define FILE_LIMIT 9216 /* musl's realpath(3) takes 8 KiB; its dlopen(3) takes less */
#endif
#define SMALL_STACK 16384 /* what PTHREAD_STACK_MIN is with glibc */
#define FIRE_LIMIT 1024

static void (*measured)(void);
static uint8_t *top; /* where the measured function was called */

static void *run_measured(void *unused)
{
    top = __builtin_frame_address(0);
    measured();
    return unused;
}

/* How far below its caller's frame the function writes. */
static size_t need_of(void (*function)(void))
{
    uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    size_t lowest = 0, need;

    check(stack != MAP_FAILED);
    memset(stack, PAINT, STACK);
    measured = function;
    pthread_attr_init(&attributes);
    check_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
    check_equal(pthread_create(&thread, &attributes, run_measured, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    while (stack[lowest] == PAINT)
        lowest++;
    need = (size_t)(top - (stack + lowest));
    munmap(stack, STACK);
    return need;
}

static struct shop shop;
static const char *library;
static void *handle;
static int result;

static void load(void)
{
    result = rst_provider_load(shop.provider);
}

static void unload(void)
{
    result = rst_provider_unload(shop.provider);
}

static void fire(void)
{
    RST_FIRE(shop.order, 1);
}

static void nothing(void)
{
}

static void open_library(void)
{
    handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
}

/* A copy of the image, which nobody knows. */
static size_t need_of_dlopen(const char *directory)
{
    char command[512];
    size_t need;

    library = path_in(directory, "copy.so");
    snprintf(command, sizeof(command), "cat '%s' >'%s'", rst_probe_path(shop.order), library);
    check_equal(system(command), 0);
    need = need_of(open_library);
    check(handle != NULL);
    dlclose(handle);
    return need;
}

/* The end of a thread may need more, which glibc 2.41's does on riscv64. */
static void check_need(const char *what, size_t need, size_t limit)
{
    size_t end = need_of(nothing);

    print_message("%s: %zu bytes of stack\n", what, need);
    if (need > limit && need > end)
        check_failed(__FILE__, __LINE__, "%s takes %zu bytes of stack, not %zu at most", what, need,
                     limit);
}

static void measure(const char *directory, int backing)
{
    const char *kind = backing == RST_BACKING_FILE ? "file" : "memfd";
    size_t need, linker;
    char what[64];

    shop = shop_new();
    check_equal(rst_provider_set_backing(shop.provider, backing, directory), 0);
    need = need_of(load);
    check_equal(result, 0);
    linker = need_of_dlopen(directory);
    snprintf(what, sizeof(what), "load, %s, without the %zu of dlopen", kind, linker);
    check_need(what, need > linker ? need - linker : 0,
               backing == RST_BACKING_FILE ? FILE_LIMIT : LOAD_LIMIT);
    *(volatile uint32_t *)(uintptr_t)rst_probe_semaphore(shop.order) = 1;
    check_need("fire", need_of(fire), FIRE_LIMIT);
    *(volatile uint32_t *)(uintptr_t)rst_probe_semaphore(shop.order) = 0;
    check_need("unload", need_of(unload), LOAD_LIMIT);
    check_equal(result, 0);
    check_need("load again", need_of(load), LOAD_LIMIT);
    check_equal(result, 0);
    rst_provider_free(shop.provider);
}

static void measure_memfd(void *directory)
{
    measure(directory, RST_BACKING_MEMFD);
}

static void measure_file(void *directory)
{
    measure(directory, RST_BACKING_FILE);
}

static void the_need_is_as_stated(void **state)
{
    check_applies(!SANITIZED, "sanitizers need stack of their own");
    in_child(measure_memfd, *state);
    in_child(measure_file, *state);
}

/* ------------------------------------------------------- in the smallest of threads -- */

static void *load_fire_and_unload(void *unused)
{
    load();
    check_equal(result, 0);
    fire();
    unload();
    check_equal(result, 0);
    return unused;
}

/* musl's own minimum is 2 KiB, of which a signal handler's frame alone takes more. */
static size_t smallest_stack(void)
{
    size_t smallest = (size_t)sysconf(_SC_THREAD_STACK_MIN);

    return smallest < SMALL_STACK ? SMALL_STACK : smallest;
}

static void run_small(void *directory)
{
    const int backings[] = {RST_BACKING_MEMFD, RST_BACKING_FILE};
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    check_equal(pthread_attr_setstacksize(&attributes, smallest_stack()), 0);
    for (size_t i = 0; i < 2; i++) {
        shop = shop_new();
        check_equal(rst_provider_set_backing(shop.provider, backings[i], directory), 0);
        check_equal(pthread_create(&thread, &attributes, load_fire_and_unload, NULL), 0);
        pthread_join(thread, NULL);
        rst_provider_free(shop.provider);
    }
}

static void threads_of_the_smallest_stack_can_load(void **state)
{
    check_applies(!SANITIZED, "sanitizers need stack of their own");
    in_child(run_small, *state);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(the_need_is_as_stated),
        WITH_DIRECTORY(threads_of_the_smallest_stack_can_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
