/* SPDX-License-Identifier: MIT */
/*
 * A program with probes of sys/sdt.h like those in optimised code: a probe with several sites,
 * whose operands differ in size, sign and place; operands at symbols, one of them thread-local;
 * floating point. It prints "ready", fires each site once for each line of its input, and answers
 * "fired".
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/sdt.h>

#define SITE __attribute__((noinline)) static void

int traced_counter = 4242;
__thread int32_t traced_own = 99;

SITE narrow(int32_t value)
{
    STAP_PROBE2(traced, mixed, value, 1);
}

SITE wide(int64_t value)
{
    STAP_PROBE2(traced, mixed, value, 2);
}

SITE constant(void)
{
    STAP_PROBE2(traced, mixed, -7, 3);
}

SITE in_memory(void)
{
    volatile int32_t values[] = {-5, 0x7777};

    STAP_PROBE2(traced, mixed, values[0], 4);
}

SITE tiny(uint8_t value)
{
    STAP_PROBE2(traced, mixed, value, 5);
}

SITE unsigned_half(uint32_t value)
{
    STAP_PROBE1(traced, halves, value);
}

SITE signed_half(int32_t value)
{
    STAP_PROBE1(traced, halves, value);
}

SITE unsigned_whole(uint64_t value)
{
    STAP_PROBE2(traced, unclear, value, 1);
}

SITE signed_whole(int64_t value)
{
    STAP_PROBE2(traced, unclear, value, 2);
}

SITE at_symbol(int32_t value)
{
    STAP_PROBE2(traced, symbol, traced_counter, value);
}

SITE in_thread(int32_t value)
{
    STAP_PROBE2(traced, thread, traced_own, value);
}

SITE floating(int32_t value)
{
    volatile double whole = -2.5;
    volatile float half = 0.1F;

    STAP_PROBE4(traced, floating, value, whole, half, value + 1);
}

int main(void)
{
    volatile int64_t given[] = {-3, -4000000000, 200, -1, 77, 9}; /* not constants */
    char line[64];

    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        narrow((int32_t)given[0]);
        wide(given[1]);
        constant();
        in_memory();
        tiny((uint8_t)given[2]);
        unsigned_half((uint32_t)given[3]);
        signed_half((int32_t)given[3]);
        unsigned_whole((uint64_t)given[3]);
        signed_whole(given[3]);
        at_symbol((int32_t)given[4]);
        in_thread((int32_t)given[4]);
        floating((int32_t)given[5]);
        printf("fired\n");
        fflush(stdout);
    }
    return 0;
}
