/* SPDX-License-Identifier: MIT */
/*
 * A set-user-ID program takes nothing from its user's environment.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"

#define NOBODY 65534

static const char *program; /* set by main */

struct output {
    char lines[2][512];
};

/* A copy, owned by nobody and set-user-ID or not, in a file system that heeds that. */
static const char *install(const char *directory, mode_t mode)
{
    const char *path = path_in(directory, "program");
    int from = open(program, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    char buffer[4096];
    ssize_t size;

    check(from >= 0 && to >= 0);
    while ((size = read(from, buffer, sizeof(buffer))) > 0)
        check_equal(write(to, buffer, (size_t)size), size);
    check_equal(fchown(to, NOBODY, NOBODY), 0);
    check_equal(fchmod(to, mode), 0);
    close(from);
    close(to);
    return path;
}

static struct output run(const char *path)
{
    FILE *stream = popen(path, "re");
    struct output output = {0};

    check(stream != NULL);
    for (size_t i = 0; i < 2; i++)
        check(fgets(output.lines[i], sizeof(output.lines[i]), stream) != NULL);
    check_equal(pclose(stream), 0);
    return output;
}

static void run_under_hostile_environment(void *data)
{
    const char *directory = data, *evil = path_in(directory, "evil");
    char wish[512];
    struct output output;

    check_not_emulated("runs no foreign program for another one");
    check_applies(!SANITIZED, "the sanitizer looks for leaks by ptrace(2), which is forbidden it");
    check_can(geteuid() == 0, "making a set-user-ID program needs root");
    sandbox_mounts();
    sandbox_tmpfs(directory, 0, "mode=755");
    check_equal(mkdir(evil, 01777), 0);
    check_equal(chmod(evil, 01777), 0); /* where nobody can exchange what is others' */
    setenv("TMPDIR", evil, 1);
    setenv("XDG_RUNTIME_DIR", evil, 1);
    snprintf(wish, sizeof(wish), "file:%s", evil);
    setenv("RST_BACKING", wish, 1);

    /* The same program without the bit obeys: what the rest shows is the bit's doing. */
    output = run(install(directory, 0755));
    check_mentions(output.lines[0], "secure 0 error 0 loaded 1");
    check_mentions(output.lines[0], evil);
    check_mentions(output.lines[1], evil);

    output = run(install(directory, 04755));
    check_mentions(output.lines[0], "secure 1 error 0 loaded 1 path /proc/");
    check_mentions(output.lines[1], "error 0 path /tmp/librst-65534/");

    setenv("RST_DISABLE", "1", 1);
    setenv("RST_NOP", "nonsense", 1);
    setenv("RST_BACKING", "nonsense", 1);
    output = run(install(directory, 04755));
    check_mentions(output.lines[0], "secure 1 error 0 loaded 1 path /proc/");
    check_equal(entries_of(evil), 0);
}

static void a_set_user_id_program_ignores_the_environment(void **state)
{
    in_child(run_under_hostile_environment, *state);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_set_user_id_program_ignores_the_environment,
                                        make_directory, remove_directory),
    };

    if (count != 2) {
        fprintf(stderr, "usage: %s PROGRAM\n", arguments[0]);
        return EXIT_FAILURE;
    }
    program = arguments[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
