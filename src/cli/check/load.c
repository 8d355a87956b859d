/* SPDX-License-Identifier: MIT */
/*
 * Whether probes can be loaded from each backing, and watched. It tries both with a probe of its
 * own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/check/check.h"
#include "cli/usdt/usdt.h"
#include "rst.h"

static void check_environment(struct machine *machine)
{
    const char *disable = getenv("RST_DISABLE"), *backing = getenv("RST_BACKING");

    if (disable && *disable && strcmp(disable, "0") != 0)
        fact_set(machine, VERDICT_NOTE, "RST_DISABLE=%s: programs started from here load no probes",
                 disable);
    else if (backing && *backing)
        fact_set(machine, VERDICT_NOTE, "RST_BACKING=%s overrides what programs choose", backing);
    /* These variables say nothing about the machine. */
    unsetenv("RST_DISABLE");
    unsetenv("RST_BACKING");
}

/* Open the probe's image as any tracer does. */
static void open_image(struct machine *machine)
{
    const char *path = rst_probe_path(machine->probe);
    struct usdt_file file = {0};
    struct stat about;
    int error;

    machine->image = file_open(path, &about);
    if (machine->image < 0)
        return;
    error = usdt_read(machine->image, path, &file);
    if (error == 0 && file.count == 1) {
        machine->site = file.probes[0].site;
        machine->semaphore = file.probes[0].semaphore;
    } else {
        close(machine->image);
        machine->image = error < 0 ? error : -ENOENT;
    }
    usdt_free(&file);
}

/* Load a probe, and keep it if it is the first. `advice` comes behind the error. */
static void try_to_load(struct machine *machine, int backing, const char *directory,
                        const char *advice)
{
    rst_provider *provider = rst_provider_new("rst_check");
    rst_probe *probe;
    char name[16];

    snprintf(name, sizeof(name), "check%d", machine->loads++);
    probe = rst_provider_add(provider, name, "uint64 value");
    if (!probe || rst_provider_set_backing(provider, backing, directory) < 0 ||
        rst_provider_load(provider) < 0) {
        machine->load_error = errno;
        fact_set(machine, VERDICT_NO, "%s%s", rst_error(), advice);
        rst_provider_free(provider);
        return;
    }
    fact_set(machine, VERDICT_YES, "a probe was loaded from a %s%s",
             directory ? "file in " : "memfd", directory ? directory : "");
    if (machine->provider) {
        rst_provider_free(provider);
        return;
    }
    machine->provider = provider;
    machine->probe = probe;
    open_image(machine);
}

static void check_memfd(struct machine *machine)
{
    try_to_load(machine, RST_BACKING_MEMFD, NULL, ": librst uses a file instead");
}

/* The context is the variable that names the directory, or NULL for /tmp. */
static void check_directory(struct machine *machine)
{
    const char *variable = machine->context, *own = getenv("TMPDIR");
    const char *directory = variable ? getenv(variable) : "/tmp";
    struct statvfs about;

    if (!directory || *directory != '/' || (!variable && own && strcmp(own, directory) == 0))
        return; /* librst uses only an absolute path, too */
    if (statvfs(directory, &about) == 0 && about.f_flag & ST_NOEXEC)
        fact_set(machine, VERDICT_NO,
                 "%s is mounted noexec: librst skips it; name another with RST_BACKING=file:DIR",
                 directory);
    else
        try_to_load(machine, RST_BACKING_FILE, directory, "");
}

/* Read the site's instruction from the image that librst has loaded. */
static void check_nop(struct machine *machine)
{
    static const struct {
        uint8_t code[3]; /* the first bytes of the instruction */
        size_t size;
        const char *words;
    } nops[] = {
        {{0x90}, 1, "1 byte at each site: a watched fire traps into the kernel"},
        {{0x0f, 0x1f, 0x44},
         3,
         "5 bytes at each site, by RST_NOP=fast: a watched fire is a call, not a trap"},
        {{0x66, 0x2e, 0x0f}, 3, "10 bytes at each site: a watched fire is a call, not a trap"},
    };
    const char *wish = getenv("RST_NOP");
    uint8_t code[sizeof(nops[0].code)];

    if (!machine->probe) { /* the lines above tell other errors */
        if (wish && *wish && machine->load_error == EINVAL)
            fact_set(machine, VERDICT_NO,
                     "RST_NOP=%s: no probe can be loaded like this; unset RST_NOP", wish);
        return;
    }
    if (machine->image < 0) {
        fact_set(machine, VERDICT_NO, "a loaded probe's image can't be read: %s",
                 strerror(-machine->image));
        return;
    }
    fact_set(machine, VERDICT_NO, "this rst does not know the instruction at each site");
    if (pread(machine->image, code, sizeof(code), (off_t)machine->site) == sizeof(code))
        for (size_t i = 0; i < sizeof(nops) / sizeof(nops[0]); i++)
            if (memcmp(code, nops[i].code, nops[i].size) == 0)
                fact_set(machine, VERDICT_NOTE, "%s", nops[i].words);
}

/* Check that the kernel counts a tracer in and out, and sees the hit. */
static void check_watching(struct machine *machine)
{
    const rst_probe *probe = machine->probe;
    int uprobe = machine->image;
    uint64_t hits = 0;
    bool counted;
    char path[64];

    if (!probe)
        return;
    if (uprobe >= 0) { /* by the open file, as the path may lead to another one by now */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", machine->image);
        uprobe = uprobe_attach(path, machine->site, machine->semaphore);
    }
    if (uprobe < 0) {
        fact_set(machine, VERDICT_NO, "a loaded probe can't be watched: %s: %s", strerror(-uprobe),
                 status_of(uprobe) == STATUS_FORBIDDEN
                     ? "be root, or have CAP_PERFMON and CAP_BPF"
                     : "the lines above say what the kernel lacks");
        return;
    }
    counted = rst_probe_enabled(probe);
    RST_FIRE(probe, 1);
    if (read(uprobe, &hits, sizeof(hits)) != sizeof(hits))
        hits = 0;
    close(uprobe);
    machine->traces = counted && hits == 1 && !rst_probe_enabled(probe);
    if (machine->traces)
        fact_set(machine, VERDICT_YES,
                 "a loaded probe was watched: the kernel counted the tracer and the hit");
    else
        fact_set(machine, VERDICT_NO,
                 "watching a probe failed: tracer %s, %llu hits seen of 1 fire, %s afterwards",
                 counted ? "counted" : "not counted", (unsigned long long)hits,
                 rst_probe_enabled(probe) ? "still watched" : "not watched");
}

const struct check load_checks[] = {
    {"setting", check_environment, NULL},
    {"memfd", check_memfd, NULL},
    {"file", check_directory, "XDG_RUNTIME_DIR"},
    {"file", check_directory, "TMPDIR"},
    {"file", check_directory, NULL},
    {"nop", check_nop, NULL},
    {"watching", check_watching, NULL},
    {NULL, NULL, NULL},
};
