/* SPDX-License-Identifier: MIT */
#include "cli/trace/queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "error.h"

#define MOST_BYTES ((size_t)256 << 20) /* in memory, and at most an eighth of the machine's */
#define DISORDER 3000000               /* nanoseconds from a record's time to its being written */
#define BLOCK_BYTES ((size_t)1 << 16)
#define PAUSE 1000000 /* nanoseconds between two looks at the ring buffer while records come */

/*
 * Memory for items, which is freed by the last of its users: its items, and the thread. An item
 * with memory of its own would make the thread wait for the user, who holds malloc's lock in
 * free(): then records are lost on a busy machine.
 */
struct block {
    size_t users; /* atomic */
    size_t used, room;
    uint8_t bytes[];
};

/* A record; its bytes come after it. */
struct item {
    struct block *block;
    struct item *next, *before;
    uint64_t time;
    struct queued record;
};

struct queue {
    struct bpf *bpf;
    bpf_take *see;
    void *context;
    pthread_t thread;
    int news, stop;           /* eventfds: for the user, and for the thread */
    bool finishing;           /* atomic, like `bytes` */
    size_t bytes, most_bytes; /* of all items */

    /* Between the two: what was read, in the order of the ring buffer. */
    pthread_mutex_t mutex;
    struct item *fresh, **fresh_end;
    struct block *block; /* the thread's, for the next items */
    uint64_t read_at, lost;
    bool ended;

    /* The user's. */
    struct item sorted; /* a circle: the oldest item is next, the youngest one before */
    struct item *handed;
    uint64_t horizon; /* no record will come that is older */
};

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void wake(int fd)
{
    const uint64_t one = 1;

    (void)!write(fd, &one, sizeof(one));
}

static void release(struct block *block)
{
    if (block && __atomic_sub_fetch(&block->users, 1, __ATOMIC_ACQ_REL) == 0)
        free(block);
}

static struct item *new_item(struct queue *queue, size_t size)
{
    size_t need = (sizeof(struct item) + size + 7) & ~(size_t)7;
    size_t room = need > BLOCK_BYTES ? need : BLOCK_BYTES;
    struct block *block = queue->block;

    if (!block || block->room - block->used < need) {
        release(block);
        block = queue->block = sure(malloc(sizeof(*block) + room));
        *block = (struct block){.users = 1, .room = room};
    }
    __atomic_add_fetch(&block->users, 1, __ATOMIC_RELAXED);
    block->used += need;
    return (struct item *)(void *)(block->bytes + block->used - need);
}

static void store(void *context, const void *bytes, size_t size)
{
    struct queue *queue = context;
    struct item *item = new_item(queue, size);

    *item = (struct item){.block = queue->block, .record = {item + 1, size, queue->lost}};
    memcpy(item + 1, bytes, size);
    if (size >= sizeof(item->time)) /* the time is first (record.h) */
        memcpy(&item->time, bytes, sizeof(item->time));
    *queue->fresh_end = item;
    queue->fresh_end = &item->next;
    __atomic_add_fetch(&queue->bytes, sizeof(*item) + size, __ATOMIC_RELAXED);
}

/* Move what is in the ring buffer. Gives whether there was anything. */
static bool move(struct queue *queue)
{
    struct item **end;
    uint64_t time;
    bool moved;

    pthread_mutex_lock(&queue->mutex);
    end = queue->fresh_end;
    time = now();
    queue->lost = bpf_lost(queue->bpf);
    bpf_read(queue->bpf, store, queue);
    moved = queue->fresh_end != end;
    if (moved)
        queue->read_at = time;
    pthread_mutex_unlock(&queue->mutex);
    if (moved)
        wake(queue->news);
    return moved;
}

static void *run_thread(void *context)
{
    struct queue *queue = context;
    struct pollfd ready[] = {{.fd = bpf_descriptor(queue->bpf), .events = POLLIN},
                             {.fd = queue->stop, .events = POLLIN}};
    const struct timespec pause = {.tv_nsec = PAUSE};

    while (!__atomic_load_n(&queue->finishing, __ATOMIC_ACQUIRE)) {
        bool full = __atomic_load_n(&queue->bytes, __ATOMIC_RELAXED) >= queue->most_bytes;

        if (!full && !move(queue) && bpf_is_empty(queue->bpf))
            poll(ready, 2, -1);
        else /* what comes meanwhile needs no wake-up; or a record is being written */
            nanosleep(&pause, NULL);
    }
    move(queue);
    release(queue->block);
    pthread_mutex_lock(&queue->mutex);
    queue->ended = true;
    pthread_mutex_unlock(&queue->mutex);
    wake(queue->news);
    return NULL;
}

/* Items come nearly sorted, so the place is near the end. */
static void insert(struct queue *queue, struct item *item)
{
    struct item *before = queue->sorted.before;

    while (before->time > item->time) /* the circle's own time is 0 */
        before = before->before;
    item->before = before;
    item->next = before->next;
    before->next = before->next->before = item;
}

/* Take what was read, and move the horizon. */
static void advance(struct queue *queue)
{
    struct item *item, *next;
    uint64_t time = now();

    pthread_mutex_lock(&queue->mutex);
    item = queue->fresh;
    queue->fresh = NULL;
    queue->fresh_end = &queue->fresh;
    if (!bpf_is_empty(queue->bpf))
        time = queue->read_at;
    time = queue->ended ? UINT64_MAX : time > DISORDER ? time - DISORDER : 0;
    pthread_mutex_unlock(&queue->mutex);
    for (; item; item = next) {
        next = item->next;
        if (queue->see)
            queue->see(queue->context, item->record.bytes, item->record.size);
        insert(queue, item);
    }
    if (time > queue->horizon)
        queue->horizon = time;
}

static bool has_due(const struct queue *queue)
{
    const struct item *oldest = queue->sorted.next;

    return oldest != &queue->sorted && oldest->time <= queue->horizon;
}

enum queue_state queue_next(struct queue *queue, struct queued *ret)
{
    struct item *item = queue->handed;

    if (item) {
        __atomic_sub_fetch(&queue->bytes, sizeof(*item) + item->record.size, __ATOMIC_RELAXED);
        release(item->block);
    }
    queue->handed = NULL;
    if (!has_due(queue))
        advance(queue);
    if (!has_due(queue))
        return queue->horizon == UINT64_MAX ? QUEUE_END : QUEUE_WAIT;
    item = queue->handed = queue->sorted.next;
    queue->sorted.next = item->next;
    item->next->before = &queue->sorted;
    *ret = item->record;
    return QUEUE_READY;
}

int queue_patience(const struct queue *queue)
{
    uint64_t time = now(), due = queue->sorted.next->time + DISORDER;

    if (queue->sorted.next == &queue->sorted)
        return -1;
    return due <= time ? 1 : (int)((due - time) / 1000000) + 1;
}

int queue_descriptor(const struct queue *queue)
{
    return queue->news;
}

int queue_start(struct bpf *bpf, bpf_take *see, void *context, struct queue **ret)
{
    const size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    const struct sched_param first = {.sched_priority = 1};
    struct queue *queue = sure(calloc(1, sizeof(*queue)));
    int error;

    *queue = (struct queue){
        .bpf = bpf,
        .see = see,
        .context = context,
        .most_bytes = memory / 8 < MOST_BYTES ? memory / 8 : MOST_BYTES,
        .news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .fresh_end = &queue->fresh,
        .sorted = {.next = &queue->sorted, .before = &queue->sorted},
    };
    pthread_mutex_init(&queue->mutex, NULL);
    error = queue->news < 0 || queue->stop < 0
                ? errno
                : pthread_create(&queue->thread, NULL, run_thread, queue);
    if (error != 0) {
        close(queue->news);
        close(queue->stop);
        free(queue);
        return rst_fail_errno(error, "no thread can read the ring buffer");
    }
    /* It has little to do, but has to do it in time: before others, if the kernel lets it. */
    pthread_setschedparam(queue->thread, SCHED_RR, &first);
    *ret = queue;
    return 0;
}

void queue_finish(struct queue *queue)
{
    __atomic_store_n(&queue->finishing, true, __ATOMIC_RELEASE);
    wake(queue->stop);
}

void queue_free(struct queue *queue)
{
    struct queued record;

    if (!queue)
        return;
    queue->see = NULL;
    queue_finish(queue);
    pthread_join(queue->thread, NULL);
    while (queue_next(queue, &record) != QUEUE_END)
        ;
    close(queue->news);
    close(queue->stop);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}
