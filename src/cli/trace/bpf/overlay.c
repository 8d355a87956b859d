/* SPDX-License-Identifier: MIT */
/*
 * Files that are one for the kernel: containers that share an image's layer see its files through
 * overlay mounts of their own, with devices (and perhaps inodes) of their own. A uprobe is attached
 * to the file below, so attaching to each would count every hit as often as there are containers.
 *
 * stat(2) does not tell the file below, but a uprobe does: rst maps one file, attaches to the other
 * in its own process only, and looks whether the breakpoint has come. The code is never run. The
 * mapping is read through /proc/self/mem, which gives an error where the file was truncated.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/trace/bpf/state.h"
#include "cli/usdt/context.h"

#define PLACES 16 /* to try: another tracer may have a breakpoint at the site already */

static bool is_overlay(int fd)
{
    struct statfs about;

    return fstatfs(fd, &about) == 0 && about.f_type == OVERLAYFS_SUPER_MAGIC;
}

/* An overlay gives its files the inode numbers and sizes of those below. */
static bool may_be_one(int fd, int other)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_size == b.st_size &&
           (uint32_t)a.st_ino == (uint32_t)b.st_ino && (is_overlay(fd) || is_overlay(other));
}

/* The byte at an address; -1: there is none. */
static int byte_at(int memory, const uint8_t *address)
{
    uint8_t byte;

    return pread(memory, &byte, 1, (off_t)(uintptr_t)address) == 1 ? byte : -1;
}

/* Whether an instruction that begins so may be one by which somebody watches. */
static bool may_be_watched(const struct rst_arch *kernel, int first)
{
    return memchr(kernel->watchers, first, kernel->watcher_count) != NULL;
}

/* The first place where the kernel takes a uprobe, and where none is yet, tells. */
static bool has_breakpoints_of(const char *path, uint64_t site, const uint8_t *mapped, size_t most)
{
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), uprobe = -1;
    const struct rst_arch *kernel = context_kernel();
    bool same = false;

    for (size_t i = 0; memory >= 0 && i < PLACES && i < most && uprobe < 0; i++) {
        int before = byte_at(memory, mapped + i);

        if (before >= 0 && !may_be_watched(kernel, before))
            uprobe = uprobe_open(path, site + i, 0, getpid());
        if (uprobe >= 0)
            same = byte_at(memory, mapped + i) != before;
    }
    if (uprobe >= 0)
        close(uprobe);
    if (memory >= 0)
        close(memory);
    return same;
}

bool bpf_is_one_file(int fd, int other, uint64_t site)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), at = site % page;
    char path[64], other_path[64];
    void *mapped;
    int readable;
    bool same;

    if (!may_be_one(fd, other))
        return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    snprintf(other_path, sizeof(other_path), "/proc/self/fd/%d", other);
    readable = open(other_path, O_RDONLY | O_CLOEXEC);
    if (readable < 0)
        return false;
    mapped = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, readable, (off_t)(site - at));
    close(readable);
    if (mapped == MAP_FAILED)
        return false;
    same = has_breakpoints_of(path, site, (const uint8_t *)mapped + at, page - at);
    munmap(mapped, page);
    return same;
}
