/* SPDX-License-Identifier: MIT */
/*
 * A process seen from outside: the files that it has mapped executable, a path to each for tracers,
 * and the values of its semaphores. All of it is read from /proc, through one descriptor of
 * /proc/PID, so that it never comes from another process that gets the same number later.
 */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_mapping {
    uint64_t start, end, offset;
    dev_t device;
    ino_t inode;
    bool executable, counted; /* counted: private and writable, so the kernel counts there */
    char *name; /* the path by which the process opened it; the kernel adds " (deleted)" */
};

/* A file that is mapped executable, at least in part. Its mappings are sorted by offset. */
struct process_file {
    const struct process_mapping *mappings;
    size_t count;
};

struct process {
    pid_t pid;
    char command[64]; /* comm: the process can set it to any bytes */
    int directory;    /* /proc/PID */
    int memory;       /* /proc/PID/mem; a negative errno: it can't be opened; 0: not yet tried */
    struct process_mapping *mappings;
    size_t mapping_count;
    struct process_file *files; /* sorted by inode */
    size_t file_count;
};

/*
 * Gives 0 or a negative errno, with a message for rst_error(): -ESRCH if the process does not exist
 * (any more) or is a thread, -EACCES or -EPERM if you may not see its mappings. A kernel thread or
 * a zombie has no files.
 */
int process_open(pid_t pid, struct process *ret);
void process_close(struct process *process);

/* What a file is: SOURCE_FILE is one that librst made. */
enum source_kind { SOURCE_MEMFD, SOURCE_FILE, SOURCE_LIBRARY, SOURCE_EXECUTABLE };

struct process_opened {
    int fd;                /* close() it */
    enum source_kind kind; /* not SOURCE_FILE: the bytes tell who made a file */
    char *path;            /* free() it */
};

/*
 * Open a file that the process has mapped, across mount namespaces, deleted or not. Gives 0, or a
 * negative errno and a message for rst_error(): -ENXIO if it is not a regular file (a device, for
 * example) and so can't have probes, -ESTALE if the process no longer has it mapped.
 */
int process_open_file(const struct process *process, const struct process_file *file,
                      struct process_opened *ret);

/* Read the semaphore at an offset in the file: the 16 bits that the kernel counts in, whoever made
 * the note. Gives 0 or a negative errno. */
int process_semaphore(struct process *process, const struct process_file *file, uint64_t offset,
                      uint16_t *ret);

/*
 * The ids of all processes, sorted; free() `*ret`. Gives how many there are; 0, with a message for
 * rst_error(), if /proc does not tell.
 */
size_t process_all(pid_t **ret);

#endif
