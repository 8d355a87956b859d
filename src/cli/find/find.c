/* SPDX-License-Identifier: MIT */
#include "cli/find/find.h"

#include <errno.h>
#include <linux/capability.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/text.h"
#include "error.h"

/* A failure of the whole search is the first one of what the user named. */
static void note_status(struct findings *findings, enum status status)
{
    if (findings->status == STATUS_GOOD && (!findings->sweeps || status == STATUS_NONE))
        findings->status = status;
}

/* ------------------------------------------------------------------------------ files -- */

static int compare_known(const void *left, const void *right)
{
    const struct known_file *a = left, *b = right;
    int order = compare_numbers(a->device, b->device);

    return order ? order : compare_numbers(a->inode, b->inode);
}

/* Report what is wrong with a file. In a list of every process, only count it. */
static void report_file(struct findings *findings, int error)
{
    findings->unread_files++;
    if (!findings->sweeps)
        note_status(findings, say_failure(error));
}

/*
 * Read a file unless it was read before. `quiet`: the user did not name it, so that it need not be
 * an ELF file.
 */
static const struct known_file *read_known(struct findings *findings, int fd, const char *path,
                                           bool quiet)
{
    struct known_file *known = sure(calloc(1, sizeof(*known))), **slot;
    struct stat about = {0};
    int error;

    fstat(fd, &about);
    known->device = about.st_dev;
    known->inode = about.st_ino;
    slot = sure(tsearch(known, &findings->known_by_inode, compare_known));
    if (*slot != known) {
        free(known);
        return *slot;
    }
    APPEND(findings->known, findings->known_count, known);
    error = usdt_read(fd, text_path(path).text, &known->file);
    known->unread = error < 0 && !(quiet && error == -ENOEXEC);
    if (error == 0 && known->file.damaged > 0)
        error = rst_fail(EBADMSG, "%s: skipped %zu invalid notes", text_path(path).text,
                         known->file.damaged);
    if (known->unread || known->file.damaged > 0)
        report_file(findings, error);
    return known;
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

static int32_t read_watched(struct findings *findings, struct process *process,
                            const struct process_file *file, const struct usdt_probe *probe)
{
    uint16_t count;
    int error;

    if (!process || probe->semaphore == 0)
        return WATCHED_UNCOUNTED;
    error = process_semaphore(process, file, probe->semaphore, &count);
    if (error == 0)
        return count;
    if (status_of(error) == STATUS_FORBIDDEN)
        findings->refused_semaphores++;
    else
        findings->unmapped_semaphores++;
    return WATCHED_UNKNOWN;
}

/* `process` and `file` are NULL for a file that the user named. */
static void add_probes(struct findings *findings, enum source_kind kind, const char *path,
                       const struct usdt_file *usdt, struct process *process,
                       const struct process_file *file)
{
    struct source *source = sure(malloc(sizeof(*source)));
    const struct usdt_probe *probe = usdt->probes, *end = probe + usdt->count;

    *source = (struct source){
        .pid = process ? process->pid : 0,
        .command = process ? sure(strdup(process->command)) : NULL,
        .kind = kind == SOURCE_LIBRARY && usdt->kind == USDT_IMAGE ? SOURCE_FILE : kind,
        .path = sure(strdup(path)),
        .file = usdt,
    };
    APPEND(findings->sources, findings->source_count, source);
    findings->probes += usdt->count;
    for (; probe < end; probe++)
        if (is_wanted(findings->search, probe))
            APPEND(findings->list, findings->count,
                   (struct found){probe, source, read_watched(findings, process, file, probe)});
}

/* --------------------------------------------------------------------------- processes -- */

/* Gives false if the file can't be read, which is then reported. */
static bool look_at_file(struct findings *findings, struct process *process,
                         const struct process_file *file)
{
    struct process_opened opened;
    const struct known_file *known;
    int error = process_open_file(process, file, &opened);

    /* Not a file that can have probes, or the process no longer has it mapped. */
    if (error == -ENXIO || error == -ESTALE || (findings->sweeps && error == -ESRCH))
        return true;
    if (findings->sweeps && status_of(error) == STATUS_FORBIDDEN)
        findings->refused_files++;
    else if (error < 0)
        report_file(findings, error);
    if (error < 0)
        return false;
    known = read_known(findings, opened.fd, opened.path, true);
    close(opened.fd);
    if (known->file.count > 0)
        add_probes(findings, opened.kind, opened.path, &known->file, process, file);
    free(opened.path);
    return !known->unread;
}

/* What a process lacks in which no probe was found. */
static const char *missing_part(const struct process *process)
{
    struct stat threads; /* a directory for each, and two links of its own */

    if (process->file_count > 0)
        return "probes";
    if (fstatat(process->directory, "task", &threads, 0) == 0 && threads.st_nlink > 3)
        return "program that rst can see, as its main thread has ended; name its FILE instead of "
               "-p";
    return "program: it is a kernel thread, or has exited";
}

static void look_at_process(struct findings *findings, pid_t pid)
{
    struct process process;
    size_t before = findings->probes;
    bool all_read = true;
    int error = process_open(pid, &process);

    if (error < 0) {
        if (findings->sweeps)
            findings->refused_processes += status_of(error) == STATUS_FORBIDDEN;
        else
            note_status(findings, say_failure(error));
        return;
    }
    for (size_t i = 0; i < process.file_count; i++)
        all_read &= look_at_file(findings, &process, &process.files[i]);
    if (!findings->sweeps && findings->probes == before && all_read) {
        say("process %ld (%s) has no %s", (long)pid, rst_quote(process.command).text,
            missing_part(&process));
        note_status(findings, STATUS_NONE);
    }
    process_close(&process);
}

/* ------------------------------------------------------------------------------- files -- */

/* Gives a descriptor, or a negative errno. */
static int open_named(const char *path)
{
    const char *word = is_plain_word(path, "*") ? path : "shop";
    const struct text_path name = text_path(path);
    struct stat about;
    int fd = file_open(path, &about);

    if (fd >= 0)
        return fd;
    if (S_ISDIR(about.st_mode))
        return rst_fail(EISDIR, "%s is a directory; name a file in it", name.text);
    if (fd == -ENXIO && about.st_mode)
        return rst_fail(ENOEXEC, "%s is not a regular file", name.text);
    if (fd != -ENOENT || strchr(path, '/'))
        return file_fail(fd, name.text);
    /* It may be meant as a process or a probe. */
    if (*path && path[strspn(path, "0123456789")] == '\0')
        return rst_fail(ENOENT, "%s: there is no such file; to name a process, write -p %s",
                        name.text, path);
    return rst_fail(ENOENT, "%s: there is no such file; to name probes, write '%s:*' or '*:%s'",
                    name.text, word, word);
}

static void look_at_path(struct findings *findings, const char *path)
{
    int fd = open_named(path);
    const struct known_file *known;

    if (fd < 0) {
        note_status(findings, say_failure(fd));
        return;
    }
    known = read_known(findings, fd, path, false);
    close(fd);
    if (known->file.count > 0) {
        add_probes(findings,
                   known->file.kind == USDT_EXECUTABLE ? SOURCE_EXECUTABLE : SOURCE_LIBRARY, path,
                   &known->file, NULL, NULL);
        return;
    }
    if (!known->unread)
        say("%s has no probes", text_path(path).text);
    note_status(findings, STATUS_NONE);
}

/* ------------------------------------------------------------- what was meant by a glob -- */

#define MOST_OFFERS 200000 /* names that are compared with a glob: at most a second's work */

/* Whether one side of a glob has no wildcards: the user meant this name, perhaps mistyped. */
static bool is_word(const char *side)
{
    return side[strcspn(side, "*?[")] == '\0';
}

/* Write the sides that are asked for, fit for a terminal. */
static const char *write_sides(const char *provider, const char *probe, struct text *ret)
{
    text_clear(ret);
    if (provider)
        text_add_shown(ret, provider, strlen(provider));
    if (provider && probe)
        text_add(ret, ":");
    if (probe)
        text_add_shown(ret, probe, strlen(probe));
    return ret->bytes;
}

/* Report that no probe matches the glob, and name those that have nearly that name. */
static void suggest(const struct findings *findings, const struct glob *glob)
{
    /* If one side has wildcards, it stays as it is, and the other is compared; otherwise both. */
    const bool one = is_word(glob->provider) != is_word(glob->probe);
    const char *provider = one && !is_word(glob->provider) ? glob->provider : NULL;
    const char *probe = one && !is_word(glob->probe) ? glob->probe : NULL;
    struct text words = {0}, name = {0};
    struct near near;
    size_t offers = 0;

    near_start(&near,
               write_sides(provider ? NULL : glob->provider, probe ? NULL : glob->probe, &name));
    for (size_t i = 0; i < findings->known_count; i++) {
        const struct usdt_file *file = &findings->known[i]->file;

        for (size_t j = 0; j < file->count && offers < MOST_OFFERS; j++, offers++)
            near_offer(&near, write_sides(provider ? NULL : file->probes[j].provider,
                                          probe ? NULL : file->probes[j].name, &name));
    }
    if (one && near.count > 0 && near.distances[0] == 0)
        near.count = 0; /* that side is right, so it is the wildcards that match none */
    text_clear(&words);
    for (size_t i = 0; i < near.count; i++) {
        const char *word = near.words[i];

        write_sides(provider ? provider : word, probe ? probe : one ? word : NULL, &name);
        text_addf(&words, one ? "%s'%s'" : "%s%s", i ? ", " : "; did you mean ", name.bytes);
    }
    say("no probe matches %s%s%s", rst_quote(glob->text).text, words.bytes, near.count ? "?" : "");
    free(words.bytes);
    free(name.bytes);
}

/* ---------------------------------------------------------------------- what is missing -- */

/* Say what was skipped, unless the user has the capability for it: then nothing can be done. */
static void say_what_lacks(const struct findings *findings)
{
    const struct {
        size_t count;
        const char *what, *advice;
        int capability; /* -1: none would help */
    } skipped[] = {
        {findings->refused_processes, "processes that you may not look at",
         "be root, or have CAP_SYS_PTRACE", CAP_SYS_PTRACE},
        {findings->refused_files, "deleted or replaced files that can't be opened",
         "be root, or have CAP_SYS_ADMIN", CAP_SYS_ADMIN},
        {findings->refused_semaphores, "semaphores that could not be read (\"?\")",
         "be root, or have CAP_SYS_PTRACE", CAP_SYS_PTRACE},
        {findings->sweeps ? findings->unread_files : 0, "files that are damaged or can't be read",
         "with the -p of a process, rst says what is wrong with its files", -1},
        {findings->sweeps ? 0 : findings->unmapped_semaphores,
         "semaphores that are not in their process's memory (\"?\")", "tracers can't use them", -1},
    };

    for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
        int capability = skipped[i].capability;

        if (skipped[i].count > 0 &&
            !(capability >= 0 && has_capability((unsigned)capability) && in_first_namespace()))
            say("%s: %zu; %s", skipped[i].what, skipped[i].count, skipped[i].advice);
    }
}

static void say_what_is_missing(struct findings *findings)
{
    const struct search *search = findings->search;

    if (findings->sweeps && findings->probes == 0) {
        say("no process that you may look at has probes");
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

    order = order ? order : strcmp(a->probe->name, b->probe->name);
    order = order ? order : strcmp(a->source->path, b->source->path);
    order = order ? order : (a->watched > b->watched) - (a->watched < b->watched);
    order = order ? order : compare_numbers(a->probe->site, b->probe->site);
    return order ? order : compare_numbers((uint64_t)a->source->pid, (uint64_t)b->source->pid);
}

void find_probes(struct search *search, struct findings *ret)
{
    pid_t *pids = NULL;
    size_t count;

    *ret = (struct findings){.search = search};
    for (size_t i = 0; i < search->glob_count; i++)
        search->globs[i].matches = 0;
    for (size_t i = 0; i < search->pid_count; i++)
        look_at_process(ret, search->pids[i]);
    for (size_t i = 0; i < search->file_count; i++)
        look_at_path(ret, search->files[i]);
    ret->sweeps = search->pid_count + search->file_count == 0;
    count = ret->sweeps ? process_all(&pids) : 0;
    if (ret->sweeps && count == 0) {
        ret->status = say_failure(ENOENT);
        return;
    }
    for (size_t i = 0; i < count; i++)
        look_at_process(ret, pids[i]);
    free(pids);
    say_what_lacks(ret);
    say_what_is_missing(ret);
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
    for (size_t i = 0; i < findings->known_count; i++) {
        tdelete(findings->known[i], &findings->known_by_inode, compare_known);
        usdt_free(&findings->known[i]->file);
        free(findings->known[i]);
    }
    free(findings->sources);
    free(findings->known);
    free(findings->list);
}

const char *const source_kind_names[] = {
    [SOURCE_MEMFD] = "memfd",
    [SOURCE_FILE] = "file",
    [SOURCE_LIBRARY] = "library",
    [SOURCE_EXECUTABLE] = "executable",
};
