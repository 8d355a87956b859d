/* SPDX-License-Identifier: MIT */
/*
 * Where the file backing puts a file: DIRECTORY/librst-UID/PROVIDER.PID.TOKEN-N.so.
 *
 * The process id is for people. The token, made from the time, tells two processes apart that have
 * the same id: in two containers, say, or one after the other.
 *
 * Nobody but the user and root may be able to put another directory in the place of one on the way
 * there, or what a path leads to would be theirs to say.
 */
#ifndef RST_PLACE_H
#define RST_PLACE_H

#include "backing/kind.h"

#define RST_FILE_SUFFIX ".so"
#define RST_NUMBER_LENGTH ((size_t)10) /* of a user or process id, or a count */

/* The part of a file's name that this process alone uses: ".PID.TOKEN-". */
struct rst_own_mark {
    char text[sizeof("..ffffffff-") + RST_NUMBER_LENGTH];
};

struct rst_own_mark rst_own_mark(void);

/* The directories to try where the program names none. Gives how many. */
#define RST_PLACE_BASES 4
size_t rst_place_bases(const char *ret[RST_PLACE_BASES]);

/* A path for a new file under a directory that the program names. Gives 0 or a negative errno. */
int rst_place_new(const char *base, const char *provider, struct rst_path **ret);

/* A path for a new file in the directory of another one. Gives NULL for ENOMEM. */
struct rst_path *rst_place_beside(const struct rst_path *path, const char *provider);

/* The name of the file, and the path of the directory that it is in. */
const char *rst_place_name(const struct rst_path *path);
const char *rst_place_directory(const struct rst_path *path);

/* Open the directory, making it if need be. Gives a descriptor, -ENOENT if another process removed
 * it meanwhile, or another negative errno. */
int rst_place_open(struct rst_path *path);

/* Open a new file in it that has no name. Gives a descriptor or a negative errno. */
int rst_place_open_nameless(struct rst_path *path);

/* Remove the directory, if it is empty. Gives whether it is gone. */
bool rst_place_remove(const struct rst_path *path);

#endif
