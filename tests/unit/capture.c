/* SPDX-License-Identifier: MIT */
#include "capture.h"

#include <string.h>

uint64_t captured[RST_MAX_ARGS];
size_t captured_count;
unsigned captured_calls;

static void keep(size_t count, const uint64_t *args)
{
    captured_calls++;
    captured_count = count;
    memset(captured, 0, sizeof(captured));
    memcpy(captured, args, count * sizeof(args[0]));
}

/* clang-format off */
#define CAPTURE(count, parameters, ...)             \
    static void capture##count parameters           \
    {                                               \
        const uint64_t args[] = {__VA_ARGS__};      \
        keep(count, args);                          \
    }
#define P(name) uint64_t name
CAPTURE(0, (void), 0)
CAPTURE(1, (P(a)), a)
CAPTURE(2, (P(a), P(b)), a, b)
CAPTURE(3, (P(a), P(b), P(c)), a, b, c)
CAPTURE(4, (P(a), P(b), P(c), P(d)), a, b, c, d)
CAPTURE(5, (P(a), P(b), P(c), P(d), P(e)), a, b, c, d, e)
CAPTURE(6, (P(a), P(b), P(c), P(d), P(e), P(f)), a, b, c, d, e, f)
CAPTURE(7, (P(a), P(b), P(c), P(d), P(e), P(f), P(g)), a, b, c, d, e, f, g)
CAPTURE(8, (P(a), P(b), P(c), P(d), P(e), P(f), P(g), P(h)), a, b, c, d, e, f, g, h)
CAPTURE(9, (P(a), P(b), P(c), P(d), P(e), P(f), P(g), P(h), P(i)), a, b, c, d, e, f, g, h, i)
CAPTURE(10, (P(a), P(b), P(c), P(d), P(e), P(f), P(g), P(h), P(i), P(j)),
        a, b, c, d, e, f, g, h, i, j)
CAPTURE(11, (P(a), P(b), P(c), P(d), P(e), P(f), P(g), P(h), P(i), P(j), P(k)),
        a, b, c, d, e, f, g, h, i, j, k)
CAPTURE(12, (P(a), P(b), P(c), P(d), P(e), P(f), P(g), P(h), P(i), P(j), P(k), P(l)),
        a, b, c, d, e, f, g, h, i, j, k, l)

#define ROW(count) (void (*)(void))capture##count
void (*const captures[RST_MAX_ARGS + 1])(void) = {
    ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10),
    ROW(11), ROW(12),
};
/* clang-format on */
