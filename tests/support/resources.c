/* SPDX-License-Identifier: MIT */
#include "support/resources.h"

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Read with system calls alone: stdio would put a buffer on the heap that it measures. */
static size_t count_lines(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    size_t lines = 0;
    ssize_t size;

    if (fd < 0)
        abort();
    while ((size = read(fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t i = 0; i < size; i++)
            lines += buffer[i] == '\n';
    close(fd);
    return lines;
}

static size_t count_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int count_library(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)info, (void)size;
    ++*(size_t *)count;
    return 0;
}

static size_t read_address_space(void)
{
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char buffer[64] = "";
    ssize_t size = read(fd, buffer, sizeof(buffer) - 1);

    close(fd);
    if (size <= 0)
        abort();
    return strtoul(buffer, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

struct resources resources_now(void)
{
    struct resources now = {0};

    now.heap = mallinfo2().uordblks + mallinfo2().hblkhd;
    dl_iterate_phdr(count_library, &now.libraries);
    now.descriptors = count_descriptors();
    now.mappings = count_lines("/proc/self/maps");
    now.address_space = read_address_space();
    return now;
}

void assert_nothing_left(struct resources before, struct resources after)
{
    assert_int_equal(after.descriptors, before.descriptors);
    assert_int_equal(after.libraries, before.libraries);
    assert_int_equal(after.mappings, before.mappings);
}
