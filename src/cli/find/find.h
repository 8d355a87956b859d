/* SPDX-License-Identifier: MIT */
/*
 * Searching processes and files for probes. What it finds is what `rst list` shows, and all that a
 * script for a tracer has to know of a probe.
 */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/base/command.h"
#include "cli/find/globs.h"
#include "cli/find/known_file.h"
#include "cli/usdt/usdt.h"

/* What to look at: processes, files; if there is neither, every process. */
struct search {
    pid_t *pids;
    size_t pid_count;
    const char **files;
    size_t file_count;
    struct glob *globs; /* none: every probe */
    size_t glob_count;
};

enum source_kind { SOURCE_MEMFD, SOURCE_FILE, SOURCE_LIBRARY, SOURCE_EXECUTABLE };

/* A file with probes, in a process or by itself. */
struct source {
    pid_t pid;     /* 0: a file by itself */
    char *command; /* the process's, NULL without one */
    enum source_kind kind;
    char *path; /* what a tracer attaches to */
    const struct usdt_file *file;
};

enum { WATCHED_UNKNOWN = -1, WATCHED_UNCOUNTED = -2 /* it has no semaphore, or no process */ };

struct found {
    const struct usdt_probe *probe;
    const struct source *source;
    int32_t watched; /* the semaphore: how many tracers watch; or one of the above */
};

struct findings {
    struct found *list; /* by provider, probe, path, watched, site and process */
    size_t count;
    struct source **sources;
    size_t source_count;
    struct known_file **known; /* the files that were read, each once */
    size_t known_count;
    void *known_by_inode;
    bool sweeps; /* over every process: what was not named may be gone, refused, without probes */
    size_t refused_processes, refused_files, refused_semaphores, unmapped_semaphores;
    size_t probes; /* all that there were, whatever the globs say */
    enum status status;
};

/* Do it, and say on stderr what can't be looked at, and what there is not. */
void find_probes(struct search *search, struct findings *ret);
void findings_free(struct findings *findings);

const char *source_kind_name(enum source_kind kind);

#endif
