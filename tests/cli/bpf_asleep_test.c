/* SPDX-License-Identifier: MIT */
/*
 * A program that sleeps until a string's page is there keeps its values, whatever hits come on its
 * CPU meanwhile; and there may be only so many that sleep, of which the others are counted.
 *
 * The page is one of userfaultfd(2): this process says when it is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/trace/bpf/bpf.h"
#include "cli/trace/bpf/record.h"
#include "cli/trace/bpf/state.h"
#include "self_plan.h"
#include "support/children.h"
#include "support/sandbox.h"
#include "support/tracer.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define MOST (2 * SLOTS_OF_CPU)

static rst_probe *order;

struct page {
    int fd;
    char *bytes;
};

/* Pages that are not there. */
static struct page absent_pages(size_t count)
{
    struct page page = {.fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC)};
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};

    check(page.fd >= 0);
    page.bytes =
        mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(page.bytes != MAP_FAILED);
    range.range.start = (uintptr_t)page.bytes;
    range.range.len = count * PAGE;
    check_equal(ioctl(page.fd, UFFDIO_API, &api), 0);
    check_equal(ioctl(page.fd, UFFDIO_REGISTER, &range), 0);
    return page;
}

/* Wait until somebody waits for a page. */
static void await_fault(const struct page *page)
{
    struct pollfd ready = {.fd = page->fd, .events = POLLIN};
    struct uffd_msg message;

    check_equal(poll(&ready, 1, 60000), 1);
    check_equal(read(page->fd, &message, sizeof(message)), sizeof(message));
    check_equal(message.event, UFFD_EVENT_PAGEFAULT);
}

static void fill(const struct page *page, size_t number, const char *text)
{
    static char source[1 << 16];
    struct uffdio_copy copy = {
        .dst = (uintptr_t)(page->bytes + number * PAGE), .src = (uintptr_t)source, .len = PAGE};

    check(PAGE <= sizeof(source));
    snprintf(source, sizeof(source), "%s", text);
    check_equal(ioctl(page->fd, UFFDIO_COPY, &copy), 0);
}

/* All threads on one CPU. */
static void stay_on_one_cpu(void)
{
    static int cpu = -1;
    cpu_set_t set;

    if (cpu < 0)
        cpu = sched_getcpu();
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    check_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

struct hit {
    uint64_t id;
    const char *text;
};

static void *fire(void *data)
{
    const struct hit *hit = data;

    stay_on_one_cpu();
    RST_FIRE(order, hit->id, (uintptr_t)hit->text);
    return NULL;
}

/* How often each number came, and with how many other texts than its own. */
struct seen {
    const struct plan *plan;
    size_t count, wrong;
};

static void take(void *context, const void *bytes, size_t size)
{
    struct seen *seen = context;
    const struct event_string *text;
    struct event event;
    char wanted[32];

    check(event_read(seen->plan, bytes, size, &event));
    text = &event.strings[1];
    snprintf(wanted, sizeof(wanted), "text %d", (int)event.values[0]);
    seen->count++;
    seen->wrong += !text->bytes || text->size != strlen(wanted) ||
                   memcmp(text->bytes, wanted, text->size) != 0;
}

/* Have so many hits sleep at once, fire others meanwhile, and give how many were not seen. */
static uint64_t lost_of(size_t sleepers)
{
    rst_provider *provider = rst_provider_new("market");
    struct page page = absent_pages(sleepers);
    pthread_t threads[MOST];
    struct hit hits[MOST];
    struct self_plan self;
    struct seen seen = {.plan = &self.plan};
    struct bpf *bpf;
    uint64_t lost;
    char text[32];

    stay_on_one_cpu();
    /* Not declared as a string, of which librst itself would fetch the page. */
    order = rst_provider_add(provider, "order", "uint64 id, uint64 customer");
    check_equal(rst_provider_load(provider), 0);
    self_plan_begin(&self, getpid());
    self_plan_add(&self, "market", order);
    check_equal(bpf_load(&self.plan, &bpf), 0);
    check_equal(bpf_attach(bpf), 0);
    for (size_t i = 0; i < sleepers; i++) {
        hits[i] = (struct hit){i, page.bytes + i * PAGE};
        check_equal(pthread_create(&threads[i], NULL, fire, &hits[i]), 0);
        if (i < SLOTS_OF_CPU)
            await_fault(&page);
        else /* it does not wait */
            check_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 100; i < 110; i++) {
        snprintf(text, sizeof(text), "text %d", i);
        RST_FIRE(order, (uint64_t)i, (uintptr_t)text);
    }
    for (size_t i = 0; i < sleepers; i++) {
        snprintf(text, sizeof(text), "text %zu", i);
        fill(&page, i, text);
    }
    for (size_t i = 0; i < sleepers && i < SLOTS_OF_CPU; i++)
        check_equal(pthread_join(threads[i], NULL), 0);
    bpf_read(bpf, take, &seen);
    check_equal(seen.wrong, 0);
    lost = bpf_crowded(bpf);
    check_equal(bpf_lost(bpf), 0);
    check_equal(seen.count + lost, sleepers + 10);
    bpf_free(bpf);
    self_plan_free(&self);
    rst_provider_free(provider);
    munmap(page.bytes, sleepers * PAGE);
    close(page.fd);
    return lost;
}

/*
 * With perf events (before Linux 6.6), uprobe_apply() waits for programs that sleep: as long as one
 * does, the process can start no thread. There, memory is on the stack, and each run's own.
 */
static void need_sleep(void)
{
    struct bpf_kernel kernel;
    int fd;

    need_tracer();
    check_equal(bpf_try(&kernel), 0);
    fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0 || !kernel.multi) {
        printf("skipped: %s\n", fd < 0 ? "userfaultfd is refused" : "programs work on the stack");
        skip();
    }
    close(fd);
}

static void a_program_that_sleeps_keeps_its_values(void **state)
{
    (void)state;
    need_sleep();
    check_equal(lost_of(1), 0);
    check_equal(lost_of(3), 0);
}

static void hits_without_a_slot_are_counted(void **state)
{
    (void)state;
    need_sleep();
    check_equal(lost_of(SLOTS_OF_CPU + 2), 12); /* 2, and the 10 after them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_sleeps_keeps_its_values),
        cmocka_unit_test(hits_without_a_slot_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
