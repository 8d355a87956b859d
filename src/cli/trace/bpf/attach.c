/* SPDX-License-Identifier: MIT */
/*
 * Attaches programs to sites. Every file is opened first, and attached to through its descriptor:
 * so it is the file that was read, whatever its path leads to by now.
 *
 * With uprobe-multi links there is one for each program, file and process, with all sites. Without,
 * there is a perf event for each site and process.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/text.h"
#include "cli/trace/bpf/state.h"

#define MANY_EVENTS 10
#define CLOSERS 32
#define ENOTSUPP 524 /* the kernel's own: it can't put a breakpoint on this instruction */

/* A site, with the program for it. */
struct target {
    const struct plan_site *site;
    size_t program, variant;
};

struct attaching {
    struct bpf *bpf;
    const struct plan *plan;
    struct target *targets; /* sorted by file and program */
    size_t target_count;
    int *files;    /* O_PATH descriptors; negative: not opened yet, or it can't be */
    char path[32]; /* to the file that is attached to now */
    size_t attached;
    int skipped; /* why a site or a file is not watched; has a message, too */
    int error;   /* why nothing more can be attached; has a message for rst_error() */
};

/*
 * The kernel takes up to a fifth of a second to close each perf event of a uprobe, one after the
 * other. Many are left to a child, so that rst can end; its own descriptors close at once then.
 */
static void leave_to_child(const struct bpf *bpf)
{
    pid_t child;

    if (bpf->kernel.multi || bpf->link_count < MANY_EVENTS || (child = fork()) < 0)
        return;
    if (child == 0) {
        setsid();
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
            close(fd);
        _exit(0);
    }
    say("the kernel takes a while to detach from %zu sites: that goes on when rst has ended",
        bpf->link_count);
}

static void *close_links(void *context)
{
    struct bpf *bpf = context;

    for (size_t i; (i = __atomic_fetch_add(&bpf->closed, 1, __ATOMIC_RELAXED)) < bpf->link_count;)
        close(bpf->links[i]);
    return NULL;
}

/* To close a link, the kernel waits until no CPU runs its program; it waits for many at a time. */
void bpf_detach(struct bpf *bpf)
{
    pthread_t threads[CLOSERS];
    size_t count = 0;

    leave_to_child(bpf);
    while (count < CLOSERS && count + 1 < bpf->link_count &&
           pthread_create(&threads[count], NULL, close_links, bpf) == 0)
        count++;
    close_links(bpf);
    while (count > 0)
        pthread_join(threads[--count], NULL);
    free(bpf->links);
    bpf->links = NULL;
    bpf->link_count = bpf->closed = 0;
}

/* These give a descriptor or a negative errno. */
static int attach_event(const struct attaching *attaching, const struct target *target, pid_t pid)
{
    const struct plan_site *site = target->site;
    int event = uprobe_open(attaching->path, site->offset, site->semaphore, pid), error;

    if (event < 0 ||
        (ioctl(event, PERF_EVENT_IOC_SET_BPF, attaching->bpf->programs[target->program].fd) == 0 &&
         ioctl(event, PERF_EVENT_IOC_ENABLE, 0) == 0))
        return event;
    error = -errno;
    close(event);
    return error;
}

static int attach_multi(const struct attaching *attaching, const struct target *row, size_t count,
                        pid_t pid)
{
    uint64_t *offsets = sure(calloc(3 * count, sizeof(*offsets)));
    uint64_t *semaphores = offsets + count, *cookies = semaphores + count;
    int link;

    for (size_t i = 0; i < count; i++) {
        offsets[i] = row[i].site->offset;
        semaphores[i] = row[i].site->semaphore;
        cookies[i] = row[i].variant;
    }
    link = bpf_attach_multi(attaching->bpf->programs[row->program].fd, attaching->path, pid, count,
                            offsets, semaphores, cookies);
    free(offsets);
    return link;
}

/* Whether an error may be about one site of several. */
static bool is_of_a_site(int error)
{
    static const int errors[] = {EINVAL, ENOTSUPP, EOPNOTSUPP, EIO, EFAULT, EEXIST};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (error == -errors[i])
            return true;
    return false;
}

/* All who watch a site must name the same semaphore, or none (alloc_uprobe() of Linux). */
static const char *reason(const struct plan_site *site, int error)
{
    if (error == -ENOTSUPP)
        return "it is not an instruction that can have a breakpoint";
    if (error == -EINVAL && site->semaphore)
        return "Invalid argument; another tracer (bcc?) may be watching it without its semaphore: "
               "end that first";
    return strerror(-error);
}

static void skip_site(struct attaching *attaching, const struct target *target, int error)
{
    const struct plan *plan = attaching->plan;

    attaching->skipped =
        rst_fail(-error, "the kernel can't watch \"%s\" at 0x%" PRIx64 " of %s: %s",
                 plan->probes[plan->variants[target->variant].probe].title, target->site->offset,
                 text_path(plan->files[target->site->file].path).text, reason(target->site, error));
}

/*
 * Attach to a row of targets with the same program. If one site may be the reason why that fails,
 * or a perf event is for one site only, attach to the halves of the row. Gives whether to go on
 * with this process.
 */
static bool attach(struct attaching *attaching, const struct target *row, size_t count, pid_t pid)
{
    int link = attaching->bpf->kernel.multi ? attach_multi(attaching, row, count, pid)
               : count == 1                 ? attach_event(attaching, row, pid)
                                            : -EINVAL;

    if (is_of_a_site(link) && count > 1)
        return attach(attaching, row, count / 2, pid) &&
               attach(attaching, row + count / 2, count - count / 2, pid);
    if (is_of_a_site(link)) {
        skip_site(attaching, row, link);
    } else if (link >= 0) {
        APPEND(attaching->bpf->links, attaching->bpf->link_count, link);
        attaching->attached += count;
    } else if (link != -ESRCH) { /* else the process has exited */
        attaching->error = bpf_refused(-link, "attaching failed");
    }
    return link >= 0 || is_of_a_site(link);
}

/* Attach to a file's targets in a process: a row for each program. */
static void attach_process(struct attaching *attaching, const struct target *row, size_t left,
                           pid_t pid)
{
    for (size_t count; left > 0; row += count, left -= count) {
        for (count = 1; count < left && row[count].program == row->program;)
            count++;
        if (!attach(attaching, row, count, pid))
            return;
    }
}

/* Open the file, which must be that which was read when probes were searched. */
static int open_file(const struct plan *plan, const struct plan_file *file)
{
    int fd = open(file->path, O_PATH | O_CLOEXEC);
    struct stat about;
    bool good = fd < 0 || (fstat(fd, &about) == 0 && S_ISREG(about.st_mode));

    if (fd < 0)
        return -errno;
    for (size_t i = 0; good && file->source && i < plan->findings.known_count; i++) {
        const struct known_file *known = plan->findings.known[i];

        good = &known->file != file->source->file ||
               (about.st_dev == known->device && about.st_ino == known->inode);
    }
    if (good)
        return fd;
    close(fd);
    return -ESTALE;
}

static void miss_file(struct attaching *attaching, const struct plan_file *file, int error)
{
    if (file->source && file->source->pid && strncmp(file->path, "/proc/", 6) == 0)
        return; /* a path below /proc/PID is gone with the process */
    if (error == -ESTALE)
        attaching->skipped = rst_fail(ESTALE, "%s was replaced while rst looked at it: try again",
                                      text_path(file->path).text);
    else
        attaching->skipped = rst_fail_errno(-error, "%s", text_path(file->path).text);
}

/* Whether an earlier file is the same for the kernel, and all of its processes are watched. */
static bool is_attached(const struct attaching *attaching, size_t number, uint64_t site)
{
    for (size_t i = 0; i < number; i++)
        if (attaching->files[i] >= 0 && attaching->plan->files[i].pid_count == 0 &&
            bpf_is_one_file(attaching->files[i], attaching->files[number], site))
            return true;
    return false;
}

static void attach_file(struct attaching *attaching, const struct target *targets, size_t count)
{
    size_t number = targets->site->file;
    const struct plan_file *file = &attaching->plan->files[number];
    int fd = attaching->files[number] = open_file(attaching->plan, file);

    if (fd < 0) {
        miss_file(attaching, file, fd);
    } else if (is_attached(attaching, number, targets->site->offset)) {
        attaching->attached += count;
    } else {
        snprintf(attaching->path, sizeof(attaching->path), "/proc/self/fd/%d", fd);
        for (size_t i = 0; i < file->pid_count && attaching->error == 0; i++)
            attach_process(attaching, targets, count, file->pids[i]);
        if (file->pid_count == 0)
            attach_process(attaching, targets, count, 0);
    }
}

static int compare_targets(const void *left, const void *right)
{
    const struct target *a = left, *b = right;
    int order = compare_numbers(a->site->file, b->site->file);

    if (order == 0)
        order = compare_numbers(a->program, b->program);
    return order ? order : compare_numbers(a->site->offset, b->site->offset);
}

static void attach_all(struct attaching *attaching)
{
    const struct plan *plan = attaching->plan;
    struct target *row, *end;

    for (size_t i = 0; i < plan->variant_count; i++)
        for (size_t j = 0; j < plan->variants[i].site_count; j++)
            APPEND(attaching->targets, attaching->target_count,
                   (struct target){&plan->variants[i].sites[j], attaching->bpf->program_of[i], i});
    if (attaching->target_count == 0)
        return;
    qsort(attaching->targets, attaching->target_count, sizeof(*row), compare_targets);
    row = attaching->targets;
    end = row + attaching->target_count;
    for (size_t count; row < end && attaching->error == 0; row += count) {
        for (count = 1; row + count < end && row[count].site->file == row->site->file;)
            count++;
        attach_file(attaching, row, count);
    }
}

int bpf_attach(struct bpf *bpf)
{
    struct attaching attaching = {.bpf = bpf, .plan = bpf->plan};
    const struct search *search = &bpf->plan->options->search;
    size_t file_count = bpf->plan->file_count;

    attaching.files = sure(calloc(file_count + 1, sizeof(int)));
    for (size_t i = 0; i < file_count; i++)
        attaching.files[i] = -1;
    attach_all(&attaching);
    for (size_t i = 0; i < file_count; i++)
        if (attaching.files[i] >= 0)
            close(attaching.files[i]);
    free(attaching.files);
    free(attaching.targets);
    if (attaching.error < 0)
        return attaching.error;
    if (attaching.attached > 0 && attaching.skipped < 0)
        say("%s", rst_error());
    if (attaching.attached > 0 || attaching.skipped < 0)
        return attaching.attached > 0 ? 0 : attaching.skipped;
    if (search->pid_count == 1)
        return rst_fail(ESRCH, "process %ld exited before it could be watched",
                        (long)search->pids[0]);
    return rst_fail(ESRCH, "the processes exited before they could be watched");
}
