/* SPDX-License-Identifier: MIT */
/*
 * A process from outside: the files whose code it has mapped, what a tracer attaches to for each,
 * and the memory where its semaphores are. All by /proc, and by one descriptor of /proc/PID, so
 * that another process which gets the number later is never taken for it.
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
    bool executable, counted; /* counted: writable and private, where the kernel counts watchers */
    char *name;               /* as the process opened it; the kernel adds " (deleted)" */
};

/* A file of which something is mapped executable. Its mappings are by offset. */
struct process_file {
    const struct process_mapping *mappings;
    size_t count;
};

struct process_descriptor {
    dev_t device;
    ino_t inode;
    int number;
};

struct process {
    pid_t pid;
    char command[64]; /* comm: not to be trusted, and not always printable */
    int directory;    /* /proc/PID */
    int memory;       /* /proc/PID/mem, negative errno: it may not be read; 0: not tried */
    struct process_mapping *mappings;
    size_t mapping_count;
    struct process_file *files; /* in the order of their inodes */
    size_t file_count;
    struct process_descriptor *descriptors; /* looked at when they are needed */
    size_t descriptor_count;
    bool has_descriptors;
};

/*
 * Gives 0 or a negative errno: -ESRCH where there is no such process (any more), -EACCES or -EPERM
 * where its mappings may not be seen. rst_error() says so in words. A kernel's thread and a zombie
 * have no files.
 */
int process_open(pid_t pid, struct process *ret);
void process_close(struct process *process);

/* Where a file lives, and the path by which a tracer, and anyone else, reaches it. */
enum process_place { PLACE_FILE, PLACE_MEMFD, PLACE_EXECUTABLE };

struct process_opened {
    int fd; /* close() it */
    enum process_place place;
    char *path; /* free() it */
};

/*
 * Open a file of the process, across mount namespaces, deleted or not. Gives 0, or a negative errno
 * and rst_error(); -ENXIO for what is no regular file, a device say, which can have no probes, and
 * -ESTALE for what the process has not mapped any more.
 */
int process_open_file(struct process *process, const struct process_file *file,
                      struct process_opened *ret);

/* Read a semaphore, by its offset in the file. Gives 0 or a negative errno. */
int process_semaphore(struct process *process, const struct process_file *file, uint64_t offset,
                      uint16_t *ret);

/* Every process's id, in order; `*ret` is to be freed. Gives how many. */
size_t process_all(pid_t **ret);

#endif
