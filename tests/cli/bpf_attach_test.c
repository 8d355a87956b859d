/* SPDX-License-Identifier: MIT */
/*
 * A trace in the kernel: attaching to probes, reading hits, losses and counts. With uprobe-multi
 * links, and, where these and perf events may differ, with those.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/trace/bpf/bpf.h"
#include "cli/trace/bpf/record.h"
#include "cli/trace/bpf/state.h"
#include "self_plan.h"
#include "support/children.h"
#include "support/sandbox.h"
#include "support/tracer.h"

struct market {
    rst_provider *provider;
    rst_probe *order, *closed;
};

static struct market market_loaded(void)
{
    struct market market = {.provider = rst_provider_new("market")};

    market.order = rst_provider_add(market.provider, "order", "uint64 id, string customer");
    market.closed = rst_provider_add(market.provider, "closed", "uint64 id");
    check_equal(rst_provider_load(market.provider), 0);
    return market;
}

/* Plan to watch both probes. */
static void plan_market(struct self_plan *self, const struct market *market, pid_t pid)
{
    self_plan_begin(self, pid);
    self_plan_add(self, "market", market->order);
    self_plan_add(self, "market", market->closed);
}

static struct bpf *attached(const struct plan *plan)
{
    struct bpf *bpf = NULL;

    check(bpf_load(plan, &bpf) == 0);
    check(bpf_attach(bpf) == 0);
    return bpf;
}

struct seen {
    const struct plan *plan;
    size_t count;
    struct {
        struct event event;
        char text[64];
    } list[64];
};

static void take(void *context, const void *bytes, size_t size)
{
    struct seen *seen = context;
    struct event *event = &seen->list[seen->count].event;
    const struct event_string *text = &event->strings[1];

    check(seen->count < 64);
    check(event_read(seen->plan, bytes, size, event));
    snprintf(seen->list[seen->count++].text, 64, "%.*s", text->bytes ? (int)text->size : 4,
             text->bytes ? text->bytes : "null");
}

static void fire_in_child(void *data)
{
    const struct market *market = data;

    child_pause();
    RST_FIRE(market->order, 77, "child");
    child_pause();
}

/* ------------------------------------------------------------------------------- events -- */

static void shows_hits_with_their_arguments_process_and_time(void **state)
{
    struct market market;
    struct self_plan self;
    struct seen seen = {.plan = &self.plan};
    struct bpf *bpf;

    (void)state;
    need_tracer();
    market = market_loaded();
    plan_market(&self, &market, getpid());
    bpf = attached(&self.plan);
    check(bpf_is_empty(bpf));
    RST_FIRE(market.order, 7, "Ada");
    RST_FIRE(market.closed, 8);
    RST_FIRE(market.order, UINT64_MAX, NULL);
    check(!bpf_is_empty(bpf));
    bpf_read(bpf, take, &seen);
    check(bpf_is_empty(bpf));
    check_equal(seen.count, 3);
    check_equal(seen.list[0].event.values[0], 7);
    check_text(seen.list[0].text, "Ada");
    check_text(seen.list[0].event.probe->name, "order");
    check_equal(seen.list[1].event.values[0], 8);
    check_text(seen.list[1].event.probe->name, "closed");
    check(seen.list[2].event.values[0] == UINT64_MAX);
    check_text(seen.list[2].text, "null");
    check_equal(seen.list[0].event.pid, getpid());
    check_equal(seen.list[0].event.tid, gettid());
    check_mentions(seen.list[0].event.comm, "cli-bpf");
    check(seen.list[0].event.time < seen.list[1].event.time);
    bpf_detach(bpf);
    check(!rst_probe_enabled(market.order));
    bpf_free(bpf);
    self_plan_free(&self);
    rst_provider_free(market.provider);
}

/* Of two children: one is there before the process is watched, one is forked later. */
static size_t hits_of_children(const struct market *market, pid_t pid)
{
    struct self_plan self;
    struct seen seen = {.plan = &self.plan};
    struct child children[2];
    struct bpf *bpf;

    children[0] = child_start(fire_in_child, (void *)(uintptr_t)market);
    plan_market(&self, market, pid);
    bpf = attached(&self.plan);
    children[1] = child_start(fire_in_child, (void *)(uintptr_t)market);
    for (size_t i = 0; i < 2; i++) {
        child_await(&children[i]);
        child_continue(&children[i]);
        child_await(&children[i]);
    }
    bpf_read(bpf, take, &seen);
    for (size_t i = 0; i < 2; i++) {
        child_continue(&children[i]);
        child_join(&children[i]);
    }
    bpf_free(bpf);
    self_plan_free(&self);
    return seen.count;
}

static void watches_a_process_or_every_one_that_has_the_file(void **state)
{
    struct market market;

    (void)state;
    need_tracer();
    market = market_loaded();
    check_equal(hits_of_children(&market, getpid()), 0);
    check_equal(hits_of_children(&market, 0), 2);
    rst_provider_free(market.provider);
}

static void drop(void *context, const void *bytes, size_t size)
{
    (void)bytes, (void)size;
    ++*(size_t *)context;
}

static void counts_what_is_lost(void **state)
{
    const size_t fires = 36000; /* about 32,000 fit into 2 MB */
    struct market market;
    struct self_plan self;
    size_t seen = 0;
    struct bpf *bpf;

    (void)state;
    need_tracer();
    market = market_loaded();
    plan_market(&self, &market, getpid());
    bpf = attached(&self.plan);
    for (size_t i = 0; i < fires; i++)
        RST_FIRE(market.closed, i);
    bpf_read(bpf, drop, &seen);
    check(bpf_lost(bpf) > 0 && seen > 0);
    check_equal(seen + bpf_lost(bpf), fires);
    RST_FIRE(market.closed, 1);
    bpf_read(bpf, drop, &seen);
    check_equal(seen + bpf_lost(bpf), fires + 1);
    bpf_free(bpf);
    self_plan_free(&self);
    rst_provider_free(market.provider);
}

/* ------------------------------------------------------------------------------- counts -- */

struct counted {
    size_t keys;
    uint64_t all, of_closed, of_ada, of_seven;
};

static void take_count(void *context, const struct count_key *key, const struct count_sum *sum)
{
    uint64_t count = sum->count;
    struct counted *counted = context;

    counted->keys++;
    counted->all += count;
    if (key->variant == 1)
        counted->of_closed += count;
    if (key->size == 3 && memcmp(key->by.text, "Ada", 3) == 0)
        counted->of_ada += count;
    if (key->variant == 0 && key->by.number == 7)
        counted->of_seven += count;
}

static struct counted count(struct market *market, const char *by, const char *hist)
{
    struct counted counted = {0};
    struct self_plan self;
    struct bpf *bpf;

    plan_market(&self, market, getpid());
    self.options.mode = hist ? TRACE_HISTOGRAM : TRACE_COUNT;
    self.options.by = by;
    self.options.hist = hist;
    for (size_t i = 0; i < 2; i++) {
        self.plan.probes[i].hist = hist ? 0 : -1;
        self.plan.probes[i].by = !by ? -1 : i == 0 && strcmp(by, "customer") == 0 ? 1 : 0;
    }
    bpf = attached(&self.plan);
    for (size_t i = 0; i < 100; i++)
        RST_FIRE(market->order, i < 10 ? 7 : 300, i < 30 ? "Ada" : "Grace");
    RST_FIRE(market->closed, 1);
    check(bpf_counts(bpf, take_count, &counted) == 0);
    check_equal(bpf_uncounted(bpf), 0);
    bpf_free(bpf);
    self_plan_free(&self);
    return counted;
}

static void counts_hits(void **state)
{
    struct market market;
    struct counted counted;

    (void)state;
    need_tracer();
    market = market_loaded();
    counted = count(&market, NULL, NULL);
    check_equal(counted.keys, 2);
    check_equal(counted.all, 101);
    check_equal(counted.of_closed, 1);
    counted = count(&market, "id", NULL);
    check_equal(counted.keys, 3);
    check_equal(counted.of_seven, 10);
    counted = count(&market, "customer", "id");
    check_equal(counted.keys, 4); /* of [4, 8), [256, 512), [1, 2) by customer */
    check_equal(counted.all, 101);
    check_equal(counted.of_ada, 30);
    rst_provider_free(market.provider);
}

static void counts_what_has_no_room(void **state)
{
    const size_t values = TRACE_MOST_KEYS + 1000, again = 100;
    struct counted counted = {0};
    struct market market;
    struct self_plan self;
    struct bpf *bpf;

    (void)state;
    need_tracer();
    market = market_loaded();
    plan_market(&self, &market, getpid());
    self.options.mode = TRACE_COUNT;
    self.options.by = "id";
    self.plan.probes[0].by = self.plan.probes[1].by = 0;
    bpf = attached(&self.plan);
    for (size_t i = 0; i < values + again; i++)
        RST_FIRE(market.closed, i % values);
    check(bpf_counts(bpf, take_count, &counted) == 0);
    check_equal(counted.keys, TRACE_MOST_KEYS);
    check_equal(counted.all, TRACE_MOST_KEYS + again);
    check_equal(bpf_uncounted(bpf), values - TRACE_MOST_KEYS);
    bpf_free(bpf);
    self_plan_free(&self);
    rst_provider_free(market.provider);
}

/* ----------------------------------------------------------------------------- refusals -- */

static void leave(void *data)
{
    (void)data;
}

static void skips_processes_that_have_exited(void **state)
{
    struct market market;
    struct self_plan self;
    struct child child;
    struct bpf *bpf;
    pid_t pids[2];

    (void)state;
    need_tracer();
    market = market_loaded();
    child = child_start(leave, NULL);
    pids[0] = child.pid;
    pids[1] = getpid();
    child_join(&child);
    plan_market(&self, &market, pids[0]);
    check(bpf_load(&self.plan, &bpf) == 0);
    check_equal(bpf_attach(bpf), -ESRCH);
    check_mentions(rst_error(), "the processes exited before they could be watched");
    bpf_free(bpf);
    for (size_t i = 0; i < 2; i++) {
        self.plan.files[i].pids = pids;
        self.plan.files[i].pid_count = 2;
    }
    check(bpf_load(&self.plan, &bpf) == 0);
    check_equal(bpf_attach(bpf), 0);
    check(rst_probe_enabled(market.order));
    bpf_free(bpf);
    self_plan_free(&self);
    rst_provider_free(market.provider);
}

static void skips_sites_that_the_kernel_can_not_watch(void **state)
{
    const uint64_t beyond = UINT64_C(1) << 40;
    struct market market;
    struct self_plan self;
    struct plan_site *sites;
    struct bpf *bpf;

    (void)state;
    need_tracer();
    market = market_loaded();
    self_plan_begin(&self, getpid());
    self_plan_add(&self, "market", market.closed);
    sites = self.plan.variants[0].sites = realloc(self.plan.variants[0].sites, 3 * sizeof(*sites));
    check(sites);
    sites[2] = sites[0];
    sites[0].offset = sites[1].offset = beyond;
    self.plan.variants[0].site_count = 3;
    sites[1] = sites[0];
    bpf = attached(&self.plan);
    check(rst_probe_enabled(market.closed));
    check_mentions(rst_error(), "the kernel can't watch \"market:closed\" at 0x10000000000 of");
    bpf_free(bpf);
    self.plan.variants[0].site_count = 2;
    check(bpf_load(&self.plan, &bpf) == 0);
    check_equal(bpf_attach(bpf), -EINVAL);
    bpf_free(bpf);
    self_plan_free(&self);
    rst_provider_free(market.provider);
}

static void skips_files_that_are_gone(void **state)
{
    struct market market;
    struct self_plan self;
    struct bpf *bpf;

    (void)state;
    need_tracer();
    market = market_loaded();
    plan_market(&self, &market, 0);
    for (size_t i = 0; i < 2; i++) {
        free(self.plan.files[i].path);
        self.plan.files[i].path = strdup("/nowhere/libmarket.so");
    }
    check(bpf_load(&self.plan, &bpf) == 0);
    check_equal(bpf_attach(bpf), -ENOENT);
    check_mentions(rst_error(), "libmarket.so\": No such file or directory");
    bpf_free(bpf);
    self_plan_free(&self);
    rst_provider_free(market.provider);
}

/* Watch a probe by `count` times the same site. */
static void plan_many(struct self_plan *self, const struct market *market, size_t count)
{
    struct plan_variant *variant;

    self_plan_begin(self, getpid());
    self_plan_add(self, "market", market->closed);
    variant = self->plan.variants;
    variant->sites = realloc(variant->sites, count * sizeof(*variant->sites));
    check(variant->sites);
    for (size_t i = 1; i < count; i++)
        variant->sites[i] = variant->sites[0];
    variant->site_count = count;
}

static void few_descriptors(void *data)
{
    struct market *market = data;
    struct rlimit limit = {.rlim_cur = 16, .rlim_max = 19};
    struct self_plan self;
    struct seen seen = {.plan = &self.plan};
    struct bpf_kernel kernel;
    struct bpf *bpf;
    int error;

    check_equal(bpf_kernel_ask(&kernel), 0);
    plan_many(&self, market, 30);
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check(bpf_load(&self.plan, &bpf) == 0);
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    check_equal(limit.rlim_cur, 19);
    error = bpf_attach(bpf);
    if (!kernel.multi) {
        check_equal(error, -EMFILE);
        check_mentions(rst_error(), "ulimit -Hn");
    } else {
        check_equal(error, 0); /* one link */
        RST_FIRE(market->closed, 3);
        bpf_read(bpf, take, &seen);
        check_equal(seen.count, 30);
    }
    bpf_free(bpf);
    check_semaphore_becomes(market->closed, 0); /* perf events are closed later */
}

/* Where a child can't be made, nothing goes on when rst has ended, and nothing is said of it. */
static void no_more_processes(void *data)
{
    const struct market *market = data;
    int errors = dup(STDERR_FILENO), words = memfd_create("words", MFD_CLOEXEC);
    struct self_plan self;
    struct bpf *bpf;

    plan_many(&self, market, 12);
    bpf = attached(&self.plan);
    sandbox_refuse(SYS_clone, EAGAIN);
    check_equal(fork(), -1);
    check(dup2(words, STDERR_FILENO) >= 0);
    bpf_free(bpf);
    check(dup2(errors, STDERR_FILENO) >= 0);
    check_equal(lseek(words, 0, SEEK_END), 0);
    check_semaphore_becomes(market->closed, 0);
}

static void raises_the_limit_of_descriptors_and_leaves_many_sites(void **state)
{
    struct market market;

    (void)state;
    need_tracer();
    market = market_loaded();
    in_child(few_descriptors, &market);
    in_child(no_more_processes, &market);
    rst_provider_free(market.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_hits_with_their_arguments_process_and_time),
        cmocka_unit_test(watches_a_process_or_every_one_that_has_the_file),
        cmocka_unit_test(counts_what_is_lost),
        cmocka_unit_test(counts_hits),
        cmocka_unit_test(counts_what_has_no_room),
        cmocka_unit_test(skips_processes_that_have_exited),
        cmocka_unit_test(skips_sites_that_the_kernel_can_not_watch),
        cmocka_unit_test(skips_files_that_are_gone),
        cmocka_unit_test(raises_the_limit_of_descriptors_and_leaves_many_sites),
    };
    const struct CMUnitTest by_events[] = {
        cmocka_unit_test(shows_hits_with_their_arguments_process_and_time),
        cmocka_unit_test(watches_a_process_or_every_one_that_has_the_file),
        cmocka_unit_test(skips_processes_that_have_exited),
        cmocka_unit_test(skips_sites_that_the_kernel_can_not_watch),
        cmocka_unit_test(raises_the_limit_of_descriptors_and_leaves_many_sites),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    setenv("RST_TRACE_ATTACH", "perf", 1);
    return failed + cmocka_run_group_tests(by_events, NULL, NULL);
}
