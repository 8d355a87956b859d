/* SPDX-License-Identifier: MIT */
#include "support/tracer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/note_reader.h"
#include "support/perf_uprobe.h"

int tracer_attach(const char *path, uint64_t site_offset, uint64_t semaphore_offset, pid_t pid)
{
    return perf_uprobe_open(path, site_offset, semaphore_offset, pid, pid == -1 ? 0 : -1);
}

/* valgrind translates code, so the kernel does not see a breakpoint in it. */
static bool in_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload");
}

const char *tracer_unavailable(void)
{
    static char reason[128];
    int tracer;

    if (in_valgrind())
        return "valgrind runs a copy of the code, in which a uprobe is a stray breakpoint";
    tracer = tracer_attach("/proc/self/exe", 0, 0, 0);
    if (tracer >= 0) {
        close(tracer);
        return NULL;
    }
    if (tracer == -ENOSYS)
        return "there is no perf_event_open(2): this is an emulator (qemu-user), or an odd kernel";
    if (tracer != -EPERM && tracer != -EACCES && tracer != -ENOENT)
        return NULL; /* attaching is allowed; only the instruction is missing */
    snprintf(reason, sizeof(reason),
             "a uprobe can't be attached: %s (be root, or have CAP_PERFMON)", strerror(-tracer));
    return reason;
}

void need(bool condition, const char *reason)
{
    const char *required = getenv("RST_REQUIRE_TRACERS");

    if (condition)
        return;
    print_message("skipped: %s\n", reason);
    if (required && strcmp(required, "1") == 0)
        fail_msg("RST_REQUIRE_TRACERS=1, but %s", reason);
    skip();
}

void need_tracer(void)
{
    const char *reason = tracer_unavailable();

    if (in_valgrind()) {
        print_message("skipped: %s\n", reason);
        skip();
    }

    need(reason == NULL, reason);
}

static int attach_probe(const rst_probe *probe, const char *provider, pid_t pid, int cpu,
                        bool counted)
{
    const char *path = rst_probe_path(probe);
    struct found_probes found = read_probes(path);
    const struct found_probe *note = find_probe(&found, provider, rst_probe_name(probe));
    int tracer =
        perf_uprobe_open(path, note->site_offset, counted ? note->semaphore_offset : 0, pid, cpu);

    free_probes(&found);
    return tracer;
}

static _Noreturn void give_up(const rst_probe *probe, int error)
{
    fprintf(stderr, "%s: perf_event_open: %s\n", rst_probe_path(probe), strerror(-error));
    abort();
}

int tracer_attach_probe(const rst_probe *probe, const char *provider, pid_t pid)
{
    int tracer = attach_probe(probe, provider, pid, pid == -1 ? 0 : -1, true);

    if (tracer < 0)
        give_up(probe, tracer);
    return tracer;
}

int tracer_attach_uncounted(const rst_probe *probe, const char *provider)
{
    int tracer = attach_probe(probe, provider, 0, -1, false);

    if (tracer < 0)
        give_up(probe, tracer);
    return tracer;
}

uint64_t tracer_count(int tracer)
{
    uint64_t count = 0;

    if (read(tracer, &count, sizeof(count)) != (ssize_t)sizeof(count))
        abort();
    return count;
}

struct tracers tracers_attach_everywhere(const rst_probe *probe, const char *provider)
{
    int cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
    struct tracers tracers = {0};

    for (int cpu = 0; cpu < cpus && cpu < TRACER_MAX_CPUS; cpu++) {
        int tracer = attach_probe(probe, provider, -1, cpu, true);

        if (tracer < 0 && tracer != -ENODEV) /* the CPU is off */
            give_up(probe, tracer);
        if (tracer >= 0)
            tracers.tracers[tracers.count++] = tracer;
    }
    return tracers;
}

uint64_t tracers_count(const struct tracers *tracers)
{
    uint64_t count = 0;

    for (int i = 0; i < tracers->count; i++)
        count += tracer_count(tracers->tracers[i]);
    return count;
}

void tracers_detach(struct tracers *tracers)
{
    for (int i = 0; i < tracers->count; i++)
        close(tracers->tracers[i]);
    tracers->count = 0;
}
