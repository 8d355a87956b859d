/* SPDX-License-Identifier: MIT */
/*
 * Names for the addresses in stacks. A process's files are opened when it is first seen, and read
 * when an address in one needs a name, so names can be found when the process has ended. Where
 * there is too much to keep, all is forgotten, and read again of the processes that still run.
 *
 * What is mapped is read again when the process runs another program, and when an address is in no
 * file. What was mapped before is kept below that: there may be stacks that are older.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/find/process.h"
#include "cli/trace/show/names.h"

#define MOST_TASKS 1024     /* processes that are kept */
#define MOST_FILES 4096     /* open for all of them */
#define MOST_READ 1024      /* files of a process */
#define MOST_MAP (64 << 20) /* bytes of a map file */
#define MOST_MAPPED 4096    /* ranges of a process: then those from before are forgotten */
#define REST 20 /* how many times as long as reading again took, until that may be done again */

/* A file, told from others by what its mappings say. It stays open, so its inode stays its own. */
struct known {
    dev_t device;
    ino_t inode;
    char *name; /* as the process sees it */
    struct module *module;
};

struct task {
    pid_t pid;
    int directory;           /* /proc/PID; it tells of this process, also if the id is used again */
    struct stat program;     /* which it runs */
    struct ranges mapped;    /* executable; items: numbers of files */
    int64_t rest;            /* until then, in milliseconds */
    const struct task *like; /* has the same mapped; NULL: none */
    long inner_pid;          /* in its own PID namespace */
    FILE *map;               /* NULL: there is none yet */
    struct ranges compiled;  /* items: where their names are in `names` */
    struct text names;
};

struct stacks {
    const struct plan *plan;
    struct task **tasks; /* the last one that was looked for comes first */
    size_t task_count;
    struct known *files;
    size_t file_count;
};

static size_t know_file(struct stacks *stacks, const struct process *process,
                        const struct process_file *file)
{
    const struct process_mapping *mapping = &file->mappings[0];
    struct process_opened opened;
    size_t i = 0;

    for (; i < stacks->file_count; i++)
        if (stacks->files[i].device == mapping->device &&
            stacks->files[i].inode == mapping->inode &&
            strcmp(stacks->files[i].name, mapping->name) == 0)
            return i;
    if (process_open_file(process, file, &opened) < 0)
        opened = (struct process_opened){.fd = -1};
    free(opened.path);
    APPEND(stacks->files, stacks->file_count,
           (struct known){mapping->device, mapping->inode, sure(strdup(mapping->name)),
                          module_new(opened.fd)});
    return i;
}

static void add_mapping(struct task *task, const struct process_mapping *mapping, size_t file)
{
    const struct range *known = ranges_find(&task->mapped, mapping->start);

    if (!known || known->start != mapping->start || known->end != mapping->end ||
        known->item != file || known->offset != mapping->offset)
        ranges_add(&task->mapped,
                   (struct range){mapping->start, mapping->end, (uint32_t)task->mapped.count,
                                  (uint32_t)file, mapping->offset});
}

/* Whether the process that was read last still runs the same program. */
static bool is_same_program(const struct task *task)
{
    struct stat program;

    return task->directory >= 0 && fstatat(task->directory, "exe", &program, 0) == 0 &&
           file_is_same(&program, &task->program);
}

/* Forget what the process has compiled, and read it from another file. */
static void change_map(struct task *task, FILE *map)
{
    if (task->map)
        fclose(task->map);
    task->map = map;
    task->compiled.count = task->compiled.sorted = 0;
    text_clear(&task->names);
}

static void change_program(struct task *task, int directory)
{
    char line[256];
    FILE *status;
    int fd;

    change_map(task, NULL);
    if (task->directory >= 0)
        close(task->directory);
    task->directory = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    task->program = (struct stat){0};
    fstatat(directory, "exe", &task->program, 0);
    fd = openat(directory, "status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    status = sure(fdopen(fd, "r"));
    while (fgets(line, sizeof(line), status))
        if (strncmp(line, "NSpid:\t", 7) == 0)
            task->inner_pid = strtol(strrchr(line, '\t'), NULL, 10);
    fclose(status);
}

/* Read what the process has mapped. If it has ended, what is known of it stays. */
static void read_task(struct stacks *stacks, struct task *task)
{
    struct process process;

    if (process_open(task->pid, &process) < 0)
        return;
    if (process.file_count > 0 && !is_same_program(task))
        change_program(task, process.directory);
    if (process.file_count > 0 && task->mapped.count > MOST_MAPPED)
        task->mapped.count = task->mapped.sorted = 0;
    for (size_t i = 0; i < process.file_count && i < MOST_READ; i++) {
        const struct process_file *file = &process.files[i];
        size_t known = know_file(stacks, &process, file);

        for (size_t j = 0; j < file->count; j++)
            if (file->mappings[j].executable)
                add_mapping(task, &file->mappings[j], known);
    }
    ranges_sort(&task->mapped);
    process_close(&process);
}

static struct task *find_task(const struct stacks *stacks, pid_t pid)
{
    for (size_t i = 0; i < stacks->task_count; i++) {
        struct task *found = stacks->tasks[i];

        if (found->pid != pid)
            continue;
        stacks->tasks[i] = stacks->tasks[0];
        stacks->tasks[0] = found;
        return found;
    }
    return NULL;
}

static void forget_all(struct stacks *stacks)
{
    for (size_t i = 0; i < stacks->task_count; i++) {
        struct task *task = stacks->tasks[i];

        change_map(task, NULL);
        if (task->directory >= 0)
            close(task->directory);
        free(task->mapped.list);
        free(task->compiled.list);
        free(task->names.bytes);
        free(task);
    }
    for (size_t i = 0; i < stacks->file_count; i++) {
        module_free(stacks->files[i].module);
        free(stacks->files[i].name);
    }
    stacks->task_count = stacks->file_count = 0;
}

void stacks_see(struct stacks *stacks, pid_t pid)
{
    struct task *task;

    if (pid <= 0)
        return;
    if (stacks->task_count >= MOST_TASKS || stacks->file_count >= MOST_FILES)
        forget_all(stacks);
    task = find_task(stacks, pid);
    if (!task) {
        task = sure(calloc(1, sizeof(*task)));
        *task = (struct task){.pid = pid, .directory = -1};
        stacks->tasks = room_for_one(stacks->tasks, stacks->task_count, sizeof(struct task *));
        stacks->tasks[stacks->task_count++] = task;
    }
    if (!is_same_program(task)) /* or another process has its id, or it is new */
        read_task(stacks, task);
}

struct stacks *stacks_new(const struct plan *plan)
{
    struct stacks *stacks = sure(calloc(1, sizeof(*stacks)));

    stacks->plan = plan;
    return stacks;
}

void stacks_free(struct stacks *stacks)
{
    if (!stacks)
        return;
    forget_all(stacks);
    free(stacks->tasks);
    free(stacks->files);
    free(stacks);
}

/*
 * For a process that had ended when it was first seen: it was forked from one that has the site at
 * the same address, or shares its parent with that one. Every other program has it elsewhere.
 */
static const struct task *find_like(const struct stacks *stacks, uint64_t site)
{
    const struct plan *plan = stacks->plan;

    for (size_t i = 0; i < stacks->task_count; i++) {
        const struct range *range = ranges_find(&stacks->tasks[i]->mapped, site);
        uint64_t offset = range ? site - range->start + range->offset : 0;

        for (size_t j = 0; range && j < plan->variant_count; j++)
            for (size_t k = 0; k < plan->variants[j].site_count; k++)
                if (plan->variants[j].sites[k].offset == offset)
                    return stacks->tasks[i];
    }
    return NULL;
}

/* Where the address is mapped; NULL: in no file. */
static const struct range *find_mapped(struct stacks *stacks, struct task *task, uint64_t address)
{
    const struct ranges *mapped =
        task->mapped.count == 0 && task->like ? &task->like->mapped : &task->mapped;
    const struct range *found = ranges_find(mapped, address);
    int64_t start = milliseconds();

    if (found || start < task->rest)
        return found;
    read_task(stacks, task);
    task->rest = milliseconds() + REST * (milliseconds() - start + 1);
    return ranges_find(&task->mapped, address);
}

/*
 * Open the file into which the process writes what it has compiled, if there was none, or if there
 * is a new one. It is looked for in the process's own mount and PID namespace, and must belong to
 * the process's user.
 */
static void find_map(struct task *task)
{
    struct stat process, about;
    char path[64];
    int path_fd, fd;

    if (task->map && fstat(fileno(task->map), &about) == 0 && about.st_nlink > 0 &&
        about.st_size >= ftello(task->map))
        return;
    snprintf(path, sizeof(path), "root/tmp/perf-%ld.map", task->inner_pid);
    path_fd = openat(task->directory, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (path_fd < 0)
        return; /* it was deleted at the end: what was read is valid */
    fd = file_reopen(path_fd, &about);
    close(path_fd);
    if (fd < 0)
        return;
    if (fstat(task->directory, &process) == 0 && about.st_uid == process.st_uid)
        change_map(task, sure(fdopen(fd, "r")));
    else
        close(fd);
}

static void add_function(struct task *task, char *line)
{
    char *at = line;
    uint64_t start = strtoull(at, &at, 16), size = *at == ' ' ? strtoull(at, &at, 16) : 0;
    uint32_t number = (uint32_t)task->names.size; /* the last function of a place has the highest */

    if (*at++ != ' ' || *at == '\0' || size == 0 || size > UINT64_MAX - start)
        return;
    ranges_add(&task->compiled, (struct range){start, start + size, number, number, 0});
    text_add_bytes(&task->names, at, strlen(at) + 1);
}

/* Read the lines that were added to the file: START SIZE NAME. */
static void read_more(struct task *task)
{
    char line[4096], *end;

    while (ftello(task->map) < MOST_MAP && fgets(line, sizeof(line), task->map)) {
        end = strchr(line, '\n');
        if (!end && feof(task->map)) { /* the rest is yet to come */
            fseeko(task->map, -(off_t)strlen(line), SEEK_CUR);
            break;
        }
        if (end)
            *end = '\0';
        add_function(task, line);
    }
    clearerr(task->map);
    ranges_sort(&task->compiled);
}

static void find_compiled(struct task *task, uint64_t address, bool call, struct frame *ret)
{
    const struct range *found;

    find_map(task);
    if (task->map)
        read_more(task);
    found = ranges_find(&task->compiled, address);
    if (!found)
        return;
    ret->function = task->names.bytes + found->item;
    ret->offset = address + call - found->start;
}

void stacks_frame(struct stacks *stacks, pid_t pid, uint64_t address, bool innermost,
                  struct frame *ret)
{
    struct task *task = find_task(stacks, pid);
    uint64_t inside = address - !innermost;
    const struct range *range;

    *ret = (struct frame){.address = address};
    if (!task)
        return;
    if (innermost && task->mapped.count == 0)
        task->like = find_like(stacks, address);
    range = find_mapped(stacks, task, inside);
    if (range) {
        ret->module = stacks->files[range->item].name;
        module_frame(stacks->files[range->item].module, inside - range->start + range->offset, ret);
        ret->offset += !innermost;
    }
    if (!ret->function && task->directory >= 0)
        find_compiled(task, inside, !innermost, ret);
}
