/* SPDX-License-Identifier: MIT */
/*
 * Golden images: the bytes of a few images as text. golden/NAME.txt has a line for every 16 bytes
 * that aren't all zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample_images.h"
#include "support/golden.h"

#ifndef GOLDEN_DIRECTORY
#error "define GOLDEN_DIRECTORY: the directory with the golden images"
#endif

/* Of sample_table. */
enum { SHOP = 0, PLACES = 4, TWELVE = 6 };

static const struct golden {
    const char *name;
    size_t case_index, count;
    size_t kind; /* of sample_kinds */
} goldens[] = {
    {"shop-nop1", SHOP, 1, RST_NOP1},
    {"shop-nop5", SHOP, 1, RST_NOP5},
    {"shop-nop10", SHOP, 1, RST_NOP10},
    {"places-nop1", PLACES, 12, RST_NOP1},
    {"twelve-aarch64", TWELVE, 1, RST_NOPS},
    {"twelve-i386", TWELVE, 1, RST_NOPS + 1},
    {"twelve-arm", TWELVE, 1, RST_NOPS + 2},
    {"twelve-riscv64", TWELVE, 1, RST_NOPS + 3},
    {"twelve-ppc64le", TWELVE, 1, RST_NOPS + 4},
    {"twelve-s390x", TWELVE, 1, RST_NOPS + 5},
    {"twelve-loongarch64", TWELVE, 1, RST_NOPS + 6},
};

/* A line: the offset, 16 bytes in hexadecimal, and the same as text. */
static void dump(const struct rst_image *image, FILE *to)
{
    static const uint8_t zero[16];

    fprintf(to, "size %zx\n", image->size);
    for (size_t at = 0; at < image->size; at += 16) {
        size_t count = image->size - at < 16 ? image->size - at : 16;
        const uint8_t *bytes = image->bytes + at;

        if (memcmp(bytes, zero, count) == 0)
            continue;
        fprintf(to, "%05zx ", at);
        for (size_t i = 0; i < 16; i++)
            i < count ? fprintf(to, " %02x", bytes[i]) : fprintf(to, "   ");
        fprintf(to, "  |");
        for (size_t i = 0; i < count; i++)
            fputc(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.', to);
        fprintf(to, "|\n");
    }
}

static void check_golden(void **state)
{
    const struct golden *golden = *state;
    struct made_image made;
    size_t length;
    char *text = NULL;
    FILE *seen = open_memstream(&text, &length);

    assert_non_null(seen);
    assert_true(sample_make(&sample_table[golden->case_index], golden->count,
                            &sample_kinds[golden->kind], &made));
    dump(&made.image, seen);
    sample_free(&made);
    fclose(seen);
    golden_check(GOLDEN_DIRECTORY, golden->name, text);
}

int main(void)
{
    enum { COUNT = sizeof(goldens) / sizeof(goldens[0]) };
    struct CMUnitTest tests[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        union {
            const struct golden *ours;
            void *cmockas;
        } state = {&goldens[i]};

        tests[i] = (struct CMUnitTest){
            .name = goldens[i].name, .test_func = check_golden, .initial_state = state.cmockas};
    }
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
