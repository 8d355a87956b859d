/* SPDX-License-Identifier: MIT */
/*
 * The reader of notes: its results for valid files; it refuses damaged files, or reads their valid
 * parts.
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reading.h"

static void check_probe(const struct usdt_probe *seen, const struct maker_probe *wanted,
                        const struct maker_file *made, size_t index)
{
    assert_string_equal(seen->provider, wanted->provider);
    assert_string_equal(seen->name, wanted->name);
    assert_string_equal(seen->operands, wanted->operands);
    assert_string_equal(seen->signature, wanted->signature ? wanted->signature : "");
    assert_int_equal(seen->site, made->text + wanted->site_offset);
    assert_int_equal(seen->semaphore, wanted->has_semaphore ? made->probes + 2 * index : 0);
}

static void check_all(const struct maker_spec *spec)
{
    struct maker_file made;
    struct usdt_file file;

    maker_make(spec, &made);
    file = read_good(&made);
    assert_int_equal(file.count, spec->count);
    assert_int_equal(file.damaged, 0);
    assert_int_equal(file.machine, spec->machine);
    for (size_t i = 0; i < file.count; i++)
        check_probe(&file.probes[i], &spec->probes[i], &made, i);
    usdt_free(&file);
}

static void reads_every_class_and_byte_order(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct maker_spec spec = plain;

        spec.is_32 = i & 1;
        spec.is_big_endian = i & 2;
        check_all(&spec);
    }
}

static void follows_addresses_that_prelink_moved(void **state)
{
    struct maker_spec spec = plain;

    (void)state;
    spec.bias = 0x7f0000;
    spec.moved = 0x300000;
    check_all(&spec);
}

static void tells_programs_from_libraries_and_images(void **state)
{
    static const struct maker_probe foreign[] = {{"a", "b", "", NULL, 0, false, 0, 0}};
    struct maker_spec spec = plain;
    struct maker_file made;
    struct usdt_file file;

    (void)state;
    maker_make(&spec, &made);
    file = read_good(&made);
    assert_int_equal(file.kind, USDT_IMAGE);
    usdt_free(&file);
    spec.probes = foreign;
    spec.count = 1;
    maker_make(&spec, &made);
    file = read_good(&made);
    assert_int_equal(file.kind, USDT_LIBRARY);
    assert_null(file.probes[0].signature);
    usdt_free(&file);
    spec.type = ET_EXEC;
    maker_make(&spec, &made);
    file = read_good(&made);
    assert_int_equal(file.kind, USDT_EXECUTABLE);
    usdt_free(&file);
}

/* ------------------------------------------------------------------------ bad files -- */

static void check_refused(const struct maker_file *made, int error, const char *words)
{
    struct usdt_file file;
    int seen = read_made(made, &file);

    if (seen == 0)
        usdt_free(&file);
    assert_int_equal(seen, error);
    if (!strstr(rst_error(), words))
        fail_msg("\"%s\" is not in \"%s\"", words, rst_error());
}

static void refuses_files_that_are_not_linked_elf_files(void **state)
{
    struct maker_spec spec = plain;
    struct maker_file made;
    struct usdt_file file;

    (void)state;
    maker_make(&spec, &made);
    made.bytes[0] = '#';
    check_refused(&made, -ENOEXEC, "made: not an ELF file");
    made.size = 0;
    check_refused(&made, -ENOEXEC, "made: not an ELF file");
    spec.type = ET_REL;
    maker_make(&spec, &made);
    check_refused(&made, -ENOEXEC, "made: an object file");
    assert_int_equal(usdt_read(-1, "gone", &file), -EBADF);
    maker_make(&plain, &made);
    made.bytes[EI_CLASS] = 7;
    check_refused(&made, -EBADMSG, "made: a broken ELF file");
}

static size_t section_header(const struct maker_file *made, size_t index)
{
    return made->sections + index * sizeof(Elf64_Shdr);
}

static void refuses_sections_beyond_the_file(void **state)
{
    const size_t offset = offsetof(Elf64_Shdr, sh_offset), size = offsetof(Elf64_Shdr, sh_size);
    static const uint64_t lies[] = {UINT64_MAX, UINT64_MAX - 64, 1 << 20, INT64_MAX};
    struct maker_file made;

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        maker_make(&plain, &made);
        maker_put(&made, &plain, section_header(&made, 4) + offset, lies[i], 8);
        check_refused(&made, -EBADMSG, "made: a broken ELF file: ");
        maker_make(&plain, &made);
        maker_put(&made, &plain, section_header(&made, 4) + size, lies[i], 8);
        check_refused(&made, -EBADMSG, "made: a broken ELF file: ");
    }
}

/* Many section headers, all for one section that is as large as the file. */
static void reads_no_part_again_and_again(void **state)
{
    struct maker_file made;

    (void)state;
    maker_make(&plain, &made);
    for (size_t i = 1; i < 6; i++) {
        memcpy(made.bytes + section_header(&made, i), made.bytes + section_header(&made, 4),
               sizeof(Elf64_Shdr));
        maker_put(&made, &plain, section_header(&made, i) + offsetof(Elf64_Shdr, sh_offset), 0, 8);
        maker_put(&made, &plain, section_header(&made, i) + offsetof(Elf64_Shdr, sh_size),
                  made.size, 8);
    }
    check_refused(&made, -EBADMSG, "larger than it is");
}

/* A file of 8 TiB, nearly all of it a hole, with a section of notes of the same size. */
static void reserves_no_memory_for_a_hole(void **state)
{
    const uint64_t huge = (uint64_t)8 << 40;
    struct maker_file made;
    struct usdt_file file;
    int fd, error;

    (void)state;
    maker_make(&plain, &made);
    maker_put(&made, &plain, section_header(&made, 4) + offsetof(Elf64_Shdr, sh_size), huge / 2, 8);
    fd = file_of(made.bytes, made.size);
    assert_int_equal(ftruncate(fd, (off_t)huge), 0);
    error = usdt_read(fd, "made", &file);
    close(fd);
    assert_int_equal(error, -EBADMSG);
    assert_non_null(strstr(rst_error(), "1 GiB"));
}

static void check_left_out(const struct maker_file *made, size_t count, size_t damaged)
{
    struct usdt_file file = read_good(made);

    assert_int_equal(file.count, count);
    assert_int_equal(file.damaged, damaged);
    usdt_free(&file);
}

static void skips_invalid_notes(void **state)
{
    static const struct maker_probe bad[] = {
        {"shop", "good", "8@%rdi", NULL, 8, true, 0, 0},
        {"shop", "outside", "", NULL, 0, false, 0x10000000, 0}, /* the site is in no segment */
        {"", "anonymous", "", NULL, 8, false, 0, 0},
        {"shop", "", "", NULL, 8, false, 0, 0},
        {"shop", "end", "8@%rdi", NULL, 24, true, 0, 0},
    };
    struct maker_spec spec = plain;
    struct maker_file made;
    struct usdt_file file;

    (void)state;
    spec.probes = bad;
    spec.count = 5;
    maker_make(&spec, &made);
    file = read_good(&made);
    assert_int_equal(file.count, 2);
    assert_int_equal(file.damaged, 3);
    assert_string_equal(file.probes[0].name, "good");
    assert_string_equal(file.probes[1].name, "end");
    usdt_free(&file);
}

static void reads_no_further_than_a_note_that_is_too_long(void **state)
{
    static const uint64_t sizes[] = {0xffffffff, 0xfffffff0, 0x7fffffff, 4096};
    struct maker_file made;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        maker_make(&plain, &made);
        maker_put(&made, &plain, made.stapsdt, sizes[i], 4); /* namesz */
        check_left_out(&made, 0, 1);
        maker_make(&plain, &made);
        maker_put(&made, &plain, made.stapsdt + 4, sizes[i], 4); /* descsz */
        check_left_out(&made, 0, 1);
    }
}

/* The signatures are counted, with the notes that are skipped. */
static void gives_each_probe_its_own_signature(void **state)
{
    static const struct maker_probe some[] = {
        {"shop", "first", "8@%rdi", "Qa", 8, true, 0, 0},
        {"", "damaged", "8@%rdi", "Qb", 24, true, 0, 0},
        {"shop", "last", "8@%rdi", "Qc", 40, true, 0, 0},
    };
    struct maker_spec spec = plain;
    struct maker_file made;
    struct usdt_file file;

    (void)state;
    spec.probes = some;
    maker_make(&spec, &made);
    file = read_good(&made);
    assert_int_equal(file.count, 2);
    assert_string_equal(file.probes[0].signature, "Qa");
    assert_string_equal(file.probes[1].signature, "Qc");
    usdt_free(&file);
}

static void gives_no_signature_beyond_librst_s_note(void **state)
{
    struct maker_file made;
    struct usdt_file file;

    (void)state;
    maker_make(&plain, &made); /* "Qid,scustomer,i", "", "" */
    maker_put(&made, &plain, made.librst + 4, strlen("Qid,scustomer,i") + 1, 4);
    file = read_good(&made);
    assert_int_equal(file.count, 3);
    assert_string_equal(file.probes[0].signature, "Qid,scustomer,i");
    assert_null(file.probes[1].signature);
    assert_null(file.probes[2].signature);
    usdt_free(&file);
    maker_put(&made, &plain, made.librst + 4, 4, 4); /* not even the first has a NUL */
    check_left_out(&made, 3, 1);
    maker_make(&plain, &made);
    made.bytes[made.librst + 12 + 4 + 3] = 0; /* four signatures for three probes */
    check_left_out(&made, 3, 1);
}

static void reads_no_string_beyond_its_note(void **state)
{
    struct maker_file made;

    (void)state;
    maker_make(&plain, &made);
    /* The first note's strings lose their NULs: "shop", "order" and the operands. */
    for (uint64_t at = made.stapsdt + 12 + 8 + 24; at < made.stapsdt + 77; at++)
        if (made.bytes[at] == 0)
            made.bytes[at] = 'x';
    check_left_out(&made, 2, 1);
}

static void finds_no_semaphore_outside_the_segments(void **state)
{
    struct maker_file made;

    (void)state;
    maker_make(&plain, &made);
    maker_put(&made, &plain, made.stapsdt + 12 + 8 + 16, UINT64_MAX - 1, 8);
    check_left_out(&made, 2, 1);
}

static void gives_no_offset_beyond_the_file(void **state)
{
    static const struct maker_probe far = {"a", "b", "", NULL, 0, false, 0x100000, 0};
    struct maker_spec spec = plain;
    struct maker_file made;

    (void)state;
    spec.probes = &far;
    spec.count = 1;
    maker_make(&spec, &made);
    maker_put(&made, &spec, sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_filesz), UINT64_MAX, 8);
    check_left_out(&made, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_class_and_byte_order),
        cmocka_unit_test(follows_addresses_that_prelink_moved),
        cmocka_unit_test(tells_programs_from_libraries_and_images),
        cmocka_unit_test(refuses_files_that_are_not_linked_elf_files),
        cmocka_unit_test(refuses_sections_beyond_the_file),
        cmocka_unit_test(reads_no_part_again_and_again),
        cmocka_unit_test(reserves_no_memory_for_a_hole),
        cmocka_unit_test(skips_invalid_notes),
        cmocka_unit_test(reads_no_further_than_a_note_that_is_too_long),
        cmocka_unit_test(gives_each_probe_its_own_signature),
        cmocka_unit_test(gives_no_signature_beyond_librst_s_note),
        cmocka_unit_test(reads_no_string_beyond_its_note),
        cmocka_unit_test(finds_no_semaphore_outside_the_segments),
        cmocka_unit_test(gives_no_offset_beyond_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
