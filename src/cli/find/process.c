/* SPDX-License-Identifier: MIT */
#include "cli/find/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/number.h"
#include "error.h"

/* Read the number at `*at`, which moves past it and the character after it. */
static uint64_t next_number(char **at, int base)
{
    uint64_t value = strtoull(*at, at, base);

    *at += **at != '\0';
    return value;
}

/*
 * Take a line of /proc/PID/maps, unless no file is mapped there:
 * START-END FLAGS OFFSET MAJOR:MINOR INODE NAME
 */
static void add_mapping(struct process *process, char *line)
{
    struct process_mapping mapping;
    char *at = line, *flags;
    unsigned major;

    line[strcspn(line, "\n")] = '\0';
    mapping.start = next_number(&at, 16);
    mapping.end = next_number(&at, 16);
    if (strlen(at) < 5)
        return;
    flags = at;
    at += 5;
    mapping.executable = flags[2] == 'x';
    mapping.counted = flags[1] == 'w' && flags[3] == 'p';
    mapping.offset = next_number(&at, 16);
    major = (unsigned)next_number(&at, 16);
    mapping.device = makedev(major, (unsigned)next_number(&at, 16));
    mapping.inode = next_number(&at, 10);
    at += strspn(at, " ");
    if (mapping.inode == 0 || *at != '/')
        return;
    mapping.name = sure(strdup(at));
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

/* ------------------------------------------------------------------------ semaphores -- */

/*
 * The mapping in which the kernel counts tracers. Like the kernel, find it by the offset in the
 * file.
 */
static const struct process_mapping *find_counted(const struct process_file *file, uint64_t offset)
{
    size_t low = 0, high = file->count;

    while (low < high) { /* find the first mapping that begins after it */
        size_t middle = low + (high - low) / 2;

        if (file->mappings[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    /* A page may be mapped as code and as data, so up to three mappings have the offset. */
    for (size_t i = low, looked = 0; i > 0 && looked < 8; i--, looked++) {
        const struct process_mapping *mapping = &file->mappings[i - 1];

        if (mapping->counted && offset - mapping->offset < mapping->end - mapping->start)
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
