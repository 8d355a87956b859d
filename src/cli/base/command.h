/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of `rst` share: how main() finds them, how they say what is wrong, and what
 * their exit statuses mean.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option;

/* Documented in rst(1). */
enum status {
    STATUS_GOOD = 0,
    STATUS_NONE = 1,      /* there is no such probe */
    STATUS_USAGE = 2,     /* the command line makes no sense */
    STATUS_GONE = 3,      /* no such process, or no such file */
    STATUS_FORBIDDEN = 4, /* no permission */
    STATUS_BAD_FILE = 5,  /* a file that can't be read as what it should be */
    STATUS_FAILED = 6,    /* anything else: no memory, a full disk */
    STATUS_UNTRACEABLE = 7 /* `rst check`: probes can be loaded, but not traced from here */,
    STATUS_UNLOADABLE = 8 /* `rst check`: probes can't be loaded */
};

/* A subcommand. `words[0]` is its name. */
struct command {
    const char *name;
    const char *summary;
    const char *help; /* what --help prints */
    enum status (*run)(int count, char **words);
};

/* Say on stderr what is wrong, as "rst: ...", on a line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The status for an errno, which may be negative. */
enum status status_of(int error);

/* Say what librst's last failure was. Gives the status for its errno. */
enum status say_failure(int error);

/* Say what is wrong with the command line and where to read on. Gives STATUS_USAGE. */
enum status say_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The next option as getopt_long(3) has it, `brief` without its leading ":"; prints nothing. */
int next_option(int count, char **words, const char *brief, const struct option *known);

/* What to say and give for a '?' or ':' of it. */
enum status say_bad_option(const char *command, int option, char **words);

/* Close stdout. Gives `status`, or STATUS_FAILED where not all of it could be written. */
enum status finish_output(enum status status);

/* Hold back the signals that end the program, for what must not be left half done. */
void hold_signals(sigset_t *ret_held, sigset_t *ret_former);

/* The monotonic clock. */
int64_t milliseconds(void);

/* `memory`, or the end of the program if it is NULL. */
void *sure(void *memory);

/* realloc() for one more item of an array that has `count`: its room grows by doubling. */
void *room_for_one(void *items, size_t count, size_t size);

#endif
