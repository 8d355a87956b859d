/* SPDX-License-Identifier: MIT */
/*
 * The file backing: DIRECTORY/librst-UID/PROVIDER.PID.TOKEN-N.so.
 *
 * The process id is for people. The token, made from the time, tells two processes apart that have
 * the same id: in two containers, say, or one after the other.
 *
 * The file must go when nobody uses it, whoever is the last: the process that made it, a child of
 * it that lived longer, or, when they were killed, the next process that comes by. The kernel
 * knows who uses it: a write lease (fcntl(2), F_SETLEASE) is granted on a file that nobody has
 * open or mapped, whatever PID namespace they are in and whichever descriptors they have closed.
 */
#include "backing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "loader.h"
#include "rst.h"

#define SUFFIX ".so"
#define NUMBER_LENGTH ((size_t)10) /* of a user or process id, or a count */
#define TRIES 16 /* against another process that removes the directory as we make it */

/* ------------------------------------------------------------------------ its name -- */

/* The part of a file's name that this process alone uses: ".PID.TOKEN-". */
struct own_mark {
    char text[sizeof("..ffffffff-") + NUMBER_LENGTH];
};

static struct own_mark own_mark(void)
{
    static uint32_t token; /* a forked child keeps it, and has another process id */
    struct own_mark mark;
    struct timespec now;
    uint32_t none = 0;

    clock_gettime(CLOCK_REALTIME, &now);
    __atomic_compare_exchange_n(&token, &none, (uint32_t)now.tv_nsec | 1, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    snprintf(mark.text, sizeof(mark.text), ".%d.%08x-", (int)getpid(),
             __atomic_load_n(&token, __ATOMIC_RELAXED));
    return mark;
}

static struct rst_path *new_path(const char *directory, const char *provider)
{
    static unsigned last;
    static const char format[] = "%s/%s%s%u" SUFFIX;
    unsigned number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    struct own_mark own = own_mark();
    size_t size =
        sizeof(format) + strlen(directory) + strlen(provider) + sizeof(own) + NUMBER_LENGTH;
    struct rst_path *path = calloc(1, sizeof(*path) + size);

    if (path)
        snprintf(path->text, size, format, directory, provider, own.text, number);
    else
        rst_fail(ENOMEM, "no memory for a path");
    return path;
}

static const char *file_part(const struct rst_path *path)
{
    return strrchr(path->text, '/') + 1;
}

/* The path of the directory that the file is in. */
struct directory_name {
    char text[PATH_MAX];
};

static struct directory_name directory_part(const struct rst_path *path)
{
    struct directory_name name;
    size_t length = (size_t)(file_part(path) - 1 - path->text);

    memcpy(name.text, path->text, length);
    name.text[length] = '\0';
    return name;
}

/* ------------------------------------------------------------------ who uses a file -- */

/* Whether no process has the file open or mapped. False also where leases are not to be had. */
static bool is_unused(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool unused;

    if (fd < 0)
        return false;
    /* Should anyone open the file at just this moment, the kernel signals us: let it not be SIGIO,
     * which kills by default. */
    unused = fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
    if (unused)
        fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    return unused;
}

static bool is_image(const char *name)
{
    size_t length = strlen(name);

    return length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* Remove what killed processes left. What can't be removed stays for another to try. */
static void sweep(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct own_mark own = own_mark();
    struct dirent *entry;

    if (!stream) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(stream)))
        if (is_image(entry->d_name) && !strstr(entry->d_name, own.text) &&
            is_unused(directory, entry->d_name))
            unlinkat(directory, entry->d_name, 0);
    closedir(stream);
}

/* ------------------------------------------------------------------- the directory -- */

static int check_base(const char *base)
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

/* Open our own directory. Gives a descriptor or a negative errno. */
static int open_private(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), error = 0;

    if (fd < 0)
        return rst_fail_errno(errno, "directory %s", rst_quote(path).text);
    if (fstat(fd, &status) < 0)
        error = rst_fail_errno(errno, "directory %s: fstat", rst_quote(path).text);
    else if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        error = rst_fail(EPERM,
                         "directory %s is not user %u's alone (mode 0700); remove it, or name "
                         "another with RST_BACKING=file:DIR",
                         rst_quote(path).text, (unsigned)geteuid());
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

/* The same, making it if need be. */
static int make_private(const char *path)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return rst_fail_errno(errno, "mkdir %s", rst_quote(path).text);
    return open_private(path);
}

/* ------------------------------------------------------------------------ the file -- */

/*
 * Create the file at `file`'s path. Gives the directory's descriptor, the file's being in `file`,
 * or a negative errno.
 */
static int create(struct rst_backing *file)
{
    const char *name = file_part(file->path);
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    for (int tries = TRIES;; tries--) {
        int directory = make_private(directory_part(file->path).text), error;

        if (directory < 0)
            return directory;
        file->fd = openat(directory, name, flags, 0600);
        if (file->fd >= 0)
            return directory;
        error = errno;
        close(directory);
        if (error != ENOENT || tries == 0)
            return rst_fail_errno(error, "file %s", rst_quote(file->path->text).text);
    }
}

static int write_image(struct rst_backing *file, const struct rst_image *image)
{
    struct stat status;
    int error = rst_backing_write(file->fd, image, file->path->text);

    if (error < 0)
        return error;
    if (fstat(file->fd, &status) < 0)
        return rst_fail_errno(errno, "file %s: fstat", rst_quote(file->path->text).text);
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return 0;
}

static int create_and_write(struct rst_backing *file, const struct rst_image *image)
{
    int directory = create(file), error = directory;

    if (directory >= 0) {
        sweep(directory);
        file->fd = rst_backing_move_fd(file->fd, file->path->text);
        error = file->fd < 0 ? file->fd : write_image(file, image);
        if (error < 0) {
            unlinkat(directory, file_part(file->path), 0);
            if (file->fd >= 0)
                close(file->fd);
            file->fd = -1;
        }
        close(directory);
    }
    if (error < 0)
        rmdir(directory_part(file->path).text); /* if it is empty */
    return error;
}

static int create_under(const char *base, const char *provider, const struct rst_image *image,
                        struct rst_backing *ret)
{
    struct rst_backing file = {.kind = RST_BACKING_FILE, .fd = -1};
    struct directory_name directory;
    int error = check_base(base);

    if (error < 0)
        return error;
    snprintf(directory.text, sizeof(directory.text), "%s/librst-%u", base, (unsigned)geteuid());
    file.path = new_path(directory.text, provider);
    if (!file.path)
        return -ENOMEM;
    error = create_and_write(&file, image);
    if (error < 0) {
        free(file.path);
        return error;
    }
    *ret = file;
    return 0;
}

/*
 * Create a file that the dynamic linker will not take for another. It knows what it has loaded by
 * device and inode, and the file of an unloaded provider is gone: its inode is soon another file's.
 * Such files are kept until there is one with an inode of its own.
 */
static int create_loadable(const char *base, const char *provider, const struct rst_image *image,
                           struct rst_backing *ret)
{
    struct rst_path *taken = NULL;
    struct rst_backing file;
    int error;

    while ((error = create_under(base, provider, image, &file)) == 0 &&
           rst_loader_knows_file(file.device, file.inode)) {
        close(file.fd);
        file.path->older = taken;
        taken = file.path;
    }
    while (taken) {
        struct rst_path *older = taken->older;

        unlinkat(AT_FDCWD, taken->text, 0);
        rmdir(directory_part(taken).text); /* if it is empty */
        free(taken);
        taken = older;
    }
    if (error == 0)
        *ret = file;
    return error;
}

int rst_file_create(const char *directory, const char *provider, const struct rst_image *image,
                    struct rst_backing *ret)
{
    const char *bases[] = {secure_getenv("XDG_RUNTIME_DIR"), secure_getenv("TMPDIR"), "/tmp"};
    int error = -ENOENT;

    if (directory)
        return create_loadable(directory, provider, image, ret);
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        if (!bases[i] || bases[i][0] != '/')
            continue;
        error = create_loadable(bases[i], provider, image, ret);
        if (error == 0)
            return 0;
    }
    return error;
}

/*
 * Under the old name if that was this process's own and is free, so that the link map holds; else
 * under a new one.
 */
int rst_file_create_again(struct rst_backing *file, const char *provider,
                          const struct rst_image *image)
{
    struct rst_backing again = {.kind = RST_BACKING_FILE, .fd = -1, .path = file->path};
    int error;

    if (file->forked || access(file->path->text, F_OK) == 0) {
        again.path = new_path(directory_part(file->path).text, provider);
        if (!again.path)
            return -ENOMEM;
        again.path->older = file->path;
    }
    error = create_and_write(&again, image);
    if (error < 0) {
        if (again.path != file->path)
            free(again.path);
        return error;
    }
    if (again.path != file->path)
        rst_file_remove(file); /* the name is there, and the descriptor was lost */
    else
        rst_backing_close_fd(file);
    *file = again;
    return 0;
}

void rst_file_remove(struct rst_backing *file)
{
    struct rst_kept_error before = rst_error_keep();
    struct directory_name in = directory_part(file->path);
    const char *name = file_part(file->path);
    struct stat status;
    int directory;

    rst_backing_close_fd(file);
    directory = open_private(in.text);
    if (directory >= 0) {
        if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_dev == file->device && status.st_ino == file->inode &&
            (!file->forked || is_unused(directory, name)))
            unlinkat(directory, name, 0);
        close(directory);
        rmdir(in.text); /* if it is empty now */
    }
    rst_error_restore(&before);
}
