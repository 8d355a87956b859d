/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel refuses a trace: what rst says, and what works there instead. And where files
 * and processes are other than they seem: overlay mounts, PID namespaces.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/text.h"
#include "cli/trace/bpf/bpf.h"
#include "cli/trace/bpf/record.h"
#include "cli/trace/bpf/state.h"
#include "self_plan.h"
#include "support/children.h"
#include "support/sandbox.h"
#include "support/tracer.h"

struct market {
    rst_provider *provider;
    rst_probe *closed;
};

static struct market market_loaded(void)
{
    struct market market = {.provider = rst_provider_new("market")};

    market.closed = rst_provider_add(market.provider, "closed", "uint64 id");
    check_equal(rst_provider_load(market.provider), 0);
    return market;
}

/* --------------------------------------------------------------------------- refusals -- */

/* Load and attach. Gives a negative errno, with words that have `words`, or 0. */
static int outcome(const char *words)
{
    struct market market = market_loaded();
    struct self_plan self;
    struct bpf *bpf;
    int error;

    self_plan_begin(&self, getpid());
    self_plan_add(&self, "market", market.closed);
    error = bpf_load(&self.plan, &bpf);
    if (error == 0)
        error = bpf_attach(bpf);
    if (words)
        check_mentions(rst_error(), words);
    return error;
}

static void without_root(void *data)
{
    int error;

    (void)data;
    check_equal(setuid(65534), 0);
    error = outcome("tracing needs root; put sudo before it");
    check_equal(status_of(error), STATUS_FORBIDDEN);
}

static bool perf_is_for_root(void)
{
    FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
    int level = 0;

    check(file && fscanf(file, "%d", &level) == 1 && fclose(file) == 0);
    return level > 2;
}

static void with_capabilities(void *data)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
    struct bpf_kernel kernel;

    (void)data;
    check_equal(bpf_try(&kernel), 0);
    check_equal(prctl(PR_SET_KEEPCAPS, 1), 0);
    check_equal(setuid(65534), 0);
    sets[1].effective = sets[1].permitted = 1U << (CAP_BPF - 32) | 1U << (CAP_PERFMON - 32);
    check_equal(syscall(SYS_capset, &header, sets), 0);
    /* Where perf events are for root only, as Debian's kernels can be set, CAP_PERFMON is not
     * enough for them. */
    check_equal(outcome(NULL), !kernel.multi && perf_is_for_root() ? -EACCES : 0);
}

static void refused_by_a_filter(void *data)
{
    struct bpf_kernel kernel;

    (void)data;
    sandbox_refuse(SYS_bpf, EPERM);
    check_equal(outcome("you are root, but may not use BPF"), -EPERM);
    check_equal(bpf_try(&kernel), -EPERM);
}

static void without_bpf(void *data)
{
    (void)data;
    sandbox_refuse(SYS_bpf, ENOSYS);
    check_equal(outcome("no BPF (CONFIG_BPF_SYSCALL): use --for perf, tracefs or gdb"), -ENOSYS);
}

static void with_an_old_kernel(void *data)
{
    struct bpf_kernel kernel;

    (void)data;
    check(personality(UNAME26) >= 0); /* uname(2) says 2.6 */
    check_equal(outcome("is too old for rst trace, which needs 5.8: use --for bpftrace"), -ENOTSUP);
    check_equal(bpf_try(&kernel), -ENOTSUP);
}

static void without_uprobes(void *data)
{
    (void)data;
    sandbox_mounts();
    sandbox_tmpfs("/sys", 0, NULL);
    setenv("RST_TRACE_ATTACH", "perf", 1);
    check_equal(outcome("no uprobes (CONFIG_UPROBE_EVENTS)"), -ENODEV);
}

static void in_lockdown(void *data)
{
    FILE *file;

    (void)data;
    sandbox_mounts();
    sandbox_tmpfs("/sys", 0, NULL);
    check(mkdir("/sys/kernel", 0755) == 0 && mkdir("/sys/kernel/security", 0755) == 0);
    file = fopen("/sys/kernel/security/lockdown", "we");
    check(file && fputs("none integrity [confidentiality]\n", file) >= 0 && fclose(file) == 0);
    sandbox_refuse(SYS_bpf, EPERM);
    check_equal(outcome("lockdown mode forbids BPF, to root too: use --for gdb"), -EPERM);
}

static void says_what_works_where_the_kernel_refuses(void **state)
{
    static child_body *const bodies[] = {
        without_root,       with_capabilities, refused_by_a_filter, without_bpf,
        with_an_old_kernel, without_uprobes,   in_lockdown,
    };

    (void)state;
    need_tracer();
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        in_child(bodies[i], NULL);
}

static void asks_the_kernel(void **state)
{
    struct bpf_kernel kernel;
    struct utsname name;

    (void)state;
    need_tracer();
    check_equal(uname(&name), 0);
    check_equal(bpf_kernel_ask(&kernel), 0);
    if (version_number(name.release) >=
        610) { /* older ones may have the fixed filter by process, too */
        check(kernel.multi);
        check(kernel.sleepable);
    }
    setenv("RST_TRACE_ATTACH", "perf", 1);
    check_equal(bpf_kernel_ask(&kernel), 0);
    check(!kernel.multi);
    unsetenv("RST_TRACE_ATTACH");
}

/* --------------------------------------------------------------------------- overlays -- */

static void copy_probe(const rst_probe *probe, const char *path)
{
    char bytes[65536];
    ssize_t size;
    int from = open(rst_probe_path(probe), O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    check(from >= 0 && to >= 0);
    while ((size = read(from, bytes, sizeof(bytes))) > 0)
        check(write(to, bytes, (size_t)size) == size);
    check_equal(size, 0);
    close(from);
    close(to);
}

static void take_any(void *context, const void *bytes, size_t size)
{
    (void)bytes, (void)size;
    ++*(size_t *)context;
}

typedef void closed_function(uint64_t id);

static closed_function *load_copy(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    union {
        void *address;
        closed_function *function;
    } symbol = {dlsym(library, "market__closed")};

    check(library && symbol.address);
    return symbol.function;
}

/* Two containers whose images share a layer, with one library in it; and another library. */
static void mount_overlays(const struct market *market)
{
    sandbox_mounts();
    sandbox_tmpfs("/mnt", 0, NULL);
    for (const char *const *at = (const char *const[]){"/mnt/low", "/mnt/a", "/mnt/b", "/mnt/x",
                                                       "/mnt/y", "/mnt/z", "/mnt/w", NULL};
         *at; at++)
        check_equal(mkdir(*at, 0755), 0);
    copy_probe(market->closed, "/mnt/low/libmarket.so");
    copy_probe(market->closed, "/mnt/low/libother.so");
    check_can(mount("overlay", "/mnt/a", "overlay", 0,
                    "lowerdir=/mnt/low,upperdir=/mnt/x,workdir=/mnt/y") == 0,
              "no overlay can be mounted");
    check_equal(mount("overlay", "/mnt/b", "overlay", 0,
                      "lowerdir=/mnt/low,upperdir=/mnt/z,workdir=/mnt/w"),
                0);
}

static void in_overlays(void *data)
{
    struct market *market = data;
    closed_function *a, *b;
    struct self_plan self;
    struct bpf *bpf;
    size_t seen = 0;
    uint64_t site;
    int fds[3];

    mount_overlays(market);
    self_plan_begin(&self, 0);
    self_plan_add(&self, "market", market->closed);
    self_plan_add(&self, "market", market->closed);
    site = self.plan.variants[0].sites[0].offset;
    self.plan.files[0].path = strdup("/mnt/a/libmarket.so");
    self.plan.files[1].path = strdup("/mnt/b/libmarket.so");
    for (size_t i = 0; i < 2; i++) {
        fds[i] = open(self.plan.files[i].path, O_PATH | O_CLOEXEC);
        check(fds[i] >= 0);
        self.plan.variants[i].sites[0].file = i;
    }
    fds[2] = open("/mnt/a/libother.so", O_PATH | O_CLOEXEC);
    check(bpf_is_one_file(fds[0], fds[1], site));
    check(!bpf_is_one_file(fds[0], fds[2], site));
    check(!bpf_is_one_file(fds[0], fds[1], UINT64_C(1) << 30)); /* as if it had been truncated */
    a = load_copy("/mnt/a/libmarket.so");
    b = load_copy("/mnt/b/libmarket.so");
    check(a != b);
    check_equal(bpf_load(&self.plan, &bpf), 0);
    check_equal(bpf_attach(bpf), 0);
    check(bpf_is_one_file(fds[0], fds[1], site)); /* a breakpoint is at the site */
    check(!bpf_is_one_file(fds[0], fds[2], site));
    a(1);
    b(2);
    bpf_read(bpf, take_any, &seen);
    check_equal(seen, 2); /* not 4 */
    bpf_free(bpf);
}

static void a_file_in_two_overlays_is_watched_once(void **state)
{
    struct market market;

    (void)state;
    need_tracer();
    market = market_loaded();
    in_child(in_overlays, &market);
    rst_provider_free(market.provider);
}

/* ------------------------------------------------------------------------- namespaces -- */

static void take_pid(void *context, const void *bytes, size_t size)
{
    struct event event;
    const struct self_plan *self = context;

    check(event_read(&self->plan, bytes, size, &event));
    check_equal(event.pid, getpid());
    check_equal(event.tid, gettid());
}

static void watch_itself(void *data)
{
    struct market *market = data;
    struct self_plan self;
    struct bpf *bpf;

    check_equal(getpid(), 1);
    self_plan_begin(&self, getpid());
    self_plan_add(&self, "market", market->closed);
    check_equal(bpf_load(&self.plan, &bpf), 0);
    check_equal(bpf_attach(bpf), 0);
    RST_FIRE(market->closed, 1);
    check(!bpf_is_empty(bpf));
    bpf_read(bpf, take_pid, &self);
    bpf_free(bpf);
}

static void in_a_namespace(void *data)
{
    check_can(unshare(CLONE_NEWPID) == 0, "there can't be a PID namespace");
    in_child(watch_itself, data);
}

static void processes_have_the_numbers_of_rst_s_namespace(void **state)
{
    struct market market;

    (void)state;
    need_tracer();
    market = market_loaded();
    in_child(in_a_namespace, &market);
    rst_provider_free(market.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_works_where_the_kernel_refuses),
        cmocka_unit_test(asks_the_kernel),
        cmocka_unit_test(a_file_in_two_overlays_is_watched_once),
        cmocka_unit_test(processes_have_the_numbers_of_rst_s_namespace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
