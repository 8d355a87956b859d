/* SPDX-License-Identifier: MIT */
/*
 * Whether probes can be loaded from each backing, and watched. It tries both with a probe of its
 * own.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/check/check.h"
#include "cli/trace/bpf/bpf.h"
#include "cli/usdt/usdt.h"
#include "error.h"
#include "rst.h"

#define SEMAPHORE_SHIFT 32 /* /sys/bus/event_source/devices/uprobe/format/ref_ctr_offset */

/* What was loaded. */
struct loaded {
    rst_provider *provider; /* the first that could be loaded; NULL: none */
    rst_probe *probe;
    int image;                /* its image, open; or a negative errno */
    uint64_t site, semaphore; /* offsets in the image */

    int loads;      /* how often a load was tried */
    int load_error; /* errno of the last that failed */
};

int uprobe_attach(const char *path, uint64_t site, uint64_t semaphore)
{
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = semaphore << SEMAPHORE_SHIFT,
        .config1 = (uintptr_t)path,
        .config2 = site,
    };
    char type[32];
    int uprobe;

    if (!read_line("/sys/bus/event_source/devices/uprobe/type", type, sizeof(type)))
        return -ENODEV;
    attributes.type = (uint32_t)strtoul(type, NULL, 10);
    uprobe = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return uprobe < 0 ? -errno : uprobe;
}

static void check_environment(void)
{
    const char *disable = getenv("RST_DISABLE"), *backing = getenv("RST_BACKING");

    if (disable && *disable && strcmp(disable, "0") != 0)
        fact(VERDICT_NOTE, "setting", "RST_DISABLE=%s: programs started from here load no probes",
             disable);
    else if (backing && *backing)
        fact(VERDICT_NOTE, "setting", "RST_BACKING=%s overrides what programs choose", backing);
    /* These variables say nothing about the machine. */
    unsetenv("RST_DISABLE");
    unsetenv("RST_BACKING");
}

/* Open the probe's image as any tracer does. */
static void open_image(struct loaded *loaded)
{
    const char *path = rst_probe_path(loaded->probe);
    struct usdt_file file = {0};
    struct stat about;
    int error;

    loaded->image = file_open(path, &about);
    if (loaded->image < 0)
        return;
    error = usdt_read(loaded->image, path, &file);
    if (error == 0 && file.count == 1) {
        loaded->site = file.probes[0].site;
        loaded->semaphore = file.probes[0].semaphore;
    } else {
        close(loaded->image);
        loaded->image = error < 0 ? error : -ENOENT;
    }
    usdt_free(&file);
}

/* Load a probe from a file in a directory, or, without one, a memfd. Keep it if it is the first. */
static void try_to_load(struct loaded *loaded, const char *directory)
{
    int backing = directory ? RST_BACKING_FILE : RST_BACKING_MEMFD;
    const char *kind = directory ? "file" : "memfd";
    rst_provider *provider = rst_provider_new("rst_check");
    rst_probe *probe;
    char name[16];

    snprintf(name, sizeof(name), "check%d", loaded->loads++);
    probe = rst_provider_add(provider, name, "uint64 value");
    if (!probe || rst_provider_set_backing(provider, backing, directory) < 0 ||
        rst_provider_load(provider) < 0) {
        loaded->load_error = errno;
        fact(VERDICT_NO, kind, "%s%s", rst_error(),
             directory ? "" : ": librst uses a file instead");
        rst_provider_free(provider);
        return;
    }
    fact(VERDICT_YES, kind, "a probe was loaded from a %s%s%s", kind, directory ? " in " : "",
         directory ? directory : "");
    if (loaded->provider) {
        rst_provider_free(provider);
        return;
    }
    loaded->provider = provider;
    loaded->probe = probe;
    open_image(loaded);
}

static void try_directory(struct loaded *loaded, const char *directory)
{
    struct statvfs about;

    if (!directory || *directory != '/') /* librst uses only an absolute path, too */
        return;
    if (statvfs(directory, &about) == 0 && about.f_flag & ST_NOEXEC)
        fact(VERDICT_NO, "file",
             "%s is mounted noexec: librst skips it; name another with RST_BACKING=file:DIR",
             directory);
    else
        try_to_load(loaded, directory);
}

/* Read the site's instruction from the image that librst has loaded. */
static void check_nop(const struct loaded *loaded)
{
    static const struct {
        char code[4]; /* the first bytes of the instruction */
        size_t size;
        const char *words;
    } nops[] = {
        {"\x90", 1, "1 byte at each site: a watched fire traps into the kernel"},
        {"\x0f\x1f\x44", 3,
         "5 bytes at each site, by RST_NOP=fast: a watched fire is a call, not a trap"},
        {"\x66\x2e\x0f", 3, "10 bytes at each site: a watched fire is a call, not a trap"},
    };
    const char *wish = getenv("RST_NOP");
    char code[3];

    if (!loaded->probe) { /* the lines above tell other errors */
        if (wish && *wish && loaded->load_error == EINVAL)
            fact(VERDICT_NO, "nop", "RST_NOP=%s: no probe can be loaded like this; unset RST_NOP",
                 wish);
        return;
    }
    if (loaded->image < 0) {
        fact(VERDICT_NO, "nop", "a loaded probe's image can't be read: %s",
             strerror(-loaded->image));
        return;
    }
    if (pread(loaded->image, code, sizeof(code), (off_t)loaded->site) == sizeof(code))
        for (size_t i = 0; i < sizeof(nops) / sizeof(nops[0]); i++)
            if (memcmp(code, nops[i].code, nops[i].size) == 0) {
                fact(VERDICT_NOTE, "nop", "%s", nops[i].words);
                return;
            }
    fact(VERDICT_NO, "nop", "this rst does not know the instruction at each site");
}

/* Check that the kernel counts a tracer in and out, and sees the hit. */
static bool check_watching(const struct loaded *loaded)
{
    const rst_probe *probe = loaded->probe;
    int uprobe = loaded->image;
    uint64_t hits = 0;
    bool counted, traces;
    char path[64];

    if (uprobe >= 0) { /* by the open file, as the path may lead to another one by now */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", loaded->image);
        uprobe = uprobe_attach(path, loaded->site, loaded->semaphore);
    }
    if (uprobe < 0) {
        fact(VERDICT_NO, "watching", "a loaded probe can't be watched: %s: %s", strerror(-uprobe),
             status_of(uprobe) == STATUS_FORBIDDEN ? "be root, or have CAP_PERFMON and CAP_BPF"
                                                   : "the lines above say what the kernel lacks");
        return false;
    }
    counted = rst_probe_enabled(probe);
    RST_FIRE(probe, 1);
    if (read(uprobe, &hits, sizeof(hits)) != sizeof(hits))
        hits = 0;
    close(uprobe);
    traces = counted && hits == 1 && !rst_probe_enabled(probe);
    if (traces)
        fact(VERDICT_YES, "watching",
             "a loaded probe was watched: the kernel counted the tracer and the hit");
    else
        fact(VERDICT_NO, "watching",
             "watching a probe failed: tracer %s, %llu hits seen of 1 fire, %s afterwards",
             counted ? "counted" : "not counted", (unsigned long long)hits,
             rst_probe_enabled(probe) ? "still watched" : "not watched");
    return traces;
}

/* Whether rst trace works. It does not need perf events where the kernel has uprobe-multi links. */
static void check_trace(bool traces)
{
    struct bpf_kernel kernel;

    if (geteuid() != 0)
        fact(VERDICT_NO, "trace",
             "rst trace needs root: sudo rst trace ... (without root: rst trace --for gdb)");
    else if (bpf_try(&kernel) < 0)
        fact(VERDICT_NO, "trace", "%s", rst_error());
    else if (kernel.multi)
        fact(VERDICT_YES, "trace", "rst trace works, by BPF programs and uprobe-multi links");
    else if (traces)
        fact(VERDICT_YES, "trace", "rst trace works, by BPF programs and perf events");
    else
        fact(
            VERDICT_NO, "trace",
            "rst trace may load BPF programs, but attaches them by uprobes, which don't work here: "
            "the lines above say why");
}

enum status check_loading(void)
{
    struct loaded loaded = {0};
    const char *own = getenv("TMPDIR");
    bool traces = false;

    check_environment();
    try_to_load(&loaded, NULL);
    try_directory(&loaded, getenv("XDG_RUNTIME_DIR"));
    try_directory(&loaded, own);
    if (!own || strcmp(own, "/tmp") != 0)
        try_directory(&loaded, "/tmp");
    check_nop(&loaded);
    if (loaded.probe)
        traces = check_watching(&loaded);
    check_trace(traces);
    if (!loaded.probe)
        return STATUS_UNLOADABLE;
    rst_provider_free(loaded.provider);
    if (loaded.image >= 0)
        close(loaded.image);
    return traces ? STATUS_GOOD : STATUS_UNTRACEABLE;
}
