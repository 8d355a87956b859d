/* SPDX-License-Identifier: MIT */
#include "find.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "near.h"
#include "process.h"
#include "text.h"

/* A file that was read; many processes map the same. */
struct image {
    dev_t device;
    ino_t inode;
    struct usdt_file file; /* without a probe if it can't be read */
};

static void note_status(struct findings *findings, enum status status)
{
    if (findings->sweeps && status != STATUS_NONE)
        return;
    if (findings->status == STATUS_GOOD)
        findings->status = status;
}

/* ----------------------------------------------------------------------------- images -- */

static int compare_images(const void *left, const void *right)
{
    const struct image *a = left, *b = right;

    if (a->device != b->device)
        return a->device > b->device ? 1 : -1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

/* Read a file unless it has been. `quiet`: nobody named it, and it need not be an ELF file. */
static const struct image *read_image(struct findings *findings, int fd, const char *path,
                                      bool quiet)
{
    struct image *image = sure(calloc(1, sizeof(*image)));
    struct image **known;
    struct stat about;
    int error;

    if (fstat(fd, &about) == 0) {
        image->device = about.st_dev;
        image->inode = about.st_ino;
    }
    known = sure(tsearch(image, &findings->images_by_inode, compare_images));
    if (*known != image) {
        free(image);
        return *known;
    }
    findings->images = room_for_one(findings->images, findings->image_count, sizeof(void *));
    findings->images[findings->image_count++] = image;
    error = usdt_read(fd, path, &image->file);
    if (error < 0 && !(quiet && error == -ENOEXEC))
        note_status(findings, say_failure(error));
    if (image->file.damaged > 0) {
        say("%s: %zu of its notes make no sense, and are left out", path, image->file.damaged);
        note_status(findings, STATUS_BAD_FILE);
    }
    return image;
}

/* ------------------------------------------------------------------------------ probes -- */

static bool is_wanted(struct search *search, const struct usdt_probe *probe)
{
    bool wanted = search->glob_count == 0;

    for (size_t i = 0; i < search->glob_count; i++)
        if (glob_matches(&search->globs[i], probe->provider, probe->name)) {
            search->globs[i].matches++;
            wanted = true;
        }
    return wanted;
}

static struct source *add_source(struct findings *findings, const struct source *source)
{
    struct source *kept = sure(malloc(sizeof(*kept)));

    *kept = *source;
    findings->sources = room_for_one(findings->sources, findings->source_count, sizeof(void *));
    findings->sources[findings->source_count++] = kept;
    return kept;
}

static int32_t read_watched(struct findings *findings, struct process *process,
                            const struct process_file *file, const struct usdt_probe *probe)
{
    uint16_t count;

    if (!process || probe->semaphore == 0)
        return WATCHED_UNCOUNTED;
    if (process_semaphore(process, file, probe->semaphore, &count) == 0)
        return count;
    findings->unread_semaphores++;
    return WATCHED_UNKNOWN;
}

/* `process` and `file` are NULL for a file by itself. The source's strings become the findings'. */
static void add_probes(struct search *search, struct findings *findings, struct source *source,
                       struct process *process, const struct process_file *file)
{
    const struct source *kept = add_source(findings, source);

    for (size_t i = 0; i < kept->file->count; i++) {
        const struct usdt_probe *probe = &kept->file->probes[i];

        findings->probes++;
        if (!is_wanted(search, probe))
            continue;
        findings->list = room_for_one(findings->list, findings->count, sizeof(*findings->list));
        findings->list[findings->count++] =
            (struct found){probe, kept, read_watched(findings, process, file, probe)};
    }
}

/* --------------------------------------------------------------------------- processes -- */

static enum source_kind kind_of(const struct process_opened *opened, const struct usdt_file *file)
{
    if (opened->place == PLACE_MEMFD)
        return SOURCE_MEMFD;
    if (opened->place == PLACE_EXECUTABLE)
        return SOURCE_EXECUTABLE;
    return file->kind == USDT_IMAGE ? SOURCE_FILE : SOURCE_LIBRARY;
}

/* Gives how many probes it has, 0 also where it can't be read. */
static size_t look_at_file(struct search *search, struct findings *findings,
                           struct process *process, const struct process_file *file)
{
    struct process_opened opened;
    const struct image *image;
    struct source source;
    int error = process_open_file(process, file, &opened);

    if (error == -ENXIO || (findings->sweeps && error == -ESRCH))
        return 0;
    if (findings->sweeps && status_of(error) == STATUS_FORBIDDEN) {
        findings->refused_files++;
        return 0;
    }
    if (error < 0) {
        note_status(findings, say_failure(error));
        return 0;
    }
    image = read_image(findings, opened.fd, opened.path, true);
    close(opened.fd);
    if (image->file.count == 0) {
        free(opened.path);
        return 0;
    }
    source = (struct source){
        .pid = process->pid,
        .command = sure(strdup(process->command)),
        .kind = kind_of(&opened, &image->file),
        .path = opened.path,
        .file = &image->file,
    };
    add_probes(search, findings, &source, process, file);
    return image->file.count;
}

static void look_at_process(struct search *search, struct findings *findings, pid_t pid)
{
    struct process process;
    size_t probes = 0;
    int error = process_open(pid, &process);

    if (error < 0 && findings->sweeps) {
        findings->refused_processes += status_of(error) == STATUS_FORBIDDEN;
        return;
    }
    if (error < 0) {
        note_status(findings, say_failure(error));
        return;
    }
    for (size_t i = 0; i < process.file_count; i++)
        probes += look_at_file(search, findings, &process, &process.files[i]);
    if (!findings->sweeps && process.file_count == 0) {
        say("process %ld (%s) runs no program: it is one of the kernel's, or has ended", (long)pid,
            rst_quote(process.command).text);
        note_status(findings, STATUS_NONE);
    } else if (!findings->sweeps && probes == 0) {
        say("process %ld (%s) has no probes", (long)pid, rst_quote(process.command).text);
        note_status(findings, STATUS_NONE);
    }
    process_close(&process);
}

static void look_at_all(struct search *search, struct findings *findings)
{
    pid_t *pids;
    size_t count = process_all(&pids);

    findings->sweeps = true;
    for (size_t i = 0; i < count; i++)
        look_at_process(search, findings, pids[i]);
    free(pids);
    if (findings->refused_processes > 0)
        say("%zu process%s may not be looked at; be root, or have CAP_SYS_PTRACE, to see more",
            findings->refused_processes, findings->refused_processes == 1 ? "" : "es");
    if (findings->refused_files > 0)
        say("%zu mapped files can't be reached: they are deleted or replaced; have CAP_SYS_ADMIN, "
            "to "
            "see theirs",
            findings->refused_files);
}

/* ------------------------------------------------------------------------------- files -- */

static void look_at_path(struct search *search, struct findings *findings, const char *path)
{
    static const enum source_kind kinds[] = {
        [USDT_LIBRARY] = SOURCE_LIBRARY,
        [USDT_EXECUTABLE] = SOURCE_EXECUTABLE,
        [USDT_IMAGE] = SOURCE_FILE,
    };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const struct image *image;
    struct source source;

    if (fd < 0) {
        note_status(findings,
                    say_failure(rst_fail_errno(errno, "%s%s", rst_quote(path).text,
                                               strchr(path, '/') || errno != ENOENT
                                                   ? ""
                                                   : " (a glob has a colon, as in 'shop:*')")));
        return;
    }
    image = read_image(findings, fd, rst_quote(path).text, false);
    close(fd);
    if (image->file.count == 0) {
        if (findings->status == STATUS_GOOD)
            say("%s: no probes there", rst_quote(path).text);
        note_status(findings, STATUS_NONE);
        return;
    }
    source = (struct source){
        .kind = kinds[image->file.kind], .path = sure(strdup(path)), .file = &image->file};
    add_probes(search, findings, &source, NULL, NULL);
}

/* ------------------------------------------------------------------------ what there is not -- */

#define MOST_OFFERS 200000 /* names that are compared with a glob: a second's work at most */

static void suggest(struct findings *findings, const struct glob *glob)
{
    struct text name = {0};
    struct near near;
    size_t offers = 0;

    near_start(&near, glob->text);
    for (size_t i = 0; i < findings->image_count; i++) {
        const struct usdt_file *file = &findings->images[i]->file;

        for (size_t j = 0; j < file->count && offers < MOST_OFFERS; j++, offers++) {
            text_clear(&name);
            text_add_shown(&name, file->probes[j].provider, strlen(file->probes[j].provider));
            text_add(&name, ":");
            text_add_shown(&name, file->probes[j].name, strlen(file->probes[j].name));
            near_offer(&near, name.bytes);
        }
    }
    text_clear(&name);
    for (size_t i = 0; i < near.count; i++)
        text_addf(&name, "%s%s", i ? ", " : "; did you mean ", near.words[i]);
    say("no probe matches %s%s%s", rst_quote(glob->text).text, name.bytes, near.count ? "?" : "");
    free(name.bytes);
}

static void say_what_lacks(const struct search *search, struct findings *findings)
{
    if (findings->unread_semaphores > 0)
        say("%zu semaphore%s could not be read (\"?\"); be root, or have CAP_SYS_PTRACE",
            findings->unread_semaphores, findings->unread_semaphores == 1 ? "" : "s");
    if (findings->probes == 0 && search->pid_count + search->file_count == 0) {
        say("there are no probes in any process that can be looked at");
        note_status(findings, STATUS_NONE);
    }
    for (size_t i = 0; findings->probes > 0 && i < search->glob_count; i++)
        if (search->globs[i].matches == 0) {
            suggest(findings, &search->globs[i]);
            note_status(findings, STATUS_NONE);
        }
}

/* --------------------------------------------------------------------------------- all -- */

static int compare_found(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    int order = strcmp(a->probe->provider, b->probe->provider);

    if (order == 0)
        order = strcmp(a->probe->name, b->probe->name);
    if (order == 0)
        order = strcmp(a->source->path, b->source->path);
    if (order == 0)
        order = (a->watched > b->watched) - (a->watched < b->watched);
    if (order == 0)
        order = (a->probe->site > b->probe->site) - (a->probe->site < b->probe->site);
    if (order == 0)
        order = (a->source->pid > b->source->pid) - (a->source->pid < b->source->pid);
    return order;
}

void find_probes(struct search *search, struct findings *ret)
{
    *ret = (struct findings){0};
    for (size_t i = 0; i < search->pid_count; i++)
        look_at_process(search, ret, search->pids[i]);
    for (size_t i = 0; i < search->file_count; i++)
        look_at_path(search, ret, search->files[i]);
    if (search->pid_count + search->file_count == 0)
        look_at_all(search, ret);
    say_what_lacks(search, ret);
    if (ret->count > 0)
        qsort(ret->list, ret->count, sizeof(*ret->list), compare_found);
}

void findings_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->source_count; i++) {
        free(findings->sources[i]->command);
        free(findings->sources[i]->path);
        free(findings->sources[i]);
    }
    for (size_t i = 0; i < findings->image_count; i++) {
        tdelete(findings->images[i], &findings->images_by_inode, compare_images);
        usdt_free(&findings->images[i]->file);
        free(findings->images[i]);
    }
    free(findings->sources);
    free(findings->images);
    free(findings->list);
}

const char *source_kind_name(enum source_kind kind)
{
    static const char *const names[] = {
        [SOURCE_MEMFD] = "memfd",
        [SOURCE_FILE] = "file",
        [SOURCE_LIBRARY] = "library",
        [SOURCE_EXECUTABLE] = "executable",
    };

    return names[kind];
}
