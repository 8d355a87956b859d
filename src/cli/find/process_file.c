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

/* The lowest descriptor of the inode; -1: the process has none open, or it can't be seen. */
static int find_descriptor(const struct process *process, dev_t device, ino_t inode)
{
    int fd = openat(process->directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), lowest = -1;
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat about;

    while (directory && (entry = readdir(directory))) {
        int number = (int)strtol(entry->d_name, NULL, 10);

        if (entry->d_name[0] != '.' && (lowest < 0 || number < lowest) &&
            fstatat(fd, entry->d_name, &about, 0) == 0 && about.st_dev == device &&
            about.st_ino == inode)
            lowest = number;
    }
    if (directory)
        closedir(directory);
    else if (fd >= 0)
        close(fd);
    return lowest;
}

/* -------------------------------------------------------------------------- opening -- */

enum way { BY_MAPPING, BY_NAME, BY_DESCRIPTOR, WAYS };

/*
 * The path below /proc/PID by which the file may be opened, NULL if there is none; free() it. The
 * descriptor is one of the inode.
 */
static char *way_to(const struct process *process, const struct process_file *file, enum way way,
                    dev_t device, ino_t inode)
{
    const struct process_mapping *mapping = &file->mappings[0];
    int number;

    if (way == BY_MAPPING)
        return text_format("map_files/%" PRIx64 "-%" PRIx64, mapping->start, mapping->end);
    if (way == BY_NAME)
        return is_memfd(mapping) ? NULL : text_format("root%s", mapping->name);
    number = find_descriptor(process, device, inode);
    return number < 0 ? NULL : text_format("fd/%d", number);
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

/* Gives a descriptor, or a negative errno: -ESTALE if something else is mapped by now. */
static int open_by(const struct process *process, const struct process_file *file, enum way way,
                   struct stat *about)
{
    const struct process_mapping *mapping = &file->mappings[0];
    char *path = way_to(process, file, way, mapping->device, mapping->inode);
    int path_fd = path ? openat(process->directory, path, O_PATH | O_CLOEXEC) : -1;
    int fd = path && path_fd < 0 ? -errno : -ENOENT;

    if (path_fd >= 0) {
        if (is_mapped(path_fd, mapping, way == BY_MAPPING))
            fd = file_reopen(path_fd, about);
        close(path_fd);
    }
    free(path);
    return fd == -ENOENT && way == BY_MAPPING ? -ESTALE : fd;
}

/*
 * Try each way. If all fail, gives the error that says most: "no permission" says more than "not
 * there".
 */
static int open_any_way(const struct process *process, const struct process_file *file,
                        struct stat *about)
{
    int last = -ENOENT, fd;

    for (enum way way = 0; way < WAYS; way++) {
        fd = open_by(process, file, way, about);
        if (fd >= 0 || fd == -ENXIO)
            return fd;
        if (fd != -ENOENT)
            last = fd;
    }
    return last;
}

/* ---------------------------------------------------------------------- what to attach to -- */

static bool leads_to(const char *path, const struct stat *about)
{
    struct stat there;

    return stat(path, &there) == 0 && file_is_same(&there, about);
}

/*
 * The first of these that leads to the file: its name, its name in the process's mount namespace, a
 * descriptor, the mapping.
 */
static char *path_of(const struct process *process, const struct process_file *file,
                     const struct stat *about)
{
    static const enum way ways[] = {BY_NAME, BY_DESCRIPTOR, BY_MAPPING};
    const char *name = file->mappings[0].name;
    char *path = is_memfd(&file->mappings[0]) ? NULL : sure(strdup(name));

    for (size_t i = 0; !path || !leads_to(path, about); i++) {
        char *below = way_to(process, file, ways[i], about->st_dev, about->st_ino);

        free(path);
        path = below ? text_format("/proc/%ld/%s", (long)process->pid, below) : NULL;
        free(below);
        if (ways[i] == BY_MAPPING)
            break;
    }
    return path;
}

static enum source_kind kind_of(const struct process *process, const struct process_file *file,
                                const struct stat *about)
{
    struct stat program;

    if (is_memfd(&file->mappings[0]))
        return SOURCE_MEMFD;
    if (fstatat(process->directory, "exe", &program, 0) == 0 && file_is_same(&program, about))
        return SOURCE_EXECUTABLE;
    return SOURCE_LIBRARY;
}

/* A zombie counts as exited: it has no program either. */
static bool has_exited(const struct process *process)
{
    char target;

    return readlinkat(process->directory, "exe", &target, 1) < 0;
}

int process_open_file(const struct process *process, const struct process_file *file,
                      struct process_opened *ret)
{
    const struct text_path name = text_path(file->mappings[0].name);
    const long pid = process->pid;
    struct stat about = {0};
    char *words;
    int fd = open_any_way(process, file, &about);

    if (fd == -ESRCH || ((fd == -ENOENT || fd == -ESTALE) && has_exited(process)))
        return rst_fail(ESRCH, "process %ld exited while rst looked at it", pid);
    if (fd == -ESTALE)
        return rst_fail(ESTALE, "process %ld: %s is no longer mapped", pid, name.text);
    if (fd == -EPERM || fd == -EACCES)
        return rst_fail(-fd,
                        "process %ld: %s can't be opened: it is deleted, replaced or out of reach; "
                        "be root, or have CAP_SYS_ADMIN",
                        pid, name.text);
    if (fd < 0) {
        words = text_format("process %ld: %s", pid, name.text);
        file_fail(fd, words);
        free(words);
        return fd;
    }
    *ret = (struct process_opened){
        .fd = fd,
        .kind = kind_of(process, file, &about),
        .path = path_of(process, file, &about),
    };
    return 0;
}
