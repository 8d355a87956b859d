/* SPDX-License-Identifier: MIT */
/*
 * Files that are one for the kernel: containers that share an image's layer see its files through
 * overlay mounts of their own, with devices (and perhaps inodes) of their own. A uprobe is attached
 * to the file below, so attaching to each would count every hit as often as there are containers.
 *
 * stat(2) does not tell the file below, but a uprobe does: rst maps one file, attaches to the other
 * in its own process only, and looks whether the breakpoint has come. The code is never run.
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

#define PLACES 16 /* to try: another tracer may have a breakpoint at the site already */
#define BREAKPOINT 0xcc

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

/* Whether a breakpoint at the offset in one file changes the byte in `mapped`, of the other. */
static bool changes(const char *path, uint64_t offset, const volatile uint8_t *mapped, bool *ret)
{
    uint8_t before = *mapped;
    int uprobe = uprobe_open(path, offset, 0, getpid());

    if (uprobe < 0)
        return false;
    *ret = *mapped != before;
    close(uprobe);
    return true;
}

bool bpf_is_one_file(int fd, int other, uint64_t site)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), at = site % page;
    char path[64], other_path[64];
    bool same = false;
    void *mapped;
    int readable;

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
    /* The first place where the kernel takes a uprobe, and where none is yet, tells. */
    for (size_t i = 0; i < PLACES && at + i < page; i++)
        if (((const uint8_t *)mapped)[at + i] != BREAKPOINT &&
            changes(path, site + i, (const uint8_t *)mapped + at + i, &same))
            break;
    munmap(mapped, page);
    return same;
}
