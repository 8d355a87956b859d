/* SPDX-License-Identifier: MIT */
/*
 * Read an image's probes with libelf, as a tracer does. Knows nothing of the emitter.
 */
#ifndef TEST_NOTE_READER_H
#define TEST_NOTE_READER_H

#include <stddef.h>
#include <stdint.h>

struct found_probe {
    char *provider, *name, *arguments;
    char *signature;                        /* of librst's own note, NULL if there is none */
    uint64_t site, base, semaphore;         /* addresses, as the note has them */
    uint64_t site_offset, semaphore_offset; /* where they are in the file */
};

struct found_probes {
    struct found_probe *probes;
    size_t count;
};

/* Read `path`, or abort the test with what was wrong. */
struct found_probes read_probes(const char *path);
void free_probes(struct found_probes *found);

/* The one probe of that name; fails the test if there is none. */
const struct found_probe *find_probe(const struct found_probes *found, const char *provider,
                                     const char *name);

#endif
