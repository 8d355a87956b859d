/* SPDX-License-Identifier: MIT */
/*
 * Finding bpftrace, making its command line, and starting it as a child. The child has a process
 * group of its own, so that only rst gets a terminal's Ctrl-C.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/base/number.h"
#include "cli/trace/program.h"
#include "cli/base/quote.h"
#include "cli/base/text.h"
#include "cli/trace/tracer.h"
#include "error.h"

#define BPFTRACE "bpftrace"

/* ----------------------------------------------------------------------------- version -- */

enum status trace_find_bpftrace(struct trace_bpftrace *ret)
{
    char version[PROGRAM_VERSION];

    ret->path = program_path(BPFTRACE);
    if (!ret->path) {
        say("there is no bpftrace here; install it (the package is called bpftrace), or use "
            "--for gdb, perf, bcc, dtrace, tracefs");
        return STATUS_UNTRACEABLE;
    }
    if (!program_version(ret->path, "--version", "bpftrace", version)) {
        say("%s does not say which version it is", text_path(ret->path).text);
        return STATUS_FAILED;
    }
    ret->version = version_number(version);
    ret->arguments_in_registers = ret->version < 25;
    ret->string_size = ret->version < 20 ? 200 : 1024;
    ret->string_room = ret->string_size - 1;
    return STATUS_GOOD;
}

/* ----------------------------------------------------------------------------- command -- */

#define MOST_COMMAND 12

static void make_command(const struct trace *trace, const char *script, bool for_people,
                         const char *ret[MOST_COMMAND], char pid[16])
{
    size_t at = 0;

    ret[at++] = for_people ? BPFTRACE : trace->bpftrace.path;
    if (!for_people) {
        ret[at++] = "-f";
        ret[at++] = "json";
    }
    if (trace->bpftrace.version >= 17)
        ret[at++] = "--no-warnings";
    if (trace->one_pid) {
        snprintf(pid, 16, "%ld", (long)trace->one_pid);
        ret[at++] = "-p";
        ret[at++] = pid;
    }
    ret[at++] = "-e";
    ret[at++] = script;
    ret[at] = NULL;
}

void trace_print_command(const struct trace *trace, const char *script, bool for_people)
{
    const char *words[MOST_COMMAND];
    char *variables[TRACE_VARIABLES], pid[16];
    struct text line = {0};

    make_command(trace, script, for_people, words, pid);
    trace_variables(trace, variables);
    for (size_t i = 0; variables[i]; i++) {
        text_addf(&line, "%s ", variables[i]);
        free(variables[i]);
    }
    for (size_t i = 0; words[i]; i++) {
        if (is_plain_word(words[i], TRACE_PATH))
            text_add(&line, words[i]);
        else
            text_add_word(&line, words[i]);
        text_add(&line, words[i + 1] ? " " : "\n");
    }
    fputs(line.bytes, stdout);
    free(line.bytes);
}

/* ------------------------------------------------------------------------------- child -- */

static void become_bpftrace(const struct trace *trace, const char *script, int out, int err,
                            pid_t parent)
{
    const char *words[MOST_COMMAND];
    char *variables[TRACE_VARIABLES], pid[16];
    sigset_t none;
    int null;

    make_command(trace, script, false, words, pid);
    trace_variables(trace, variables);
    for (size_t i = 0; variables[i]; i++)
        putenv(variables[i]);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
        dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0) {
        union {
            const char **given;
            char **wanted;
        } cast = {words};

        execv(trace->bpftrace.path, cast.wanted);
        dprintf(STDERR_FILENO, "%s: %s\n", trace->bpftrace.path, strerror(errno));
    }
    _exit(127);
}

enum status tracer_start(struct tracer *tracer, const char *script)
{
    int out[2], err[2];
    pid_t parent = getpid();

    if (pipe2(out, O_CLOEXEC) < 0) {
        say("no pipe: %s", strerror(errno));
        return STATUS_FAILED;
    }
    if (pipe2(err, O_CLOEXEC) < 0) {
        say("no pipe: %s", strerror(errno));
        close(out[0]);
        close(out[1]);
        return STATUS_FAILED;
    }
    tracer->child = fork();
    if (tracer->child == 0)
        become_bpftrace(tracer->trace, script, out[1], err[1], parent);
    close(out[1]);
    close(err[1]);
    tracer->out = out[0];
    tracer->err = err[0];
    if (tracer->child < 0) {
        say("bpftrace can't be started: %s", strerror(errno));
        close(out[0]);
        close(err[0]);
        return STATUS_FAILED;
    }
    fcntl(tracer->err, F_SETFL, O_NONBLOCK);
    return STATUS_GOOD;
}
