/* SPDX-License-Identifier: MIT */
/*
 * A program of another CPU for gdb to watch. usage: cross-target memfd|file DIRECTORY
 *
 * It has two probes, with arguments of every type in two orders, so that each type is in a register
 * and on the stack. gdb_test.py knows the values.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rst.h"

#define FORWARD                                                                                    \
    "bool a, int8 b, int16 c, int32 d, int64 e, uint8 f, uint16 g, uint32 h, uint64 i, float j, "  \
    "double k, string l"
#define BACKWARD                                                                                   \
    "string l, double k, float j, uint64 i, uint32 h, uint16 g, uint8 f, int64 e, int32 d, "       \
    "int16 c, int8 b, bool a"

#define A true
#define B -2
#define C -300
#define D -70000
#define E -5000000000LL
#define F 200
#define G 60000
#define H 4000000000U
#define I 0xfedcba9876543210ULL
#define J 1.5F
#define K -2.25
#define L "a string"

static rst_probe *forward, *backward;

/* The functions that gdb looks for. Each does something after the call, which keeps its frame. */
static volatile unsigned done;

__attribute__((noinline)) static void loaded(void)
{
    done++;
}

__attribute__((noinline)) static void fire_forward(void)
{
    RST_FIRE(forward, A, B, C, D, E, F, G, H, I, J, K, L);
    done++;
}

__attribute__((noinline)) static void fire_backward(void)
{
    RST_FIRE(backward, L, K, J, I, H, G, F, E, D, C, B, A);
    done++;
}

typedef void function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                      uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

__attribute__((noinline)) static void call_function(function *of_probe)
{
    of_probe(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    done++;
}

__attribute__((noinline)) static void call_the_caller(function *of_probe)
{
    call_function(of_probe);
    done++;
}

int main(int argc, char **argv)
{
    rst_provider *provider = rst_provider_new("shop");

    if (argc != 3)
        return 2;
    forward = rst_provider_add(provider, "forward", FORWARD);
    backward = rst_provider_add(provider, "backward", BACKWARD);
    rst_provider_set_backing(
        provider, strcmp(argv[1], "file") == 0 ? RST_BACKING_FILE : RST_BACKING_MEMFD, argv[2]);
    if (rst_provider_load(provider) < 0) {
        fprintf(stderr, "%s\n", rst_error());
        return 1;
    }
    loaded();
    fire_forward();
    fire_backward();
    call_the_caller((function *)rst_probe_function(forward));
    if (rst_provider_unload(provider) < 0 || rst_provider_load(provider) < 0) {
        fprintf(stderr, "%s\n", rst_error());
        return 1;
    }
    fire_forward();
    rst_provider_free(provider);
    return 0;
}
