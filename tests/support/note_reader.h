/* SPDX-License-Identifier: MIT */
/*
 * Reads an image's probes with libelf, as a tracer does, without any code of librst.
 */
#ifndef TEST_NOTE_READER_H
#define TEST_NOTE_READER_H

#include <stddef.h>
#include <stdint.h>

struct found_probe {
    char *provider, *name, *arguments;
    char *signature;                        /* from librst's note; NULL if there is none */
    uint64_t site, base, semaphore;         /* addresses from the note */
    uint64_t site_offset, semaphore_offset; /* their offsets in the file */
};

struct found_probes {
    struct found_probe *probes;
    size_t count;
};

/* Read the probes in `path`, or end the test with an error. */
struct found_probes read_probes(const char *path);
void free_probes(struct found_probes *found);

/* The probe of that name; fails the test if there is none. */
const struct found_probe *find_probe(const struct found_probes *found, const char *provider,
                                     const char *name);

#endif
