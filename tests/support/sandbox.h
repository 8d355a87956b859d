/* SPDX-License-Identifier: MIT */
/*
 * A child's own surroundings: mounts, directories, system calls that fail. What is said to be for
 * a child only would change the test's own process for good.
 */
#ifndef TEST_SANDBOX_H
#define TEST_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* In a child: mounts of its own, that the host does not see. Skips where that's not allowed. */
void sandbox_mounts(void);

/* Then: an empty file system there. `flags` as of mount(2), `options` as of tmpfs(5) or NULL. */
void sandbox_tmpfs(const char *path, unsigned long flags, const char *options);

/* In a child: from now on, the system call fails with that errno. */
void sandbox_refuse(long system_call, int error);

/* cmocka setup and teardown: `*state` is the path of a fresh directory of mode 0700 (char *),
 * removed with all that is in it. */
int make_directory(void **state);
int remove_directory(void **state);

/* A path under the directory; the string lives for 32 further calls. */
const char *path_in(const char *directory, const char *name);

/* How many entries the directory has, 0 also if it does not exist; and the first one's path. */
size_t entries_of(const char *directory);
const char *first_entry_of(const char *directory);

bool exists(const char *path);

#endif
