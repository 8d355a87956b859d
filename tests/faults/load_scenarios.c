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

static void with_nothing(struct stage *stage)
{
    (void)stage;
}

static void with_provider(struct stage *stage)
{
    stage->provider = rst_provider_new(STAGE_PROVIDER);
    must(stage->provider ? 0 : -errno);
}

static void set_backing(struct stage *stage, int backing, const char *directory)
{
    with_provider(stage);
    must(rst_provider_set_backing(stage->provider, backing, directory));
    must(stage_add(stage, 2));
}

static void with_memfd(struct stage *stage)
{
    set_backing(stage, RST_BACKING_MEMFD, NULL);
}

static void with_file(struct stage *stage)
{
    set_backing(stage, RST_BACKING_FILE, stage_directory);
}

static void with_default_file(struct stage *stage)
{
    set_backing(stage, RST_BACKING_FILE, NULL);
}

static void with_auto(struct stage *stage)
{
    set_backing(stage, RST_BACKING_AUTO, NULL);
}

/* What a killed process left, and what is none of librst's. */
static void with_leftovers(struct stage *stage)
{
    char path[128];
    int fd;

    with_file(stage);
    snprintf(path, sizeof(path), "%s/librst-%u", stage_directory, (unsigned)geteuid());
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/librst-%u/dead.99999999.1.so", stage_directory,
             (unsigned)geteuid());
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    close(fd);
    stage->littered = true;
}

/* Standard input is closed: its number is the first free one. */
static void with_low_descriptor(struct stage *stage)
{
    with_memfd(stage);
    stage->set_aside = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    close(STDIN_FILENO);
}

static rst_provider *load_other(int backing)
{
    rst_provider *other = rst_provider_new("other");

    must(rst_provider_set_backing(other, backing, stage_directory));
    if (!rst_provider_add(other, "probe", NULL))
        must(-1);
    must(rst_provider_load(other));
    return other;
}

/* The linker knows another library by the path that the memfd gets first. */
static void with_number_taken(struct stage *stage)
{
    struct rst_probe *probe;

    stage->other = rst_provider_new("other");
    must(rst_provider_set_backing(stage->other, RST_BACKING_MEMFD, NULL));
    probe = rst_provider_add(stage->other, "probe", NULL);
    must(rst_provider_load(stage->other));
    close(atoi(strrchr(rst_probe_path(probe), '/') + 1));
    with_memfd(stage);
}

/* The linker knows another library by the inode that the file gets first. */
static void with_inode_taken(struct stage *stage)
{
    stage->other = load_other(RST_BACKING_FILE);
    must(rst_provider_unload(stage->other));
    with_file(stage);
}

static void load(struct stage *stage)
{
    must(rst_provider_load(stage->provider));
    stage->old = stage->count;
}

static void with_loaded_memfd(struct stage *stage)
{
    with_memfd(stage);
    load(stage);
}

static void with_loaded_file(struct stage *stage)
{
    with_file(stage);
    load(stage);
}

static void with_added_memfd(struct stage *stage)
{
    with_loaded_memfd(stage);
    must(stage_add(stage, 3));
}

static void with_added_file(struct stage *stage)
{
    with_loaded_file(stage);
    must(stage_add(stage, 3));
}

static void with_two_memfds(struct stage *stage)
{
    with_added_memfd(stage);
    load(stage);
}

static void with_two_files(struct stage *stage)
{
    with_added_file(stage);
    load(stage);
}

static void with_unloaded_memfd(struct stage *stage)
{
    with_two_memfds(stage);
    must(rst_provider_unload(stage->provider));
}

static void with_unloaded_file(struct stage *stage)
{
    with_two_files(stage);
    must(rst_provider_unload(stage->provider));
}

static void with_unloaded_and_added(struct stage *stage)
{
    with_unloaded_memfd(stage);
    must(stage_add(stage, 4));
}

static void with_closed_memfd(struct stage *stage)
{
    with_loaded_memfd(stage);
    close(stage_descriptor(stage));
}

/* As a daemon does that closes everything, and opens files of its own. */
static void with_number_reused(struct stage *stage)
{
    int fd;

    with_loaded_memfd(stage);
    fd = stage_descriptor(stage);
    stage->decoy = dup2(STDERR_FILENO, fd);
}

static void with_closed_unloaded_memfd(struct stage *stage)
{
    with_memfd(stage);
    load(stage);
    stage->decoy = dup2(STDERR_FILENO, stage_descriptor(stage));
    must(rst_provider_unload(stage->provider));
}

static void with_removed_file(struct stage *stage)
{
    with_loaded_file(stage);
    unlink(rst_probe_path(stage->probes[0]));
}

/* The file is there, but the descriptor that librst has for it is not. */
static void with_closed_file(struct stage *stage)
{
    struct stat file, status;

    with_loaded_file(stage);
    if (stat(rst_probe_path(stage->probes[0]), &file) < 0)
        abort();
    for (int fd = 3; fd < 256; fd++)
        if (fstat(fd, &status) == 0 && status.st_dev == file.st_dev && status.st_ino == file.st_ino)
            close(fd);
}

/* A child that has gone: the parent can't know. */
static void with_forked_file(struct stage *stage)
{
    pid_t child;

    with_loaded_file(stage);
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
static void with_forked_threads(struct stage *stage)
{
    pthread_t thread;
    pid_t child;
    int status;

    must(-pthread_create(&thread, NULL, end_at_once, NULL));
    must(-pthread_join(thread, NULL));
    with_memfd(stage);
    child = fork();
    if (child == 0)
        return;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        abort();
    if (status != 0)
        complain("the child ended with status %#x", (unsigned)status);
    _exit(0);
}

static void with_fast_memfd(struct stage *stage)
{
    setenv("RST_NOP", "fast", 1);
    faults_kernel_has_nop5 = true;
    with_loaded_memfd(stage);
    faults_kernel_has_nop5 = false;
    unsetenv("RST_NOP");
}

/* ------------------------------------------------------------------------------ acting -- */

static int make(struct stage *stage)
{
    if (!stage->provider)
        stage->provider = rst_provider_new(STAGE_PROVIDER);
    return stage->provider ? 0 : -errno;
}

static int add_many(struct stage *stage)
{
    return stage_add(stage, MANY);
}

static int name_directory(struct stage *stage)
{
    return rst_provider_set_backing(stage->provider, RST_BACKING_FILE, stage_directory);
}

static int show(struct stage *stage)
{
    return rst_provider_load(stage->provider);
}

static int hide(struct stage *stage)
{
    return rst_provider_unload(stage->provider);
}

static int discard(struct stage *stage)
{
    int error = EDOM;

    errno = error;
    rst_provider_free(stage->provider);
    error = errno;
    stage->provider = NULL;
    if (error != EDOM)
        complain("rst_provider_free changed errno to %s", fault_error_name(error));
    return 0;
}

/* The child is the one to be judged; the parent only waits. */
static int fork_child(struct stage *stage)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        faults_disarm();
        stage->forked = true;
        return 0;
    }
    faults_disarm();
    if (child < 0 || waitpid(child, &status, 0) < 0)
        abort();
    if (status != 0)
        complain("the child ended with status %#x", (unsigned)status);
    for (size_t i = 0; i < stage->count; i++)
        if (!rst_probe_path(stage->probes[i]) || access(rst_probe_path(stage->probes[i]), R_OK) < 0)
            complain("%s: gone in the parent", rst_probe_name(stage->probes[i]));
    fire_all(stage);
    stage_free(stage);
    judge_no_files(false);
    _exit(0);
}

/* The child of a process with nop5 gets its own memory, which nobody watches; whatever fails. */
static int fork_fast_child(struct stage *stage)
{
    int result = fork_child(stage);

    for (size_t i = 0; i < stage->count; i++)
        if (RST_ENABLED(stage->probes[i]))
            complain("%s: enabled in the child", rst_probe_name(stage->probes[i]));
    return result;
}

static int leave(struct stage *stage)
{
    (void)stage;
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
    {"load, file", with_file, show, OLD_NONE, false, "fstat64 stat64", false, false, false},
    {"load, file, leftovers", with_leftovers, show, OLD_NONE, false, "fstat64 stat64", false, false, false},
    {"load, file, inode known", with_inode_taken, show, OLD_NONE, false, "fstat64 stat64", false, false, true},
    {"load, file, default directory", with_default_file, show, OLD_NONE, false, "*", false, false, false},
    {"load, auto", with_auto, show, OLD_NONE, false, "*", false, false, false},
    {"load added, memfd", with_added_memfd, show, OLD_SHOWN, false, "fstat64 known", false, false, false},
    {"load added, file", with_added_file, show, OLD_SHOWN, false, "fstat64 stat64", false, false, false},
    {"unload, memfd", with_two_memfds, hide, OLD_DISABLED, true, "", false, false, false},
    {"unload, file", with_two_files, hide, OLD_DISABLED, true, "fstat64 open64", false, false, false},
    {"unload, file, forked", with_forked_file, hide, OLD_DISABLED, true, "fstat64 open64", false, false, false},
    {"reload, memfd", with_unloaded_memfd, show, OLD_DISABLED, false, "fstat64", false, false, false},
    {"reload, file", with_unloaded_file, show, OLD_DISABLED, false, "", false, false, false},
    {"reload and load added", with_unloaded_and_added, show, OLD_DISABLED, false, "fstat64 known", false, false, false},
    {"reload, memfd closed", with_closed_memfd, show, OLD_EITHER, false, "fstat64 known", false, false, false},
    {"reload, memfd's number reused", with_number_reused, show, OLD_EITHER, false, "fstat64 known fcntl64", false, false, false},
    {"reload, memfd closed, unloaded", with_closed_unloaded_memfd, show, OLD_DISABLED, false, "fstat64 known fcntl64", false, false, false},
    {"reload, file removed", with_removed_file, show, OLD_EITHER, false, "fstat64 stat64 open64", false, false, false},
    {"reload, file's descriptor closed", with_closed_file, show, OLD_EITHER, false, "fstat64 stat64 open64", false, false, false},
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
