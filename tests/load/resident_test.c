/* SPDX-License-Identifier: MIT */
/*
 * Pages of strings are made resident, on kernels that have a call for it and on those before it.
 * Whether a page is, /proc/self/pagemap tells.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/resident.h"
#include "support/children.h"
#include "support/sandbox.h"

#define PAGES 4
#define PRESENT (UINT64_C(1) << 63)

static size_t page_size;

/* Pages of a file that this process has not touched. They are not neighbours in the file, or the
 * kernel would bring one with another. */
static uint8_t *map_cold(int protection)
{
    size_t apart = 64 * page_size;
    FILE *file = tmpfile();
    uint8_t *pages = mmap(NULL, PAGES * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    check(pages != MAP_FAILED);
    check(file != NULL);
    check_equal(ftruncate(fileno(file), (off_t)(PAGES * apart)), 0);
    for (size_t i = 0; i < PAGES; i++)
        check(mmap(pages + i * page_size, page_size, protection, MAP_PRIVATE | MAP_FIXED,
                   fileno(file), (off_t)(i * apart)) != MAP_FAILED);
    fclose(file);
    return pages;
}

static bool is_present(const void *address)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    off_t at = (off_t)((uintptr_t)address / page_size * sizeof(uint64_t));
    uint64_t entry;

    check(fd >= 0);
    check_equal(pread(fd, &entry, sizeof(entry), at), sizeof(entry));
    close(fd);
    return (entry & PRESENT) != 0;
}

static uint64_t address_of(const void *pointer)
{
    return (uintptr_t)pointer;
}

static void make_two_of_four(void *unused)
{
    uint8_t *pages = map_cold(PROT_READ);

    (void)unused;
    check_not_emulated("has its own MADV_POPULATE_READ");
    for (size_t i = 0; i < PAGES; i++)
        check(!is_present(pages + i * page_size));
    errno = ENOTTY;
    rst_resident_make(address_of(pages + page_size + 42));
    check_equal(errno, ENOTTY);
    check(is_present(pages + page_size));
    check(!is_present(pages + 2 * page_size)); /* the text is not near its page's end */
    rst_resident_make(address_of(pages + 2 * page_size - 42));
    check(is_present(pages + 2 * page_size));
    check(!is_present(pages));
    check(!is_present(pages + 3 * page_size));
    munmap(pages, PAGES * page_size);
}

static void a_page_and_where_it_ends_the_next_become_resident(void **state)
{
    (void)state;
    in_child(make_two_of_four, NULL);
}

static void make_with_an_older_kernel(void *unused)
{
    sandbox_refuse(SYS_madvise, EINVAL);
    make_two_of_four(unused);
}

static void make_nothing(void *unused)
{
    uint8_t *pages = map_cold(PROT_READ), *none = map_cold(PROT_NONE);

    (void)unused;
    check_not_emulated("has its own MADV_POPULATE_READ");
    check_equal(munmap(pages + page_size, page_size), 0);
    errno = ENOTTY;
    rst_resident_make(0);
    rst_resident_make(1);
    rst_resident_make(UINT64_MAX);
    rst_resident_make(UINT64_C(0x8000000000000000));
    rst_resident_make(address_of(none));
    rst_resident_make(address_of(pages + page_size));
    rst_resident_make(address_of(pages));
    check_equal(errno, ENOTTY);
    check(is_present(pages)); /* whatever is behind it */
}

static void addresses_that_lead_nowhere_are_harmless(void **state)
{
    (void)state;
    in_child(make_nothing, NULL);
}

static void make_nothing_with_an_older_kernel(void *unused)
{
    sandbox_refuse(SYS_madvise, EINVAL);
    make_nothing(unused);
}

static void before_linux_5_14_too(void **state)
{
    (void)state;
    in_child(make_with_an_older_kernel, NULL);
    in_child(make_nothing_with_an_older_kernel, NULL);
}

/* How many calls it takes until a page that was dropped is resident again. */
static unsigned calls_until_present(uint8_t *page)
{
    unsigned calls = 0;

    check_equal(madvise(page, page_size, MADV_DONTNEED), 0);
    do
        rst_resident_make(address_of(page));
    while (++calls < 1000 && !is_present(page));
    return calls;
}

static void drop(void *unused)
{
    uint8_t *pages = map_cold(PROT_READ);
    unsigned calls;

    (void)unused;
    check_not_emulated("has its own MADV_POPULATE_READ");
    rst_resident_make(address_of(pages));
    check(is_present(pages));
    calls = calls_until_present(pages);
    check(calls > 1); /* the system call is rare */
    check(calls < 100);
    rst_resident_forked_child();
    check_equal(calls_until_present(pages), 1);
}

static void a_page_that_was_dropped_is_seen_again_soon(void **state)
{
    (void)state;
    in_child(drop, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_and_where_it_ends_the_next_become_resident),
        cmocka_unit_test(before_linux_5_14_too),
        cmocka_unit_test(addresses_that_lead_nowhere_are_harmless),
        cmocka_unit_test(a_page_that_was_dropped_is_seen_again_soon),
    };

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
