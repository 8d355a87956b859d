/* SPDX-License-Identifier: MIT */
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
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/base/text.h"
#include "error.h"

/*
 * Take a line of /proc/PID/maps, unless no file is mapped there:
 * START-END FLAGS OFFSET MAJOR:MINOR INODE NAME
 */
static void add_mapping(struct process *process, char *line)
{
    struct process_mapping mapping;
    unsigned major, minor;
    uint64_t inode = 0;
    char flags[5], *at;
    int name = 0;

    line[strcspn(line, "\n")] = '\0';
    /* NOLINTNEXTLINE(cert-err34-c): no number that the kernel writes is too large */
    sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &mapping.start,
           &mapping.end, flags, &mapping.offset, &major, &minor, &inode, &name);
    if (inode == 0 || line[name] != '/')
        return;
    mapping.device = makedev(major, minor);
    mapping.inode = inode;
    mapping.executable = flags[2] == 'x';
    mapping.counted = flags[1] == 'w' && flags[3] == 'p';
    mapping.name = sure(strdup(line + name));
    for (at = mapping.name; (at = strstr(at, "\\012"));) { /* the kernel's form of a newline */
        *at++ = '\n';
        memmove(at, at + 3, strlen(at + 3) + 1);
    }
    APPEND(process->mappings, process->mapping_count, mapping);
}

/*
 * With an overlay, files of several file systems have the same device; the name tells them apart.
 */
static int compare_files(const struct process_mapping *a, const struct process_mapping *b)
{
    int order = compare_numbers(a->device, b->device);

    order = order ? order : compare_numbers(a->inode, b->inode);
    return order ? order : strcmp(a->name, b->name);
}

static int compare_mappings(const void *left, const void *right)
{
    const struct process_mapping *a = left, *b = right;
    int order = compare_files(a, b);

    order = order ? order : compare_numbers(a->offset, b->offset);
    return order ? order : compare_numbers(a->start, b->start);
}

/* Make a process_file of the mappings of each file that has an executable one. */
static void group_files(struct process *process)
{
    const struct process_mapping *mappings = process->mappings;
    size_t first, next;

    for (first = 0; first < process->mapping_count; first = next) {
        bool executable = false;

        for (next = first;
             next < process->mapping_count && compare_files(&mappings[first], &mappings[next]) == 0;
             next++)
            executable |= mappings[next].executable;
        if (executable)
            APPEND(process->files, process->file_count,
                   (struct process_file){&mappings[first], next - first});
    }
}

/* ------------------------------------------------------------------------- open, close -- */

static int check_proc(void)
{
    if (access("/proc/self", F_OK) == 0)
        return 0;
    return rst_fail(ENOENT, "/proc is not mounted, or is that of another PID namespace: rst can't "
                            "look at processes");
}

static int explain(pid_t pid, int error)
{
    if (error == ENOENT || error == ESRCH)
        return rst_fail(ESRCH, "there is no process %ld (any more)", (long)pid);
    if (error == EACCES || error == EPERM)
        return rst_fail(error,
                        "you may not look at process %ld: it is another user's, or protected; be "
                        "root, or have CAP_SYS_PTRACE",
                        (long)pid);
    return rst_fail_errno(error, "process %ld", (long)pid);
}

/* Read the start of a file of the process's directory: "" if there is none. */
static void read_start(const struct process *process, const char *name, char *ret, size_t size)
{
    int fd = openat(process->directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, ret, size - 1);

    ret[count < 0 ? 0 : count] = '\0';
    if (fd >= 0)
        close(fd);
}

/* Refuse a thread: /proc has it too, but what it says of it is the process's. */
static int refuse_thread(const struct process *process)
{
    static const char mark[] = "\nTgid:";
    char status[1024], *found;
    long leader;

    read_start(process, "status", status, sizeof(status));
    found = strstr(status, mark);
    leader = found ? strtol(found + strlen(mark), NULL, 10) : process->pid;
    if (leader == process->pid)
        return 0;
    return rst_fail(ESRCH, "%ld is not a process but a thread of process %ld; give -p %ld",
                    (long)process->pid, leader, leader);
}

static int read_mappings(struct process *process)
{
    int fd = openat(process->directory, "maps", O_RDONLY | O_CLOEXEC), error;
    FILE *maps = fd < 0 ? NULL : sure(fdopen(fd, "r"));
    char *line = NULL;
    size_t room = 0;

    if (!maps)
        return explain(process->pid, errno);
    errno = 0;
    while (getline(&line, &room, maps) > 0)
        add_mapping(process, line);
    error = ferror(maps) ? errno : 0;
    free(line);
    fclose(maps);
    if (error)
        return explain(process->pid, error);
    if (process->mapping_count > 0)
        qsort(process->mappings, process->mapping_count, sizeof(*process->mappings),
              compare_mappings);
    group_files(process);
    return 0;
}

int process_open(pid_t pid, struct process *ret)
{
    struct process process = {.pid = pid};
    char path[32];
    int error = check_proc();

    if (error < 0)
        return error;
    snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
    process.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (process.directory < 0)
        return explain(pid, errno);
    read_start(&process, "comm", process.command, sizeof(process.command));
    process.command[strcspn(process.command, "\n")] = '\0';
    error = refuse_thread(&process);
    if (error == 0)
        error = read_mappings(&process);
    if (error < 0) {
        process_close(&process);
        return error;
    }
    *ret = process;
    return 0;
}

void process_close(struct process *process)
{
    for (size_t i = 0; i < process->mapping_count; i++)
        free(process->mappings[i].name);
    free(process->mappings);
    free(process->files);
    close(process->directory);
    if (process->memory > 0)
        close(process->memory);
}

/* ------------------------------------------------------------------------------- files -- */

/*
 * The name of a mapping may lead to another file: the mapped one may be replaced, deleted, in
 * another mount namespace, or a memfd, which has no name. The mapping itself may have changed since
 * it was read. So each file that is opened is compared with the mapping. These are tried in turn:
 *
 *     /proc/PID/map_files/START-END     the mapped file itself, but needs privilege
 *     /proc/PID/root/NAME               unless the file is deleted
 *     /proc/PID/fd/N                    a memfd, while the process has it open
 */
enum way { BY_MAPPING, BY_NAME, BY_DESCRIPTOR, WAYS };

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

/*
 * The path below /proc/PID by which the file may be opened, NULL if there is none; free() it. The
 * descriptor is one of the inode.
 */
static char *way_to(const struct process *process, const struct process_mapping *mapping,
                    enum way way, dev_t device, ino_t inode)
{
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

/*
 * Try each way. Gives a descriptor, or the error that says most: "no permission" says more than
 * "not there", and -ESTALE that something else is mapped by now.
 */
static int open_any_way(const struct process *process, const struct process_mapping *mapping,
                        struct stat *about)
{
    int last = -ENOENT;

    for (enum way way = 0; way < WAYS; way++) {
        char *path = way_to(process, mapping, way, mapping->device, mapping->inode);
        int path_fd = path ? openat(process->directory, path, O_PATH | O_CLOEXEC) : -1;
        int fd = path && path_fd < 0 ? -errno : -ENOENT;

        free(path);
        if (path_fd >= 0 && is_mapped(path_fd, mapping, way == BY_MAPPING))
            fd = file_reopen(path_fd, about);
        if (path_fd >= 0)
            close(path_fd);
        if (fd >= 0 || fd == -ENXIO)
            return fd;
        if (fd != -ENOENT)
            last = fd;
        else if (way == BY_MAPPING)
            last = -ESTALE;
    }
    return last;
}

/*
 * The first path that leads to the file: its name, its name in the process's mount namespace, a
 * descriptor, the mapping.
 */
static char *path_of(const struct process *process, const struct process_mapping *mapping,
                     const struct stat *about)
{
    static const enum way ways[] = {BY_NAME, BY_DESCRIPTOR, BY_MAPPING};
    char *path = is_memfd(mapping) ? NULL : sure(strdup(mapping->name)), *below;
    struct stat there;

    for (size_t i = 0; i < WAYS; i++) {
        if (path && stat(path, &there) == 0 && file_is_same(&there, about))
            break;
        free(path);
        below = way_to(process, mapping, ways[i], about->st_dev, about->st_ino);
        path = below ? text_format("/proc/%ld/%s", (long)process->pid, below) : NULL;
        free(below);
    }
    return path;
}

static bool is_program(const struct process *process, const struct stat *about)
{
    struct stat program;

    return fstatat(process->directory, "exe", &program, 0) == 0 && file_is_same(&program, about);
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
    const struct process_mapping *mapping = file->mappings;
    const struct text_path name = text_path(mapping->name);
    const long pid = process->pid;
    struct stat about = {0};
    char *words;
    int fd = open_any_way(process, mapping, &about);

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
    ret->fd = fd;
    ret->path = path_of(process, mapping, &about);
    ret->kind = is_memfd(mapping)             ? SOURCE_MEMFD
                : is_program(process, &about) ? SOURCE_EXECUTABLE
                                              : SOURCE_LIBRARY;
    return 0;
}

/* ------------------------------------------------------------------------ semaphores -- */

/* So that a process with many mappings can't make rst slow. No program has that many of a file. */
#define MOST_MAPPINGS 1024

/* The mapping in which the kernel counts tracers. Like the kernel, find it by the offset. */
static const struct process_mapping *find_counted(const struct process_file *file, uint64_t offset)
{
    for (size_t i = 0; i < file->count && i < MOST_MAPPINGS; i++) {
        const struct process_mapping *mapping = &file->mappings[i];

        if (mapping->counted && offset >= mapping->offset &&
            offset - mapping->offset < mapping->end - mapping->start)
            return mapping;
    }
    return NULL;
}

int process_semaphore(struct process *process, const struct process_file *file, uint64_t offset,
                      uint16_t *ret)
{
    const struct process_mapping *mapping = find_counted(file, offset);
    ssize_t count;

    if (!mapping)
        return -ENXIO;
    if (process->memory == 0) {
        process->memory = openat(process->directory, "mem", O_RDONLY | O_CLOEXEC);
        if (process->memory < 0)
            process->memory = -errno;
    }
    if (process->memory < 0)
        return process->memory;
    count = pread(process->memory, ret, sizeof(*ret),
                  (off_t)(mapping->start + (offset - mapping->offset)));
    if (count == sizeof(*ret))
        return 0;
    return count < 0 ? -errno : -ESRCH; /* nothing was read: the process has exited */
}

static int is_process(const struct dirent *entry)
{
    return entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
}

size_t process_all(pid_t **ret)
{
    struct dirent **entries = NULL;
    int found = check_proc() < 0 ? 0 : scandir("/proc", &entries, is_process, versionsort);
    size_t count = 0;

    *ret = NULL;
    for (int i = 0; i < found; i++) {
        APPEND(*ret, count, (pid_t)strtol(entries[i]->d_name, NULL, 10));
        free(entries[i]);
    }
    free(entries);
    return count;
}
