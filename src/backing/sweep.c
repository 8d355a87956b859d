/* SPDX-License-Identifier: MIT */
#include "backing/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backing/place.h"

/* ------------------------------------------------------------------ who uses a file -- */

bool rst_sweep_is_unused(int fd)
{
    /* Should anyone open the file at just this moment, the kernel signals us: let it not be SIGIO,
     * which kills by default. */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
        return false;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return true;
}

/* Gives whether it is gone. */
static bool remove_unused(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool unused;

    if (fd < 0)
        return errno == ENOENT;
    unused = rst_sweep_is_unused(fd) && unlinkat(directory, name, 0) == 0;
    close(fd);
    return unused;
}

/* ------------------------------------------------------------------------ what we left -- */

struct left {
    struct left *next;
    char path[];
};

static struct left *left;

#define LEFT_AT_ONCE 16 /* to look at in a sweep; the others' turn is in the next */

static struct left *take_left(void)
{
    return __atomic_exchange_n(&left, NULL, __ATOMIC_ACQUIRE);
}

static void put_left(struct left *file)
{
    file->next = __atomic_load_n(&left, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&left, &file->next, file, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
}

/* Put them all back. Gives whether one has the path. */
static bool put_back(struct left *file, const char *path)
{
    bool known = false;

    while (file) {
        struct left *next = file->next;

        known = known || strcmp(file->path, path) == 0;
        put_left(file);
        file = next;
    }
    return known;
}

void rst_sweep_leave(const char *path)
{
    struct left *file;

    if (put_back(take_left(), path))
        return;
    file = calloc(1, sizeof(*file) + strlen(path) + 1);
    if (!file)
        return; /* another process will find it */
    memcpy(file->path, path, strlen(path) + 1);
    put_left(file);
}

static void sweep_left(void)
{
    struct left *file = take_left(), *next;

    for (int looked = 0; file; file = next, looked++) {
        next = file->next;
        if (looked >= LEFT_AT_ONCE || !remove_unused(AT_FDCWD, file->path)) {
            put_left(file);
            continue;
        }
        *strrchr(file->path, '/') = '\0';
        rmdir(file->path); /* if it is empty now */
        free(file);
    }
}

/* -------------------------------------------------------------- what was swept already -- */

#define RECENT 60 /* seconds */
#define MARKS 4

struct mark {
    dev_t device;
    ino_t inode;
    time_t when;
    pid_t by; /* a forked child has swept nothing */
};

static struct mark marks[MARKS];
static pid_t sweeper; /* the process of which a thread is at it, or 0: who comes second goes on */

static bool begin(void)
{
    pid_t own = getpid(), other = __atomic_load_n(&sweeper, __ATOMIC_RELAXED);

    return other != own && __atomic_compare_exchange_n(&sweeper, &other, own, false,
                                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void end(void)
{
    __atomic_store_n(&sweeper, 0, __ATOMIC_RELEASE);
}

void rst_sweep_anew(void)
{
    if (!begin())
        return;
    memset(marks, 0, sizeof(marks));
    end();
}

/* Gives whether the directory was swept a short while ago, and takes it that it is swept now. */
static bool is_recent(int directory)
{
    static unsigned next;
    struct timespec now;
    struct stat status;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (fstat(directory, &status) < 0)
        return false;
    for (size_t i = 0; i < MARKS; i++) {
        struct mark *mark = &marks[i];
        bool recent = now.tv_sec - mark->when < RECENT;

        if (mark->by != getpid() || mark->device != status.st_dev || mark->inode != status.st_ino)
            continue;
        if (!recent)
            mark->when = now.tv_sec;
        return recent;
    }
    marks[next++ % MARKS] = (struct mark){status.st_dev, status.st_ino, now.tv_sec, getpid()};
    return false;
}

/* ------------------------------------------------------------------- what others left -- */

/* Of the files of processes that seem to live, some at random. */
#define SAMPLE 4

struct sample {
    char names[SAMPLE][NAME_MAX + 1];
    uint64_t seen;
    uint64_t random;
};

/* Each that was seen is among them with the same chance. */
static void add_to_sample(struct sample *sample, const char *name)
{
    uint64_t place = sample->seen++;

    sample->random = sample->random * 6364136223846793005 + 1442695040888963407;
    if (place >= SAMPLE)
        place = (sample->random >> 33) % sample->seen;
    if (place < SAMPLE)
        memcpy(sample->names[place], name, strlen(name) + 1);
}

static bool is_image(const char *name, size_t length)
{
    size_t suffix = strlen(RST_FILE_SUFFIX);

    return length > suffix && memcmp(name + length - suffix, RST_FILE_SUFFIX, suffix) == 0;
}

/* Whether there is a process of the id in the name, other than this one: it may be the file's. What
 * is asked is remembered: one process may have many files. */
static bool seems_used(const char *name, pid_t own, pid_t *alive)
{
    const char *dot = strchr(name, '.');
    pid_t pid = dot ? (pid_t)strtol(dot + 1, NULL, 10) : 0;

    if (pid <= 0 || pid == own)
        return false;
    if (pid != *alive && kill(pid, 0) < 0 && errno != EPERM)
        return false;
    *alive = pid;
    return true;
}

static void sweep_stream(int directory, DIR *stream)
{
    struct rst_own_mark mark = rst_own_mark();
    struct sample sample = {.seen = 0};
    pid_t own = getpid(), alive = 0;
    struct dirent *entry;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sample.random = (uint64_t)now.tv_nsec ^ (uint64_t)own << 32;
    while ((entry = readdir(stream))) {
        const char *name = entry->d_name;

        if (!is_image(name, strlen(name)))
            continue;
        if (seems_used(name, own, &alive))
            add_to_sample(&sample, name);
        else if (!strstr(name, mark.text))
            remove_unused(directory, name);
    }
    for (size_t i = 0; i < SAMPLE && i < sample.seen; i++)
        remove_unused(directory, sample.names[i]);
}

static void sweep_others(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);

    if (stream) {
        sweep_stream(directory, stream);
        closedir(stream);
    } else if (fd >= 0) {
        close(fd);
    }
}

/* Where another process is at it, there is no need. */
static void sweep_in_turn(int directory)
{
    if (flock(directory, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return;
    if (!is_recent(directory))
        sweep_others(directory);
    flock(directory, LOCK_UN);
}

void rst_sweep(int directory)
{
    if (!begin())
        return;
    sweep_left();
    sweep_in_turn(directory);
    end();
}
