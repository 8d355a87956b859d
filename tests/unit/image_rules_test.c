/* SPDX-License-Identifier: MIT */
/*
 * The rules can fail: a change of any byte of an image breaks a rule, unless nobody reads that
 * byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image_rules.h"
#include "sample_images.h"

/* Whether no rule finds a fault. */
static bool is_accepted(const uint8_t *bytes, size_t size, const struct expected_image *expected)
{
    struct elf_image image;
    bool good = elf_image_open(&image, bytes, size);

    for (size_t table = 0; good && table < sizeof(rule_tables) / sizeof(rule_tables[0]); table++)
        for (const struct rule *rule = rule_tables[table]; good && rule->name; rule++)
            good = rule->check(&image, expected);
    elf_image_close(&image);
    return good;
}

static void mark(uint8_t *unread, uint64_t from, uint64_t size)
{
    memset(unread + from, 1, (size_t)size);
}

/* Mark the bytes that nobody reads, or that may have any value. */
static void mark_unread(struct elf_image *image, uint8_t *unread)
{
    const GElf_Shdr *id = elf_image_header(image, ".note.gnu.build-id");
    const GElf_Shdr *base = elf_image_header(image, ".stapsdt.base");

    assert_non_null(id);
    assert_non_null(base);
    mark(unread, id->sh_offset + id->sh_size - 20, 20);
    mark(unread, base->sh_offset, 1);
}

static void change_every_byte(const struct sample_kind *kind)
{
    static const uint8_t changes[] = {0x01, 0x40, 0xff};
    struct made_image made;
    struct elf_image image;
    uint8_t *unread, *bytes;
    size_t survivors = 0;
    char name[32];

    assert_true(sample_make(&sample_table[2], 2, kind, &made));
    bytes = made.image.bytes;
    unread = calloc(1, made.image.size);
    assert_non_null(unread);
    assert_true(elf_image_open(&image, bytes, made.image.size));
    mark_unread(&image, unread);
    elf_image_close(&image);
    assert_true(is_accepted(bytes, made.image.size, &made.expected));

    for (size_t i = 0; i < made.image.size; i++) {
        bool in_a_gap = i > 4096 && i % 1024 != 0 && bytes[i] == 0 && bytes[i - 1] == 0;

        if (unread[i] || in_a_gap) /* in the gaps, a sample of the bytes is enough */
            continue;
        for (size_t j = 0; j < sizeof(changes); j++) {
            bytes[i] ^= changes[j];
            if (is_accepted(bytes, made.image.size, &made.expected)) {
                print_error("%s, offset %#zx: changed by %#x, and no rule is broken\n",
                            sample_kind_name(kind, name), i, changes[j]);
                survivors++;
            }
            bytes[i] ^= changes[j];
        }
    }
    assert_int_equal(survivors, 0);
    free(unread);
    sample_free(&made);
}

static void changing_any_byte_breaks_a_rule(void **state)
{
    /* in an emulator, which is slow, one of each byte order */
    const size_t step = getenv("RST_EMULATOR") ? 7 : 1;

    (void)state;
    for (size_t i = RST_NOP5; i < sample_kind_count; i += step)
        change_every_byte(&sample_kinds[i]);
}

static void cutting_the_image_short_breaks_a_rule(void **state)
{
    struct made_image made;

    (void)state;
    assert_true(sample_make(&sample_table[2], 2, &sample_kinds[RST_NOP1], &made));
    for (size_t size = made.image.size - 1; size > made.image.size - 2048; size -= 7) {
        uint8_t *copy = malloc(size);

        assert_non_null(copy);
        memcpy(copy, made.image.bytes, size);
        assert_false(is_accepted(copy, size, &made.expected));
        free(copy);
    }
    sample_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changing_any_byte_breaks_a_rule),
        cmocka_unit_test(cutting_the_image_short_breaks_a_rule),
    };

    return cmocka_run_group_tests_name("image_rules", tests, NULL, NULL);
}
