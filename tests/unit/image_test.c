/* SPDX-License-Identifier: MIT */
/*
 * Every image keeps every rule: for every CPU and nop, with one probe and with thousands. Each rule
 * is a test of its own. image_rules_test.c shows that the rules can fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "image_rules.h"
#include "sample_images.h"

#define MANY 5000
#define MOST_IMAGES 128
#define MOST_RULES 64

static struct made_image images[MOST_IMAGES];
static size_t image_count;

static int make_images(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < sample_kind_count; kind++) {
        for (size_t i = 0; i < sample_count; i++)
            if (!sample_make(&sample_table[i], sample_table[i].count, &sample_kinds[kind],
                             &images[image_count++]))
                return -1;
        if (!sample_make(&sample_table[0], MANY, &sample_kinds[kind], &images[image_count++]))
            return -1;
    }
    return 0;
}

static int free_images(void **state)
{
    (void)state;
    while (image_count > 0)
        sample_free(&images[--image_count]);
    return 0;
}

static void check_rule(void **state)
{
    const struct rule *rule = *state;

    for (size_t i = 0; i < image_count; i++) {
        const struct made_image *made = &images[i];
        struct elf_image image;
        bool kept = elf_image_open(&image, made->image.bytes, made->image.size) &&
                    rule->check(&image, &made->expected);

        elf_image_close(&image);
        if (!kept)
            fail_msg("%s: provider %s, %zu probes, nop of %zu bytes: %s", made->expected.cpu->name,
                     made->expected.provider, made->expected.count, made->expected.nop.size,
                     image.fault);
    }
}

/* The map agrees with the image's headers. */
static void map_tells_where_the_parts_are(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < sample_kind_count; kind++) {
        const GElf_Shdr *text, *dynamic, *probes;
        struct made_image made;
        struct elf_image image;

        assert_true(sample_make(&sample_table[0], MANY, &sample_kinds[kind], &made));
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
        sample_free(&made);
    }
}

int main(void)
{
    struct CMUnitTest tests[1 + MOST_RULES] = {cmocka_unit_test(map_tells_where_the_parts_are)};
    size_t count = 1;

    for (size_t table = 0; table < sizeof(rule_tables) / sizeof(rule_tables[0]); table++)
        for (const struct rule *rule = rule_tables[table]; rule->name; rule++) {
            union {
                const struct rule *ours;
                void *cmockas;
            } state = {rule};

            assert_true(count <= MOST_RULES);
            tests[count++] = (struct CMUnitTest){
                .name = rule->name, .test_func = check_rule, .initial_state = state.cmockas};
        }
    return _cmocka_run_group_tests("image", tests, count, make_images, free_images);
}
