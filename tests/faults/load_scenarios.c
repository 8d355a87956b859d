/* SPDX-License-Identifier: MIT */
#include "load_scenarios.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state_checks.h"
#include "wrap.h"

#define MANY 70 /* more than the registry has room for at first */

static void must(int result)
{
    if (result < 0)
        complain("the scenario's own preparation: %s", rst_error());
}

/* -------------------------------------------------------------------------- preparing -- */

static void with_nothing(struct fixture *fixture)
{
    (void)fixture;
}

static void with_provider(struct fixture *fixture)
{
    fixture->provider = rst_provider_new(FIXTURE_PROVIDER);
    must(fixture->provider ? 0 : -errno);
}

static void set_backing(struct fixture *fixture, int backing, const char *directory)
{
    with_provider(fixture);
    must(rst_provider_set_backing(fixture->provider, backing, directory));
    must(fixture_add(fixture, 2));
}

static void with_memfd(struct fixture *fixture)
{
    set_backing(fixture, RST_BACKING_MEMFD, NULL);
}

static void with_file(struct fixture *fixture)
{
    set_backing(fixture, RST_BACKING_FILE, fixture_directory);
    fixture->on_file = true;
}

static void with_default_file(struct fixture *fixture)
{
    set_backing(fixture, RST_BACKING_FILE, NULL);
}

static void with_auto(struct fixture *fixture)
{
    set_backing(fixture, RST_BACKING_AUTO, NULL);
}

/* What a killed process left, and what is none of librst's. */
static void with_leftovers(struct fixture *fixture)
{
    char path[128];
    int fd;

    with_file(fixture);
    snprintf(path, sizeof(path), "%s/librst-%u", fixture_directory, (unsigned)geteuid());
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/librst-%u/dead.99999999.1.so", fixture_directory,
             (unsigned)geteuid());
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    close(fd);
    fixture->littered = true;
}

/* Standard input is closed: its number is the first free one. */
static void with_low_descriptor(struct fixture *fixture)
{
    with_memfd(fixture);
    fixture->set_aside = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    close(STDIN_FILENO);
}

static rst_provider *load_other(int backing)
{
    rst_provider *other = rst_provider_new("other");

    must(rst_provider_set_backing(other, backing, fixture_directory));
    if (!rst_provider_add(other, "probe", NULL))
        must(-1);
    must(rst_provider_load(other));
    return other;
}

/* The linker knows another library by the path that the memfd gets first. */
static void with_number_taken(struct fixture *fixture)
{
    struct rst_probe *probe;

    fixture->other = rst_provider_new("other");
    must(rst_provider_set_backing(fixture->other, RST_BACKING_MEMFD, NULL));
    probe = rst_provider_add(fixture->other, "probe", NULL);
    must(rst_provider_load(fixture->other));
    close(atoi(strrchr(rst_probe_path(probe), '/') + 1));
    with_memfd(fixture);
}

/* The linker knows another library by the inode that the file gets first. */
static void with_inode_taken(struct fixture *fixture)
{
    fixture->other = load_other(RST_BACKING_FILE);
    must(rst_provider_unload(fixture->other));
    with_file(fixture);
}

static void load(struct fixture *fixture)
{
    must(rst_provider_load(fixture->provider));
    fixture->old = fixture->count;
}

static void with_loaded_memfd(struct fixture *fixture)
{
    with_memfd(fixture);
    load(fixture);
}

static void with_loaded_file(struct fixture *fixture)
{
    with_file(fixture);
    load(fixture);
}

static void with_added_memfd(struct fixture *fixture)
{
    with_loaded_memfd(fixture);
    must(fixture_add(fixture, 3));
}

static void with_added_file(struct fixture *fixture)
{
    with_loaded_file(fixture);
    must(fixture_add(fixture, 3));
}

static void with_two_memfds(struct fixture *fixture)
{
    with_added_memfd(fixture);
    load(fixture);
}

static void with_two_files(struct fixture *fixture)
{
    with_added_file(fixture);
    load(fixture);
}

static void with_unloaded_memfd(struct fixture *fixture)
{
    with_two_memfds(fixture);
    must(rst_provider_unload(fixture->provider));
}

static void with_unloaded_file(struct fixture *fixture)
{
    with_two_files(fixture);
    must(rst_provider_unload(fixture->provider));
}

static void with_unloaded_and_added(struct fixture *fixture)
{
    with_unloaded_memfd(fixture);
    must(fixture_add(fixture, 4));
}

static void with_closed_memfd(struct fixture *fixture)
{
    with_loaded_memfd(fixture);
    close(fixture_descriptor(fixture));
}

/* As a daemon does that closes everything, and opens files of its own. */
static void with_number_reused(struct fixture *fixture)
{
    int fd;

    with_loaded_memfd(fixture);
    fd = fixture_descriptor(fixture);
    fixture->decoy = dup2(STDERR_FILENO, fd);
}

static void with_closed_unloaded_memfd(struct fixture *fixture)
{
    with_memfd(fixture);
    load(fixture);
    fixture->decoy = dup2(STDERR_FILENO, fixture_descriptor(fixture));
    must(rst_provider_unload(fixture->provider));
}

static void with_removed_file(struct fixture *fixture)
{
    with_loaded_file(fixture);
    unlink(rst_probe_path(fixture->probes[0]));
}

/* The file is there, but the descriptor that librst has for it is not. */
static void with_closed_file(struct fixture *fixture)
{
    struct stat file, status;

    with_loaded_file(fixture);
    if (stat(rst_probe_path(fixture->probes[0]), &file) < 0)
        abort();
    for (int fd = 3; fd < 256; fd++)
        if (fstat(fd, &status) == 0 && status.st_dev == file.st_dev && status.st_ino == file.st_ino)
            close(fd);
}

/* A child that has gone: the parent can't know. */
static void with_forked_file(struct fixture *fixture)
{
    pid_t child;

    with_loaded_file(fixture);
    child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

static void *end_at_once(void *unused)
{
    return unused;
}

/*
 * In the child of a process that has had threads: librst asks, by a thread, whether the dynamic
 * linker still answers. The parent only waits.
 */
static void with_forked_threads(struct fixture *fixture)
{
    pthread_t thread;
    pid_t child;
    int status;

    must(-pthread_create(&thread, NULL, end_at_once, NULL));
    must(-pthread_join(thread, NULL));
    with_memfd(fixture);
    child = fork();
    if (child == 0)
        return;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        abort();
    if (status != 0)
        complain("the child ended with status %#x", (unsigned)status);
    _exit(0);
}

static void with_fast_memfd(struct fixture *fixture)
{
    setenv("RST_NOP", "fast", 1);
    faults_kernel_has_nop5 = true;
    with_loaded_memfd(fixture);
    faults_kernel_has_nop5 = false;
    unsetenv("RST_NOP");
}

/* ------------------------------------------------------------------------------ acting -- */

static int make(struct fixture *fixture)
{
    if (!fixture->provider)
        fixture->provider = rst_provider_new(FIXTURE_PROVIDER);
    return fixture->provider ? 0 : -errno;
}

static int add_many(struct fixture *fixture)
{
    return fixture_add(fixture, MANY);
}

static int name_directory(struct fixture *fixture)
{
    return rst_provider_set_backing(fixture->provider, RST_BACKING_FILE, fixture_directory);
}

static int show(struct fixture *fixture)
{
    return rst_provider_load(fixture->provider);
}

static int hide(struct fixture *fixture)
{
    return rst_provider_unload(fixture->provider);
}

static int discard(struct fixture *fixture)
{
    int error = EDOM;

    errno = error;
    rst_provider_free(fixture->provider);
    error = errno;
    fixture->provider = NULL;
    if (error != EDOM)
        complain("rst_provider_free changed errno to %s", fault_error_name(error));
    return 0;
}

/* The child is the one that is checked; the parent only waits. */
static int fork_child(struct fixture *fixture)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        faults_disarm();
        fixture->forked = true;
        fixture->left = fixture->on_file;
        return 0;
    }
    faults_disarm();
    if (child < 0 || waitpid(child, &status, 0) < 0)
        abort();
    if (status != 0)
        complain("the child ended with status %#x", (unsigned)status);
    for (size_t i = 0; i < fixture->count; i++)
        if (!rst_probe_path(fixture->probes[i]) ||
            access(rst_probe_path(fixture->probes[i]), R_OK) < 0)
            complain("%s: gone in the parent", rst_probe_name(fixture->probes[i]));
    fire_all(fixture);
    fixture_free(fixture);
    expect_no_files(false);
    _exit(0);
}

/* The child of a process with nop5 gets its own memory, which nobody watches; whatever fails. */
static int fork_fast_child(struct fixture *fixture)
{
    int result = fork_child(fixture);

#if defined(__x86_64__) && defined(__LP64__) /* no other CPU has a fast nop */
    for (size_t i = 0; i < fixture->count; i++)
        if (RST_ENABLED(fixture->probes[i]))
            complain("%s: enabled in the child", rst_probe_name(fixture->probes[i]));
#endif
    return result;
}

static int leave(struct fixture *fixture)
{
    (void)fixture;
    exit(0);
}

/* --------------------------------------------------------------------------------- all -- */

const struct scenario scenarios[] = {
    /* clang-format off */
    {"new", with_nothing, make, OLD_NONE, false, "", true, false, false},
    {"add", with_provider, add_many, OLD_NONE, false, "", false, false, false},
    {"set_backing", with_provider, name_directory, OLD_NONE, false, "", false, false, false},
    {"load, memfd", with_memfd, show, OLD_NONE, false, "fstat64 known", false, false, false},
    {"load, memfd, stdin closed", with_low_descriptor, show, OLD_NONE, false, "fstat64 known", false, false, false},
    {"load, memfd, path known", with_number_taken, show, OLD_NONE, false, "fstat64 known", false, false, false},
    {"load, file", with_file, show, OLD_NONE, false, "fstat64 stat64 readlink", false, false, false},
    {"load, file, leftovers", with_leftovers, show, OLD_NONE, false, "fstat64 stat64 readlink", false, false, false},
    {"load, file, inode known", with_inode_taken, show, OLD_NONE, false, "fstat64 stat64 readlink", false, false, true},
    {"load, file, default directory", with_default_file, show, OLD_NONE, false, "*", false, false, false},
    {"load, auto", with_auto, show, OLD_NONE, false, "*", false, false, false},
    {"load added, memfd", with_added_memfd, show, OLD_SHOWN, false, "fstat64 known", false, false, false},
    {"load added, file", with_added_file, show, OLD_SHOWN, false, "fstat64 stat64 readlink", false, false, false},
    {"unload, memfd", with_two_memfds, hide, OLD_DISABLED, true, "", false, false, false},
    {"unload, file", with_two_files, hide, OLD_DISABLED, true, "fstat64 open64", false, false, false},
    {"unload, file, forked", with_forked_file, hide, OLD_DISABLED, true, "fstat64 open64 backing", false, false, false},
    {"reload, memfd", with_unloaded_memfd, show, OLD_DISABLED, false, "fstat64", false, false, false},
    {"reload, file", with_unloaded_file, show, OLD_DISABLED, false, "fstat64", false, false, false},
    {"reload and load added", with_unloaded_and_added, show, OLD_DISABLED, false, "fstat64 known", false, false, false},
    {"reload, memfd closed", with_closed_memfd, show, OLD_EITHER, false, "fstat64 known", false, false, false},
    {"reload, memfd's number reused", with_number_reused, show, OLD_EITHER, false, "fstat64 known fcntl64", false, false, false},
    {"reload, memfd closed, unloaded", with_closed_unloaded_memfd, show, OLD_DISABLED, false, "fstat64 known fcntl64", false, false, false},
    {"reload, file removed", with_removed_file, show, OLD_EITHER, false, "fstat64 stat64 open64 readlink", false, false, false},
    {"reload, file's descriptor closed", with_closed_file, show, OLD_EITHER, false, "fstat64 stat64 open64 readlink", false, false, false},
    {"free, memfd", with_two_memfds, discard, OLD_NONE, false, "*", false, false, false},
    {"free, file", with_two_files, discard, OLD_NONE, false, "*", false, false, false},
    {"free, file unloaded", with_unloaded_file, discard, OLD_NONE, false, "*", false, false, false},
    {"fork, RST_NOP=fast", with_fast_memfd, fork_fast_child, OLD_EITHER, false, "*", true, false, false},
    {"fork, file", with_loaded_file, fork_child, OLD_EITHER, false, "*", true, false, false},
    {"load, forked from threads", with_forked_threads, show, OLD_NONE, false, "fstat64 known", true, false, false},
    {"exit, file", with_two_files, leave, OLD_EITHER, false, "*", true, true, false},
    {"exit, file unloaded", with_unloaded_file, leave, OLD_EITHER, false, "*", true, true, false},
    /* clang-format on */
};

const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
