/* SPDX-License-Identifier: MIT */
/*
 * A program with compile-time probes of sys/sdt.h, with and without semaphores, that librst did not
 * make. It prints "ready PID", fires each probe for each line of its input, answers "fired", and
 * ends when its input ends. It first opens the libraries that its arguments name.
 *
 * Compiled as a library (-DAS_LIBRARY), it has the probe plugin:loaded instead.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/sdt.h>
#include <unistd.h>

#define SEMAPHORE(name) unsigned short name __attribute__((unused, section(".probes")))

#ifdef AS_LIBRARY

SEMAPHORE(plugin_loaded_semaphore);
__attribute__((visibility("default"))) void plugin_fire(int64_t value);

void plugin_fire(int64_t value)
{
    STAP_PROBE1(plugin, loaded, value);
}

#else

SEMAPHORE(bakery_bread_semaphore);
SEMAPHORE(bakery_cake_semaphore);

int main(int count, char **words)
{
    volatile int8_t small = -1;
    volatile uint16_t half = 65535;
    volatile int32_t whole = -2;
    volatile uint64_t wide = 1;
    char line[64];

    for (int i = 1; i < count; i++)
        if (!dlopen(words[i], RTLD_NOW)) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        STAP_PROBE4(bakery, bread, small, half, whole, wide);
        STAP_PROBE(bakery, cake);
        printf("fired\n");
        fflush(stdout);
    }
    return 0;
}

#endif
