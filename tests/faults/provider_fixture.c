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

#include "backing/sweep.h"

#include "wrap.h"

#define MAX_PRINTED 40

static char root[] = "/tmp/rst-faults-XXXXXX";
static pid_t owner;

char fixture_xdg[64], fixture_tmp[64], fixture_directory[64];
char fixture_run[512];

/* ------------------------------------------------------------------ what goes wrong -- */

void complain(const char *format, ...)
{
    char text[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (fault_record->complaints++ < MAX_PRINTED)
        dprintf(STDERR_FILENO, "%s: %s\n", fixture_run, text);
}

static void crashed(int number)
{
    static const char words[] = ": crashed\n";

    if (write(STDERR_FILENO, fixture_run, strlen(fixture_run)) < 0 ||
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

void fixture_prepare_process(void)
{
    if (!mkdtemp(root))
        abort();
    owner = getpid();
    make_directory(fixture_xdg, sizeof(fixture_xdg), "xdg");
    make_directory(fixture_tmp, sizeof(fixture_tmp), "tmp");
    make_directory(fixture_directory, sizeof(fixture_directory), "named");
    setenv("XDG_RUNTIME_DIR", fixture_xdg, 1);
    setenv("TMPDIR", fixture_tmp, 1);
    unsetenv("RST_BACKING");
    unsetenv("RST_DISABLE");
    unsetenv("RST_NOP");
}

void fixture_name_crashes(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_RESETHAND | SA_NODEFER};

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        sigaction(fatal[i], &action, NULL);
}

void fixture_leave_process(void)
{
    if (getpid() != owner)
        return;
    rmdir(fixture_xdg);
    rmdir(fixture_tmp);
    rmdir(fixture_directory);
    rmdir(root);
}

/* ---------------------------------------------------------------------------- the fixture -- */

struct fixture fixture_make(void)
{
    rst_sweep_anew(); /* as another process would */
    return (struct fixture){.set_aside = -1, .decoy = -1};
}

void fixture_free(struct fixture *fixture)
{
    rst_provider_free(fixture->provider);
    rst_provider_free(fixture->other);
    if (fixture->decoy >= 0)
        close(fixture->decoy);
    if (fixture->set_aside >= 0) { /* it was standard input */
        dup2(fixture->set_aside, STDIN_FILENO);
        close(fixture->set_aside);
    }
}

int fixture_add(struct fixture *fixture, size_t count)
{
    static const char *const signatures[] = {"uint64 id", "uint64 id, string path"};

    while (fixture->count < count) {
        size_t i = fixture->count;
        char name[32];

        snprintf(name, sizeof(name), "probe_%zu", i);
        fixture->probes[i] = rst_provider_add(fixture->provider, name, signatures[i % 2]);
        if (!fixture->probes[i])
            return -errno;
        fixture->count++;
    }
    return 0;
}

int fixture_descriptor(const struct fixture *fixture)
{
    const char *path = rst_probe_path(fixture->probes[0]);

    if (!path)
        abort();
    return atoi(strrchr(path, '/') + 1);
}
