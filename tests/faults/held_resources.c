/* SPDX-License-Identifier: MIT */
/*
 * What librst holds, by the calls that gave it and took it back.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "held_resources.h"
#include "wrap.h"

static const char *const holding_names[] = {"heap block", "descriptor", "directory stream",
                                            "library", "mapping"};

static struct held {
    enum holding what;
    uintptr_t which;
    size_t size;   /* of a mapping */
    bool orphaned; /* what would have freed it was made to fail */
} held[4096];

static size_t held_count;

void faults_hold(enum holding what, uintptr_t which, size_t size)
{
    if (held_count == sizeof(held) / sizeof(held[0]))
        abort();
    held[held_count++] = (struct held){what, which, size, false};
}

void faults_let_go(enum holding what, uintptr_t which)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i].what == what && held[i].which == which) {
            held[i] = held[--held_count];
            return;
        }
}

/* Pages from the start or the end of a mapping have gone. */
void faults_let_pages_go(uintptr_t from, size_t size)
{
    for (size_t i = 0; i < held_count; i++) {
        struct held *mapping = &held[i];

        if (mapping->what != MAPPING || from + size <= mapping->which ||
            from >= mapping->which + mapping->size)
            continue;
        if (from <= mapping->which && from + size >= mapping->which + mapping->size) {
            held[i--] = held[--held_count];
        } else if (from <= mapping->which) {
            mapping->size -= from + size - mapping->which;
            mapping->which = from + size;
        } else {
            mapping->size = from - mapping->which;
        }
    }
}

size_t faults_held(void)
{
    return held_count;
}

void faults_list_held(void (*visit)(const char *what, const void *which))
{
    for (size_t i = 0; i < held_count; i++)
        visit(holding_names[held[i].what], (const void *)held[i].which);
}

int __real_munmap(void *from, size_t size);
int __real_close(int fd);

/* By the real functions: the compiler takes it for granted that munmap(2) changes nothing here. */
void faults_clean_up(void)
{
    for (size_t i = 0; i < held_count;)
        if (held[i].orphaned) {
            __real_munmap((void *)held[i].which, held[i].size);
            faults_let_pages_go(held[i].which, held[i].size);
        } else {
            i++;
        }
}

void faults_forget_descriptors(void)
{
    for (size_t i = 0; i < held_count;)
        if (held[i].what == DESCRIPTOR) {
            __real_close((int)held[i].which);
            held[i] = held[--held_count];
        } else {
            i++;
        }
}

void faults_orphan_pages(uintptr_t from, size_t size)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i].what == MAPPING && from < held[i].which + held[i].size &&
            held[i].which < from + size)
            held[i].orphaned = true;
}
