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
#include "cli/check/uprobe.h"
#include "cli/usdt/usdt.h"
#include "rst.h"

static bool check_environment(struct machine *machine, struct fact *fact)
{
    const char *disable = getenv("RST_DISABLE"), *backing = getenv("RST_BACKING");

    (void)machine;
    if (disable && *disable && strcmp(disable, "0") != 0)
        fact_set(fact, VERDICT_NOTE, "RST_DISABLE=%s: programs started from here load no probes",
                 disable);
    else if (backing && *backing)
        fact_set(fact, VERDICT_NOTE, "RST_BACKING=%s overrides what programs choose", backing);
    /* These variables say nothing about the machine. */
    unsetenv("RST_DISABLE");
    unsetenv("RST_BACKING");
    return fact->words.size > 0;
}

static bool check_policy(struct machine *machine, struct fact *fact)
{
    static const char *const words[] = {
        "vm.memfd_noexec is 0: any memfd may be executed",
        "vm.memfd_noexec is 1: librst's may still be executed",
        "vm.memfd_noexec is 2: librst's may still be executed",
    };
    char line[32];

    (void)machine;
    if (!read_line("/proc/sys/vm/memfd_noexec", line, sizeof(line)))
        return false; /* before Linux 6.3 there is no policy */
    if (line[0] >= '0' && line[0] <= '2' && !line[1])
        fact_set(fact, VERDICT_NOTE, "%s", words[line[0] - '0']);
    else
        fact_set(fact, VERDICT_NOTE, "vm.memfd_noexec is %s", line);
    return true;
}

/* Load a probe. Gives a provider to free, or NULL, with the failure in errno and `fact`. */
static rst_provider *load(int backing, const char *directory, rst_probe **ret, struct fact *fact)
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
    fact_set(fact, VERDICT_NO, "%s", rst_error());
    rst_provider_free(provider);
    errno = error;
    return NULL;
}

static bool check_memfd(struct machine *machine, struct fact *fact)
{
    rst_probe *probe;
    rst_provider *provider = load(RST_BACKING_MEMFD, NULL, &probe, fact);

    machine->memfd_loads = provider;
    if (provider)
        fact_set(fact, VERDICT_YES, "a probe was loaded from a memfd");
    else
        fact_advise(fact, "librst uses a file instead");
    rst_provider_free(provider);
    return true;
}

/* ------------------------------------------------------------------------- directories -- */

static bool check_directory(struct machine *machine, const char *directory, struct fact *fact)
{
    rst_probe *probe;
    rst_provider *provider;
    struct statvfs about;

    if (statvfs(directory, &about) == 0 && about.f_flag & ST_NOEXEC) {
        fact_set(fact, VERDICT_NO, "%s is mounted noexec", directory);
        fact_advise(fact, "librst skips it; name another with RST_BACKING=file:DIR");
        return true;
    }
    provider = load(RST_BACKING_FILE, directory, &probe, fact);
    if (provider) {
        fact_set(fact, VERDICT_YES, "a probe was loaded from a file in %s", directory);
        machine->file_loads = true;
        if (!machine->directory)
            machine->directory = sure(strdup(directory));
    }
    rst_provider_free(provider);
    return true;
}

/* Like librst, use only an absolute path. */
static bool check_variable(struct machine *machine, const char *variable, struct fact *fact)
{
    const char *directory = getenv(variable);

    return directory && *directory == '/' && check_directory(machine, directory, fact);
}

static bool check_runtime_directory(struct machine *machine, struct fact *fact)
{
    return check_variable(machine, "XDG_RUNTIME_DIR", fact);
}

static bool check_own_tmp(struct machine *machine, struct fact *fact)
{
    return check_variable(machine, "TMPDIR", fact);
}

static bool check_tmp(struct machine *machine, struct fact *fact)
{
    const char *own = getenv("TMPDIR");

    return !(own && strcmp(own, "/tmp") == 0) && check_directory(machine, "/tmp", fact);
}

/* ------------------------------------------------------------------------------- probe -- */

/* Load a probe from a backing from which one was loaded before. */
static rst_provider *load_again(const struct machine *machine, rst_probe **ret, struct fact *fact)
{
    return machine->memfd_loads ? load(RST_BACKING_MEMFD, NULL, ret, fact)
                                : load(RST_BACKING_FILE, machine->directory, ret, fact);
}

/* The image of a loaded probe, as any tracer reads it. */
struct own_image {
    int fd;
    uint64_t site, semaphore;
};

/* Gives 0 or a negative errno. */
static int open_image(const rst_probe *probe, struct own_image *ret)
{
    const char *path = rst_probe_path(probe);
    struct own_image image = {0};
    struct usdt_file file;
    struct stat about;
    int error;

    image.fd = file_open(path, &about);
    if (image.fd < 0)
        return image.fd;
    error = usdt_read(image.fd, path, &file);
    if (error >= 0) {
        if (file.count == 1) {
            image.site = file.probes[0].site;
            image.semaphore = file.probes[0].semaphore;
        } else {
            error = -ENOENT;
        }
        usdt_free(&file);
    }
    if (error < 0) {
        close(image.fd);
        return error;
    }
    *ret = image;
    return 0;
}

/* --------------------------------------------------------------------------------- nop -- */

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

static void tell_nop(const rst_probe *probe, struct fact *fact)
{
    uint8_t code[sizeof(nops[0].code)];
    struct own_image image;
    int error = open_image(probe, &image);

    if (error < 0) {
        fact_set(fact, VERDICT_NO, "a loaded probe's image can't be read: %s", strerror(-error));
        return;
    }
    fact_set(fact, VERDICT_NO, "this rst does not know the instruction at each site");
    if (pread(image.fd, code, sizeof(code), (off_t)image.site) == sizeof(code))
        for (size_t i = 0; i < sizeof(nops) / sizeof(nops[0]); i++)
            if (memcmp(code, nops[i].code, nops[i].size) == 0)
                fact_set(fact, VERDICT_NOTE, "%s", nops[i].words);
    close(image.fd);
}

/* Read the site's instruction from the image that librst has loaded. */
static bool check_nop(struct machine *machine, struct fact *fact)
{
    const char *wish = getenv("RST_NOP");
    rst_probe *probe;
    rst_provider *provider = load_again(machine, &probe, fact);

    if (provider) {
        tell_nop(probe, fact);
        rst_provider_free(provider);
        return true;
    }
    if (!wish || !*wish || errno != EINVAL) /* the lines above tell other errors */
        return false;
    fact_advise(fact, "no probe can be loaded like this; unset RST_NOP");
    return true;
}

/* ----------------------------------------------------------------------------- watching -- */

static int open_uprobe(const rst_probe *probe)
{
    struct own_image image;
    char path[64];
    int uprobe = open_image(probe, &image);

    if (uprobe >= 0) { /* by the open file, as the path may lead to another one by now */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", image.fd);
        uprobe = uprobe_attach(path, image.site, image.semaphore);
        close(image.fd);
    }
    return uprobe;
}

/* Check that the kernel counts a tracer in and out, and sees the hit. */
static void watch(struct machine *machine, const rst_probe *probe, struct fact *fact)
{
    int uprobe = open_uprobe(probe);
    uint64_t hits;
    bool counted;

    if (uprobe < 0) {
        fact_set(fact, VERDICT_NO, "a loaded probe can't be watched: %s", strerror(-uprobe));
        fact_advise(fact, uprobe_is_refused(uprobe) ? "be root, or have CAP_PERFMON and CAP_BPF"
                                                    : "the lines above say what the kernel lacks");
        return;
    }
    counted = rst_probe_enabled(probe);
    RST_FIRE(probe, 1);
    hits = uprobe_count(uprobe);
    close(uprobe);
    machine->traces = counted && hits == 1 && !rst_probe_enabled(probe);
    if (machine->traces)
        fact_set(fact, VERDICT_YES,
                 "a loaded probe was watched: the kernel counted the tracer and the hit");
    else
        fact_set(fact, VERDICT_NO,
                 "watching a probe failed: tracer %s, %llu hits seen of 1 fire, %s afterwards",
                 counted ? "counted" : "not counted", (unsigned long long)hits,
                 rst_probe_enabled(probe) ? "still watched" : "not watched");
}

static bool check_watching(struct machine *machine, struct fact *fact)
{
    rst_probe *probe;
    rst_provider *provider;

    if (!machine->memfd_loads && !machine->file_loads)
        return false;
    provider = load_again(machine, &probe, fact);
    if (provider)
        watch(machine, probe, fact);
    rst_provider_free(provider);
    return true;
}

const struct check load_checks[] = {
    {"setting", check_environment},
    {"policy", check_policy},
    {"memfd", check_memfd},
    {"file", check_runtime_directory},
    {"file", check_own_tmp},
    {"file", check_tmp},
    {"nop", check_nop},
    {"watching", check_watching},
    {NULL, NULL},
};
