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

static void check_policy(struct machine *machine)
{
    char line[32];

    if (read_line("/proc/sys/vm/memfd_noexec", line, sizeof(line))) /* new in Linux 6.3 */
        fact_set(machine, VERDICT_NOTE, "vm.memfd_noexec is %s%s", line,
                 strcmp(line, "0") == 0 ? ": any memfd may be executed"
                 : strcmp(line, "1") == 0 || strcmp(line, "2") == 0
                     ? ": librst's may still be executed"
                     : "");
}

/*
 * Load a probe. Gives a provider to free; or NULL, with errno, and the failure as the fact, with
 * `advice` behind it.
 */
static rst_provider *load(struct machine *machine, int backing, const char *directory,
                          rst_probe **ret, const char *advice)
{
    rst_provider *provider = rst_provider_new("rst_check");
    rst_probe *probe = provider ? rst_provider_add(provider, "check", "uint64 value") : NULL;
    int error;

    if (probe && rst_provider_set_backing(provider, backing, directory) == 0 &&
        rst_provider_load(provider) == 0) {
        *ret = probe;
        return provider;
    }
    error = errno;
    fact_set(machine, VERDICT_NO, "%s%s", rst_error(), advice);
    rst_provider_free(provider);
    errno = error;
    return NULL;
}

static void check_memfd(struct machine *machine)
{
    rst_probe *probe;
    rst_provider *provider =
        load(machine, RST_BACKING_MEMFD, NULL, &probe, ": librst uses a file instead");

    machine->memfd_loads = provider;
    if (provider)
        fact_set(machine, VERDICT_YES, "a probe was loaded from a memfd");
    rst_provider_free(provider);
}

/* The context is the variable that names the directory, or NULL for /tmp. */
static void check_directory(struct machine *machine)
{
    const char *variable = machine->context, *own = getenv("TMPDIR");
    const char *directory = variable ? getenv(variable) : "/tmp";
    rst_probe *probe;
    rst_provider *provider;
    struct statvfs about;

    if (!directory || *directory != '/' || (!variable && own && strcmp(own, directory) == 0))
        return; /* librst uses only an absolute path, too */
    if (statvfs(directory, &about) == 0 && about.f_flag & ST_NOEXEC) {
        fact_set(machine, VERDICT_NO,
                 "%s is mounted noexec: librst skips it; name another with RST_BACKING=file:DIR",
                 directory);
        return;
    }
    provider = load(machine, RST_BACKING_FILE, directory, &probe, "");
    if (provider) {
        fact_set(machine, VERDICT_YES, "a probe was loaded from a file in %s", directory);
        machine->file_loads = true;
        if (!machine->directory)
            machine->directory = sure(strdup(directory));
    }
    rst_provider_free(provider);
}

/* Load a probe from a backing from which one was loaded before. */
static rst_provider *load_again(struct machine *machine, rst_probe **ret, const char *advice)
{
    return machine->memfd_loads ? load(machine, RST_BACKING_MEMFD, NULL, ret, advice)
                                : load(machine, RST_BACKING_FILE, machine->directory, ret, advice);
}

/* Open the image of a loaded probe as any tracer does. Gives a descriptor or a negative errno. */
static int open_image(const rst_probe *probe, struct usdt_probe *ret)
{
    const char *path = rst_probe_path(probe);
    struct usdt_file file;
    struct stat about;
    int fd = file_open(path, &about), error;

    if (fd < 0)
        return fd;
    error = usdt_read(fd, path, &file);
    if (error == 0) {
        if (file.count == 1)
            *ret = (struct usdt_probe){.site = file.probes[0].site,
                                       .semaphore = file.probes[0].semaphore};
        else
            error = -ENOENT;
        usdt_free(&file);
    }
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

static void tell_nop(struct machine *machine, const rst_probe *probe)
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
    uint8_t code[sizeof(nops[0].code)];
    struct usdt_probe place;
    int fd = open_image(probe, &place);

    if (fd < 0) {
        fact_set(machine, VERDICT_NO, "a loaded probe's image can't be read: %s", strerror(-fd));
        return;
    }
    fact_set(machine, VERDICT_NO, "this rst does not know the instruction at each site");
    if (pread(fd, code, sizeof(code), (off_t)place.site) == sizeof(code))
        for (size_t i = 0; i < sizeof(nops) / sizeof(nops[0]); i++)
            if (memcmp(code, nops[i].code, nops[i].size) == 0)
                fact_set(machine, VERDICT_NOTE, "%s", nops[i].words);
    close(fd);
}

/* Read the site's instruction from the image that librst has loaded. */
static void check_nop(struct machine *machine)
{
    const char *wish = getenv("RST_NOP");
    rst_probe *probe;
    rst_provider *provider =
        load_again(machine, &probe, ": no probe can be loaded like this; unset RST_NOP");

    if (provider)
        tell_nop(machine, probe);
    else if (!wish || !*wish || errno != EINVAL)
        text_clear(&machine->words); /* the lines above tell other errors */
    rst_provider_free(provider);
}

static int open_uprobe(const rst_probe *probe)
{
    struct usdt_probe place;
    char path[64];
    int fd = open_image(probe, &place), uprobe;

    if (fd < 0)
        return fd;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* its path may lead to another by now */
    uprobe = uprobe_attach(path, place.site, place.semaphore);
    close(fd);
    return uprobe;
}

/* Check that the kernel counts a tracer in and out, and sees the hit. */
static void watch(struct machine *machine, const rst_probe *probe)
{
    int uprobe = open_uprobe(probe);
    uint64_t hits = 0;
    bool counted;

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

static void check_watching(struct machine *machine)
{
    rst_probe *probe;
    rst_provider *provider;

    if (!machine->memfd_loads && !machine->file_loads)
        return;
    provider = load_again(machine, &probe, "");
    if (provider)
        watch(machine, probe);
    rst_provider_free(provider);
}

const struct check load_checks[] = {
    {"setting", check_environment, NULL},
    {"policy", check_policy, NULL},
    {"memfd", check_memfd, NULL},
    {"file", check_directory, "XDG_RUNTIME_DIR"},
    {"file", check_directory, "TMPDIR"},
    {"file", check_directory, NULL},
    {"nop", check_nop, NULL},
    {"watching", check_watching, NULL},
    {NULL, NULL, NULL},
};
