/* SPDX-License-Identifier: MIT */
/*
 * A library that declares and loads its probes as it is loaded, under the dynamic linker's lock.
 * It uses the librst of the program that opens it.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rst.h"
#include "threads/constructor.h"

static rst_provider *provider;

static void fork_and_wait(const rst_probe *probe)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        RST_FIRE(probe);
        _exit(EXIT_SUCCESS);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        abort();
}

__attribute__((constructor)) static void declare(void)
{
    rst_probe *probe;

    provider = rst_provider_new("module");
    probe = rst_provider_add(provider, "loaded", NULL);
    if (rst_provider_load(provider) < 0 || !rst_probe_path(probe))
        abort();
    RST_FIRE(probe);
    if (constructor_forks)
        fork_and_wait(probe);
}

__attribute__((destructor)) static void undeclare(void)
{
    rst_provider_free(provider);
}
