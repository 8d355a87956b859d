/* SPDX-License-Identifier: MIT */
/*
 * Root's session daemon has its sockets at fixed places in /run, and every program with LTTng makes
 * a file in /dev/shm. So root gets a mount namespace in which both are empty. Other users' daemons
 * have their sockets in LTTNG_HOME.
 */
#include "lttng_session.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DAEMON "lttng-sessiond"
#define PATIENCE 20 /* seconds to wait for the daemon to start or end */

static char home[] = "/tmp/rst-bench-lttng-XXXXXX";

static int skip(const char *what, int error)
{
    printf("skip LTTng: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    fflush(stdout);
    return 1;
}

/* ---------------------------------------------------------------------- processes -- */

/* Run a program without input, and without output except errors. */
static pid_t start(char *const argv[])
{
    pid_t pid = fork();
    sigset_t none;

    if (pid != 0)
        return pid;
    dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
    dup2(STDIN_FILENO, STDOUT_FILENO);
    dup2(STDIN_FILENO, STDERR_FILENO);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execvp(argv[0], argv);
    _exit(127);
}

static int status_of(pid_t pid)
{
    int status;

    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Wait for one of two blocked signals. Gives 0 if neither comes. */
static int wait_for(int first, int second)
{
    const struct timespec patience = {.tv_sec = PATIENCE};
    sigset_t signals;
    int signal;

    sigemptyset(&signals);
    sigaddset(&signals, first);
    sigaddset(&signals, second);
    do
        signal = sigtimedwait(&signals, NULL, &patience);
    while (signal < 0 && errno == EINTR);
    return signal < 0 ? 0 : signal;
}

/* ------------------------------------------------------------------------ its place -- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int make_place(void)
{
    if (!mkdtemp(home))
        return -1;
    setenv("LTTNG_HOME", home, 1);
    setenv("LTTNG_UST_REGISTER_TIMEOUT", "20000", 1); /* milliseconds: the worker is traced from
                                                         its first instruction on */
    if (geteuid() != 0)
        return 0;
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") < 0)
        return -1;
    return 0;
}

static void remove_place(void)
{
    nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --------------------------------------------------------------------- the session -- */

static pid_t start_daemon(void)
{
    char *const argv[] = {(char[]){DAEMON}, (char[]){"--no-kernel"}, (char[]){"--sig-parent"},
                          NULL};
    sigset_t signals;
    pid_t pid;

    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1); /* the daemon is ready */
    sigaddset(&signals, SIGCHLD); /* it has ended */
    sigprocmask(SIG_BLOCK, &signals, NULL);
    pid = start(argv);
    if (pid > 0 && wait_for(SIGUSR1, SIGCHLD) == SIGUSR1)
        return pid;
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return -1;
}

static void end_daemon(pid_t pid)
{
    kill(pid, SIGTERM);
    while (waitpid(pid, NULL, WNOHANG) == 0)
        if (wait_for(SIGCHLD, SIGCHLD) == 0)
            kill(pid, SIGKILL);
}

/*
 * Flight-recorder buffers: new events overwrite the oldest, so that each is written, none is
 * dropped, and no disk is used.
 */
static int start_session(void)
{
    char *const commands[][7] = {
        {(char[]){"lttng"}, (char[]){"--no-sessiond"}, (char[]){"create"}, (char[]){"bench"},
         (char[]){"--snapshot"}, NULL},
        {(char[]){"lttng"}, (char[]){"--no-sessiond"}, (char[]){"enable-event"}, (char[]){"-u"},
         (char[]){"bench:request"}, NULL},
        {(char[]){"lttng"}, (char[]){"--no-sessiond"}, (char[]){"start"}, NULL},
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (status_of(start(commands[i])) != 0)
            return -1;
    return 0;
}

static int run_worker(char *const worker[])
{
    sigset_t none;
    pid_t pid = fork();

    if (pid == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        execv(worker[0], worker);
        _exit(127);
    }
    return status_of(pid);
}

static int run_in_session(char *const worker[])
{
    pid_t daemon = start_daemon();
    int status;

    if (daemon < 0)
        return skip(DAEMON " does not start (lttng-tools)", 0);
    status = start_session() < 0 ? skip("lttng can't start a session", 0) : run_worker(worker);
    end_daemon(daemon);
    return status;
}

int session_run(const char *option, char *const worker[])
{
    int status;

    if (make_place() < 0)
        status = skip("no private directories for it", errno);
    else if (strcmp(option, SESSION_OPTION) == 0)
        status = run_in_session(worker);
    else
        status = run_worker(worker);
    remove_place();
    return status;
}
