/* SPDX-License-Identifier: MIT */
#include "cli/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/text.h"

#define DEADLINE 5000 /* milliseconds */
#define MOST_OUTPUT 4096

/* These directories too: Debian keeps bcc's tools in one that is not in every user's PATH. */
static const char further[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

char *program_path(const char *program)
{
    const char *given = getenv("PATH");
    char *list = text_format("%s:%s", given ? given : "", further), *rest = list, *directory;
    char *path = NULL;

    while (!path && (directory = strsep(&rest, ":"))) {
        path = text_format("%s/%s", directory, program);
        if (!*directory || access(path, X_OK) < 0) {
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

/* Start a program in a process group of its own, so that its children can be ended, too. */
static pid_t start(const char *path, const char *option, const sigset_t *mask, int output)
{
    pid_t child = fork();

    if (child > 0)
        setpgid(child, child); /* both do it, as either may be first */
    if (child != 0)
        return child;
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL); /* main() ignores these */
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execl(path, path, option, NULL);
    _exit(EXIT_FAILURE);
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
    int pipes[2], signals;
    sigset_t held, former;
    pid_t child;

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return false;
    hold_signals(&held, &former); /* signals that would end rst wait for the program's end */
    signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    child = start(path, option, &former, pipes[1]);
    close(pipes[1]);
    if (child > 0) {
        read_output(pipes[0], signals, output);
        kill(-child, SIGKILL); /* ends a program that hangs */
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close(pipes[0]);
    if (signals >= 0)
        close(signals);
    sigprocmask(SIG_SETMASK, &former, NULL);
    return child > 0 && strstr(output, mark) && find_number(output, ret);
}
