/* SPDX-License-Identifier: MIT */
/*
 * Golden images: the bytes of a few images as text, so that a commit that changes one shows it in
 * its diff. golden/NAME.txt has a line for every 16 bytes that aren't all zero.
 *
 * To write the files again after an intended change: RST_GOLDEN_WRITE=1 meson test -C build golden.
 * The tests fail while it is set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample_images.h"

#ifndef GOLDEN_DIRECTORY
#error "define GOLDEN_DIRECTORY: the directory with the golden images"
#endif

static const struct golden {
    const char *name;
    size_t case_index, count;
    enum rst_nop nop;
} goldens[] = {
    {"shop-nop1", 0, 1, RST_NOP1},
    {"shop-nop5", 0, 1, RST_NOP5},
    {"shop-nop10", 0, 1, RST_NOP10},
    {"places-nop1", 4, 12, RST_NOP1},
};

static FILE *open_golden(const struct golden *golden, const char *mode)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.txt", GOLDEN_DIRECTORY, golden->name);
    file = fopen(path, mode);
    if (!file)
        fail_msg("%s can't be opened", path);
    return file;
}

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

static void compare(const char *name, FILE *wanted, FILE *seen)
{
    char wanted_line[256], seen_line[256];
    unsigned number = 0;

    for (;;) {
        char *a = fgets(wanted_line, sizeof(wanted_line), wanted);
        char *b = fgets(seen_line, sizeof(seen_line), seen);

        number++;
        if (!a && !b)
            return;
        if (!a || !b || strcmp(a, b) != 0)
            fail_msg("%s.txt, line %u\n    was: %s    is:  %s", name, number, a ? a : "nothing\n",
                     b ? b : "nothing\n");
    }
}

static void check_golden(void **state)
{
    const struct golden *golden = *state;
    bool write = getenv("RST_GOLDEN_WRITE") != NULL;
    FILE *file = open_golden(golden, write ? "w" : "r"), *seen = tmpfile();
    struct made_image made;

    assert_non_null(seen);
    assert_true(sample_make(&sample_table[golden->case_index], golden->count, golden->nop, &made));
    dump(&made.image, write ? file : seen);
    sample_free(&made);
    rewind(seen);
    if (!write)
        compare(golden->name, file, seen);
    fclose(seen);
    fclose(file);
    if (write)
        fail_msg("%s.txt is written; unset RST_GOLDEN_WRITE and look at its diff", golden->name);
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
