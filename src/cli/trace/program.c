/* SPDX-License-Identifier: MIT */
#include "cli/trace/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/text.h"

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

/* Start a program in a process group of its own, so that its children can be ended, too. */
static pid_t start(const char *path, const char *option, const sigset_t *mask, int output)
{
    const struct rlimit most = {MOST_OUTPUT, MOST_OUTPUT};
    pid_t child = fork();

    if (child > 0)
        setpgid(child, child); /* both do it, as either may be first */
    if (child != 0)
        return child;
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL); /* main() ignores these */
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    setrlimit(RLIMIT_FSIZE, &most);
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
    static const struct timespec deadline = {.tv_sec = 5};
    char output[MOST_OUTPUT + 1] = "";
    sigset_t awaited, former;
    int fd = memfd_create("output", MFD_CLOEXEC), came;
    pid_t child;

    if (fd < 0)
        return false;
    hold_signals(&awaited, &former);
    sigaddset(&awaited, SIGCHLD);
    signal(SIGCHLD, SIG_DFL); /* rst's parent may have ignored it */
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    child = start(path, option, &former, fd);
    if (child > 0) {
        came = sigtimedwait(&awaited, NULL, &deadline);
        if (came > 0 && came != SIGCHLD)
            raise(came); /* it ends rst when the program has been ended */
        kill(-child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        if (pread(fd, output, MOST_OUTPUT, 0) < 0)
            output[0] = '\0';
    }
    close(fd);
    sigprocmask(SIG_SETMASK, &former, NULL);
    return child > 0 && strstr(output, mark) && find_number(output, ret);
}
