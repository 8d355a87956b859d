/* SPDX-License-Identifier: MIT */
/*
 * The file backing: who asks for it, where the file is put, and which directories are refused.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define NOBODY 65534

/* DIRECTORY/librst-UID; the string lives as path_in()'s do. */
static const char *private_in(const char *directory)
{
    char name[32];

    snprintf(name, sizeof(name), "librst-%u", (unsigned)geteuid());
    return path_in(directory, name);
}

static void check_is_in(struct shop shop, const char *directory)
{
    const char *path = rst_probe_path(shop.order), *private = private_in(directory);
    struct stat status;
    char real[PATH_MAX];

    check(path != NULL);
    if (strncmp(path, private, strlen(private)) != 0 || path[strlen(private)] != '/')
        check_failed(__FILE__, __LINE__, "%s is not in %s", path, private);
    check_equal(lstat(private, &status), 0);
    check(S_ISDIR(status.st_mode));
    check_equal(status.st_mode & 07777, 0700);
    check_equal(status.st_uid, geteuid());
    check_equal(lstat(path, &status), 0);
    check(S_ISREG(status.st_mode));
    check_equal(status.st_mode & 077, 0);
    check(mapping_at((void *)(uintptr_t)rst_probe_function(shop.order), &(struct mapping){0}));
    check(realpath(path, real) != NULL);
    check_equal(mappings_of(real) > 0, 1);
}

/* Load, see that the file is there, and that nothing is there afterwards. */
static void check_file_in(const char *directory)
{
    struct shop shop = shop_loaded();

    check_is_in(shop, directory);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
    check(!exists(private_in(directory)));
}

/* The environment's directories: none, unless the test says so. */
static void forget_environment(void)
{
    unsetenv("RST_BACKING");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("TMPDIR");
}

/* ---------------------------------------------------------------------- who asks -- */

static void ask_by_environment(void *directory)
{
    char wish[PATH_MAX];

    forget_environment();
    snprintf(wish, sizeof(wish), "file:%s", (char *)directory);
    setenv("RST_BACKING", wish, 1);
    check_file_in(directory);

    setenv("RST_BACKING", "file", 1);
    setenv("TMPDIR", directory, 1);
    check_file_in(directory);
}

static void the_environment_asks_for_a_file(void **state)
{
    in_child(ask_by_environment, *state);
}

static void ask_by_call(void *directory)
{
    struct shop shop = shop_new();

    forget_environment();
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_is_in(shop, directory);
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_MEMFD, NULL), -EBUSY);
    check_mentions(rst_error(), "shop");
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_MEMFD, NULL), -EBUSY);
    check_equal(rst_provider_load(shop.provider), 0);
    check_is_in(shop, directory);
    rst_provider_free(shop.provider);
    check_equal(entries_of(directory), 0);
}

static void the_program_asks_for_a_file(void **state)
{
    in_child(ask_by_call, *state);
}

static void override(void *directory)
{
    struct shop shop = shop_new();

    forget_environment();
    setenv("RST_BACKING", "memfd", 1);
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_mentions(rst_probe_path(shop.order), "/fd/");
    rst_provider_free(shop.provider);

    setenv("TMPDIR", directory, 1);
    setenv("RST_BACKING", "file", 1);
    shop = shop_new();
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, "/nonexistent"), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_is_in(shop, directory);
    rst_provider_free(shop.provider);
}

static void the_environment_overrides_the_program(void **state)
{
    in_child(override, *state);
}

static void check_wish_refused(const char *wish)
{
    struct shop shop = shop_new();

    setenv("RST_BACKING", wish, 1);
    check_equal(rst_provider_load(shop.provider), -EINVAL);
    check_mentions(rst_error(), "RST_BACKING");
    check_mentions(rst_error(), wish + strlen("file:"));
    check(!rst_provider_loaded(shop.provider));
    unsetenv("RST_BACKING");
    check_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(shop.provider);
}

static void ask_nonsense(void *data)
{
    struct shop shop = shop_new();

    (void)data;
    forget_environment();
    check_equal(rst_provider_set_backing(NULL, RST_BACKING_FILE, NULL), -EINVAL);
    check_equal(rst_provider_set_backing(shop.provider, 3, NULL), -EINVAL);
    check_mentions(rst_error(), "3");
    check_equal(rst_provider_set_backing(shop.provider, -1, NULL), -EINVAL);
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, "not/absolute"), -EINVAL);
    check_mentions(rst_error(), "\"not/absolute\"");
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, ""), -EINVAL);
    check_equal(rst_provider_load(shop.provider), 0); /* as if nothing had been said */
    check_mentions(rst_probe_path(shop.order), "/fd/");
    rst_provider_free(shop.provider);

    check_wish_refused("file:relative");
    check_wish_refused("paper");
    check_wish_refused("file:");
}

static void what_makes_no_sense_is_refused_and_quoted(void **state)
{
    (void)state;
    in_child(ask_nonsense, NULL);
}

struct refusal {
    const char *directory;
    int error;
};

static void load_without_memfd(void *data)
{
    const struct refusal *refusal = data;
    struct shop shop = shop_new();

    forget_environment();
    setenv("TMPDIR", refusal->directory, 1);
    sandbox_refuse(SYS_memfd_create, refusal->error);
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_MEMFD, NULL), 0);
    check_equal(rst_provider_load(shop.provider), -refusal->error);
    check_mentions(rst_error(), "memfd_create");
    check_mentions(rst_error(), strerror(refusal->error));
    rst_provider_free(shop.provider);
    check_file_in(refusal->directory);
}

static void where_memfd_is_refused_auto_takes_a_file(void **state)
{
    struct refusal refusals[] = {{*state, EPERM}, {*state, ENOSYS}, {*state, EACCES}};

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        in_child(load_without_memfd, &refusals[i]);
}

/* ------------------------------------------------------------------- the directory -- */

static void try_directories(void *data)
{
    const char *base = data, *runtime = path_in(base, "runtime"), *tmp = path_in(base, "tmp");
    struct shop shop;

    forget_environment();
    check_equal(mkdir(runtime, 0700), 0);
    check_equal(mkdir(tmp, 0700), 0);
    setenv("RST_BACKING", "file", 1);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    setenv("TMPDIR", tmp, 1);
    check_file_in(runtime);
    setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
    check_file_in(tmp);
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    check_file_in(tmp);
    unsetenv("XDG_RUNTIME_DIR");
    setenv("TMPDIR", path_in(base, "none"), 1);
    shop = shop_loaded(); /* others may have files there, too */
    check_is_in(shop, "/tmp");
    rst_provider_free(shop.provider);
}

/* ProtectSystem=strict leaves little that can be written. */
static void try_read_only(void *unused)
{
    char before[256];
    struct shop shop;

    (void)unused;
    forget_environment();
    sandbox_mounts();
    sandbox_tmpfs("/tmp", MS_RDONLY, NULL);
    setenv("RST_BACKING", "file", 1);
    check(rst_provider_new("no name") == NULL);
    snprintf(before, sizeof(before), "%s", rst_error());
    shop = shop_loaded();
    check_is_in(shop, "/dev/shm");
    check_text(rst_error(), before);
    rst_provider_free(shop.provider);

    sandbox_tmpfs("/dev/shm", MS_NOEXEC, NULL);
    shop = shop_new();
    check_equal(rst_provider_load(shop.provider), -EACCES);
    check_mentions(rst_error(), "mkdir \"/tmp/librst-0\": Read-only file system; directory "
                                "\"/dev/shm\" is on a file system that is mounted noexec; "
                                "name another with RST_BACKING=file:DIR");
    rst_provider_free(shop.provider);
}

static void where_tmp_is_read_only_memory_is_next(void **state)
{
    (void)state;
    check_can(exists("/dev/shm"), "there is no /dev/shm");
    in_child(try_read_only, NULL);
}

/* The words of the first fill all the room that there is. */
static void try_long_and_full(void *unused)
{
    char name[200], path[700] = "/mnt";
    struct shop shop;

    (void)unused;
    forget_environment();
    sandbox_mounts();
    sandbox_tmpfs(path, 0, NULL);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (int i = 0; i < 3; i++) {
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
        check_equal(mkdir(path, 0700), 0);
    }
    sandbox_tmpfs(path, 0, "size=8k");
    sandbox_tmpfs("/tmp", MS_RDONLY, NULL);
    sandbox_tmpfs("/dev/shm", MS_NOEXEC, NULL);
    setenv("RST_BACKING", "file", 1);
    setenv("TMPDIR", path, 1);
    shop = shop_new();
    check_equal(rst_provider_load(shop.provider), -EACCES);
    check_mentions(rst_error(), name);
    rst_provider_free(shop.provider);
}

static void where_no_directory_will_do_long_words_are_cut(void **state)
{
    (void)state;
    check_can(exists("/dev/shm") && exists("/mnt"), "there is no /dev/shm, or no /mnt");
    in_child(try_long_and_full, NULL);
}

static void the_runtime_directory_comes_first_then_tmpdir_then_tmp(void **state)
{
    in_child(try_directories, *state);
}

static void load_beside_noexec(void *data)
{
    const char *base = data, *runtime = path_in(base, "runtime"), *tmp = path_in(base, "tmp");
    struct shop shop;

    forget_environment();
    sandbox_mounts();
    check_equal(mkdir(runtime, 0700), 0);
    check_equal(mkdir(tmp, 0700), 0);
    sandbox_tmpfs(runtime, MS_NOEXEC, NULL);
    setenv("RST_BACKING", "file", 1);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    setenv("TMPDIR", tmp, 1);
    check_file_in(tmp);
    check_equal(entries_of(runtime), 0);

    shop = shop_new();
    unsetenv("RST_BACKING");
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, runtime), 0);
    check_equal(rst_provider_load(shop.provider), -EACCES);
    check_mentions(rst_error(), runtime);
    check_mentions(rst_error(), "noexec");
    rst_provider_free(shop.provider);
    check_equal(entries_of(runtime), 0);
}

static void a_noexec_mount_is_passed_over(void **state)
{
    in_child(load_beside_noexec, *state);
}

static void check_refused(const char *directory, int error, const char *word)
{
    struct resources before = resources_now();
    struct shop shop = shop_new();

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), -error);
    check_mentions(rst_error(), private_in(directory));
    check_mentions(rst_error(), word);
    check(rst_probe_path(shop.order) == NULL);
    rst_provider_free(shop.provider);
    assert_nothing_left(before, resources_now());
}

static void a_directory_that_is_not_ours_alone_is_refused(void **state)
{
    const char *private = private_in(*state);

    assert_int_equal(mkdir(private, 0700), 0);
    assert_int_equal(chmod(private, 0750), 0);
    check_refused(*state, EPERM, "0700");
    assert_int_equal(chmod(private, 0701), 0);
    check_refused(*state, EPERM, "0700");
    assert_int_equal(chmod(private, 0700), 0);
    check_can(geteuid() == 0, "giving a directory away needs root");
    assert_int_equal(chown(private, NOBODY, NOBODY), 0);
    check_refused(*state, EPERM, "user 0's alone");
    assert_true(exists(private));
}

static void a_symbolic_link_is_refused(void **state)
{
    const char *private = private_in(*state), *elsewhere = path_in(*state, "elsewhere");

    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlink(elsewhere, private), 0);
    check_refused(*state, ENOTDIR, "directory");
    assert_int_equal(entries_of(elsewhere), 0);
    assert_int_equal(entries_of(*state), 2);
}

static void a_file_in_the_directorys_place_is_refused(void **state)
{
    FILE *file = fopen(private_in(*state), "we");

    assert_non_null(file);
    fclose(file);
    check_refused(*state, ENOTDIR, "directory");
    assert_int_equal(entries_of(*state), 1);
}

static void a_read_only_place_is_refused(void **state)
{
    struct shop shop = shop_new();

    (void)state;
    assert_int_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, "/proc"), 0);
    assert_true(rst_provider_load(shop.provider) < 0);
    check_mentions(rst_error(), "/proc");
    rst_provider_free(shop.provider);
}

/* What the program then prints must not land in the image. */
/* Longer than any path that the kernel takes. */
static void a_directory_with_too_long_a_name_is_refused(void **state)
{
    struct resources before = resources_now();
    struct shop shop = shop_new();
    char directory[3000] = "/";

    (void)state;
    memset(directory + 1, 'd', sizeof(directory) - 2);
    assert_int_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    assert_int_equal(rst_provider_load(shop.provider), -ENAMETOOLONG);
    check_mentions(rst_error(), "/dddd");
    check_mentions(rst_error(), "is too long");
    rst_provider_free(shop.provider);
    assert_nothing_left(before, resources_now());
}

static void load_without_standard_streams(void *directory)
{
    struct shop shop;

    forget_environment();
    close(0), close(1), close(2);
    shop = shop_new();
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_equal(fcntl(0, F_GETFD), -1);
    check_equal(fcntl(1, F_GETFD), -1);
    check_equal(fcntl(2, F_GETFD), -1);
    check_is_in(shop, directory);
    rst_provider_free(shop.provider);
}

static void the_standard_streams_numbers_stay_free(void **state)
{
    in_child(load_without_standard_streams, *state);
}

static void load_where_only_their_numbers_are_free(void *directory)
{
    struct rlimit before, tight;
    struct shop shop;

    forget_environment();
    close(0), close(1), close(2);
    shop = shop_new();
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = 3;
    check_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    check(rst_provider_load(shop.provider) < 0);
    check_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_mentions(rst_error(), "F_DUPFD_CLOEXEC");
    check_equal(fcntl(0, F_GETFD), -1);
    check_equal(fcntl(1, F_GETFD), -1);
    check_equal(fcntl(2, F_GETFD), -1);
    check_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(shop.provider);
}

static void a_load_that_could_take_only_those_fails_and_leaves_nothing(void **state)
{
    in_child(load_where_only_their_numbers_are_free, *state);
    assert_int_equal(entries_of(*state), 0);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(the_environment_asks_for_a_file),
        WITH_DIRECTORY(the_program_asks_for_a_file),
        WITH_DIRECTORY(the_environment_overrides_the_program),
        cmocka_unit_test(what_makes_no_sense_is_refused_and_quoted),
        WITH_DIRECTORY(where_memfd_is_refused_auto_takes_a_file),
        WITH_DIRECTORY(the_runtime_directory_comes_first_then_tmpdir_then_tmp),
        cmocka_unit_test(where_tmp_is_read_only_memory_is_next),
        cmocka_unit_test(where_no_directory_will_do_long_words_are_cut),
        WITH_DIRECTORY(a_noexec_mount_is_passed_over),
        WITH_DIRECTORY(a_directory_that_is_not_ours_alone_is_refused),
        WITH_DIRECTORY(a_symbolic_link_is_refused),
        WITH_DIRECTORY(a_file_in_the_directorys_place_is_refused),
        cmocka_unit_test(a_read_only_place_is_refused),
        cmocka_unit_test(a_directory_with_too_long_a_name_is_refused),
        WITH_DIRECTORY(the_standard_streams_numbers_stay_free),
        WITH_DIRECTORY(a_load_that_could_take_only_those_fails_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
