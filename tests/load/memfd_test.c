/* SPDX-License-Identifier: MIT */
/*
 * The memfd backing: how it is made, where tracers find it, and that it can be had whatever the
 * system says about executable memfds and whichever /proc there is.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/perf_uprobe.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define NOEXEC "/proc/sys/vm/memfd_noexec"

/* The descriptor that the path names, and the process id. */
static int fd_of(const rst_probe *probe, int *pid)
{
    const char *path = rst_probe_path(probe);
    int fd = -1, end = 0;

    check(path != NULL);
    check(sscanf(path, "/proc/%d/fd/%d%n", pid, &fd, &end) == 2 && path[end] == '\0');
    return fd;
}

static int own_fd_of(const rst_probe *probe)
{
    int pid, fd = fd_of(probe, &pid);

    check_equal(pid, getpid());
    return fd;
}

static void a_memfd_is_sealed_and_closes_on_exec(void **state)
{
    struct shop shop = shop_loaded();
    int fd = own_fd_of(shop.order);
    int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

    (void)state;
    assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(errno, EPERM);
    rst_provider_free(shop.provider);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void the_path_leads_to_the_memfd_by_name(void **state)
{
    struct shop shop = shop_loaded();
    char target[128] = "";

    (void)state;
    own_fd_of(shop.order);
    assert_true(readlink(rst_probe_path(shop.order), target, sizeof(target) - 1) > 0);
    assert_string_equal(target, "/memfd:librst-shop (deleted)");
    rst_provider_free(shop.provider);
}

static void load_without_standard_streams(void *data)
{
    struct shop shop;

    (void)data;
    close(0), close(1), close(2);
    shop = shop_loaded();
    check(own_fd_of(shop.order) > 2);
    check_equal(fcntl(0, F_GETFD), -1);
    check_equal(fcntl(1, F_GETFD), -1);
    check_equal(fcntl(2, F_GETFD), -1);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

static void the_standard_streams_numbers_stay_free(void **state)
{
    (void)state;
    in_child(load_without_standard_streams, NULL);
}

/* ------------------------------------------------------------------ vm.memfd_noexec -- */

/* As the first process of a PID namespace, whose setting it is. */
static void load_with_noexec(void *data)
{
    int level = *(int *)data;
    char text[2] = {(char)('0' + level), '\0'};
    int fd = open(NOEXEC, O_WRONLY | O_CLOEXEC), memfd;
    struct shop shop;

    check_can(fd >= 0, NOEXEC " is not writable");
    check_equal(write(fd, text, 1), 1);
    close(fd);
    check_equal(read_number(NOEXEC), level);
    memfd = (int)syscall(SYS_memfd_create, "executable", 0x10 /* MFD_EXEC */);
    check_equal(memfd >= 0, level < 2); /* the setting is in force */
    close(memfd);

    check_equal(rst_provider_set_backing((shop = shop_new()).provider, RST_BACKING_MEMFD, NULL), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_mentions(rst_probe_path(shop.order), "/fd/");
    check_traceable_if_allowed(shop);
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

static void in_new_pid_namespace(void *data)
{
    check_can(unshare(CLONE_NEWPID) == 0, "a PID namespace needs CAP_SYS_ADMIN");
    in_child(load_with_noexec, data);
}

static void a_memfd_loads_under_every_memfd_noexec(void **state)
{
    int host = read_number(NOEXEC);

    (void)state;
    check_applies(host >= 0, "this kernel has no " NOEXEC);
    for (int level = host; level <= 2; level++) /* a namespace's can only be higher */
        in_child(in_new_pid_namespace, &level);
    assert_int_equal(read_number(NOEXEC), host);
}

/* ------------------------------------------------------------------------- no /proc -- */

static void load_under_parents_proc(void *data)
{
    struct shop shop = shop_loaded();
    int pid;

    (void)data;
    check_equal(getpid(), 1);
    fd_of(shop.order, &pid);
    check(pid != 1); /* 1 is another process to the tracers that see this /proc */
    check_equal(access(rst_probe_path(shop.order), R_OK), 0);
    check_traceable_if_allowed(shop);
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

static void under_parents_proc(void *data)
{
    check_can(unshare(CLONE_NEWPID) == 0, "a PID namespace needs CAP_SYS_ADMIN");
    in_child(load_under_parents_proc, data);
}

static void in_a_pid_namespace_the_path_is_right_for_the_proc_there_is(void **state)
{
    (void)state;
    in_child(under_parents_proc, NULL);
}

/* The first process of a PID namespace that is nobody's in the /proc mounted: the mount belongs
 * to a namespace that this process is not in. */
static void load_under_strangers_proc(void *data)
{
    struct shop shop = shop_new();

    (void)data;
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_MEMFD, NULL), 0);
    check_equal(rst_provider_load(shop.provider), -ENOENT);
    check_mentions(rst_error(), "/proc");
    check(rst_probe_path(shop.order) == NULL);
    shop_fire(shop, 1);
    rst_provider_free(shop.provider);

    shop = shop_loaded();
    check(rst_probe_path(shop.order) != NULL);
    check(strncmp(rst_probe_path(shop.order), "/proc", 5) != 0);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

static void mount_strangers_proc(void *data)
{
    (void)data;
    check_equal(mount("proc", "/proc", "proc", 0, NULL), 0);
    child_pause();
}

static void under_strangers_proc(void *data)
{
    struct child stranger;

    sandbox_mounts();
    check_can(unshare(CLONE_NEWPID) == 0, "a PID namespace needs CAP_SYS_ADMIN");
    stranger = child_start(mount_strangers_proc, NULL);
    child_await(&stranger);
    load_under_strangers_proc(data); /* this process stayed in the outer namespace */
    child_continue(&stranger);
    child_join(&stranger);
}

static void under_a_foreign_proc_auto_takes_a_file(void **state)
{
    in_child(under_strangers_proc, *state);
}

static void load_without_proc(void *data)
{
    struct resources before = resources_now();
    struct shop shop;
    const char *path;

    sandbox_mounts();
    sandbox_tmpfs("/proc", 0, NULL);
    setenv("XDG_RUNTIME_DIR", data, 1);
    shop = shop_new();
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_MEMFD, NULL), 0);
    check_equal(rst_provider_load(shop.provider), -ENOENT);
    check_mentions(rst_error(), "/proc");
    check_mentions(rst_error(), "mounted");
    check(!rst_provider_loaded(shop.provider));
    check(rst_probe_path(shop.order) == NULL);
    shop_fire(shop, 1);

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_AUTO, NULL), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    path = rst_probe_path(shop.order);
    check(path && strncmp(path, data, strlen(data)) == 0);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
    check_equal(entries_of(data), 0);
    check_equal(umount("/proc"), 0);
    assert_nothing_left(before, resources_now());
}

static void without_proc_memfd_says_so_and_auto_takes_a_file(void **state)
{
    in_child(load_without_proc, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memfd_is_sealed_and_closes_on_exec),
        cmocka_unit_test(the_path_leads_to_the_memfd_by_name),
        cmocka_unit_test(the_standard_streams_numbers_stay_free),
        cmocka_unit_test(a_memfd_loads_under_every_memfd_noexec),
        cmocka_unit_test(in_a_pid_namespace_the_path_is_right_for_the_proc_there_is),
        cmocka_unit_test(under_a_foreign_proc_auto_takes_a_file),
        cmocka_unit_test_setup_teardown(without_proc_memfd_says_so_and_auto_takes_a_file,
                                        make_directory, remove_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
