/* SPDX-License-Identifier: MIT */
/*
 * A file is DIRECTORY/librst-UID/PROVIDER.PID.TOKEN-N.so.
 *
 * The process id is for people. The token, made from the time, tells two processes apart that have
 * the same id: in two containers, say, or one after the other.
 *
 * The file must go when nobody uses it, whoever is the last: the process that made it, a child of
 * it that lived longer, or, when they were killed, the next process that comes by. The kernel
 * knows who uses it: a write lease (fcntl(2), F_SETLEASE) is granted on a file that nobody has
 * open or mapped, whatever PID namespace they are in and whichever descriptors they have closed.
 *
 * The dynamic linker knows a library by device and inode. So the file that it has read keeps its
 * inode, held by a descriptor that counts as no use (O_PATH), until the library is closed; or the
 * next file to get that inode, the program's own plugin perhaps, would be taken for it.
 */
#include "backing/file.h"

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
#include "rst.h"

#define SUFFIX ".so"
#define NUMBER_LENGTH ((size_t)10) /* of a user or process id, or a count */
#define TRIES 200 /* against another process that removes the directory as we make it */

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

/* A file of ours had to stay, because a child used it: from then on we sweep our own, too. */
static bool left_behind;

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
    bool all = __atomic_load_n(&left_behind, __ATOMIC_RELAXED);
    struct own_mark own = own_mark();
    struct dirent *entry;

    if (!stream) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(stream)))
        if (is_image(entry->d_name) && (all || !strstr(entry->d_name, own.text)) &&
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

/* Open our own directory, making it if need be. Gives a descriptor or a negative errno. */
static int open_private(const char *path)
{
    bool made = mkdir(path, 0700) == 0;
    struct stat status;
    int fd, error = 0;

    if (!made && errno != EEXIST)
        return rst_fail_errno(errno, "mkdir %s", rst_quote(path).text);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        error = rst_fail_errno(errno, "directory %s", rst_quote(path).text);
    else if (fstat(fd, &status) < 0)
        error = rst_fail_errno(errno, "directory %s: fstat", rst_quote(path).text);
    else if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        error = rst_fail(EPERM,
                         "directory %s is not user %u's alone (mode 0700); remove it, or name "
                         "another with RST_BACKING=file:DIR",
                         rst_quote(path).text, (unsigned)geteuid());
    if (error == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    if (made)
        rmdir(path);
    return error;
}

/* ------------------------------------------------------------------------ the file -- */

/*
 * Create an empty file at `file`'s path. Gives the directory's descriptor, the file's being in
 * `file`, or a negative errno.
 */
static int create_empty(struct rst_backing *file)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    struct rst_kept_error before = rst_error_keep();

    for (int tries = TRIES;; tries--) {
        struct directory_name in = directory_part(file->path);
        int directory = open_private(in.text), error;

        if (directory == -ENOENT && tries > 0)
            continue;
        if (directory < 0)
            return directory;
        file->file.fd = openat(directory, file_part(file->path), flags, 0600);
        if (file->file.fd >= 0) {
            rst_error_restore(&before);
            return directory;
        }
        error = errno;
        close(directory);
        if (error != ENOENT || tries == 0) {
            rmdir(in.text); /* if it is empty */
            return rst_fail_errno(error, "file %s", rst_quote(file->path->text).text);
        }
    }
}

static int write_image(struct rst_backing *file, const struct rst_image *image)
{
    const char *path = file->path->text;
    int error;

    file->file.fd = rst_descriptor_move(file->file.fd, path);
    if (file->file.fd < 0)
        return file->file.fd;
    error = rst_descriptor_write(file->file.fd, image, path);
    return error < 0 ? error : rst_descriptor_identify(&file->file, path);
}

static int create_and_write(struct rst_backing *file, const struct rst_image *image)
{
    int directory = create_empty(file), error;

    if (directory < 0)
        return directory;
    sweep(directory);
    error = write_image(file, image);
    if (error < 0) {
        unlinkat(directory, file_part(file->path), 0);
        if (file->file.fd >= 0)
            close(file->file.fd);
        rmdir(directory_part(file->path).text); /* if it is empty */
    }
    close(directory);
    return error;
}

/* Hold the inode of what the dynamic linker is about to read. */
static int pin(struct rst_backing *file)
{
    const char *path = file->path->text;

    file->pin = file->file;
    file->pin.fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file->pin.fd < 0)
        return rst_fail_errno(errno, "file %s: open", rst_quote(path).text);
    file->pin.fd = rst_descriptor_move(file->pin.fd, path);
    return file->pin.fd < 0 ? file->pin.fd : 0;
}

/* Needs no descriptor, unless a child may use the file: a program may have none left. */
static void hide(struct rst_backing *file)
{
    struct rst_kept_error before = rst_error_keep();
    const char *path = file->path->text;

    rst_descriptor_close(&file->file);
    if (rst_descriptor_is_elsewhere(&file->file, path))
        ; /* the name is another file's now */
    else if (!file->forked || is_unused(AT_FDCWD, path))
        unlink(path);
    else
        __atomic_store_n(&left_behind, true, __ATOMIC_RELAXED);
    rmdir(directory_part(file->path).text); /* if it is empty now */
    rst_error_restore(&before);
}

static int create_under(const char *base, const char *provider, const struct rst_image *image,
                        struct rst_backing *ret)
{
    struct rst_backing file = {.kind = &rst_file};
    struct directory_name in;
    int error = check_base(base);

    if (error < 0)
        return error;
    snprintf(in.text, sizeof(in.text), "%s/librst-%u", base, (unsigned)geteuid());
    file.path = new_path(in.text, provider);
    if (!file.path)
        return -ENOMEM;
    error = create_and_write(&file, image);
    if (error == 0) {
        error = pin(&file);
        if (error < 0)
            hide(&file);
    }
    if (error < 0) {
        free(file.path);
        return error;
    }
    *ret = file;
    return 0;
}

static int create(const struct rst_backing_request *request, struct rst_backing *ret)
{
    const char *bases[] = {secure_getenv("XDG_RUNTIME_DIR"), secure_getenv("TMPDIR"), "/tmp"};
    int error = -ENOENT;

    if (request->directory)
        return create_under(request->directory, request->provider, request->image, ret);
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        if (!bases[i] || bases[i][0] != '/')
            continue;
        error = create_under(bases[i], request->provider, request->image, ret);
        if (error == 0)
            return 0;
    }
    return error;
}

/*
 * Under the old name if that was this process's own and is free, so that the link map holds; else
 * under a new one.
 */
static int create_again(struct rst_backing *file, const char *provider,
                        const struct rst_image *image)
{
    struct rst_backing again = {.kind = &rst_file, .pin = file->pin, .path = file->path};
    int error = file->forked ? -EEXIST : create_and_write(&again, image);

    if (error == -EEXIST) {
        again.path = new_path(directory_part(file->path).text, provider);
        if (!again.path)
            return -ENOMEM;
        again.path->older = file->path;
        error = create_and_write(&again, image);
    }
    if (error < 0) {
        if (again.path != file->path)
            free(again.path);
        return error;
    }
    if (again.path != file->path)
        hide(file); /* the old name is there yet */
    else
        rst_descriptor_close(&file->file);
    *file = again;
    return 0;
}

/* Open the file by its name again. */
static bool reopen(struct rst_backing *file)
{
    const char *path = file->path->text;
    struct rst_descriptor again = file->file;

    again.fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (again.fd >= 0)
        again.fd = rst_descriptor_move(again.fd, path);
    if (again.fd < 0)
        return false;
    if (!rst_descriptor_is_ours(&again)) {
        close(again.fd);
        return false;
    }
    file->file = again;
    return true;
}

static bool is_at_path(const struct rst_backing *file)
{
    return rst_descriptor_is_at(&file->file, file->path->text);
}

static bool is_intact(struct rst_backing *file)
{
    return is_at_path(file) && (rst_descriptor_is_ours(&file->file) || reopen(file));
}

/* The name is the same in the child. */
static void forked_child(struct rst_backing *file)
{
    (void)file;
}

const struct rst_backing_operations rst_file = {
    .create = create,
    .create_again = create_again,
    .is_at_path = is_at_path,
    .is_intact = is_intact,
    .hide = hide,
    .release = hide,
    .forked_child = forked_child,
    .outlives_process = true,
};
