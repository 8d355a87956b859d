/* SPDX-License-Identifier: MIT */
/*
 * A place for a uprobe, which takes no ELF file: a file of two pages, mapped as a library is. The
 * first is text, with a function of one nop; the second has a semaphore. And events there, opened
 * by perf_event_open().
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define SITE 16 /* the function's offset in the file, and in the text */
#define SEMAPHORE (PAGE + 8)
#define NOP1 "\x90\xc3"
#define NOP5 "\x0f\x1f\x44\x00\x00\xc3"
#define BREAKPOINT 0xcc

static const char *path;
static int file;
static uint8_t *text;
static volatile uint16_t *semaphore;

static void need(int condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    exit(77);
}

/* Map the file's text afresh, where it was. */
static inline void map_text(int protection)
{
    void *at = mmap(text, PAGE, protection, MAP_PRIVATE | (text ? MAP_FIXED : 0), file, 0);

    need(at != MAP_FAILED, "mmap");
    text = at;
}

/* Make the file, its function being these instructions, and map it. */
static inline void make_place(const char *name, const char *code, size_t size)
{
    char *data;

    setvbuf(stdout, NULL, _IONBF, 0);
    path = name;
    file = open(path, O_RDWR | O_CREAT | O_EXCL, 0700);
    need(file >= 0 && ftruncate(file, 2 * PAGE) == 0, path);
    need(pwrite(file, code, size, SITE) == (ssize_t)size, path);
    map_text(PROT_READ | PROT_EXEC);
    data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, PAGE);
    need(data != MAP_FAILED, "mmap");
    semaphore = (uint16_t *)(data + SEMAPHORE - PAGE);
}

/* An event of this process that counts hits. Negative, if the kernel refuses. */
static inline int attach(uint64_t semaphore_offset)
{
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = semaphore_offset << 32,
        .config1 = (uintptr_t)path,
        .config2 = SITE,
    };
    FILE *type = fopen("/sys/bus/event_source/devices/uprobe/type", "r");

    need(type && fscanf(type, "%u", &attributes.type) == 1, "no uprobes");
    fclose(type);
    return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static inline int attach_counted(void)
{
    int event = attach(SEMAPHORE);

    need(event >= 0, "perf_event_open");
    return event;
}

static inline unsigned long hits(int event)
{
    uint64_t count = 0;

    need(read(event, &count, sizeof(count)) == sizeof(count), "read");
    return count;
}

static inline void fire(void)
{
    ((void (*)(void))(uintptr_t)(text + SITE))();
}

static inline const char *breakpoint(void)
{
    return text[SITE] == BREAKPOINT ? "breakpoint" : "no breakpoint";
}
