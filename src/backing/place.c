/* SPDX-License-Identifier: MIT */
#include "backing/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

/* Who the owner is that a user namespace has no number for, unless somebody changed
 * /proc/sys/kernel/overflowuid. */
#define UNMAPPED 65534

/* ------------------------------------------------------------------------ names -- */

struct rst_own_mark rst_own_mark(void)
{
    static uint32_t token; /* a forked child keeps it, and has another process id */
    struct rst_own_mark mark;
    struct timespec now;
    uint32_t none = 0;

    clock_gettime(CLOCK_REALTIME, &now);
    __atomic_compare_exchange_n(&token, &none, (uint32_t)now.tv_nsec | 1, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    snprintf(mark.text, sizeof(mark.text), ".%d.%08x-", (int)getpid(),
             __atomic_load_n(&token, __ATOMIC_RELAXED));
    return mark;
}

/* The directory's own path is behind the file's, in the same memory. */
static char *directory_of(struct rst_path *path)
{
    return path->text + strlen(path->text) + 1;
}

const char *rst_place_directory(const struct rst_path *path)
{
    return path->text + strlen(path->text) + 1;
}

const char *rst_place_name(const struct rst_path *path)
{
    return strrchr(path->text, '/') + 1;
}

static struct rst_path *new_path(const char *directory, const char *provider)
{
    static unsigned last;
    unsigned number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    struct rst_own_mark own = rst_own_mark();
    size_t length = strlen(directory), size = length + sizeof("/") + strlen(provider) +
                                              sizeof(own) + RST_NUMBER_LENGTH +
                                              sizeof(RST_FILE_SUFFIX);
    struct rst_path *path = calloc(1, sizeof(*path) + size + length + 1);

    if (!path) {
        rst_fail(ENOMEM, "no memory for a path");
        return NULL;
    }
    snprintf(path->text, size, "%s/%s%s%u" RST_FILE_SUFFIX, directory, provider, own.text, number);
    memcpy(directory_of(path), directory, length + 1);
    return path;
}

struct rst_path *rst_place_beside(const struct rst_path *path, const char *provider)
{
    return new_path(rst_place_directory(path), provider);
}

/* -------------------------------------------------------------- the directories above -- */

/*
 * /dev/shm comes last, because what is there takes memory: it is writable where a service's file
 * system is read-only otherwise (ProtectSystem=strict).
 */
size_t rst_place_bases(const char *ret[RST_PLACE_BASES])
{
    const char *bases[] = {secure_getenv("XDG_RUNTIME_DIR"), secure_getenv("TMPDIR"), "/tmp",
                           "/dev/shm"};
    size_t count = 0;

    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
        if (bases[i] && bases[i][0] == '/')
            ret[count++] = bases[i];
    return count;
}

static int check_mount(const char *base)
{
    struct statvfs status;

    if (strlen(base) > PATH_MAX / 2)
        return rst_fail(ENAMETOOLONG, "directory %s is too long", rst_quote(base).text);
    if (statvfs(base, &status) < 0)
        return rst_fail_errno(errno, "directory %s", rst_quote(base).text);
    if (status.f_flag & ST_NOEXEC)
        return rst_fail(EACCES, "directory %s is on a file system that is mounted noexec",
                        rst_quote(base).text);
    return 0;
}

/* With no symbolic link in it, which somebody else may own. To be freed; NULL and errno on
 * failure. */
static char *resolve(const char *base)
{
    char *real = realpath(base, NULL);

    if (!real)
        rst_fail_errno(errno, "directory %s", rst_quote(base).text);
    else if (strcmp(real, "/") == 0)
        real[0] = '\0';
    return real;
}

/* See that nobody but the user and root can put another in the place of what is in it. */
static int check_step(const char *step)
{
    struct stat status;

    if (lstat(step, &status) < 0)
        return rst_fail_errno(errno, "directory %s", rst_quote(step).text);
    if (!S_ISDIR(status.st_mode))
        return rst_fail(ENOTDIR, "%s is not a directory", rst_quote(step).text);
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return rst_fail(EPERM,
                        "directory %s belongs to user %u%s, who could exchange what is in it",
                        rst_quote(step).text, (unsigned)status.st_uid,
                        status.st_uid == UNMAPPED ? " (in a user namespace: anybody outside)" : "");
    if ((status.st_mode & 022) != 0 && (status.st_mode & S_ISVTX) == 0)
        return rst_fail(EPERM,
                        "directory %s has mode %04o: others could exchange what is in it (chmod "
                        "+t, or go-w, forbids it)",
                        rst_quote(step).text, (unsigned)status.st_mode & 07777);
    return 0;
}

/* From the root down to the directory's parent. Each step makes sure of the next one's. */
static int check_steps(char *directory)
{
    int error = check_step("/");

    for (char *slash = strchr(directory + 1, '/'); slash && error == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        error = check_step(directory);
        *slash = '/';
    }
    return error;
}

/* The path of a new file in DIRECTORY/librst-UID. Gives NULL for ENOMEM. */
static struct rst_path *path_under(const char *real, const char *provider)
{
    size_t size = strlen(real) + sizeof("/librst-") + RST_NUMBER_LENGTH;
    char *directory = calloc(1, size);
    struct rst_path *path;

    if (!directory) {
        rst_fail(ENOMEM, "no memory for a path");
        return NULL;
    }
    snprintf(directory, size, "%s/librst-%u", real, (unsigned)geteuid());
    path = new_path(directory, provider);
    free(directory);
    return path;
}

int rst_place_new(const char *base, const char *provider, struct rst_path **ret)
{
    int error = check_mount(base);
    struct rst_path *path;
    char *real;

    if (error < 0)
        return error;
    real = resolve(base);
    if (!real)
        return -errno;
    path = path_under(real, provider);
    free(real);
    if (!path)
        return -ENOMEM;
    *ret = path;
    return 0;
}

/* ------------------------------------------------------------------- the directory -- */

static int check_private(int fd, const char *path)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return rst_fail_errno(errno, "directory %s: fstat", rst_quote(path).text);
    if (status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        return 0;
    return rst_fail(EPERM, "directory %s is not user %u's alone (mode 0700)", rst_quote(path).text,
                    (unsigned)geteuid());
}

int rst_place_open(struct rst_path *in)
{
    char *path = directory_of(in);
    int error = check_steps(path), fd;
    bool made;

    if (error < 0)
        return error;
    made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return rst_fail_errno(errno, "mkdir %s", rst_quote(path).text);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        error = rst_fail_errno(errno, "directory %s", rst_quote(path).text);
    else
        error = check_private(fd, path);
    if (error == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    if (made)
        rmdir(path);
    return error;
}

int rst_place_open_nameless(struct rst_path *path)
{
    int directory = rst_place_open(path), fd;

    if (directory < 0)
        return directory;
    fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        fd =
            rst_fail_errno(errno, "nameless file in %s", rst_quote(rst_place_directory(path)).text);
    close(directory);
    return fd;
}

bool rst_place_remove(const struct rst_path *path)
{
    return rmdir(rst_place_directory(path)) == 0;
}
