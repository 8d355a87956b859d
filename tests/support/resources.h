/* SPDX-License-Identifier: MIT */
/*
 * What a process holds, to see that librst gives back what it took.
 */
#ifndef TEST_RESOURCES_H
#define TEST_RESOURCES_H

#include <stddef.h>

/* Whether a sanitizer is built in, which maps memory of its own as it goes. */
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

struct resources {
    size_t descriptors;
    size_t mappings;      /* lines of /proc/self/maps; of files only, if sanitized */
    size_t libraries;     /* entries of the link map */
    size_t heap;          /* bytes that malloc has handed out */
    size_t address_space; /* bytes, of /proc/self/statm */
};

struct resources resources_now(void);

/* The same mappings, descriptors and libraries; fails the cmocka test, naming what has grown. */
void assert_nothing_left(struct resources before, struct resources after);

#endif
