/* SPDX-License-Identifier: MIT */
/*
 * The order of records, whatever order the ring buffer gives them in. In place of the ring buffer
 * is a list in memory.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/trace/queue.h"
#include "rst.h"
#include "support/children.h"
#include "support/sandbox.h"

#define SECOND UINT64_C(1000000000)

struct record_made {
    uint64_t time;
    char word[5]; /* so that the size is no multiple of 8 */
};

/* ------------------------------------------------------------------------- ring buffer -- */

struct bpf {
    pthread_mutex_t mutex;
    struct record_made list[16];
    size_t count;
    uint64_t lost;
    int ready;
};

int bpf_descriptor(const struct bpf *bpf)
{
    return bpf->ready;
}

bool bpf_is_empty(const struct bpf *bpf)
{
    struct pollfd ready = {.fd = bpf->ready, .events = POLLIN};

    return poll(&ready, 1, 0) == 0;
}

uint64_t bpf_lost(const struct bpf *bpf)
{
    return __atomic_load_n(&bpf->lost, __ATOMIC_RELAXED);
}

void bpf_read(struct bpf *bpf, bpf_take *take, void *context)
{
    uint64_t count;

    pthread_mutex_lock(&bpf->mutex);
    for (size_t i = 0; i < bpf->count; i++)
        take(context, &bpf->list[i], sizeof(bpf->list[i].time) + sizeof(bpf->list[i].word));
    bpf->count = 0;
    (void)!read(bpf->ready, &count, sizeof(count));
    pthread_mutex_unlock(&bpf->mutex);
}

static void put(struct bpf *bpf, uint64_t time, const char *word)
{
    struct record_made made = {.time = time};
    uint64_t one = 1;

    memcpy(made.word, word, sizeof(made.word));
    pthread_mutex_lock(&bpf->mutex);
    bpf->list[bpf->count++] = made;
    check(write(bpf->ready, &one, sizeof(one)) == sizeof(one));
    pthread_mutex_unlock(&bpf->mutex);
}

static struct bpf ring_new(void)
{
    return (struct bpf){.mutex = PTHREAD_MUTEX_INITIALIZER,
                        .ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
}

static bool is_read(const void *bpf)
{
    return bpf_is_empty(bpf);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* ------------------------------------------------------------------------------- tests -- */

static struct queue *started(struct bpf *ring, bpf_take *see, void *context)
{
    struct queue *queue = NULL;

    check_equal(queue_start(ring, see, context, &queue), 0);
    return queue;
}

/* Wait for a record or the end. */
static enum queue_state next(struct queue *queue, struct queued *ret)
{
    enum queue_state state;

    while ((state = queue_next(queue, ret)) == QUEUE_WAIT) {
        struct pollfd ready = {.fd = queue_descriptor(queue), .events = POLLIN};
        uint64_t news;

        if (poll(&ready, 1, queue_patience(queue)) == 1)
            (void)!read(ready.fd, &news, sizeof(news));
    }
    return state;
}

static void check_next(struct queue *queue, const char *word, uint64_t lost)
{
    const struct record_made *made;
    struct queued record;

    check(next(queue, &record) == QUEUE_READY);
    made = record.bytes;
    check_equal(record.size, sizeof(made->time) + sizeof(made->word));
    check_equal((uintptr_t)record.bytes % 8, 0);
    check_text(made->word, word);
    check_equal(record.lost, lost);
}

static void count_seen(void *context, const void *bytes, size_t size)
{
    (void)bytes, (void)size;
    ++*(size_t *)context;
}

static void sorts_records_by_their_time(void **state)
{
    struct bpf ring = ring_new();
    size_t seen = 0;
    struct queue *queue = started(&ring, count_seen, &seen);
    uint64_t later = now() + 1000 * SECOND; /* these must wait, so all are sorted together */
    struct queued record;

    (void)state;
    put(&ring, later + 5, "five");
    put(&ring, later + 2, "two_");
    check(wait_until(is_read, &ring));
    put(&ring, later + 4, "four");
    check(wait_until(is_read, &ring));
    put(&ring, later + 1, "one_");
    put(&ring, later + 3, "thre");
    check(wait_until(is_read, &ring));
    check(queue_next(queue, &record) == QUEUE_WAIT);
    queue_finish(queue);
    check_next(queue, "one_", 0);
    check_next(queue, "two_", 0);
    check_next(queue, "thre", 0);
    check_next(queue, "four", 0);
    check_next(queue, "five", 0);
    check(next(queue, &record) == QUEUE_END);
    check(next(queue, &record) == QUEUE_END);
    check_equal(seen, 5);
    queue_free(queue);
    close(ring.ready);
}

static void hands_records_over_while_others_come(void **state)
{
    struct bpf ring = ring_new();
    struct queue *queue = started(&ring, NULL, NULL);
    struct queued record;

    (void)state;
    check(queue_next(queue, &record) == QUEUE_WAIT);
    check_equal(queue_patience(queue), -1);
    put(&ring, now() - SECOND, "old_");
    check_next(queue, "old_", 0);
    __atomic_store_n(&ring.lost, 7, __ATOMIC_RELAXED);
    put(&ring, now(), "new_");
    check_next(queue, "new_", 7);
    put(&ring, now() + 1000 * SECOND, "left");
    queue_free(queue); /* with a record that nobody took */
    close(ring.ready);
}

static void needs_two_descriptors(void *data)
{
    struct bpf *ring = data;
    struct queue *queue = NULL;
    struct rlimit limit = {0};
    int next = dup(STDIN_FILENO);

    check_equal(close(next), 0);
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int more = 0; more < 2; more++) {
        limit.rlim_cur = (rlim_t)next + (rlim_t)more;
        check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        check_equal(queue_start(ring, NULL, NULL, &queue), -EMFILE);
        check_mentions(rst_error(), "no thread can read the ring buffer: Too many open files");
        check(!queue);
    }
}

static void fails_without_descriptors(void **state)
{
    struct bpf ring = ring_new();

    (void)state;
    in_child(needs_two_descriptors, &ring);
    close(ring.ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_records_by_their_time),
        cmocka_unit_test(hands_records_over_while_others_come),
        cmocka_unit_test(fails_without_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
