/* SPDX-License-Identifier: MIT */
/*
 * The dynamic linker opens the file by the descriptor of its directory, which was seen to be the
 * user's alone: /proc/PID/fd/N/NAME. No directory on the way there can be exchanged, and as each
 * name is used once, the linker takes it for no other.
 *
 * It knows a library by device and inode, too. So the file that it has read keeps its inode until
 * the library is closed; or the next file to get that inode, the program's own plugin perhaps,
 * would be taken for it. A page of the file is mapped for that, which programs don't close as they
 * do descriptors. But a mapping counts as use: where the name must stay until another process is
 * done, a descriptor that doesn't count (O_PATH) takes its place.
 */
#include "backing/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backing/place.h"
#include "backing/sweep.h"
#include "error.h"
#include "rst.h"

#define TRIES 200 /* against another process that removes the directory as we make it */

/* --------------------------------------------------------------------- the inode -- */

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static bool map_pin(struct rst_pin *pin, int fd)
{
    void *page = mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE, fd, 0);

    if (page == MAP_FAILED)
        return false;
    pin->page = page;
    rst_descriptor_close(&pin->file);
    return true;
}

/* Hold the inode of what the dynamic linker is about to read. */
static int pin(struct rst_backing *file)
{
    file->pin.file = file->file;
    file->pin.file.fd = -1;
    if (map_pin(&file->pin, file->file.fd))
        return 0;
    return rst_fail_errno(errno, "file %s: mmap", rst_quote(file->path->text).text);
}

/* Hold it in a way that doesn't count as use, if it can be; else as before. */
static void pin_by_descriptor(struct rst_pin *pin, const char *path)
{
    struct rst_descriptor held = pin->file;

    held.fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (held.fd >= 0)
        held.fd = rst_descriptor_move(held.fd, path);
    if (held.fd < 0)
        return;
    if (!rst_descriptor_is_ours(&held) || munmap(pin->page, page_size()) < 0) {
        close(held.fd);
        return;
    }
    pin->page = NULL;
    pin->file = held;
}

static void unpin(struct rst_backing *file)
{
    if (file->pin.page)
        munmap(file->pin.page, page_size());
    file->pin.page = NULL;
    rst_descriptor_close(&file->pin.file);
}

/* ------------------------------------------------------------------------ the file -- */

/* If it is empty. */
static void remove_directory(const struct rst_path *path)
{
    if (rst_place_remove(path))
        rst_sweep_anew();
}

/*
 * Create an empty file at `file`'s path. Gives the directory's descriptor, the file's being in
 * `file`, or a negative errno.
 */
static int create_empty(struct rst_backing *file)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    struct rst_kept_error before = rst_error_keep();

    for (int tries = TRIES;; tries--) {
        int directory = rst_place_open(file->path), error;

        if (directory == -ENOENT && tries > 0)
            continue;
        if (directory < 0) {
            if (tries < TRIES) /* it was ours a moment ago */
                remove_directory(file->path);
            return directory;
        }
        file->file.fd = openat(directory, rst_place_name(file->path), flags, 0600);
        if (file->file.fd >= 0) {
            rst_error_restore(&before);
            return directory;
        }
        error = errno;
        close(directory);
        if (error != ENOENT || tries == 0) {
            remove_directory(file->path);
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

/* Gives the directory's descriptor or a negative errno. */
static int create_and_write(struct rst_backing *file, const struct rst_image *image)
{
    int directory = create_empty(file), error;

    if (directory < 0)
        return directory;
    rst_sweep(directory);
    error = write_image(file, image);
    if (error == 0)
        return directory;
    unlinkat(directory, rst_place_name(file->path), 0);
    if (file->file.fd >= 0)
        close(file->file.fd);
    remove_directory(file->path);
    close(directory);
    return error;
}

/* The file may be another process's, too: its name goes with the last of them. */
static void hide_shared(struct rst_backing *file)
{
    const char *path = file->path->text;
    struct rst_descriptor again = file->file;
    bool pinned = file->pin.page && file->pin.file.device == again.device &&
                  file->pin.file.inode == again.inode;

    again.fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (again.fd < 0) {
        if (errno != ENOENT)
            rst_sweep_leave(path);
        return;
    }
    if (!rst_descriptor_is_ours(&again)) {
        close(again.fd); /* the name is another file's now */
        return;
    }
    if (pinned)
        pin_by_descriptor(&file->pin, path);
    if (!rst_sweep_is_unused(again.fd) || unlink(path) < 0)
        rst_sweep_leave(path);
    else if (!file->pin.page && rst_descriptor_is_ours(&file->pin.file))
        map_pin(&file->pin, again.fd);
    close(again.fd);
}

/* Needs no descriptor, unless a child may use the file: a program may have none left. */
static void hide(struct rst_backing *file)
{
    struct rst_kept_error before = rst_error_keep();
    const char *path = file->path->text;

    rst_descriptor_close(&file->file);
    if (file->forked)
        hide_shared(file);
    else if (!rst_descriptor_is_elsewhere(&file->file, path))
        unlink(path);
    remove_directory(file->path);
    rst_error_restore(&before);
}

static void release(struct rst_backing *file)
{
    hide(file);
    unpin(file);
}

/* --------------------------------------------------------------- by which it is loaded -- */

static bool name_load_path(const struct rst_backing *file, struct rst_load_path *load, size_t size)
{
    size_t length;

    if (rst_descriptor_identify(&load->directory, rst_place_directory(file->path)) < 0 ||
        rst_descriptor_path(load->directory.fd, load->text) < 0)
        return false;
    length = strlen(load->text);
    snprintf(load->text + length, size - length, "/%s", rst_place_name(file->path));
    return rst_descriptor_is_at(&file->file, load->text);
}

/* Where /proc isn't this process's, the file's own path must do. Takes the descriptor. */
static int set_load_path(struct rst_backing *file, int directory)
{
    size_t size = RST_DESCRIPTOR_PATH_SIZE + sizeof("/") + strlen(rst_place_name(file->path));
    struct rst_kept_error before = rst_error_keep();
    struct rst_load_path *load;

    directory = rst_descriptor_move(directory, rst_place_directory(file->path));
    if (directory < 0)
        return directory;
    load = calloc(1, sizeof(*load) + size);
    if (!load) {
        close(directory);
        return rst_fail(ENOMEM, "no memory for a path");
    }
    load->directory.fd = directory;
    if (name_load_path(file, load, size)) {
        file->load = load;
        return 0;
    }
    rst_error_restore(&before);
    close(directory);
    free(load);
    return 0;
}

/* ------------------------------------------------------------------------- creating -- */

static int create_under(const char *base, const char *provider, const struct rst_image *image,
                        struct rst_backing *ret)
{
    struct rst_backing file = {.kind = &rst_file, .pin.file.fd = -1};
    int error = rst_place_new(base, provider, &file.path), directory;

    if (error < 0)
        return error;
    directory = create_and_write(&file, image);
    if (directory < 0) {
        free(file.path);
        return directory;
    }
    error = pin(&file);
    if (error == 0)
        error = set_load_path(&file, directory);
    else
        close(directory);
    if (error < 0) {
        release(&file);
        free(file.path);
        return error;
    }
    *ret = file;
    return 0;
}

/* Say why no directory would do, and, where others may, what to do about it. */
static int refuse(int error, const char *words)
{
    static const int of_directories[] = {EACCES,  EPERM, EROFS,  ENOENT,
                                         ENOTDIR, ELOOP, ENOSPC, EDQUOT};

    for (size_t i = 0; i < sizeof(of_directories) / sizeof(of_directories[0]); i++)
        if (-error == of_directories[i])
            return rst_fail(-error, "%s; name another with RST_BACKING=file:DIR", words);
    return rst_fail(-error, "%s", words);
}

/* Why the directories so far would not do. On the heap, for it is much of a small thread's stack.
 */
struct refusals {
    struct rst_kept_error before;
    size_t last; /* where the last one's words begin */
    char words[RST_ERROR_SIZE];
};

static void add_refusal(struct refusals *refusals)
{
    size_t length = strlen(refusals->words);

    if (strcmp(refusals->words + refusals->last, rst_error()) == 0)
        return; /* the root, which is above all of them */
    if (length + strlen("; ") >= sizeof(refusals->words))
        return; /* the room is full */
    snprintf(refusals->words + length, sizeof(refusals->words) - length, "%s%s", length ? "; " : "",
             rst_error());
    refusals->last = length ? length + strlen("; ") : 0;
}

static int create(const struct rst_backing_request *request, struct rst_backing *ret)
{
    const char *bases[RST_PLACE_BASES] = {request->directory};
    size_t count = request->directory ? 1 : rst_place_bases(bases);
    struct refusals *refusals = calloc(1, sizeof(*refusals));
    int error = 0;

    if (!refusals)
        return rst_fail(ENOMEM, "no memory for a file");
    refusals->before = rst_error_keep();
    for (size_t i = 0; i < count; i++) {
        error = create_under(bases[i], request->provider, request->image, ret);
        if (error == 0)
            break;
        add_refusal(refusals);
    }
    if (error == 0)
        rst_error_restore(&refusals->before);
    else
        error = refuse(error, refusals->words);
    free(refusals);
    return error;
}

/* Under its path, or a new one if that is taken. Gives the directory's descriptor or a negative
 * errno. */
static int create_under_some_name(struct rst_backing *again, bool shared, const char *provider,
                                  const struct rst_image *image)
{
    struct rst_path *old = again->path;
    int directory = shared ? -EEXIST : create_and_write(again, image);

    if (directory != -EEXIST)
        return directory;
    again->path = rst_place_beside(old, provider);
    if (again->path) {
        again->path->older = old;
        directory = create_and_write(again, image);
    } else {
        directory = -ENOMEM;
    }
    if (directory < 0) {
        free(again->path);
        again->path = old;
    }
    return directory;
}

/*
 * Under the old name if that was this process's own and is free, so that the link map holds; else
 * under a new one.
 */
static int create_again(struct rst_backing *file, const char *provider,
                        const struct rst_image *image)
{
    struct rst_backing again = {.kind = &rst_file, .path = file->path};
    int directory = create_under_some_name(&again, file->forked, provider, image);

    if (directory < 0)
        return directory;
    close(directory);
    if (again.path != file->path)
        hide(file); /* the old name is there yet */
    else
        rst_descriptor_close(&file->file);
    again.pin = file->pin;
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

static int open_nameless(const struct rst_backing *file, const struct rst_image *image)
{
    int fd = rst_place_open_nameless(file->path), error;

    if (fd < 0)
        return fd;
    error = rst_descriptor_write(fd, image, "nameless file");
    if (error == 0)
        return fd;
    close(fd);
    return error;
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
    .open_nameless = open_nameless,
    .hide = hide,
    .release = release,
    .forked_child = forked_child,
    .outlives_process = true,
};
