/* SPDX-License-Identifier: MIT */
/*
 * A statically linked program: with glibc, its probes are loaded and watched as any; musl has no
 * dlopen(3) for it, and the program is told so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rst.h>

static unsigned failed;

static void check(bool condition, const char *words)
{
    if (condition)
        return;
    printf("failed: %s (rst_error: %s)\n", words, rst_error());
    failed++;
}

#define CHECK(condition) check(condition, #condition)

static void check_refused(rst_provider *shop, const rst_probe *order)
{
    unsigned evaluated = 0;

    for (int backing = RST_BACKING_AUTO; backing <= RST_BACKING_FILE; backing++) {
        CHECK(rst_provider_set_backing(shop, backing, NULL) == 0);
        CHECK(rst_provider_load(shop) == -ENOEXEC);
        CHECK(strncmp(rst_error(), "this program is linked statically", 33) == 0);
        CHECK(!rst_provider_loaded(shop));
        CHECK(!rst_probe_enabled(order));
        CHECK(!rst_probe_path(order));
        RST_FIRE(order, ++evaluated);
        rst_probe_fire(order, NULL, 0);
        rst_probe_function(order)();
    }
    CHECK(evaluated == 0);
    CHECK(rst_provider_unload(shop) == 0);
}

/* Whoever asks for it watches the path that is printed, and then lets it fire. */
static void show(rst_provider *shop, const rst_probe *order, const char *fires)
{
    CHECK(rst_provider_load(shop) == 0);
    CHECK(rst_probe_path(order) != NULL);
    if (!fires)
        return;
    printf("ready %s\n", rst_probe_path(order));
    fflush(stdout);
    for (char byte; read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR;)
        ;
    printf("semaphore %u\n", *rst_probe_semaphore(order));
    for (uint64_t i = strtoul(fires, NULL, 10); i > 0; i--)
        RST_FIRE(order, i);
}

/* The number of fires, if a tracer is to watch. */
int main(int count, char **arguments)
{
    rst_provider *shop = rst_provider_new("shop");
    rst_probe *order = rst_provider_add(shop, "order", "uint64");

#ifdef __GLIBC__
    show(shop, order, count > 1 ? arguments[1] : NULL);
#else
    (void)show, (void)count, (void)arguments;
    check_refused(shop, order);
#endif
    (void)check_refused;
    rst_provider_free(shop);
    return failed > 0;
}
