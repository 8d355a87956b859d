/* SPDX-License-Identifier: MIT */
#include "cli/trace/show/jit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/base/text.h"
#include "cli/trace/show/addresses.h"

#define MOST_BYTES (64 << 20)
#define LONGEST_LINE 4096 /* of longer ones, the rest is skipped */

/* Code may be replaced by newer code at the same place: the last entry of a place is valid. */
struct entry {
    uint64_t start, size;
    uint32_t number, name; /* number: in the order of the file */
};

struct jit {
    int directory, fd; /* fd -1: there is no file yet */
    uid_t user;
    long pid; /* in the process's PID namespace */
    off_t read;
    struct text line; /* that had no end yet */
    struct entry *entries;
    size_t count;
    struct text names;
};

/* ----------------------------------------------------------------------------- open -- */

/* Read the process's effective user (the second number) and its id (the innermost is the last). */
static void read_status(struct jit *jit)
{
    char line[256];
    int fd = openat(jit->directory, "status", O_RDONLY | O_CLOEXEC);
    FILE *status = fd < 0 ? NULL : fdopen(fd, "r");

    if (fd >= 0 && !status)
        close(fd);
    while (status && fgets(line, sizeof(line), status)) {
        const char *first = strchr(line, '\t'), *second = first ? strchr(first + 1, '\t') : NULL;

        if (second && strncmp(line, "Uid:", 4) == 0)
            jit->user = (uid_t)strtoul(second, NULL, 10);
        else if (first && strncmp(line, "NSpid:", 6) == 0)
            jit->pid = strtol(strrchr(line, '\t'), NULL, 10);
    }
    if (status)
        fclose(status);
}

/* Gives a descriptor, or -1. */
static int open_file(const struct jit *jit)
{
    struct stat about;
    char path[64];
    int path_fd, fd;

    snprintf(path, sizeof(path), "root/tmp/perf-%ld.map", jit->pid);
    path_fd = openat(jit->directory, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (path_fd < 0)
        return -1;
    fd = file_reopen(path_fd, &about);
    close(path_fd);
    if (fd >= 0 && about.st_uid == jit->user)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

struct jit *jit_new(int directory)
{
    struct jit *jit = sure(calloc(1, sizeof(*jit)));

    *jit = (struct jit){.directory = directory, .fd = -1, .user = (uid_t)-1};
    read_status(jit);
    jit->fd = open_file(jit);
    return jit;
}

void jit_free(struct jit *jit)
{
    if (!jit)
        return;
    if (jit->fd >= 0)
        close(jit->fd);
    free(jit->line.bytes);
    free(jit->entries);
    free(jit->names.bytes);
    free(jit);
}

/* ----------------------------------------------------------------------------- read -- */

static void add_entry(struct jit *jit, char *line)
{
    struct entry *entry;
    char *at = line;
    uint64_t start = strtoull(at, &at, 16), size;

    if (*at != ' ')
        return;
    size = strtoull(at, &at, 16);
    if (*at != ' ' || size == 0 || at[1] == '\0')
        return;
    jit->entries = room_for_one(jit->entries, jit->count, sizeof(*jit->entries));
    entry = &jit->entries[jit->count];
    *entry = (struct entry){start, size, (uint32_t)jit->count, (uint32_t)jit->names.size};
    jit->count++;
    text_add_bytes(&jit->names, at + 1, strlen(at + 1) + 1);
}

static void take_bytes(struct jit *jit, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' && jit->line.size > 0) {
            add_entry(jit, jit->line.bytes);
            text_clear(&jit->line);
        } else if (bytes[i] != '\n' && jit->line.size < LONGEST_LINE) {
            text_add_bytes(&jit->line, &bytes[i], 1);
        }
    }
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = addresses_compare(a, b);

    return order ? order : a->number < b->number ? -1 : 1;
}

/* Look for a file if there was none, or if there is a new one: the process runs another program. */
static void find_file(struct jit *jit)
{
    struct stat about;
    int fd;

    if (jit->fd >= 0 && fstat(jit->fd, &about) == 0 && about.st_nlink > 0 &&
        about.st_size >= jit->read)
        return;
    fd = open_file(jit);
    if (fd < 0)
        return; /* it was deleted at the end: what was read is valid */
    if (jit->fd >= 0)
        close(jit->fd);
    jit->fd = fd;
    jit->read = 0;
    jit->count = 0;
    text_clear(&jit->names);
    text_clear(&jit->line);
}

/* Read what was added to the file. */
static void read_more(struct jit *jit)
{
    char bytes[16384];
    size_t before;
    ssize_t size;

    find_file(jit);
    before = jit->count;
    while (jit->fd >= 0 && jit->read < MOST_BYTES &&
           (size = pread(jit->fd, bytes, sizeof(bytes), jit->read)) > 0) {
        take_bytes(jit, bytes, (size_t)size);
        jit->read += size;
    }
    if (jit->count > before)
        qsort(jit->entries, jit->count, sizeof(*jit->entries), compare_entries);
}

/* ----------------------------------------------------------------------------- find -- */

static const struct entry *find(const struct jit *jit, uint64_t address)
{
    size_t end = ADDRESSES_COUNT(jit->entries, jit->count, address);
    const struct entry *found = NULL;

    for (size_t i = end; i > 0 && end - i < 16; i--) {
        const struct entry *entry = &jit->entries[i - 1];

        if (address - entry->start < entry->size && (!found || entry->number > found->number))
            found = entry;
    }
    return found;
}

const char *jit_find(struct jit *jit, uint64_t address, uint64_t *ret_start)
{
    const struct entry *entry;

    read_more(jit);
    entry = find(jit, address);
    if (!entry)
        return NULL;
    *ret_start = entry->start;
    return jit->names.bytes + entry->name;
}
