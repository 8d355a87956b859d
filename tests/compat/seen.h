/* SPDX-License-Identifier: MIT */
/*
 * What a tracer finds in this process, whichever library has put it there: the notes of the objects
 * in the link map that are in a memfd or in a temporary file, and still mapped.
 */
#ifndef TEST_SEEN_H
#define TEST_SEEN_H

#include <stddef.h>
#include <stdint.h>

struct seen {
    char path[256];
    char arguments[256];      /* as in the note: "8@%rdi -4@%esi" */
    char signature[256];      /* as in librst's note; "" if there is none */
    uint64_t site, semaphore; /* offsets in the file */
};

/* Find a probe; the first, if there are more. Gives how many there are. */
unsigned see(const char *provider, const char *name, struct seen *ret);

/* Count a probe's hits in this process; see tracer.h. Fails the test if it is not there. */
int watch(const char *provider, const char *name);

/* What librst holds of the process. Unlike resources.h, it is exact under valgrind, too. */
struct held {
    size_t descriptors, libraries, mappings;
};

struct held held_now(void);
void check_held(struct held before);

#endif
