/* SPDX-License-Identifier: MIT */
/*
 * Opening a file that a process has mapped, and finding a path to it for tracers.
 *
 * The name of a mapping may lead to another file: the mapped one may be replaced, deleted, in
 * another mount namespace, or a memfd, which has no name. The mapping itself may have changed since
 * it was read. So each file that is opened is compared with the mapping. These are tried in turn:
 *
 *     /proc/PID/map_files/START-END     the mapped file itself, but needs privilege
 *     /proc/PID/root/NAME               unless the file is deleted
 *     /proc/PID/fd/N                    a memfd, while the process has it open
 */
#include "cli/find/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/base/quote.h"
#include "cli/base/text.h"
#include "error.h"

#define MEMFD "/memfd:"

static bool is_memfd(const struct process_mapping *mapping)
{
    return strncmp(mapping->name, MEMFD, strlen(MEMFD)) == 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* ----------------------------------------------------------------------- descriptors -- */

static int compare_descriptors(const void *left, const void *right)
{
    const struct process_descriptor *a = left, *b = right;

    if (a->device != b->device)
        return a->device > b->device ? 1 : -1;
    if (a->inode != b->inode)
        return a->inode > b->inode ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

static void read_descriptors(struct process *process)
{
    int fd = openat(process->directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat about;

    process->has_descriptors = true;
    if (fd >= 0 && !directory)
        close(fd);
    while (directory && (entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || fstatat(fd, entry->d_name, &about, 0) < 0 ||
            !S_ISREG(about.st_mode))
            continue;
        process->descriptors = room_for_one(process->descriptors, process->descriptor_count,
                                            sizeof(*process->descriptors));
        process->descriptors[process->descriptor_count++] = (struct process_descriptor){
            about.st_dev, about.st_ino, (int)strtol(entry->d_name, NULL, 10)};
    }
    if (directory)
        closedir(directory);
    if (process->descriptor_count > 0)
        qsort(process->descriptors, process->descriptor_count, sizeof(*process->descriptors),
              compare_descriptors);
}

/* The lowest descriptor of the inode; -1: the process has none open, or it can't be seen. */
static int find_descriptor(struct process *process, dev_t device, ino_t inode)
{
    size_t low = 0, high;

    if (!process->has_descriptors)
        read_descriptors(process);
    for (high = process->descriptor_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct process_descriptor *found = &process->descriptors[middle];

        if (found->device < device || (found->device == device && found->inode < inode))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == process->descriptor_count || process->descriptors[low].device != device ||
        process->descriptors[low].inode != inode)
        return -1;
    return process->descriptors[low].number;
}

/* -------------------------------------------------------------------------- opening -- */

/*
 * One way to open the file, by a path below /proc/PID. Gives an O_PATH descriptor or a negative
 * errno.
 */
typedef int way(struct process *process, const struct process_file *file);

static int open_path(const struct process *process, const char *path)
{
    int fd = openat(process->directory, path, O_PATH | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static const char *map_file(const struct process_file *file, char path[64])
{
    snprintf(path, 64, "map_files/%" PRIx64 "-%" PRIx64, file->mappings[0].start,
             file->mappings[0].end);
    return path;
}

static int by_mapping(struct process *process, const struct process_file *file)
{
    char path[64];

    return open_path(process, map_file(file, path));
}

static int by_name(struct process *process, const struct process_file *file)
{
    const char *name = file->mappings[0].name;
    char *path;
    int fd;

    if (is_memfd(&file->mappings[0]))
        return -ENOENT;
    sure(asprintf(&path, "root%s", name) < 0 ? NULL : path);
    fd = open_path(process, path);
    free(path);
    return fd;
}

static int by_descriptor(struct process *process, const struct process_file *file)
{
    int number = find_descriptor(process, file->mappings[0].device, file->mappings[0].inode);
    char path[32];

    if (number < 0)
        return -ENOENT;
    snprintf(path, sizeof(path), "fd/%d", number);
    return open_path(process, path);
}

/*
 * Whether the open file is the mapped one. The inode number tells. The device doesn't: on btrfs and
 * overlays stat(2) gives another one than the mapping has. On some overlays the inode number
 * differs too. Then a file opened through map_files is compared by its name; but not a memfd, as
 * many can have the same name.
 */
static bool is_mapped(int path_fd, const struct process_mapping *mapping, bool by_mapping)
{
    char link[64], name[PATH_MAX];
    struct stat about;
    ssize_t length;

    if (fstat(path_fd, &about) < 0)
        return false;
    if (about.st_ino == mapping->inode)
        return true;
    if (!by_mapping || is_memfd(mapping))
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
    length = readlink(link, name, sizeof(name) - 1);
    return length > 0 && (size_t)length == strlen(mapping->name) &&
           memcmp(name, mapping->name, (size_t)length) == 0;
}

/*
 * Try each way. Gives -ESTALE if the process has mapped another file there by now. If all ways
 * fail, gives the error that says most: "no permission" says more than "not there".
 */
static int open_any_way(struct process *process, const struct process_file *file,
                        struct stat *about)
{
    static way *const ways[] = {by_mapping, by_name, by_descriptor};
    int last = -ENOENT, path_fd, fd;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        path_fd = ways[i](process, file);
        if (path_fd >= 0 && !is_mapped(path_fd, &file->mappings[0], i == 0)) {
            close(path_fd);
            path_fd = i == 0 ? -ESTALE : -ENOENT;
        }
        if (path_fd >= 0) {
            fd = file_reopen(path_fd, about);
            close(path_fd);
            if (fd >= 0 || fd == -ENXIO)
                return fd;
            path_fd = fd;
        } else if (i == 0 && path_fd == -ENOENT) {
            path_fd = -ESTALE; /* there is no such mapping */
        }
        if (path_fd != -ENOENT)
            last = path_fd;
    }
    return last;
}

/* ---------------------------------------------------------------------- what to attach to -- */

static bool leads_to(const char *path, const struct stat *about)
{
    struct stat there;

    return stat(path, &there) == 0 && is_same(&there, about);
}

/*
 * The first of these that leads to the file: its name, its name in the process's mount namespace, a
 * descriptor, the mapping.
 */
static char *path_of(struct process *process, const struct process_file *file,
                     const struct stat *about)
{
    const char *name = file->mappings[0].name;
    char mapped[64], *path = NULL;
    int number;

    if (!is_memfd(&file->mappings[0])) {
        if (leads_to(name, about))
            return sure(strdup(name));
        sure(asprintf(&path, "/proc/%ld/root%s", (long)process->pid, name) < 0 ? NULL : path);
        if (leads_to(path, about))
            return path;
        free(path);
    }
    number = find_descriptor(process, about->st_dev, about->st_ino);
    if (number >= 0)
        sure(asprintf(&path, "/proc/%ld/fd/%d", (long)process->pid, number) < 0 ? NULL : path);
    else
        sure(asprintf(&path, "/proc/%ld/%s", (long)process->pid, map_file(file, mapped)) < 0
                 ? NULL
                 : path);
    return path;
}

static enum process_place place_of(const struct process *process, const struct process_file *file,
                                   const struct stat *about)
{
    struct stat program;

    if (is_memfd(&file->mappings[0]))
        return PLACE_MEMFD;
    if (fstatat(process->directory, "exe", &program, 0) == 0 && is_same(&program, about))
        return PLACE_EXECUTABLE;
    return PLACE_FILE;
}

/* A zombie counts as exited: it has no program either. */
static bool has_exited(const struct process *process)
{
    char target;

    return readlinkat(process->directory, "exe", &target, 1) < 0;
}

static int fail_to_open(const struct process *process, const char *name, int error)
{
    struct text words = {0};

    text_addf(&words, "process %ld: %s", (long)process->pid, text_path(name).text);
    file_fail(error, words.bytes);
    free(words.bytes);
    return error;
}

int process_open_file(struct process *process, const struct process_file *file,
                      struct process_opened *ret)
{
    const char *name = file->mappings[0].name;
    struct stat about;
    int fd = open_any_way(process, file, &about);

    if (fd == -ESRCH || ((fd == -ENOENT || fd == -ESTALE) && has_exited(process)))
        return rst_fail(ESRCH, "process %ld exited while rst looked at it", (long)process->pid);
    if (fd == -ESTALE)
        return rst_fail(ESTALE, "process %ld: %s is no longer mapped", (long)process->pid,
                        text_path(name).text);
    if (fd == -EPERM || fd == -EACCES)
        return rst_fail(-fd,
                        "process %ld: %s can't be opened: it is deleted, replaced or out of reach; "
                        "be root, or have CAP_SYS_ADMIN",
                        (long)process->pid, text_path(name).text);
    if (fd < 0)
        return fail_to_open(process, name, fd);
    *ret = (struct process_opened){
        .fd = fd,
        .place = place_of(process, file, &about),
        .path = path_of(process, file, &about),
    };
    return 0;
}
