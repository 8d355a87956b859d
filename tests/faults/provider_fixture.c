/* SPDX-License-Identifier: MIT */
#include "provider_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wrap.h"

#define MAX_PRINTED 40

static char root[] = "/tmp/rst-faults-XXXXXX";
static pid_t owner;

char stage_xdg[64], stage_tmp[64], stage_directory[64];
char stage_run[512];

/* ------------------------------------------------------------------ what goes wrong -- */

void complain(const char *format, ...)
{
    char text[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (fault_record->complaints++ < MAX_PRINTED)
        dprintf(STDERR_FILENO, "%s: %s\n", stage_run, text);
}

static void crashed(int number)
{
    static const char words[] = ": crashed\n";

    if (write(STDERR_FILENO, stage_run, strlen(stage_run)) < 0 ||
        write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
        _exit(1);
    raise(number); /* the handler is gone: SA_RESETHAND */
}

/* ------------------------------------------------------------------------ the process -- */

static void make_directory(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", root, name);
    if (mkdir(path, 0700) < 0)
        abort();
}

void stage_prepare_process(void)
{
    if (!mkdtemp(root))
        abort();
    owner = getpid();
    make_directory(stage_xdg, sizeof(stage_xdg), "xdg");
    make_directory(stage_tmp, sizeof(stage_tmp), "tmp");
    make_directory(stage_directory, sizeof(stage_directory), "named");
    setenv("XDG_RUNTIME_DIR", stage_xdg, 1);
    setenv("TMPDIR", stage_tmp, 1);
    unsetenv("RST_BACKING");
    unsetenv("RST_DISABLE");
    unsetenv("RST_NOP");
}

void stage_name_crashes(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_RESETHAND | SA_NODEFER};

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        sigaction(fatal[i], &action, NULL);
}

void stage_leave_process(void)
{
    if (getpid() != owner)
        return;
    rmdir(stage_xdg);
    rmdir(stage_tmp);
    rmdir(stage_directory);
    rmdir(root);
}

/* ---------------------------------------------------------------------------- the stage -- */

struct stage stage_make(void)
{
    return (struct stage){.set_aside = -1, .decoy = -1};
}

void stage_free(struct stage *stage)
{
    rst_provider_free(stage->provider);
    rst_provider_free(stage->other);
    if (stage->decoy >= 0)
        close(stage->decoy);
    if (stage->set_aside >= 0) { /* it was standard input */
        dup2(stage->set_aside, STDIN_FILENO);
        close(stage->set_aside);
    }
}

int stage_add(struct stage *stage, size_t count)
{
    static const char *const signatures[] = {"uint64 id", "uint64 id, string path"};

    while (stage->count < count) {
        size_t i = stage->count;
        char name[32];

        snprintf(name, sizeof(name), "probe_%zu", i);
        stage->probes[i] = rst_provider_add(stage->provider, name, signatures[i % 2]);
        if (!stage->probes[i])
            return -errno;
        stage->count++;
    }
    return 0;
}

int stage_descriptor(const struct stage *stage)
{
    const char *path = rst_probe_path(stage->probes[0]);

    if (!path)
        abort();
    return atoi(strrchr(path, '/') + 1);
}
