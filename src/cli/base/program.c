/* SPDX-License-Identifier: MIT */
#include "cli/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/base/command.h"

#define DEADLINE 5000 /* milliseconds */
#define MOST_OUTPUT 4096

/* These directories too: Debian keeps bcc's tools in one that is not in every user's PATH. */
static const char further[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

char *program_path(const char *program)
{
    const char *given = getenv("PATH");
    char *list, *rest, *directory, *path = NULL;

    sure(asprintf(&list, "%s:%s", given ? given : "", further) < 0 ? NULL : list);
    rest = list;
    while (!path && (directory = strsep(&rest, ":"))) {
        if (!*directory)
            continue;
        sure(asprintf(&path, "%s/%s", directory, program) < 0 ? NULL : path);
        if (access(path, X_OK) < 0) {
            free(path);
            path = NULL;
        }
    }
    free(list);
    return path;
}

/* Read until the end of the stream, the deadline, or a signal. */
static void read_output(int fd, int signals, char output[MOST_OUTPUT])
{
    struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    int64_t end = milliseconds() + DEADLINE, left;
    size_t size = 0;
    ssize_t count;

    while (size < MOST_OUTPUT - 1 && (left = end - milliseconds()) > 0) {
        if (poll(ready, 2, (int)left) <= 0)
            continue;
        if (ready[1].revents)
            break;
        count = read(fd, output + size, MOST_OUTPUT - 1 - size);
        if (count <= 0)
            break;
        size += (size_t)count;
    }
    output[size] = '\0';
}

/* Start a program with its output in a pipe. `ret_fd` gets the end to read from. */
static pid_t start(const char *path, const char *option, const sigset_t *mask, int *ret_fd)
{
    char *words[] = {sure(strdup(path)), sure(strdup(option)), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t ours;
    int pipes[2], error;
    pid_t child = -1;

    if (pipe2(pipes, O_CLOEXEC) == 0) {
        sigemptyset(&ours); /* the signals that main() ignores */
        sigaddset(&ours, SIGPIPE);
        sigaddset(&ours, SIGXFSZ);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setsigdefault(&attributes, &ours);
        posix_spawnattr_setsigmask(&attributes, mask);
        posix_spawnattr_setpgroup(&attributes, 0); /* so that its own children can be ended too */
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETPGROUP);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, pipes[1], STDERR_FILENO);
        error = posix_spawn(&child, path, &actions, &attributes, words, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        close(pipes[1]);
        if (error) {
            close(pipes[0]);
            child = -1;
        }
        *ret_fd = pipes[0];
    }
    free(words[0]);
    free(words[1]);
    return child;
}

/* Find the first number with a dot in it. */
static bool find_number(const char *output, char ret[PROGRAM_VERSION])
{
    for (const char *at = output; *at; at += strcspn(at, "0123456789")) {
        size_t length = strspn(at, "0123456789.");

        if (length > 2 && length < PROGRAM_VERSION && memchr(at, '.', length - 1)) {
            memcpy(ret, at, length);
            ret[length] = '\0';
            return true;
        }
        at += length;
    }
    return false;
}

bool program_version(const char *path, const char *option, const char *mark,
                     char ret[PROGRAM_VERSION])
{
    char output[MOST_OUTPUT] = "";
    int fd = -1, signals;
    sigset_t held, former;
    pid_t child;

    /* The program has its own process group. Signals that would end rst wait for its end. */
    hold_signals(&held, &former);
    signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    child = start(path, option, &former, &fd);
    if (child > 0) {
        read_output(fd, signals, output);
        close(fd);
        kill(-child, SIGKILL); /* ends a program that hangs */
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (signals >= 0)
        close(signals);
    sigprocmask(SIG_SETMASK, &former, NULL);
    return child > 0 && strstr(output, mark) && find_number(output, ret);
}
