/* SPDX-License-Identifier: MIT */
/*
 * rst check: what this machine can do for probes, a line for each fact. It tries loading from each
 * backing, and watching, with probes of its own.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "arch/arch.h"
#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/base/table.h"
#include "cli/base/text.h"
#include "cli/trace/bpf/bpf.h"
#include "cli/usdt/usdt.h"
#include "error.h"
#include "rst.h"

#if defined(__x86_64__) || defined(__i386__) /* whose nops are told by their length */
#define IS_X86 true
#else
#define IS_X86 false
#endif

/* Older headers lack these. */
#define RST_CAP_PERFMON 38
#define RST_CAP_BPF 39

/* The first kernel that counts a probe's tracers: 4.20. */
#define FIRST_VERSION 420

static const char help[] =
    "Usage: rst check\n"
    "Say what this machine can do for probes, a line for each fact, and what to do about a "
    "\"no\".\n"
    "\n"
    "To find out, it loads a probe of its own from each backing, and watches one for a moment.\n"
    "\n"
    "  -h, --help  show this text\n"
    "\n"
    "Exit status: 0 if probes can be loaded and you can trace them, 7 if they can be loaded but\n"
    "you can't trace them, 8 if they can't be loaded.\n"
    "\n"
    "Examples:\n"
    "    sudo rst check\n"
    "    sudo rst check | grep ^no\n";

enum verdict { NO, YES, NOTE /* neither good nor bad */ };

/* Print a fact. The words of a "no" say what to do about it. */
__attribute__((format(printf, 3, 4))) static void fact(enum verdict verdict, const char *name,
                                                       const char *format, ...)
{
    static const char *const verdicts[] = {"no", "yes", "-"};
    static const char *const colours[] = {"\033[1;31m", "\033[32m", ""};
    const char *colour = table_has_colour() ? colours[verdict] : "";
    struct text shown = {0};
    va_list args;
    char *words;

    va_start(args, format);
    sure(vasprintf(&words, format, args) < 0 ? NULL : words);
    va_end(args);
    text_add_shown(&shown, words, strlen(words));
    printf("%s%-3s%s  %-10s  %s\n", colour, verdicts[verdict], *colour ? "\033[0m" : "", name,
           shown.bytes);
    fflush(stdout); /* the next check may take a moment */
    free(words);
    free(shown.bytes);
}

/* ---------------------------------------------------------------------------- the kernel -- */

static void check_kernel(void)
{
    struct utsname name;
    const char *advice = "";

    if (uname(&name) < 0)
        return;
    if (version_number(name.release) < FIRST_VERSION)
        advice = ": it does not count a probe's tracers; 4.20 and newer do";
    fact(*advice ? NO : YES, "kernel", "Linux %s, %s%s", name.release, name.machine, advice);
}

static void check_privileges(void)
{
    static const struct {
        const char *name;
        unsigned number;
        bool by_admin; /* CAP_SYS_ADMIN includes it */
    } needed[] = {{"CAP_BPF", RST_CAP_BPF, true},
                  {"CAP_PERFMON", RST_CAP_PERFMON, true},
                  {"CAP_SYS_PTRACE", CAP_SYS_PTRACE, false}};
    struct text lacking = {0};

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!has_capability(needed[i].number) &&
            !(needed[i].by_admin && has_capability(CAP_SYS_ADMIN)))
            text_addf(&lacking, "%s%s", lacking.size ? ", " : "", needed[i].name);
    if (!in_first_namespace())
        fact(NO, "privileges",
             "you are in a user namespace, whose capabilities don't count: run tracers as root "
             "outside of it; gdb works inside");
    else if (lacking.size == 0)
        fact(YES, "privileges", "you are %sroot, with all capabilities that tracers need",
             geteuid() == 0 ? "" : "not ");
    else
        fact(NO, "privileges",
             "you lack %s: run tracers as root; gdb needs none of it for your own processes",
             lacking.bytes);
    free(lacking.bytes);
}

/* Report on watching this program. Without uprobes there is nothing to say. */
static void check_attaching(int uprobe)
{
    char paranoid[32] = "unknown";

    read_line("/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid));
    /*
     * The user may attach also if the kernel says that there is no instruction at offset 0, which
     * some kernels notice at once, and others only when it is mapped.
     */
    if (uprobe >= 0 || uprobe == -EINVAL || uprobe == -EIO)
        fact(YES, "attaching", "you may attach uprobes");
    else if (status_of(uprobe) == STATUS_FORBIDDEN)
        fact(NO, "attaching",
             "you may not attach uprobes (%s; kernel.perf_event_paranoid is %s): be root%s",
             strerror(-uprobe), paranoid,
             strtol(paranoid, NULL, 10) > 2 ? "" : ", or have CAP_PERFMON");
    else if (uprobe != -ENODEV)
        fact(NO, "attaching",
             "a uprobe can't be attached: %s: use a kernel with CONFIG_UPROBE_EVENTS; gdb works "
             "without it",
             strerror(-uprobe));
}

static void check_tracefs(void)
{
    static const char *const paths[] = {"/sys/kernel/tracing/uprobe_events",
                                        "/sys/kernel/debug/tracing/uprobe_events"};

    const char *path = access(paths[0], W_OK) == 0 ? paths[0] : paths[1];

    if (access(path, W_OK) == 0)
        fact(YES, "tracefs", "%s: you can watch memfd and file without a tool", path);
    else
        fact(NOTE, "tracefs",
             "not mounted, or you may not use it; perf needs it: as root, mount -t tracefs tracefs "
             "/sys/kernel/tracing");
}

/* ------------------------------------------------------------------------------- loading -- */

/* What was loaded. */
struct loaded {
    rst_provider *provider; /* the first that could be loaded; NULL: none */
    rst_probe *probe;
    int image;                /* its image, open; or a negative errno */
    uint64_t site, semaphore; /* offsets in the image */

    int loads;      /* how often a load was tried */
    int load_error; /* errno of the last that failed */
};

static void check_environment(void)
{
    const char *disable = getenv("RST_DISABLE"), *backing = getenv("RST_BACKING");

    if (disable && *disable && strcmp(disable, "0") != 0)
        fact(NOTE, "setting", "RST_DISABLE=%s: programs started from here load no probes", disable);
    else if (backing && *backing)
        fact(NOTE, "setting", "RST_BACKING=%s overrides what programs choose", backing);
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
    struct statvfs about;
    rst_probe *probe;
    char name[16];

    snprintf(name, sizeof(name), "check%d", loaded->loads++);
    probe = rst_provider_add(provider, name, "uint64 value");
    if (directory && statvfs(directory, &about) == 0 && about.f_flag & ST_NOEXEC) {
        fact(NO, "file",
             "%s is mounted noexec: librst skips it; name another with RST_BACKING=file:DIR",
             directory);
        probe = NULL;
    } else if (!probe || rst_provider_set_backing(provider, backing, directory) < 0 ||
               rst_provider_load(provider) < 0) {
        loaded->load_error = errno;
        fact(NO, kind, "%s%s", rst_error(), directory ? "" : ": librst uses a file instead");
        probe = NULL;
    } else {
        fact(YES, kind, "a probe was loaded from a %s%s%s", kind, directory ? " in " : "",
             directory ? directory : "");
    }
    if (!probe || loaded->probe) {
        rst_provider_free(provider);
        return;
    }
    loaded->provider = provider;
    loaded->probe = probe;
    open_image(loaded);
}

/* Read the site's instruction from the image that librst has loaded. */
static void check_nop(const struct loaded *loaded)
{
    static const char *const words[] = {
        [RST_NOP1] = IS_X86 ? "1 byte at each site: a watched fire traps into the kernel"
                            : "the CPU's nop is at each site: a watched fire traps into the kernel",
        [RST_NOP5] = "5 bytes at each site, by RST_NOP=fast: a watched fire is a call, not a trap",
        [RST_NOP10] = "10 bytes at each site: a watched fire is a call, not a trap",
    };
    const struct rst_stub *stubs;
    const char *wish = getenv("RST_NOP");
    uint8_t code[UINT8_MAX];

    if (!loaded->probe) { /* the lines above tell other errors */
        if (wish && *wish && loaded->load_error == EINVAL)
            fact(NO, "nop", "RST_NOP=%s: no probe can be loaded like this; unset RST_NOP", wish);
        return;
    }
    if (loaded->image < 0) {
        fact(NO, "nop", "a loaded probe's image can't be read: %s", strerror(-loaded->image));
        return;
    }
    stubs = rst_arch_native()->stubs;
    for (enum rst_nop nop = RST_NOP1; nop < RST_NOPS; nop++) {
        size_t rest = stubs[nop].code ? (size_t)(stubs[nop].size - stubs[nop].site) : 0;

        if (rest > 0 && pread(loaded->image, code, rest, (off_t)loaded->site) == (ssize_t)rest &&
            memcmp(code, stubs[nop].code + stubs[nop].site, rest) == 0) {
            fact(NOTE, "nop", "%s", words[nop]);
            return;
        }
    }
    fact(NO, "nop", "this rst does not know the instruction at each site");
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
        uprobe = uprobe_open(path, loaded->site, loaded->semaphore, getpid());
    }
    if (uprobe < 0) {
        fact(NO, "watching", "a loaded probe can't be watched: %s: %s", strerror(-uprobe),
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
        fact(YES, "watching",
             "a loaded probe was watched: the kernel counted the tracer and the hit");
    else
        fact(NO, "watching",
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
        fact(NO, "trace",
             "rst trace needs root: sudo rst trace ... (without root: rst trace --for gdb)");
    else if (bpf_try(&kernel) < 0)
        fact(NO, "trace", "%s", rst_error());
    else if (kernel.multi)
        fact(YES, "trace", "rst trace works, by BPF programs and uprobe-multi links");
    else if (traces)
        fact(YES, "trace", "rst trace works, by BPF programs and perf events");
    else
        fact(
            NO, "trace",
            "rst trace may load BPF programs, but attaches them by uprobes, which don't work here: "
            "the lines above say why");
}

static enum status check_loading(void)
{
    struct loaded loaded = {0};
    const char *own = getenv("TMPDIR");
    const char *const directories[] = {getenv("XDG_RUNTIME_DIR"), own,
                                       own && strcmp(own, "/tmp") == 0 ? NULL : "/tmp", "/dev/shm"};
    bool traces = false;

    check_environment();
    try_to_load(&loaded, NULL);
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        if (directories[i] && *directories[i] == '/') /* librst uses only an absolute path, too */
            try_to_load(&loaded, directories[i]);
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

/* ------------------------------------------------------------------------------- tracers -- */

/* Which backings each tracer can see. docs/tracing.md has the commands. */
static const struct tracer {
    const char *name, *program, *other_name, *package;
    bool no_script; /* a script is another program of that name */
    const char *sees;
} tracers[] = {
    {"bpftrace", "bpftrace", NULL, "bpftrace", false,
     "sees memfd and file by their paths; by -p PID a file, and up to version 0.24 a memfd"},
    {"bcc", "tplist-bpfcc", "tplist", "bpfcc-tools", false,
     "and bcc's other tools see memfd and file, by -p PID and by path"},
    {"perf", "perf", NULL, "linux-perf", false,
     "sees no memfd; a file after perf buildid-cache --update FILE"},
    {"gdb", "gdb", NULL, "gdb", false,
     "sees memfd and file; needs no privilege for your own processes"},
    {"stap", "stap", NULL, "systemtap", false, "sees no memfd; a file by its path"},
    {"dtrace", "dtrace", NULL, "dtrace", true,
     "sees memfd and file from 2.0.7 on; calls provider shop of process 4711 shop4711"},
};

/* The path of a program, to be freed; NULL if there is none. */
static char *find_program(const char *program)
{
    /* These too: Debian keeps bcc's tools in a directory that is not in every user's PATH. */
    static const char further[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
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

static void look_for(const struct tracer *tracer)
{
    char *path = find_program(tracer->program), start[3];

    if (!path && tracer->other_name)
        path = find_program(tracer->other_name);
    if (!path)
        fact(NOTE, tracer->name, "not installed: Debian has it as %s", tracer->package);
    else if (tracer->no_script && read_line(path, start, sizeof(start)) && strcmp(start, "#!") == 0)
        fact(NOTE, tracer->name, "%s is another program of that name", path);
    else
        fact(YES, tracer->name, "%s %s", path, tracer->sees);
    free(path);
}

static enum status run(int count, char **words)
{
    enum status status;
    int uprobe;

    if (count > 1)
        return say_usage("check", "%s: it takes no arguments", rst_quote(words[1]).text);
    uprobe = uprobe_open("/proc/self/exe", 0, 0, getpid());
    check_kernel();
    if (uprobe == -ENODEV)
        fact(NO, "uprobes",
             "the kernel has no uprobes, or /sys is not mounted: use a kernel with "
             "CONFIG_UPROBE_EVENTS; gdb works without it");
    else
        fact(YES, "uprobes", "the kernel has uprobes");
    check_privileges();
    check_attaching(uprobe);
    check_tracefs();
    if (uprobe >= 0)
        close(uprobe);
    status = check_loading();
    for (size_t i = 0; i < sizeof(tracers) / sizeof(tracers[0]); i++)
        look_for(&tracers[i]);
    return status;
}

const struct command check_command = {"check", "what this machine can do for probes", help, run};
