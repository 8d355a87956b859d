/* SPDX-License-Identifier: MIT */
/*
 * What librst leaves in the dynamic linker harms no library of the program's own: neither one
 * whose file gets the inode of an image that is gone, nor one that is opened after a module with a
 * librst of its own was closed.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

static const char *module; /* the library with a librst of its own; set by main */

/* Create a file of the program's own, with the module in it. */
static void copy_module(const char *path)
{
    int from = open(module, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700);
    struct stat status;

    check(from >= 0 && to >= 0);
    check_equal(fstat(from, &status), 0);
    check_equal(sendfile(to, from, NULL, (size_t)status.st_size), status.st_size);
    close(from);
    close(to);
}

static void *open_library(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!handle)
        check_failed(__FILE__, __LINE__, "%s", dlerror());
    return handle;
}

/* ------------------------------------------------------------------- the inode's life -- */

#define FILES 100

static ino_t inode_of(const char *path)
{
    struct stat status;

    check_equal(stat(path, &status), 0);
    return status.st_ino;
}

static const char *numbered(const char *directory, const char *what, int number)
{
    char name[64];

    snprintf(name, sizeof(name), "%s%d", what, number); /* without ".so", or it might be swept */
    return path_in(directory, name);
}

/* Whether one of the next files that are made in the directory gets a removed file's inode. */
static bool reuses_inodes(const char *directory)
{
    const char *first = path_in(directory, "removed");
    ino_t inode;
    bool reused = false;

    copy_module(first);
    inode = inode_of(first);
    check_equal(unlink(first), 0);
    for (int i = 0; i < FILES && !reused; i++) {
        copy_module(numbered(directory, "trial", i));
        reused = inode_of(numbered(directory, "trial", i)) == inode;
    }
    for (int i = 0; i < FILES; i++)
        unlink(numbered(directory, "trial", i));
    return reused;
}

/*
 * The directory that librst's files will be in, with one that stays: plugins are made in there, for
 * a file system may give each directory a range of inodes of its own.
 */
static const char *private_directory(const char *directory)
{
    static char private[256];

    snprintf(private, sizeof(private), "%s/librst-%u", directory, (unsigned)geteuid());
    check_equal(mkdir(private, 0700), 0);
    copy_module(path_in(private, "stays"));
    check_applies(reuses_inodes(private), "this file system gives no inode twice");
    return private;
}

/* The inode of a library that the linker still has goes to no other file; and each library that is
 * opened is the one that was asked for. */
static void check_plugins(const char *directory, ino_t image)
{
    for (int i = 0; i < FILES; i++) {
        const char *path = numbered(directory, "plugin", i);
        struct link_map *map;
        void *handle;

        copy_module(path);
        if (inode_of(path) == image)
            print_message("%s has the image's inode\n", path);
        handle = open_library(path);
        check_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
        check_text(map->l_name, path);
        check(dlsym(handle, "plugin_start") != NULL);
        dlclose(handle);
        check(inode_of(path) != image);
    }
}

static struct shop shop_in(const char *directory)
{
    struct shop shop = shop_new();

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    return shop;
}

static void a_plugin_made_after_an_unload_is_what_dlopen_gives(void **state)
{
    const char *private = private_directory(*state);
    struct shop shop = shop_in(*state);
    ino_t image = inode_of(rst_probe_path(shop.order));

    assert_int_equal(rst_provider_unload(shop.provider), 0);
    check_plugins(private, image);
    rst_provider_free(shop.provider);
}

/* The second load makes a file that the linker never reads: the first one's inode still counts. */
static void a_plugin_made_after_a_second_load_is_what_dlopen_gives(void **state)
{
    const char *private = private_directory(*state);
    const char *between = path_in(private, "between");
    struct shop shop = shop_in(*state);
    ino_t image = inode_of(rst_probe_path(shop.order));

    assert_int_equal(rst_provider_unload(shop.provider), 0);
    copy_module(between); /* takes the inode, had it become free */
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_not_equal(inode_of(between), image);
    assert_int_equal(unlink(between), 0);
    check_plugins(private, image);
    rst_provider_free(shop.provider);
}

/* Tidied away while loaded, and made again. */
static void a_plugin_made_after_a_tidy_up_is_what_dlopen_gives(void **state)
{
    const char *private = private_directory(*state);
    struct shop shop = shop_in(*state);
    ino_t image = inode_of(rst_probe_path(shop.order));

    assert_int_equal(unlink(rst_probe_path(shop.order)), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    check_plugins(private, image);
    rst_provider_free(shop.provider);
}

static bool has_open(ino_t inode)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    struct stat status;
    bool open = false;

    check(directory != NULL);
    while (!open && (entry = readdir(directory)))
        open = fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && status.st_ino == inode;
    closedir(directory);
    return open;
}

static bool has_mapped(ino_t inode)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned long number;
    bool mapped = false;

    check(maps != NULL);
    while (!mapped && fgets(line, sizeof(line), maps))
        mapped = sscanf(line, "%*s %*s %*s %*s %lu", &number) == 1 && number == inode;
    fclose(maps);
    return mapped;
}

/* Not with musl, which would take the file that gets it for the image. Which file gets the inode
 * then is up to the file system, and to what else makes files there. */
static void an_image_that_is_freed_gives_its_inode_back(void **state)
{
    struct shop shop = shop_in(*state);
    struct stat image;

    check_equal(stat(rst_probe_path(shop.order), &image), 0);
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    assert_true(has_open(image.st_ino) || has_mapped(image.st_ino));
    rst_provider_free(shop.provider);
    assert_int_equal(has_open(image.st_ino) || has_mapped(image.st_ino), !DLCLOSE_UNMAPS);
}

/* ------------------------------------------------------------------- a closed module -- */

struct module_case {
    bool unload; /* before the module is closed; it never frees its provider */
    int backing;
    const char *directory;
};

/* What the module left is still in the linker's list, which the next dlopen goes through. */
static void close_module_and_open_another(void *data)
{
    const struct module_case *module_case = data;
    const char *path = path_in(module_case->directory, "another.so");
    int (*start)(int backing, const char *directory);
    int (*leave)(void); /* stop() is a macro of newer cmockas */
    void *handle = open_library(module);

    *(void **)&start = dlsym(handle, "plugin_start");
    *(void **)&leave = dlsym(handle, "plugin_stop");
    check(start && leave);
    check_equal(start(module_case->backing, module_case->directory), 0);
    if (module_case->unload)
        check_equal(leave(), 0);
    check_equal(dlclose(handle), 0);
    check_equal(!dlopen(module, RTLD_NOW | RTLD_NOLOAD), DLCLOSE_UNMAPS); /* it really went */

    copy_module(path);
    handle = open_library(path);
    *(void **)&start = dlsym(handle, "plugin_start");
    check_equal(start(module_case->backing, module_case->directory), 0);
    check_equal(dlclose(handle), 0);
}

static void check_closed_module(struct module_case module_case)
{
    in_child(close_module_and_open_another, &module_case);
}

static void a_closed_modules_unloaded_memfd_harms_no_dlopen(void **state)
{
    check_closed_module((struct module_case){true, RST_BACKING_MEMFD, *state});
}

static void a_closed_modules_loaded_memfd_harms_no_dlopen(void **state)
{
    check_closed_module((struct module_case){false, RST_BACKING_MEMFD, *state});
}

static void a_closed_modules_unloaded_file_harms_no_dlopen(void **state)
{
    check_closed_module((struct module_case){true, RST_BACKING_FILE, *state});
}

static void a_closed_modules_loaded_file_harms_no_dlopen(void **state)
{
    check_closed_module((struct module_case){false, RST_BACKING_FILE, *state});
    assert_int_equal(unlink(path_in(*state, "another.so")), 0);
    if (DLCLOSE_UNMAPS) /* else the modules' destructors would run at an exit, of which this is none
                         */
        assert_int_equal(entries_of(*state), 0);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_plugin_made_after_an_unload_is_what_dlopen_gives),
        WITH_DIRECTORY(a_plugin_made_after_a_second_load_is_what_dlopen_gives),
        WITH_DIRECTORY(a_plugin_made_after_a_tidy_up_is_what_dlopen_gives),
        WITH_DIRECTORY(an_image_that_is_freed_gives_its_inode_back),
        WITH_DIRECTORY(a_closed_modules_unloaded_memfd_harms_no_dlopen),
        WITH_DIRECTORY(a_closed_modules_loaded_memfd_harms_no_dlopen),
        WITH_DIRECTORY(a_closed_modules_unloaded_file_harms_no_dlopen),
        WITH_DIRECTORY(a_closed_modules_loaded_file_harms_no_dlopen),
    };

    if (count != 2) {
        fprintf(stderr, "usage: %s MODULE\n", arguments[0]);
        return EXIT_FAILURE;
    }
    module = arguments[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
