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

#include "cli/base/quote.h"
#include "cli/find/find.h"
#include "cli/trace/bpf/state.h"

#define MANY_EVENTS 10
#define CLOSERS 32
#define ENOTSUPP 524 /* the kernel's own: it can't put a breakpoint on this instruction */

/* A site, with the program for it. */
struct target {
    size_t file, program, variant;
    const struct plan_site *site;
};

struct attaching {
    struct bpf *bpf;
    struct target *targets; /* sorted by file and program */
    size_t target_count;
    uint64_t *offsets, *semaphores, *cookies; /* of the targets */
    int *files;                               /* O_PATH descriptors; negative: a negative errno */
    char path[32];                            /* to the file that is attached to now */
    size_t attached, gone;
    int skipped; /* why a site or a file is not watched; has a message, too */
    int error;   /* why nothing more can be attached; has a message for rst_error() */
};

/* -------------------------------------------------------------------------------- links -- */

static void add_link(struct bpf *bpf, int fd)
{
    bpf->links = room_for_one(bpf->links, bpf->link_count, sizeof(*bpf->links));
    bpf->links[bpf->link_count++] = fd;
}

/*
 * The kernel takes up to a fifth of a second to close each perf event of a uprobe, one after the
 * other. Many are left to a child, so that rst can end; its own descriptors close at once then.
 */
static void leave_to_child(const struct bpf *bpf)
{
    if (bpf->kernel.multi || bpf->link_count < MANY_EVENTS)
        return;
    if (fork() == 0) {
        setsid();
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
            close(fd);
        _exit(0);
    }
    say("the kernel takes a while to detach from %zu sites: that goes on when rst has ended",
        bpf->link_count);
}

/* Every CLOSERS-th link. */
struct closer {
    const int *links;
    size_t count;
    pthread_t thread;
    bool started;
};

static void *close_some(void *context)
{
    const struct closer *closer = context;

    for (size_t i = 0; i < closer->count; i += CLOSERS)
        close(closer->links[i]);
    return NULL;
}

/* To close a link, the kernel waits until no CPU runs its program; it waits for many at a time. */
void bpf_detach(struct bpf *bpf)
{
    struct closer closers[CLOSERS] = {0};
    size_t count = bpf->link_count < CLOSERS ? bpf->link_count : CLOSERS;

    leave_to_child(bpf);
    for (size_t i = 0; i < count; i++) {
        closers[i] = (struct closer){.links = bpf->links + i, .count = bpf->link_count - i};
        closers[i].started =
            i > 0 && pthread_create(&closers[i].thread, NULL, close_some, &closers[i]) == 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!closers[i].started)
            close_some(&closers[i]);
        else
            pthread_join(closers[i].thread, NULL);
    free(bpf->links);
    bpf->links = NULL;
    bpf->link_count = 0;
}

static int attach_event(struct attaching *attaching, const struct target *target, pid_t pid)
{
    int program = attaching->bpf->programs[target->program].fd;
    int event =
        bpf_open_uprobe(attaching->path, target->site->offset, target->site->semaphore, pid);
    int error;

    if (event < 0 || (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) == 0 &&
                      ioctl(event, PERF_EVENT_IOC_ENABLE, 0) == 0))
        return event;
    error = -errno;
    close(event);
    return error;
}

/* Attach to a row of targets with the same program. Gives a descriptor or a negative errno. */
static int attach_row(struct attaching *attaching, size_t first, size_t count, pid_t pid)
{
    const struct target *target = &attaching->targets[first];
    struct bpf_sites sites = {
        .path = attaching->path,
        .count = count,
        .offsets = attaching->offsets + first,
        .semaphores = attaching->semaphores + first,
        .cookies = attaching->cookies + first,
        .pid = pid,
    };

    if (attaching->bpf->kernel.multi)
        return bpf_attach_multi(attaching->bpf->programs[target->program].fd, &sites);
    return count == 1 ? attach_event(attaching, target, pid) : -EINVAL;
}

/* Whether one site may be the reason, so that the others can be attached to. */
static bool is_of_one_site(int error)
{
    return error == -EINVAL || error == -ENOTSUPP || error == -EOPNOTSUPP || error == -EIO ||
           error == -EFAULT || error == -EEXIST;
}

static void skip_site(struct attaching *attaching, const struct target *target, int error)
{
    const struct plan *plan = attaching->bpf->plan;
    const struct plan_probe *probe = &plan->probes[plan->variants[target->variant].probe];
    const char *reason =
        error == -ENOTSUPP ? "it is no instruction for a breakpoint" : strerror(-error);

    attaching->skipped = rst_fail(-error, "the kernel can't watch %s at 0x%" PRIx64 " of %s: %s",
                                  bpf_quote(probe).text, target->site->offset,
                                  text_path(plan->files[target->file].path).text, reason);
}

/*
 * Attach to a row of targets; if that fails over one of them, to the halves of the row. Gives
 * whether to go on with this process.
 */
static bool attach(struct attaching *attaching, size_t first, size_t count, pid_t pid)
{
    int link = attach_row(attaching, first, count, pid);

    if (link >= 0) {
        add_link(attaching->bpf, link);
        attaching->attached += count;
        return true;
    }
    if (is_of_one_site(link) && count == 1)
        skip_site(attaching, &attaching->targets[first], link);
    if (is_of_one_site(link))
        return count == 1 || (attach(attaching, first, count / 2, pid) &&
                              attach(attaching, first + count / 2, count - count / 2, pid));
    if (link == -ESRCH)
        attaching->gone++;
    else
        attaching->error = bpf_refused(-link, "attaching failed");
    return false;
}

/* -------------------------------------------------------------------------------- files -- */

/* The file that was read when probes were searched; NULL: the plan was made without a search. */
static const struct known_file *find_known(const struct plan *plan, const struct plan_file *file)
{
    for (size_t i = 0; file->source && i < plan->findings.known_count; i++)
        if (&plan->findings.known[i]->file == file->source->file)
            return plan->findings.known[i];
    return NULL;
}

static int open_file(const struct plan *plan, const struct plan_file *file)
{
    const struct known_file *known = find_known(plan, file);
    int fd = open(file->path, O_PATH | O_CLOEXEC);
    struct stat about;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
        (!known || (about.st_dev == known->device && about.st_ino == known->inode)))
        return fd;
    close(fd);
    return -ESTALE;
}

/* Whether an earlier file is the same for the kernel, and all of its processes are watched. */
static bool is_attached(const struct attaching *attaching, size_t number, uint64_t site)
{
    for (size_t i = 0; i < number; i++)
        if (attaching->files[i] >= 0 && attaching->bpf->plan->files[i].pid_count == 0 &&
            bpf_is_one_file(attaching->files[i], attaching->files[number], site))
            return true;
    return false;
}

/* A path below /proc/PID is gone with the process. */
static void miss_file(struct attaching *attaching, const struct plan_file *file, int error)
{
    if (file->source && file->source->pid && strncmp(file->path, "/proc/", 6) == 0)
        attaching->gone += file->pid_count ? file->pid_count : 1;
    else if (error == -ESTALE)
        attaching->skipped = rst_fail(ESTALE, "%s was replaced while rst looked at it: try again",
                                      text_path(file->path).text);
    else
        attaching->skipped = rst_fail_errno(-error, "%s", text_path(file->path).text);
}

/* Attach to a file's targets in a process: a row for each program. */
static void attach_process(struct attaching *attaching, size_t first, size_t end, pid_t pid)
{
    size_t next, most = attaching->bpf->kernel.multi ? SIZE_MAX : 1;

    for (; first < end; first = next) {
        for (next = first + 1;
             next < end && next - first < most &&
             attaching->targets[next].program == attaching->targets[first].program;)
            next++;
        if (!attach(attaching, first, next - first, pid))
            return;
    }
}

static void attach_file(struct attaching *attaching, size_t number, size_t first, size_t end)
{
    const struct plan_file *file = &attaching->bpf->plan->files[number];

    snprintf(attaching->path, sizeof(attaching->path), "/proc/self/fd/%d",
             attaching->files[number]);
    for (size_t i = 0; i < file->pid_count && attaching->error == 0; i++)
        attach_process(attaching, first, end, file->pids[i]);
    if (file->pid_count == 0)
        attach_process(attaching, first, end, 0);
}

static void attach_files(struct attaching *attaching)
{
    const struct plan *plan = attaching->bpf->plan;
    size_t first, end;

    for (first = 0; first < attaching->target_count && attaching->error == 0; first = end) {
        size_t number = attaching->targets[first].file;

        for (end = first; end < attaching->target_count && attaching->targets[end].file == number;)
            end++;
        attaching->files[number] = open_file(plan, &plan->files[number]);
        if (attaching->files[number] < 0)
            miss_file(attaching, &plan->files[number], attaching->files[number]);
        else if (is_attached(attaching, number, attaching->targets[first].site->offset))
            attaching->attached += end - first;
        else
            attach_file(attaching, number, first, end);
    }
}

/* ------------------------------------------------------------------------------ targets -- */

static int compare_targets(const void *left, const void *right)
{
    const struct target *a = left, *b = right;

    if (a->file != b->file)
        return a->file > b->file ? 1 : -1;
    if (a->program != b->program)
        return a->program > b->program ? 1 : -1;
    return (a->site->offset > b->site->offset) - (a->site->offset < b->site->offset);
}

static void list_targets(struct attaching *attaching)
{
    const struct plan *plan = attaching->bpf->plan;
    struct target *target;

    for (size_t i = 0; i < plan->variant_count; i++)
        attaching->target_count += plan->variants[i].site_count;
    target = attaching->targets = sure(calloc(attaching->target_count + 1, sizeof(*target)));
    for (size_t i = 0; i < plan->variant_count; i++)
        for (size_t j = 0; j < plan->variants[i].site_count; j++) {
            const struct plan_site *site = &plan->variants[i].sites[j];

            *target++ = (struct target){site->file, attaching->bpf->program_of[i], i, site};
        }
    qsort(attaching->targets, attaching->target_count, sizeof(*target), compare_targets);
    attaching->offsets = sure(calloc(3 * attaching->target_count + 1, sizeof(uint64_t)));
    attaching->semaphores = attaching->offsets + attaching->target_count;
    attaching->cookies = attaching->semaphores + attaching->target_count;
    for (size_t i = 0; i < attaching->target_count; i++) {
        attaching->offsets[i] = attaching->targets[i].site->offset;
        attaching->semaphores[i] = attaching->targets[i].site->semaphore;
        attaching->cookies[i] = attaching->targets[i].variant;
    }
}

int bpf_attach(struct bpf *bpf, size_t *ret_gone)
{
    struct attaching attaching = {.bpf = bpf};

    attaching.files = sure(calloc(bpf->plan->file_count + 1, sizeof(int)));
    for (size_t i = 0; i < bpf->plan->file_count; i++)
        attaching.files[i] = NO_DESCRIPTOR;
    list_targets(&attaching);
    attach_files(&attaching);
    for (size_t i = 0; i < bpf->plan->file_count; i++)
        if (attaching.files[i] >= 0)
            close(attaching.files[i]);
    free(attaching.files);
    free(attaching.targets);
    free(attaching.offsets);
    *ret_gone = attaching.gone;
    if (attaching.error < 0)
        return attaching.error;
    if (attaching.skipped < 0 && attaching.attached == 0)
        return attaching.skipped;
    if (attaching.skipped < 0)
        say("%s", rst_error());
    if (attaching.attached > 0)
        return 0;
    return rst_fail(ESRCH, "the processes exited before they could be watched");
}
