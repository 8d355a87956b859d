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
#include "cli/trace/bpf/record.h"

#define MOST_BYTES                                                                                 \
    ((size_t)256 << 20)   /* in memory, but no more than an eighth of the machine's                \
                           */
#define DISORDER 10000000 /* nanoseconds from a record's time to its being written */
#define PAUSE 1000000     /* nanoseconds between two looks at the ring buffer while records come */
#define FIRST_ROOM 1024

/* The records that were read at once, each after a uint64_t that is its size. */
struct block {
    struct block *next;
    uint64_t read_at, lost;
    size_t size, room, left; /* left: records that were not handed over yet */
    uint8_t bytes[];
};

struct item {
    uint64_t time;
    struct block *block;
    size_t at; /* in the block */
};

struct queue {
    struct bpf *bpf;
    bpf_take *see;
    void *context;
    pthread_t thread;
    int news, stop; /* eventfds: for the user, and for the thread */

    /* between the two */
    pthread_mutex_t mutex;
    pthread_cond_t room;
    struct block *first, *last;
    size_t bytes, most_bytes; /* in all blocks, listed or not */
    bool idle; /* the thread has found nothing in the ring buffer, and has listed all it has read */
    bool finishing, freed, ended;

    /* the thread's */
    struct block *open;

    /* the user's */
    struct item *items; /* sorted by time */
    size_t item_first, item_end, item_room;
    uint64_t horizon; /* no record will come that is older */
    struct block *handed;
};

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static size_t most_bytes(void)
{
    size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

    return memory / 8 < MOST_BYTES ? memory / 8 : MOST_BYTES;
}

/* ------------------------------------------------------------------------------- thread -- */

static void store(void *context, const void *bytes, size_t size)
{
    struct queue *queue = context;
    struct block *block = queue->open;
    size_t need = sizeof(uint64_t) + ((size + 7) & ~(size_t)7);
    uint64_t header = size;

    if (block->room - block->size < need) {
        while (block->room - block->size < need)
            block->room *= 2;
        block = queue->open = sure(realloc(block, sizeof(*block) + block->room));
    }
    memcpy(block->bytes + block->size, &header, sizeof(header));
    memcpy(block->bytes + block->size + sizeof(header), bytes, size);
    block->size += need;
    block->left++;
}

static struct block *new_block(void)
{
    struct block *block = sure(malloc(sizeof(*block) + FIRST_ROOM));

    *block = (struct block){.room = FIRST_ROOM};
    return block;
}

/* Give the block to the user. */
static void list(struct queue *queue)
{
    struct block *block = queue->open;
    uint64_t one = 1;

    queue->open = NULL;
    pthread_mutex_lock(&queue->mutex);
    queue->bytes += block->room;
    if (queue->last)
        queue->last->next = block;
    else
        queue->first = block;
    queue->last = block;
    pthread_mutex_unlock(&queue->mutex);
    (void)!write(queue->news, &one, sizeof(one));
}

/* Move what is in the ring buffer. Gives whether there was anything. */
static bool move(struct queue *queue)
{
    if (!queue->open)
        queue->open = new_block();
    queue->open->read_at = now();
    bpf_read(queue->bpf, store, queue);
    queue->open->lost = bpf_lost(queue->bpf);
    if (queue->open->left == 0)
        return false;
    list(queue);
    return true;
}

/* Say whether the thread is idle, and wait for room. Gives whether to go on. */
static bool await_room(struct queue *queue, bool idle, bool *ret_finishing)
{
    bool freed;

    pthread_mutex_lock(&queue->mutex);
    queue->idle = idle;
    while (queue->bytes >= queue->most_bytes && !queue->freed)
        pthread_cond_wait(&queue->room, &queue->mutex);
    *ret_finishing = queue->finishing;
    freed = queue->freed;
    pthread_mutex_unlock(&queue->mutex);
    return !freed;
}

static void *run_thread(void *context)
{
    struct queue *queue = context;
    struct pollfd ready[] = {{.fd = bpf_descriptor(queue->bpf), .events = POLLIN},
                             {.fd = queue->stop, .events = POLLIN}};
    const struct timespec pause = {.tv_nsec = PAUSE};
    uint64_t one = 1;
    bool finishing, moved;

    while (await_room(queue, false, &finishing)) {
        moved = move(queue);
        if (finishing)
            break;
        if (moved) {
            nanosleep(&pause, NULL); /* what comes meanwhile needs no wake-up */
            continue;
        }
        if (!await_room(queue, true, &finishing))
            break;
        if (bpf_is_empty(queue->bpf))
            poll(ready, 2, -1);
        else
            nanosleep(&pause, NULL); /* the next record is being written */
    }
    free(queue->open);
    pthread_mutex_lock(&queue->mutex);
    queue->ended = true;
    pthread_mutex_unlock(&queue->mutex);
    (void)!write(queue->news, &one, sizeof(one));
    return NULL;
}

/* The thread has little to do, but has to do it in time: before others, if the kernel lets it. */
static int start_thread(struct queue *queue)
{
    const struct sched_param first = {.sched_priority = 1};
    int error = pthread_create(&queue->thread, NULL, run_thread, queue);

    if (error == 0)
        pthread_setschedparam(queue->thread, SCHED_RR, &first);
    return error;
}

/* -------------------------------------------------------------------------------- order -- */

static void insert(struct queue *queue, const struct item *item)
{
    size_t at = queue->item_end;

    if (queue->item_end == queue->item_room) {
        queue->item_room = queue->item_room ? 2 * queue->item_room : 64;
        queue->items = sure(reallocarray(queue->items, queue->item_room, sizeof(*queue->items)));
    }
    for (; at > queue->item_first && queue->items[at - 1].time > item->time; at--)
        queue->items[at] = queue->items[at - 1];
    queue->items[at] = *item;
    queue->item_end++;
}

/* Move the items to the array's start. */
static void close_ranks(struct queue *queue)
{
    memmove(queue->items, queue->items + queue->item_first,
            (queue->item_end - queue->item_first) * sizeof(*queue->items));
    queue->item_end -= queue->item_first;
    queue->item_first = 0;
}

static void release(struct queue *queue, struct block *block)
{
    pthread_mutex_lock(&queue->mutex);
    queue->bytes -= block->room;
    pthread_cond_signal(&queue->room);
    pthread_mutex_unlock(&queue->mutex);
    free(block);
}

static uint64_t size_at(const struct block *block, size_t at)
{
    uint64_t size;

    memcpy(&size, block->bytes + at, sizeof(size));
    return size;
}

static void sort_in(struct queue *queue, struct block *block)
{
    if (queue->item_first > 0)
        close_ranks(queue);
    for (size_t at = 0; at < block->size;) {
        struct item item = {.block = block, .at = at};
        uint64_t size = size_at(block, at);

        at += sizeof(size);
        if (size >= sizeof(item.time)) /* the time is first (record.h) */
            memcpy(&item.time, block->bytes + at, sizeof(item.time));
        if (queue->see)
            queue->see(queue->context, block->bytes + at, size);
        insert(queue, &item);
        at += (size + 7) & ~(size_t)7;
    }
    if (block->read_at - DISORDER > queue->horizon)
        queue->horizon = block->read_at - DISORDER;
}

static bool has_due(const struct queue *queue)
{
    return queue->item_first < queue->item_end &&
           queue->items[queue->item_first].time <= queue->horizon;
}

/* Take a block of the list, or move the horizon. Gives whether to look again. */
static bool advance(struct queue *queue)
{
    uint64_t time = now();
    bool empty = bpf_is_empty(queue->bpf), ended;
    struct block *block;

    pthread_mutex_lock(&queue->mutex);
    block = queue->first;
    if (block) {
        queue->first = block->next;
        queue->last = queue->first ? queue->last : NULL;
    }
    ended = queue->ended;
    empty &= queue->idle;
    pthread_mutex_unlock(&queue->mutex);
    if (block) {
        sort_in(queue, block);
        return true;
    }
    if (ended)
        queue->horizon = UINT64_MAX;
    else if (empty && time - DISORDER > queue->horizon)
        queue->horizon = time - DISORDER;
    return has_due(queue);
}

enum queue_state queue_next(struct queue *queue, struct queued *ret)
{
    const struct item *item;

    if (queue->handed && --queue->handed->left == 0)
        release(queue, queue->handed);
    queue->handed = NULL;
    while (!has_due(queue))
        if (!advance(queue))
            return queue->horizon == UINT64_MAX ? QUEUE_END : QUEUE_WAIT;
    item = &queue->items[queue->item_first++];
    queue->handed = item->block;
    *ret = (struct queued){item->block->bytes + item->at + sizeof(uint64_t),
                           size_at(item->block, item->at), item->block->lost};
    return QUEUE_READY;
}

int queue_patience(const struct queue *queue)
{
    uint64_t time = now(), due;

    if (queue->item_first == queue->item_end)
        return -1;
    due = queue->items[queue->item_first].time + DISORDER;
    return due <= time ? 1 : (int)((due - time) / 1000000) + 1;
}

/* ----------------------------------------------------------------------------- lifetime -- */

int queue_descriptor(const struct queue *queue)
{
    return queue->news;
}

struct queue *queue_start(struct bpf *bpf, bpf_take *see, void *context)
{
    struct queue *queue = sure(calloc(1, sizeof(*queue)));

    *queue = (struct queue){
        .bpf = bpf,
        .see = see,
        .context = context,
        .most_bytes = most_bytes(),
        .news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->room, NULL);
    sure(start_thread(queue) == 0 ? queue : NULL);
    return queue;
}

static void tell(struct queue *queue, bool *what)
{
    uint64_t one = 1;

    pthread_mutex_lock(&queue->mutex);
    *what = true;
    pthread_cond_signal(&queue->room);
    pthread_mutex_unlock(&queue->mutex);
    (void)!write(queue->stop, &one, sizeof(one));
}

void queue_finish(struct queue *queue)
{
    tell(queue, &queue->finishing);
}

void queue_free(struct queue *queue)
{
    struct queued record;

    queue->see = NULL;
    tell(queue, &queue->freed);
    pthread_join(queue->thread, NULL);
    while (queue_next(queue, &record) != QUEUE_END)
        ;
    free(queue->items);
    close(queue->news);
    close(queue->stop);
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->room);
    free(queue);
}
