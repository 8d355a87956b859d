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

/* The kernel writes newlines in a name as "\012". */
static void put_newlines_back(char *name)
{
    while ((name = strstr(name, "\\012"))) {
        *name++ = '\n';
        memmove(name, name + 3, strlen(name + 3) + 1);
    }
}

/* Read the number at `*at`, which moves past it and the character after it. */
static uint64_t next_number(char **at, int base)
{
    uint64_t value = strtoull(*at, at, base);

    *at += **at != '\0';
    return value;
}

/*
 * Parse a line of /proc/PID/maps: START-END FLAGS OFFSET MAJOR:MINOR INODE NAME. Gives false if no
 * file is mapped there.
 */
static bool parse_mapping(char *line, struct process_mapping *ret)
{
    char *at = line, *flags;
    unsigned major, minor;

    line[strcspn(line, "\n")] = '\0';
    ret->start = next_number(&at, 16);
    ret->end = next_number(&at, 16);
    if (strlen(at) < 5)
        return false;
    flags = at;
    at += 5;
    ret->offset = next_number(&at, 16);
    major = (unsigned)next_number(&at, 16);
    minor = (unsigned)next_number(&at, 16);
    ret->device = makedev(major, minor);
    ret->inode = next_number(&at, 10);
    at += strspn(at, " ");
    if (ret->inode == 0 || *at != '/')
        return false;
    put_newlines_back(at);
    ret->executable = flags[2] == 'x';
    ret->counted = flags[1] == 'w' && flags[3] == 'p';
    ret->name = sure(strdup(at));
    return true;
}

/*
 * With an overlay, files of several file systems have the same device; the name tells them apart.
 */
static int compare_files(const struct process_mapping *a, const struct process_mapping *b)
{
    int order = compare_numbers(a->device, b->device);

    if (order == 0)
        order = compare_numbers(a->inode, b->inode);
    return order ? order : strcmp(a->name, b->name);
}

static int compare_mappings(const void *left, const void *right)
{
    const struct process_mapping *a = left, *b = right;
    int order = compare_files(a, b);

    if (order == 0)
        order = compare_numbers(a->offset, b->offset);
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

static FILE *open_text(const struct process *process, const char *name)
{
    int fd = openat(process->directory, name, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (!file && fd >= 0)
        close(fd);
    return file;
}

/* Refuse a thread: /proc has it too, but what it says of it is the process's. */
static int refuse_thread(const struct process *process)
{
    FILE *status = open_text(process, "status");
    char line[256];
    long leader = process->pid;

    while (status && fgets(line, sizeof(line), status))
        if (strncmp(line, "Tgid:", 5) == 0)
            leader = strtol(line + 5, NULL, 10);
    if (status)
        fclose(status);
    if (leader == process->pid)
        return 0;
    return rst_fail(ESRCH, "%ld is not a process but a thread of process %ld; give -p %ld",
                    (long)process->pid, leader, leader);
}

static int read_mappings(struct process *process)
{
    FILE *maps = open_text(process, "maps");
    struct process_mapping mapping;
    char *line = NULL;
    size_t room = 0;
    int error;

    if (!maps)
        return explain(process->pid, errno);
    errno = 0;
    while (getline(&line, &room, maps) > 0)
        if (parse_mapping(line, &mapping))
            APPEND(process->mappings, process->mapping_count, mapping);
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

static void read_command(struct process *process)
{
    FILE *file = open_text(process, "comm");

    if (!file)
        return;
    if (!fgets(process->command, sizeof(process->command), file))
        process->command[0] = '\0';
    process->command[strcspn(process->command, "\n")] = '\0';
    fclose(file);
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
    read_command(&process);
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
