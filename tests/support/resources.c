/* SPDX-License-Identifier: MIT */
#include "support/resources.h"

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/children.h"

/*
 * Mappings that are not librst's: the heap, which has a second line after brk(2) has grown it, and
 * those that the kernel adds to a traced process and leaves there. With a sanitizer, also those
 * without a file.
 */
static const char *const foreign[] = {"[heap]", "[uprobes]", "[uprobes-trampoline]"};

static bool is_foreign(const char *mapping)
{
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (strstr(mapping, foreign[i]))
            return true;
    return SANITIZED && !strchr(mapping, '/');
}

/*
 * Count the other lines of /proc/self/maps. It uses only system calls, because stdio would put a
 * buffer on the heap that is being measured.
 */
static size_t count_mappings(void)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    char buffer[4096], line[256];
    size_t lines = 0, length = 0;
    ssize_t size;

    if (fd < 0)
        abort();
    while ((size = read(fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t i = 0; i < size; i++)
            if (buffer[i] == '\n') {
                line[length] = '\0';
                lines += !is_foreign(line);
                length = 0;
            } else if (length < sizeof(line) - 1) {
                line[length++] = buffer[i];
            }
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

static void read_sizes(struct resources *now)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char buffer[64] = "", *end;
    ssize_t size = read(fd, buffer, sizeof(buffer) - 1);

    close(fd);
    if (size <= 0)
        abort();
    now->address_space = strtoul(buffer, &end, 10) * page;
    now->resident = strtoul(end, NULL, 10) * page;
}

struct resources resources_now(void)
{
    struct resources now = {0};

#ifdef __GLIBC__
    now.heap = mallinfo2().uordblks + mallinfo2().hblkhd;
#endif
    dl_iterate_phdr(count_library, &now.libraries);
    now.descriptors = count_descriptors();
    now.mappings = count_mappings();
    read_sizes(&now);
    return now;
}

void assert_nothing_left(struct resources before, struct resources after)
{
    size_t kept = after.libraries - before.libraries;

    check_equal(after.descriptors - before.descriptors, 0);
    if (DLCLOSE_UNMAPS)
        check_equal(kept, 0);
    if (!getenv("RST_EMULATOR")) /* which has mappings of its own */
        check(after.mappings <= before.mappings + kept * KEPT_MAPPINGS); /* neighbours may merge */
}
