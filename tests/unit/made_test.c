/* SPDX-License-Identifier: MIT */
/*
 * What holds between images: equal input gives equal bytes, other input another build-id; and what
 * is too large is refused before any memory is asked for.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "cases.h"
#include "elf_image.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define PROBES(...) ((const struct declaration[]){__VA_ARGS__})

static void equal_input_gives_equal_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < case_count; i++)
        for (enum rst_nop nop = 0; nop < RST_NOPS; nop++) {
            struct made_image a, b;

            assert_true(case_make(&case_table[i], case_table[i].count, nop, &a));
            assert_true(case_make(&case_table[i], case_table[i].count, nop, &b));
            assert_int_equal(a.image.size, b.image.size);
            assert_memory_equal(a.image.bytes, b.image.bytes, a.image.size);
            case_free(&a);
            case_free(&b);
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
    /* Each differs from the first in one thing, and from the others in one or two. */
    const struct {
        struct declarations declarations;
        size_t count;
        enum rst_nop nop;
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
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    uint8_t ids[ROWS][20];

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct made_image made;

        assert_true(case_make(&rows[i].declarations, rows[i].count, rows[i].nop, &made));
        read_build_id(&made, ids[i]);
        case_free(&made);
        for (size_t j = 0; j < i; j++)
            if (memcmp(ids[i], ids[j], sizeof(ids[i])) == 0)
                fail_msg("rows %zu and %zu have the same build-id", i, j);
    }
}

/* The map leads the loader to what the image says. */
static void map_tells_where_the_parts_are(void **state)
{
    (void)state;
    for (enum rst_nop nop = 0; nop < RST_NOPS; nop++) {
        const GElf_Shdr *text, *dynamic, *probes;
        struct made_image made;
        struct elf_image image;

        assert_true(case_make(&case_table[0], 5000, nop, &made));
        assert_true(elf_image_open(&image, made.image.bytes, made.image.size));
        text = elf_image_header(&image, ".text");
        dynamic = elf_image_header(&image, ".dynamic");
        probes = elf_image_header(&image, ".probes");
        assert_int_equal(made.image.map.readable, image.segments[0].p_filesz);
        assert_int_equal(made.image.map.text, text->sh_offset);
        assert_int_equal(made.image.map.dynamic, dynamic->sh_offset);
        assert_int_equal(made.image.map.dynamic_size, dynamic->sh_size);
        assert_int_equal(made.image.map.semaphores, probes->sh_offset);
        assert_int_equal(made.image.map.end, probes->sh_offset + probes->sh_size);
        elf_image_close(&image);
        case_free(&made);
    }
}

/* One probe with a name of `length` bytes, many times over: a large image for little memory. */
static int make_large(size_t length, size_t count, struct rst_image *ret)
{
    char *name = malloc(length + 1);
    struct rst_description description = {.name = name, .signature = {.text = ""}};
    const struct rst_description **probes = calloc(count, sizeof(*probes));
    struct rst_image_spec spec = {&rst_arch_x86_64, RST_NOP1, "large", probes, count};
    int error;

    assert_non_null(name);
    assert_non_null(probes);
    memset(name, 'n', length);
    name[length] = '\0';
    for (size_t i = 0; i < count; i++)
        probes[i] = &description;
    error = rst_image_make(&spec, ret);
    free(probes);
    free(name);
    return error;
}

static void an_image_of_4_gib_is_refused(void **state)
{
    struct rst_image image = {.size = 42};

    (void)state;
    /* In the symbols' names and in the notes: 2 * 2 GiB. */
    assert_int_equal(make_large(1 << 20, 2048, &image), -EFBIG);
    assert_int_equal(errno, EFBIG);
    assert_non_null(strstr(rst_error(), "provider \"large\""));
    assert_non_null(strstr(rst_error(), "2048 probes"));
    assert_non_null(strstr(rst_error(), "4 GiB"));
    assert_int_equal(image.size, 42);
}

/* Just below the limit an image is made, or, where memory is short, it is that which is said. */
static void an_image_below_4_gib_is_not_too_large(void **state)
{
    struct rst_image image = {.size = 42};
    struct rlimit old, tight;

    (void)state;
#ifdef SANITIZED
    print_message("the address sanitizer needs more address space than the limit leaves\n");
    skip();
#endif
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    tight = old;
    tight.rlim_cur = 1 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    assert_int_equal(make_large(1 << 20, 2047, &image), -ENOMEM);
    assert_int_equal(errno, ENOMEM);
    assert_non_null(strstr(rst_error(), "no memory"));
    assert_int_equal(image.size, 42);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_input_gives_equal_bytes),
        cmocka_unit_test(any_other_input_gives_another_build_id),
        cmocka_unit_test(map_tells_where_the_parts_are),
        cmocka_unit_test(an_image_of_4_gib_is_refused),
        cmocka_unit_test(an_image_below_4_gib_is_not_too_large),
    };

    return cmocka_run_group_tests_name("made", tests, NULL, NULL);
}
