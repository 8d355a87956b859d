/* SPDX-License-Identifier: MIT */
#include "backing/backing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backing/check.h"
#include "backing/file.h"
#include "backing/memfd.h"
#include "error.h"
#include "rst.h"

/* The directory in RST_BACKING=file:DIR, and NULL for any other value of it. */
static const char *directory_in(const char *wish)
{
    return strncmp(wish, "file:", strlen("file:")) == 0 ? wish + strlen("file:") : NULL;
}

static int backing_in(const char *wish)
{
    if (strcmp(wish, "memfd") == 0)
        return RST_BACKING_MEMFD;
    if (strcmp(wish, "file") == 0 || directory_in(wish))
        return RST_BACKING_FILE;
    return rst_fail(EINVAL, "RST_BACKING=%s is not \"memfd\", \"file\" or \"file:DIR\"",
                    rst_quote(wish).text);
}

int rst_backing_choose(struct rst_backing_choice *choice)
{
    const char *wish = secure_getenv("RST_BACKING"), *directory;
    int backing, error;

    if (!wish || !*wish)
        return 0;
    backing = backing_in(wish);
    directory = directory_in(wish);
    error = backing < 0 ? backing : rst_backing_check("RST_BACKING", backing, directory);
    if (error == 0)
        *choice = (struct rst_backing_choice){.backing = backing, .directory = directory};
    return error;
}

const struct rst_backing_operations *const *rst_backing_kinds(int backing)
{
    static const struct rst_backing_operations *const kinds[][3] = {
        [RST_BACKING_AUTO] = {&rst_memfd, &rst_file, NULL},
        [RST_BACKING_MEMFD] = {&rst_memfd, NULL},
        [RST_BACKING_FILE] = {&rst_file, NULL},
    };

    return kinds[backing];
}

const char *rst_backing_load_path(const struct rst_backing *backing)
{
    return backing->load ? backing->load->text : backing->path->text;
}

void rst_backing_loaded(struct rst_backing *backing)
{
    if (!backing->load)
        return;
    rst_descriptor_close(&backing->load->directory);
    free(backing->load);
    backing->load = NULL;
}

int rst_backing_map_copy(const struct rst_backing *backing, const struct rst_image *copy, void *at)
{
    int fd = backing->kind->open_nameless(backing, copy), error = 0;

    if (fd < 0)
        return fd;
    if (mmap(at, copy->size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
        error = rst_fail_errno(errno, "mmap of %zu bytes", copy->size);
    close(fd);
    return error;
}

void rst_backing_keep_inode(struct rst_backing *backing)
{
    backing->kind->hide(backing); /* which may pin it in another way */
    backing->pin.page = NULL;
    backing->pin.file.fd = -1;
}

void rst_backing_release(struct rst_backing *backing)
{
    rst_backing_loaded(backing);
    backing->kind->release(backing);
    rst_descriptor_close(&backing->file);
    while (backing->path) {
        struct rst_path *older = backing->path->older;

        free(backing->path);
        backing->path = older;
    }
}
