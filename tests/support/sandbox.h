/* SPDX-License-Identifier: MIT */
/*
 * Surroundings of a child's own: mounts, directories, system calls that fail. Functions "in a
 * child" would change the test's own process for good.
 */
#ifndef TEST_SANDBOX_H
#define TEST_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * In a child: give it mounts of its own, which the host does not see. Skips if that is not allowed.
 */
void sandbox_mounts(void);

/*
 * In a child with its own mounts: mount an empty file system. `flags` are for mount(2); `options`
 * are as in tmpfs(5), or NULL.
 */
void sandbox_tmpfs(const char *path, unsigned long flags, const char *options);

/* In a child: from now on, the system call fails with that errno. */
void sandbox_refuse(long system_call, int error);

/* In a child: from now on, no mprotect(2) makes memory executable: it fails with EPERM. */
void sandbox_refuse_executable(void);

/*
 * cmocka setup and teardown. `*state` is the path (char *) of a new directory of mode 0700. It is
 * removed with everything in it.
 */
int make_directory(void **state);
int remove_directory(void **state);

/* A path in the directory. The string is valid for 32 more calls. */
const char *path_in(const char *directory, const char *name);

/* How many entries the directory has (0 if it does not exist), and the path of the first. */
size_t entries_of(const char *directory);
const char *first_entry_of(const char *directory);

bool exists(const char *path);

#endif
