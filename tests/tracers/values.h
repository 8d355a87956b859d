/* SPDX-License-Identifier: MIT */
/*
 * The values that the target fires, by type: the least, the greatest, negative ones, and for each
 * type narrower than a register one with other bits above it, which a tracer must not show.
 */
#ifndef TARGET_VALUES_H
#define TARGET_VALUES_H

#include <stddef.h>
#include <stdint.h>

#define MOST_VALUES 8

struct type_values {
    const char *type;
    enum form { SIGNED, UNSIGNED, FLOAT, DOUBLE, STRING } form;
    size_t size; /* in bytes, as a tracer sees it */
    size_t count;
    uint64_t bits[MOST_VALUES]; /* of a string: its index in texts */
};

#define NOISE8(value) (0xa5a5a5a5a5a5a500 | (uint8_t)(value))
#define NOISE16(value) (0xa5a5a5a5a5a50000 | (uint16_t)(value))
#define NOISE32(value) (0xa5a5a5a500000000 | (uint32_t)(value))
#define LONG_TEXT                                                                                  \
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt "   \
    "ut labore et dolore magna aliqua."

static const char *const texts[] = {
    "index", "", "two words, a \"quote\" and 100%", "gr\xc3\xbc\xc3\x9f", LONG_TEXT, NULL};

static const struct type_values type_values[] = {
    {"bool", UNSIGNED, 1, 4, {0, 1, NOISE8(0), NOISE8(1)}},
    {"int8", SIGNED, 1, 6, {INT8_MIN, INT8_MAX, -1, 0, NOISE8(-2), NOISE8(5)}},
    {"int16", SIGNED, 2, 6, {INT16_MIN, INT16_MAX, -1, 0, NOISE16(-2), NOISE16(5)}},
    {"int32", SIGNED, 4, 6, {INT32_MIN, INT32_MAX, -1, 0, NOISE32(-2), NOISE32(5)}},
    {"int64", SIGNED, 8, 5, {INT64_MIN, INT64_MAX, -1, 0, 5}},
    {"uint8", UNSIGNED, 1, 5, {0, UINT8_MAX, 0x80, NOISE8(0xfe), NOISE8(5)}},
    {"uint16", UNSIGNED, 2, 5, {0, UINT16_MAX, 0x8000, NOISE16(0xfffe), NOISE16(5)}},
    {"uint32", UNSIGNED, 4, 5, {0, UINT32_MAX, 0x80000000, NOISE32(0xfffffffe), NOISE32(5)}},
    {"uint64", UNSIGNED, 8, 4, {0, UINT64_MAX, (uint64_t)1 << 63, 5}},
    /* 1.5, -0, infinity, the greatest, the least above 0, a NaN */
    {"float",
     FLOAT,
     4,
     7,
     {0x3fc00000, 0x80000000, 0xff800000, 0x7f7fffff, 1, 0x7fc00000, NOISE32(0xc0490fdb)}},
    {"double",
     DOUBLE,
     8,
     7,
     {0x3ff8000000000000, 0x8000000000000000, 0xfff0000000000000, 0x7fefffffffffffff, 1,
      0x7ff8000000000000, 0xc00921fb54442d18}},
    {"pointer", UNSIGNED, 8, 4, {0, UINT64_MAX, 0x0000123456789abc, 0x00007ffffffff000}},
    {"string", STRING, 8, 6, {0, 1, 2, 3, 4, 5}},
};

#define TYPES (sizeof(type_values) / sizeof(type_values[0]))

#endif
