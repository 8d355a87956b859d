/* SPDX-License-Identifier: MIT */
/*
 * Fires with every number and type of arguments, as a program in C11 or C++11 would write them. A
 * source file of each language includes this, with FIRES defined as the function's name.
 */
#include <limits.h>

#include "capture.h"

enum colour { RED, GREEN = 7 };
enum temperature { COLD = -40, WARM = 20 };

struct flags {
    unsigned low : 3;
    int high : 5;
};

/* Fire, then check the arguments that arrived. */
#define FIRE(count, args, ...)                                                                     \
    do {                                                                                           \
        const uint64_t wanted_[] = {__VA_ARGS__};                                                  \
        const rst_probe *probe = capture_probe(count, 1);                                          \
                                                                                                   \
        RST_FIRE args;                                                                             \
        check("RST_FIRE" #args, count, wanted_);                                                   \
    } while (0)

static uint64_t address_of(const volatile void *pointer)
{
    return RST_BITS(pointer);
}

static void fire_integers(fire_check *check)
{
    const bool yes = true, no = false;
    const char letter = 'A', negative_char = -2;
    const signed char i8 = -128;
    const unsigned char u8 = 255;
    const short i16 = -32768;
    const unsigned short u16 = 65535;
    int i32 = -2147483647 - 1;
    volatile int volatile_i32 = -5;
    const unsigned u32 = 4294967295u;
    const long longest = LONG_MIN;
    const unsigned long unsigned_longest = ULONG_MAX;
    const long long long_i64 = -3;
    const unsigned long long long_u64 = 18446744073709551614ULL;
    const enum colour colour = GREEN;
    const enum temperature temperature = COLD;
    const struct flags flags = {5, -6};

    FIRE(2, (probe, yes, no), 1, 0);
    FIRE(2, (probe, i32 < 0, !yes), 1, 0);
    FIRE(2, (probe, letter, 'z'), 'A', 'z');
    FIRE(1, (probe, negative_char), CHAR_MIN < 0 ? UINT64_C(0xfffffffffffffffe) : 0xfe);
    FIRE(2, (probe, i8, u8), UINT64_C(0xffffffffffffff80), 255);
    FIRE(2, (probe, i16, u16), UINT64_C(0xffffffffffff8000), 65535);
    FIRE(2, (probe, i32, u32), UINT64_C(0xffffffff80000000), UINT64_C(0xffffffff));
    FIRE(2, (probe, volatile_i32, i32 + 1), UINT64_C(0xfffffffffffffffb),
         UINT64_C(0xffffffff80000001));
#if LONG_MAX == INT_MAX
    FIRE(2, (probe, longest, unsigned_longest), UINT64_C(0xffffffff80000000), 0xffffffff);
#else
    FIRE(2, (probe, longest, unsigned_longest), UINT64_C(0x8000000000000000),
         UINT64_C(0xffffffffffffffff));
#endif
    FIRE(2, (probe, long_i64, long_u64), UINT64_C(0xfffffffffffffffd),
         UINT64_C(0xfffffffffffffffe));
    FIRE(3, (probe, RED, GREEN, WARM), 0, 7, 20);
    FIRE(3, (probe, colour, temperature, COLD), 7, UINT64_C(0xffffffffffffffd8),
         UINT64_C(0xffffffffffffffd8));
    FIRE(2, (probe, flags.low + 0, flags.high + 0), 5, UINT64_C(0xfffffffffffffffa));
    FIRE(2, (probe, sizeof(i32), 1 ? i8 : u8), 4, UINT64_C(0xffffffffffffff80));
}

static void fire_floats(fire_check *check)
{
    const float f32 = 1.5f;
    const double f64 = -2.25;

    FIRE(2, (probe, f32, f64), 0x3fc00000, UINT64_C(0xc002000000000000));
    FIRE(2, (probe, -0.0f, -0.0), 0x80000000, UINT64_C(0x8000000000000000));
    FIRE(2, (probe, 1.0f, 1.0), 0x3f800000, UINT64_C(0x3ff0000000000000));
    FIRE(2, (probe, f32 * f32, f64 / 2), 0x40100000, UINT64_C(0xbff2000000000000));
}

static bool is_text(uint64_t address, const char *wanted)
{
    const char *text = RST_CAST_(const char *, RST_STATIC_CAST_(uintptr_t, address));

    while (*text == *wanted && *wanted) {
        text++;
        wanted++;
    }
    return *text == *wanted;
}

static void fire_pointers(fire_check *check)
{
    static const char text[] = "a text";
    char buffer[8] = "buffer";
    const char *string = text;
    int numbers[2] = {1, 2};
    const volatile int *number = &numbers[1];
    struct flags flags = {1, 2};
    void *nothing = NULL;
    const uint64_t one[] = {1};

    FIRE(2, (probe, text, string), address_of(text), address_of(text));
    FIRE(2, (probe, buffer, numbers), address_of(buffer), address_of(numbers));
    FIRE(2, (probe, number, &flags), address_of(&numbers[1]), address_of(&flags));
    FIRE(2, (probe, nothing, probe), 0, address_of(capture_probe(2, 1)));
#ifdef __cplusplus /* in C, a function's address can't be converted to uint64_t */
    FIRE(2, (probe, fire_from_c, &fire_from_c), RST_CAST_(uintptr_t, &fire_from_c),
         RST_CAST_(uintptr_t, &fire_from_c));
    FIRE(1, (probe, nullptr), 0);
#endif
    RST_FIRE(capture_probe(1, 1), "a literal");
    captured[0] = is_text(captured[0], "a literal");
    check("RST_FIRE(probe, \"a literal\")", 1, one);
}

/* Every number of arguments, each in its place. */
static void fire_every_number(fire_check *check)
{
    FIRE(0, (probe), 0);
    FIRE(1, (probe, 1), 1);
    FIRE(2, (probe, 1, 2), 1, 2);
    FIRE(3, (probe, 1, 2, 3), 1, 2, 3);
    FIRE(4, (probe, 1, 2, 3, 4), 1, 2, 3, 4);
    FIRE(5, (probe, 1, 2, 3, 4, 5), 1, 2, 3, 4, 5);
    FIRE(6, (probe, 1, 2, 3, 4, 5, 6), 1, 2, 3, 4, 5, 6);
    FIRE(7, (probe, 1, 2, 3, 4, 5, 6, 7), 1, 2, 3, 4, 5, 6, 7);
    FIRE(8, (probe, 1, 2, 3, 4, 5, 6, 7, 8), 1, 2, 3, 4, 5, 6, 7, 8);
    FIRE(9, (probe, 1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 2, 3, 4, 5, 6, 7, 8, 9);
    FIRE(10, (probe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    FIRE(11, (probe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    FIRE(12, (probe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
}

/* Missing arguments are zero, excess ones are dropped. */
static void fire_another_number(fire_check *check)
{
    const uint64_t wanted[] = {1, 2, 0, 0};

    RST_FIRE(capture_probe(4, 1), 1, 2);
    check("two arguments of four", 4, wanted);
    RST_FIRE(capture_probe(2, 1), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    check("twelve arguments of two", 4, wanted);
    RST_FIRE(capture_probe(1, 1));
    check("none of one", 1, wanted + 2);
    RST_FIRE(capture_probe(9, 1), 1, 2);
    check("two of nine", 4, wanted);
}

/* A fire as the argument of another macro, which must not split it at its commas. */
#define GIVEN(statement) statement
#define GIVEN_ON(statement) GIVEN(statement)

static void fire_in_a_macro(fire_check *check)
{
    const uint64_t wanted[] = {1, 2, 3};

    GIVEN_ON(RST_FIRE(capture_probe(3, 1), 1, 2, 3));
    check("a fire in a macro", 3, wanted);
}

/* A fire is one statement, and evaluates everything once. */
static void fire_in_a_statement(fire_check *check)
{
    const rst_probe *probe = capture_probe(1, 1);
    const rst_probe *probes[2] = {probe, probe}, **at = probes;
    const uint64_t one[] = {1};
    int evaluated = 0;

    if (RST_ENABLED(probe))
        RST_FIRE(*at++, ++evaluated);
    else
        RST_FIRE(probe, 2);
    check("a fire in an if", 1, one);
    captured[0] = (at == probes + 1 && evaluated == 1);
    check("a fire evaluates probe and arguments once", 1, one);
}

void FIRES(fire_check *check)
{
    fire_integers(check);
    fire_floats(check);
    fire_pointers(check);
    fire_every_number(check);
    fire_another_number(check);
    fire_in_a_macro(check);
    fire_in_a_statement(check);
}
