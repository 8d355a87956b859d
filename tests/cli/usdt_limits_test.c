/* SPDX-License-Identifier: MIT */
/*
 * The reader on files that are cut at any length, and on a million probes.
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/image.h"
#include "reading.h"

/* Read the first `size` bytes of a file; the probes found must be probes of the whole file. */
static void check_truncated(int fd, size_t size, const struct usdt_file *whole)
{
    struct usdt_file file;
    int error;

    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    error = usdt_read(fd, "made", &file);
    if (error != 0) {
        if (error != -ENOEXEC && error != -EBADMSG)
            fail_msg("%zu bytes: errno %d: %s", size, -error, rst_error());
        return;
    }
    if (file.count > whole->count)
        fail_msg("%zu bytes: %zu probes, more than the whole has", size, file.count);
    for (size_t i = 0; i < file.count; i++) {
        assert_string_equal(file.probes[i].provider, whole->probes[i].provider);
        assert_string_equal(file.probes[i].name, whole->probes[i].name);
        assert_int_equal(file.probes[i].site, whole->probes[i].site);
    }
    usdt_free(&file);
}

static void survives_a_file_cut_at_every_byte(void **state)
{
    struct maker_spec spec = plain;

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct maker_file made;
        struct usdt_file whole;
        int fd;

        spec.is_32 = i & 1;
        spec.is_big_endian = i & 2;
        maker_make(&spec, &made);
        whole = read_good(&made);
        assert_int_equal(whole.count, 3);
        fd = file_of(made.bytes, made.size);
        for (size_t size = made.size; size-- > 0;)
            check_truncated(fd, size, &whole);
        close(fd);
        usdt_free(&whole);
    }
}

/* An image of `count` probes of the provider "many", all with the same signature. */
static void make_image(size_t count, struct rst_image *ret)
{
    static char room[128];
    struct rst_description *descriptions = calloc(count, sizeof(*descriptions));
    const struct rst_description **pointers = calloc(count, sizeof(*pointers));
    char(*names)[16] = calloc(count, sizeof(*names));
    const struct rst_image_spec spec = {&rst_arch_x86_64, RST_NOP1, "many", pointers, count};
    struct rst_signature signature;

    assert_non_null(descriptions);
    assert_non_null(pointers);
    assert_non_null(names);
    assert_int_equal(rst_signature_parse("uint64 id, string path", room, &signature), 0);
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "probe_%zu", i);
        descriptions[i] = (struct rst_description){names[i], signature};
        pointers[i] = &descriptions[i];
    }
    assert_int_equal(rst_image_make(&spec, ret), 0);
    free(descriptions);
    free(pointers);
    free(names);
}

static void survives_an_image_cut_at_every_byte(void **state)
{
    struct rst_image image;
    struct usdt_file whole;
    int fd;

    (void)state;
    make_image(3, &image);
    fd = file_of(image.bytes, image.size);
    assert_int_equal(usdt_read(fd, "image", &whole), 0);
    assert_int_equal(whole.count, 3);
    for (size_t size = image.size; size-- > 0;) {
        if (size == image.map.end + 512) /* skip the hole between the semaphores and the notes */
            size = image.map.end;
        check_truncated(fd, size, &whole);
        if (size == image.map.semaphores)
            size = image.map.readable + 1;
    }
    close(fd);
    usdt_free(&whole);
    free(image.bytes);
}

/* ----------------------------------------------------------------------------- a million -- */

static double seconds_to_read(size_t count)
{
    struct rst_image image;
    struct usdt_file file;
    clock_t before;
    double seconds;
    char last[32];
    int fd;

    make_image(count, &image);
    fd = file_of(image.bytes, image.size);
    before = clock();
    assert_int_equal(usdt_read(fd, "many", &file), 0);
    seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    assert_int_equal(file.count, count);
    assert_int_equal(file.damaged, 0);
    snprintf(last, sizeof(last), "probe_%zu", count - 1);
    assert_string_equal(file.probes[count - 1].name, last);
    assert_string_equal(file.probes[count - 1].signature, "Qid,spath");
    assert_int_equal(file.probes[count - 1].semaphore,
                     image.map.semaphores + RST_SEMAPHORE_SIZE * (count - 1));
    usdt_free(&file);
    close(fd);
    free(image.bytes);
    return seconds;
}

static void reads_a_million_probes_in_linear_time(void **state)
{
    double some = seconds_to_read(50000), many = seconds_to_read(1000000);

    (void)state;
    print_message("50,000 probes: %.3f s, 1,000,000 probes: %.3f s\n", some, many);
    if (many > 0.5 && many > 100 * some) /* with quadratic work it would be 400 times */
        fail_msg("20 times as many probes took %.0f times as long", many / some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_a_file_cut_at_every_byte),
        cmocka_unit_test(survives_an_image_cut_at_every_byte),
        cmocka_unit_test(reads_a_million_probes_in_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
