/* SPDX-License-Identifier: MIT */
/*
 * Searching processes and files for probes. `rst list` shows what this finds, and `rst trace`
 * watches it.
 */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/find/near.h"
#include "cli/find/process.h"
#include "cli/usdt/usdt.h"

/* A file with probes, in a process or named by the user. */
struct source {
    pid_t pid;     /* 0: the user named the file */
    char *command; /* the process's command; NULL without a process */
    enum source_kind kind;
    char *path; /* the path for tracers */
    const struct usdt_file *file;
};

enum { WATCHED_UNKNOWN = -1, WATCHED_UNCOUNTED = -2 /* no semaphore, or no process */ };

struct found {
    const struct usdt_probe *probe;
    const struct source *source;
    int32_t watched; /* the semaphore's value, 0 if nobody watches; or one of the above */
};

/* A file that was read. Many processes may map it. */
struct known_file {
    dev_t device;
    ino_t inode;
    struct usdt_file file; /* without probes if it can't be read */
    bool unread;           /* it can't be read, which was reported */
};

struct findings {
    struct search *search;
    struct found *list; /* sorted by provider, probe, path, watched, site and process */
    size_t count;
    struct source **sources;
    size_t source_count;
    struct known_file **known; /* all files that were read, each once */
    size_t known_count;
    void *known_by_inode;
    bool sweeps; /* every process is searched; it is no error if one exits or has no probes */
    size_t refused_processes, refused_files, unread_files;
    size_t refused_semaphores, unmapped_semaphores;
    size_t probes; /* how many probes there are, whether or not a glob matches them */
    enum status status;
};

/* Search, and report on stderr what can't be searched and what is not found. */
void find_probes(struct search *search, struct findings *ret);
void findings_free(struct findings *findings);

/* The kinds' names, by enum source_kind. */
extern const char *const source_kind_names[];

#endif
