/* SPDX-License-Identifier: MIT */
/*
 * The resources that a process holds, to check that librst returns what it took.
 */
#ifndef TEST_RESOURCES_H
#define TEST_RESOURCES_H

#include <stddef.h>

/* Whether a sanitizer is built in. It maps memory of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* musl's dlclose(3) does nothing: what was loaded stays in the link map, and so do two mappings at
 * most of a freed provider's image. The third is room for its malloc(3), which takes pages by
 * mmap(2). */
#ifdef __GLIBC__
#define DLCLOSE_UNMAPS true
#else
#define DLCLOSE_UNMAPS false
#endif
#define KEPT_MAPPINGS 3

struct resources {
    size_t descriptors;
    size_t mappings;      /* lines of /proc/self/maps; with a sanitizer, only those of files */
    size_t libraries;     /* entries of the link map */
    size_t heap;          /* bytes allocated by malloc(), which only glibc tells; else 0 */
    size_t address_space; /* bytes, from /proc/self/statm */
    size_t resident;      /* of these, what is in memory */
};

struct resources resources_now(void);

/* Compare mappings, descriptors and libraries. If some are left, fail the test and name them; what
 * musl keeps of closed libraries is none of these. */
void assert_nothing_left(struct resources before, struct resources after);

#endif
