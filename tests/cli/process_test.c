/* SPDX-License-Identifier: MIT */
/*
 * Looking at a process: at this one, at one that ends meanwhile, and at one that does not exist.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/find/process.h"
#include "cli/usdt/usdt.h"
#include "rst.h"
#include "support/tracer.h"

/* Start a child that waits to be killed. It is running when this returns. */
static pid_t start_child(void)
{
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (write(ready[1], "r", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void check_words(const char *words)
{
    if (!strstr(rst_error(), words))
        fail_msg("\"%s\" is not in \"%s\"", words, rst_error());
}

static void finds_the_program_itself(void **state)
{
    struct process process;
    struct process_opened opened;
    size_t executables = 0;

    (void)state;
    assert_int_equal(process_open(getpid(), &process), 0);
    assert_true(process.file_count > 1); /* the program and libc, at least */
    for (size_t i = 0; i < process.file_count; i++) {
        int error = process_open_file(&process, &process.files[i], &opened);

        if (error == -ENXIO)
            continue;
        assert_int_equal(error, 0);
        executables += opened.kind == SOURCE_EXECUTABLE;
        assert_int_equal(access(opened.path, R_OK), 0);
        close(opened.fd);
        free(opened.path);
    }
    assert_int_equal(executables, 1);
    process_close(&process);
}

static void reads_a_semaphore_where_the_process_has_it(void **state)
{
    rst_provider *provider = rst_provider_new("process_test");
    rst_probe *probe = rst_provider_add(provider, "first", "");
    const volatile uint32_t *semaphore;
    struct process process;
    struct process_opened opened;
    struct usdt_file file;
    uint16_t seen = 99;
    size_t found = 0;

    (void)state;
    assert_int_equal(rst_provider_set_backing(provider, RST_BACKING_MEMFD, NULL), 0);
    assert_int_equal(rst_provider_load(provider), 0);
    semaphore = rst_probe_semaphore(probe);
    *(volatile uint32_t *)(uintptr_t)semaphore = 258;
    assert_int_equal(process_open(getpid(), &process), 0);
    for (size_t i = 0; i < process.file_count; i++) {
        if (process_open_file(&process, &process.files[i], &opened) != 0)
            continue;
        if (opened.kind == SOURCE_MEMFD) {
            found++;
            assert_string_equal(opened.path, rst_probe_path(probe));
            assert_int_equal(usdt_read(opened.fd, opened.path, &file), 0);
            assert_int_equal(file.count, 1);
            assert_int_equal(
                process_semaphore(&process, &process.files[i], file.probes[0].semaphore, &seen), 0);
            assert_int_equal(
                process_semaphore(&process, &process.files[i], (uint64_t)1 << 40, &seen), -ENXIO);
            usdt_free(&file);
        }
        close(opened.fd);
        free(opened.path);
    }
    assert_int_equal(found, 1);
    assert_int_equal(seen, 258);
    *(volatile uint32_t *)(uintptr_t)semaphore = 0;
    process_close(&process);
    rst_provider_free(provider);
}

static void reports_a_process_that_ends_meanwhile(void **state)
{
    struct process process;
    struct process_opened opened;
    uint16_t seen;
    pid_t child;

    (void)state;
    need(geteuid() == 0, "only root may look at a process that has become a zombie");
    child = start_child();
    assert_int_equal(process_open(child, &process), 0);
    assert_true(process.file_count > 0);
    kill(child, SIGKILL);
    /* First a zombie, then none. */
    assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_open_file(&process, &process.files[0], &opened), -ESRCH);
    check_words("exited while rst looked at it");
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(process_open_file(&process, &process.files[0], &opened), -ESRCH);
    check_words("exited while rst looked at it");
    assert_true(process_semaphore(&process, &process.files[0], 0, &seen) < 0);
    process_close(&process);
}

/* Make a file with that content, and map it executable at `address`, or anywhere if NULL. */
static void *map_new_file(const char *path, void *address)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    void *at;

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 4096), 0);
    at = mmap(address, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | (address ? MAP_FIXED : 0), fd, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    close(fd);
    return at;
}

static const struct process_file *find_file(const struct process *process, const char *path)
{
    for (size_t i = 0; i < process->file_count; i++)
        if (strcmp(process->files[i].mappings[0].name, path) == 0)
            return &process->files[i];
    fail_msg("%s is not among the files", path);
    return NULL;
}

static void tells_a_new_mapping_from_the_old_one(void **state)
{
    char directory[] = "/tmp/rst-process-XXXXXX", one[64], other[64];
    const struct process_file *file;
    struct process_opened opened;
    struct process process;
    struct stat about, there;
    void *at;

    (void)state;
    need(geteuid() == 0, "only root may look at what /proc/PID/map_files leads to");
    assert_non_null(mkdtemp(directory));
    snprintf(one, sizeof(one), "%s/one", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
    at = map_new_file(one, NULL);
    assert_int_equal(stat(one, &about), 0);
    assert_int_equal(process_open(getpid(), &process), 0);
    file = find_file(&process, one);
    map_new_file(other, at);
    assert_int_equal(process_open_file(&process, file, &opened), 0); /* through its name */
    assert_int_equal(fstat(opened.fd, &there), 0);
    assert_int_equal(there.st_ino, about.st_ino);
    close(opened.fd);
    free(opened.path);
    unlink(one);
    assert_int_equal(process_open_file(&process, file, &opened), -ESTALE);
    check_words("/one\" is no longer mapped");
    process_close(&process);
    munmap(at, 4096);
    unlink(other);
    rmdir(directory);
}

static void says_that_there_is_no_process(void **state)
{
    pid_t child = start_child();
    struct process process;

    (void)state;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(process_open(child, &process), -ESRCH);
    check_words("there is no process");
}

static void counts_itself_among_all_processes(void **state)
{
    pid_t *all;
    size_t count = process_all(&all), seen = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        seen += all[i] == getpid();
        assert_true(i == 0 || all[i - 1] < all[i]);
    }
    free(all);
    assert_int_equal(seen, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_program_itself),
        cmocka_unit_test(reads_a_semaphore_where_the_process_has_it),
        cmocka_unit_test(reports_a_process_that_ends_meanwhile),
        cmocka_unit_test(tells_a_new_mapping_from_the_old_one),
        cmocka_unit_test(says_that_there_is_no_process),
        cmocka_unit_test(counts_itself_among_all_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
