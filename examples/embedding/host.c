/* SPDX-License-Identifier: MIT */
/*
 * A program with an interpreter in it: `lua-host [--counts] SCRIPT`, `mruby-host [--counts]
 * SCRIPT`.
 *
 * It prints what the script's on_line() makes of each line of standard input. With `--counts`, it
 * also says after each answer, and at the end, what it has reported until then.
 *
 * Between two lines, no script runs. That is when it looks whether somebody watches calls, and
 * hooks the interpreter, or lets go of it.
 */
#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_counts(bool wanted)
{
    if (!wanted)
        return;
    printf("counts");
    for (int i = 0; i < HOST_EVENTS; i++)
        printf(" %s=%" PRIu64, host_event_names[i], host_counts[i]);
    printf(" bytes=%" PRIu64 "\n", host_bytes);
}

static void serve(bool counts)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        host_language.look();
        printf("%s\n", host_language.answer(line));
        say_counts(counts);
    }
    free(line);
}

int main(int argc, char **argv)
{
    bool counts = argc > 1 && strcmp(argv[1], "--counts") == 0;
    const char *script = argv[counts ? 2 : 1];
    rst_provider *provider;
    int status = EXIT_FAILURE;

    if (argc != (counts ? 3 : 2)) {
        fprintf(stderr, "usage: %s [--counts] SCRIPT\n", argv[0]);
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    provider = host_declare();
    if (host_language.open(script)) {
        say_counts(counts);
        serve(counts);
        status = EXIT_SUCCESS;
    }
    host_language.close(); /* which still allocates and collects, so the probes go last */
    say_counts(counts && status == EXIT_SUCCESS);
    rst_provider_free(provider);
    return status;
}
