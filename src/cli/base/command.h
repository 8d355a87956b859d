/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of `rst` share: how main() finds them, how they report errors, and their
 * exit statuses.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The exit statuses, documented in rst(1). */
enum status {
    STATUS_GOOD = 0,
    STATUS_NONE = 1,        /* there is no such probe */
    STATUS_USAGE = 2,       /* the command line makes no sense */
    STATUS_GONE = 3,        /* no such process, or no such file */
    STATUS_FORBIDDEN = 4,   /* no permission */
    STATUS_BAD_FILE = 5,    /* a file is damaged, or not of the expected kind */
    STATUS_FAILED = 6,      /* anything else: no memory, a full disk */
    STATUS_UNTRACEABLE = 7, /* `rst check`: probes can be loaded, but not traced from here */
    STATUS_UNLOADABLE = 8   /* `rst check`: probes can't be loaded */
};

/* A subcommand. `words[0]` is its name. */
struct command {
    const char *name;
    const char *summary;
    const char *help; /* what --help prints */
    enum status (*run)(int count, char **words);
};

extern const struct command list_command, trace_command, recipe_command, emit_command,
    check_command;

/* Print "rst: ..." and a newline on stderr. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The status for an errno, positive or negative. */
enum status status_of(int error);

/* Print librst's last error message. Gives the status for its errno. */
enum status say_failure(int error);

/* Report an error in the command line, and name the --help to read. Gives STATUS_USAGE. */
#define say_usage(command, ...) (say(__VA_ARGS__), name_help(command))

enum status name_help(const char *command);

/*
 * Report an option for which getopt_long(3) gave '?' or ':'. Its short options begin with a ":", so
 * that it prints nothing. Gives STATUS_USAGE.
 */
enum status say_bad_option(const char *command, int option, char **words);

/* Flush stdout. Gives `status`, or STATUS_FAILED if stdout could not be written. */
enum status finish_output(enum status status);

/* Whether the user has a capability: CAP_SYS_PTRACE and so on. */
bool has_capability(unsigned capability);

/*
 * Whether capabilities count in the kernel. In a user namespace of their own, users have every one,
 * but none of them does.
 */
bool in_first_namespace(void);

/*
 * A perf event for a site in a process; `pid` 0: in every process. It counts the hits, which can be
 * read from it. Gives a descriptor or a negative errno: -ENODEV if the kernel has no uprobes.
 */
int uprobe_open(const char *path, uint64_t offset, uint64_t semaphore, pid_t pid);

/* The time of the monotonic clock. */
int64_t milliseconds(void);

/* Gives `memory`, or ends the program if it is NULL. */
void *sure(void *memory);

/* Gives an array of `count` items with room for one more. The room grows by doubling. */
void *room_for_one(void *items, size_t count, size_t size);

/* Add an item to the array `list`, and count it. */
#define APPEND(list, count, ...)                                                                   \
    ((list) = room_for_one((list), (count), sizeof(__typeof__(*(list)))),                          \
     (list)[(count)++] = __VA_ARGS__)

#endif
