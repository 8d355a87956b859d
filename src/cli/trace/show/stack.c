/* SPDX-License-Identifier: MIT */
/*
 * Names for the addresses in stacks. A process's files are opened when it is first seen, and read
 * when an address in one needs a name, so names can be found when the process has ended. A file
 * that several processes have mapped is kept once.
 *
 * What is mapped may change: it is read again when the process runs another program, and when an
 * address is in no file; but only a small part of the time may go into that, because code that a
 * JIT made is in no file either. What was mapped before is kept, because there may be stacks that
 * are older than the change.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/find/process.h"
#include "cli/trace/show/addresses.h"
#include "cli/trace/show/jit.h"
#include "cli/trace/show/module.h"
#include "cli/trace/show/show.h"

#define MOST_TASKS 1024 /* processes that are kept */
#define MOST_FILES 4096 /* of a process, and open for all */

/* Reading the mappings again may take this many nanoseconds, and a 20th of the time after that. */
#define MOST_CREDIT 100000000
#define CREDIT_SHARE 20

/* A file, told from others by what its mappings say. It stays open, so its inode stays its own. */
struct known {
    dev_t device;
    ino_t inode;
    char *name; /* as the process sees it */
    struct module *module;
    size_t users;
};

struct area {
    uint64_t start, end, offset;
    struct known *file;
};

/* What is mapped executable, sorted. */
struct space {
    struct area *areas;
    size_t count;
};

struct task {
    pid_t pid;
    int directory; /* /proc/PID; it tells of this process, also if the id is used again */
    dev_t device;  /* of the program */
    ino_t inode;   /* likewise */
    struct space now, before;
    struct jit *jit;
    int64_t credit, credit_at;
    uint64_t seen; /* the number of the event */
};

struct stacks {
    const struct plan *plan;
    struct task **tasks;
    size_t task_count;
    struct known **files;
    size_t file_count;
    struct task *last;
    uint64_t events;
};

/* ---------------------------------------------------------------------------- files -- */

static struct known *know_file(struct stacks *stacks, struct process *process,
                               const struct process_file *file)
{
    const struct process_mapping *mapping = &file->mappings[0];
    struct process_opened opened;
    struct known *known;

    for (size_t i = 0; i < stacks->file_count; i++) {
        known = stacks->files[i];
        if (known->device == mapping->device && known->inode == mapping->inode &&
            strcmp(known->name, mapping->name) == 0)
            return known;
    }
    if (stacks->file_count >= MOST_FILES || process_open_file(process, file, &opened) < 0)
        opened = (struct process_opened){.fd = -1};
    free(opened.path);
    known = sure(calloc(1, sizeof(*known)));
    *known = (struct known){.device = mapping->device,
                            .inode = mapping->inode,
                            .name = sure(strdup(mapping->name)),
                            .module = module_new(opened.fd)};
    stacks->files = room_for_one(stacks->files, stacks->file_count, sizeof(struct known *));
    stacks->files[stacks->file_count++] = known;
    return known;
}

/* Forget the files that no space has any more. */
static void forget_files(struct stacks *stacks)
{
    size_t kept = 0;

    for (size_t i = 0; i < stacks->file_count; i++) {
        struct known *known = stacks->files[i];

        if (known->users > 0) {
            stacks->files[kept++] = known;
            continue;
        }
        module_free(known->module);
        free(known->name);
        free(known);
    }
    stacks->file_count = kept;
}

/* --------------------------------------------------------------------------- spaces -- */

static void clear_space(struct space *space)
{
    for (size_t i = 0; i < space->count; i++)
        space->areas[i].file->users--;
    free(space->areas);
    *space = (struct space){0};
}

static struct space read_space(struct stacks *stacks, struct process *process)
{
    struct space space = {0};

    for (size_t i = 0; i < process->file_count && i < MOST_FILES; i++) {
        struct known *known = know_file(stacks, process, &process->files[i]);

        for (size_t j = 0; j < process->files[i].count; j++) {
            const struct process_mapping *mapping = &process->files[i].mappings[j];

            if (!mapping->executable)
                continue;
            space.areas = room_for_one(space.areas, space.count, sizeof(*space.areas));
            space.areas[space.count++] =
                (struct area){mapping->start, mapping->end, mapping->offset, known};
            known->users++;
        }
    }
    if (space.count > 0)
        qsort(space.areas, space.count, sizeof(*space.areas), addresses_compare);
    return space;
}

static const struct area *find_area(const struct space *space, uint64_t address)
{
    size_t end = ADDRESSES_COUNT(space->areas, space->count, address);

    return space->areas && end > 0 && address < space->areas[end - 1].end ? &space->areas[end - 1]
                                                                          : NULL;
}

/* ---------------------------------------------------------------------------- tasks -- */

static int64_t nanoseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void free_task(struct task *task)
{
    clear_space(&task->now);
    clear_space(&task->before);
    jit_free(task->jit);
    if (task->directory >= 0)
        close(task->directory);
    free(task);
}

/* Take over what the process has mapped, unless it is the same as before. */
static void change_space(struct task *task, struct space space)
{
    if (space.count == task->now.count && space.count > 0 &&
        memcmp(space.areas, task->now.areas, space.count * sizeof(*space.areas)) == 0) {
        clear_space(&space);
        return;
    }
    clear_space(&task->before);
    task->before = task->now;
    task->now = space;
}

/* Whether the process that was read last still runs the same program. */
static bool is_same_program(const struct task *task)
{
    struct stat program;

    return task->directory >= 0 && fstatat(task->directory, "exe", &program, 0) == 0 &&
           program.st_dev == task->device && program.st_ino == task->inode;
}

static void change_program(struct task *task, int directory)
{
    struct stat program = {0};

    jit_free(task->jit);
    if (task->directory >= 0)
        close(task->directory);
    task->directory = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    task->jit = task->directory < 0 ? NULL : jit_new(task->directory);
    fstatat(directory, "exe", &program, 0);
    task->device = program.st_dev;
    task->inode = program.st_ino;
}

/* Read what the process has mapped. If it has ended, what is known of it stays. */
static void read_task(struct stacks *stacks, struct task *task)
{
    struct process process;

    if (process_open(task->pid, &process) < 0)
        return;
    if (process.file_count > 0) {
        change_space(task, read_space(stacks, &process));
        if (!is_same_program(task))
            change_program(task, process.directory);
        forget_files(stacks);
    }
    process_close(&process);
}

/* The same, if not too much time went into it. */
static void read_task_again(struct stacks *stacks, struct task *task)
{
    int64_t begin = nanoseconds();

    task->credit += (begin - task->credit_at) / CREDIT_SHARE;
    if (task->credit > MOST_CREDIT)
        task->credit = MOST_CREDIT;
    task->credit_at = begin;
    if (task->credit <= 0)
        return;
    read_task(stacks, task);
    task->credit -= nanoseconds() - begin;
}

static struct task *find_task(const struct stacks *stacks, pid_t pid)
{
    if (stacks->last && stacks->last->pid == pid)
        return stacks->last;
    for (size_t i = 0; i < stacks->task_count; i++)
        if (stacks->tasks[i]->pid == pid)
            return stacks->tasks[i];
    return NULL;
}

/* Make room by forgetting the process that was not seen for the longest time. */
static void forget_one(struct stacks *stacks)
{
    size_t oldest = 0;

    for (size_t i = 1; i < stacks->task_count; i++)
        if (stacks->tasks[i]->seen < stacks->tasks[oldest]->seen)
            oldest = i;
    if (stacks->last == stacks->tasks[oldest])
        stacks->last = NULL;
    free_task(stacks->tasks[oldest]);
    stacks->tasks[oldest] = stacks->tasks[--stacks->task_count];
    forget_files(stacks);
}

static struct task *add_task(struct stacks *stacks, pid_t pid)
{
    struct task *task;

    if (stacks->task_count >= MOST_TASKS)
        forget_one(stacks);
    task = sure(calloc(1, sizeof(*task)));
    *task = (struct task){
        .pid = pid, .directory = -1, .credit = MOST_CREDIT, .credit_at = nanoseconds()};
    stacks->tasks = room_for_one(stacks->tasks, stacks->task_count, sizeof(struct task *));
    stacks->tasks[stacks->task_count++] = task;
    read_task(stacks, task);
    return task;
}

void stacks_see(struct stacks *stacks, pid_t pid)
{
    struct task *task = find_task(stacks, pid);

    if (pid <= 0)
        return;
    if (!task)
        task = add_task(stacks, pid);
    else if (!is_same_program(task)) /* or another process has its id */
        read_task(stacks, task);
    task->seen = ++stacks->events;
    stacks->last = task;
}

/* -------------------------------------------------------------------------- stacks -- */

struct stacks *stacks_new(const struct plan *plan)
{
    struct stacks *stacks = sure(calloc(1, sizeof(*stacks)));

    stacks->plan = plan;
    for (size_t i = 0; i < plan->file_count; i++)
        for (size_t j = 0; j < plan->files[i].pid_count; j++)
            stacks_see(stacks, plan->files[i].pids[j]);
    return stacks;
}

void stacks_free(struct stacks *stacks)
{
    if (!stacks)
        return;
    for (size_t i = 0; i < stacks->task_count; i++)
        free_task(stacks->tasks[i]);
    forget_files(stacks);
    free(stacks->tasks);
    free(stacks->files);
    free(stacks);
}

/* Whether a site is where the area has the address. */
static bool is_site(const struct plan *plan, const struct area *area, uint64_t address)
{
    uint64_t offset = address - area->start + area->offset;

    for (size_t i = 0; i < plan->variant_count; i++)
        for (size_t j = 0; j < plan->variants[i].site_count; j++)
            if (plan->variants[i].sites[j].offset == offset)
                return true;
    return false;
}

/*
 * For a process that had ended when it was first seen: it was forked from one that has the site at
 * the same address, or shares its parent with that one. Every other program has it elsewhere.
 */
static void adopt_space(struct stacks *stacks, struct task *task, uint64_t site)
{
    for (size_t i = 0; i < stacks->task_count && task->now.count == 0; i++) {
        const struct space *space = &stacks->tasks[i]->now;
        const struct area *area = find_area(space, site);

        if (!area || !is_site(stacks->plan, area, site))
            continue;
        task->now.areas = sure(reallocarray(NULL, space->count, sizeof(*space->areas)));
        task->now.count = space->count;
        memcpy(task->now.areas, space->areas, space->count * sizeof(*space->areas));
        for (size_t j = 0; j < space->count; j++)
            space->areas[j].file->users++;
    }
}

/* The function that the process has compiled at the address. Gives whether it is known. */
static bool find_compiled(const struct task *task, uint64_t address, struct frame *ret)
{
    uint64_t start;

    ret->function = task->jit ? jit_find(task->jit, address, &start) : NULL;
    if (ret->function)
        ret->offset = ret->address - start;
    return ret->function != NULL;
}

void stacks_frame(struct stacks *stacks, pid_t pid, uint64_t address, bool innermost,
                  struct frame *ret)
{
    struct task *task = find_task(stacks, pid);
    uint64_t inside = address - !innermost;
    const struct area *area;

    *ret = (struct frame){.address = address};
    if (!task)
        return;
    if (innermost && task->now.count == 0)
        adopt_space(stacks, task, address);
    area = find_area(&task->now, inside);
    if (!area && find_compiled(task, inside, ret))
        return;
    if (!area) {
        read_task_again(stacks, task);
        area = find_area(&task->now, inside);
    }
    if (!area)
        area = find_area(&task->before, inside);
    if (!area)
        return;
    ret->module = area->file->name;
    module_frame(area->file->module, address - area->start + area->offset, !innermost, ret);
    if (!ret->function)
        find_compiled(task, inside, ret);
}
