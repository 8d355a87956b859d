/* SPDX-License-Identifier: MIT */
/*
 * Comparing images: the same input gives the same bytes, another input gives another build-id.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf_image.h"
#include "sample_images.h"

#define OTHER_CPU RST_NOPS /* the first that is not x86_64 */
#define PROBES(...) ((const struct declaration[]){__VA_ARGS__})

static void equal_input_gives_equal_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sample_count; i++)
        for (size_t kind = 0; kind < sample_kind_count; kind++) {
            struct made_image a, b;

            assert_true(
                sample_make(&sample_table[i], sample_table[i].count, &sample_kinds[kind], &a));
            assert_true(
                sample_make(&sample_table[i], sample_table[i].count, &sample_kinds[kind], &b));
            assert_int_equal(a.image.size, b.image.size);
            assert_memory_equal(a.image.bytes, b.image.bytes, a.image.size);
            sample_free(&a);
            sample_free(&b);
        }
}

static void read_build_id(const struct made_image *made, uint8_t id[20])
{
    struct elf_image image;
    const GElf_Shdr *note;

    assert_true(elf_image_open(&image, made->image.bytes, made->image.size));
    note = elf_image_header(&image, ".note.gnu.build-id");
    assert_non_null(note);
    memcpy(id, made->image.bytes + note->sh_offset + note->sh_size - 20, 20);
    elf_image_close(&image);
}

static void any_other_input_gives_another_build_id(void **state)
{
    /* Each row differs from the first in one thing, and from the others in one or two. */
    const struct {
        struct declarations declarations;
        size_t count;
        size_t kind; /* of sample_kinds */
    } rows[] = {
        {{"shop", 2, PROBES({"a", "int32 x"}, {"b", ""})}, 2, RST_NOP1},
        {{"shoq", 2, PROBES({"a", "int32 x"}, {"b", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"c", "int32 x"}, {"b", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"a", "int32 x"}, {"c", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"a", "int32 y"}, {"b", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"a", "uint32 x"}, {"b", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"a", "float x"}, {"b", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"a", "int32"}, {"b", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"b", "int32 x"}, {"a", ""})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"a", ""}, {"b", "int32 x"})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"b", ""}, {"a", "int32 x"})}, 2, RST_NOP1},
        {{"shop", 2, PROBES({"a", "int32 x"}, {"b", ""})}, 1, RST_NOP1},
        {{"shop", 2, PROBES({"a", "int32 x"}, {"b", ""})}, 3, RST_NOP1},
        {{"shop", 2, PROBES({"a", "int32 x"}, {"b", ""})}, 2, RST_NOP5},
        {{"shop", 2, PROBES({"a", "int32 x"}, {"b", ""})}, 2, RST_NOP10},
        {{"shop", 2, PROBES({"a", "int32 x"}, {"b", ""})}, 2, OTHER_CPU},
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    uint8_t ids[ROWS][20];

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct made_image made;

        assert_true(
            sample_make(&rows[i].declarations, rows[i].count, &sample_kinds[rows[i].kind], &made));
        read_build_id(&made, ids[i]);
        sample_free(&made);
        for (size_t j = 0; j < i; j++)
            if (memcmp(ids[i], ids[j], sizeof(ids[i])) == 0)
                fail_msg("rows %zu and %zu have the same build-id", i, j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_input_gives_equal_bytes),
        cmocka_unit_test(any_other_input_gives_another_build_id),
    };

    return cmocka_run_group_tests_name("reproducible", tests, NULL, NULL);
}
