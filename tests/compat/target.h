/* SPDX-License-Identifier: MIT */
/*
 * The program that tracers watch, one for each drop-in. It prints "ready", and then does what each
 * line of stdin says, until stdin ends:
 *
 *     enabled     prints "enabled N": how many of the probes are enabled
 *     fire        fires each probe once, and prints "fired"
 *     unload, load, which print "unloaded" and "loaded"
 *
 * The probes are
 *     order       an integer and a string
 *     twelve      the integers -1, 2, -3 ... 12
 */
#ifndef COMPAT_TARGET_H
#define COMPAT_TARGET_H

#include <stdio.h>
#include <string.h>

struct target {
    void (*fire)(void);
    int (*enabled)(void);
    int (*load)(void);
    int (*unload)(void);
};

static inline int target_run(const struct target *target)
{
    char line[32];

    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "enabled\n") == 0) {
            printf("enabled %d\n", target->enabled());
        } else if (strcmp(line, "fire\n") == 0) {
            target->fire();
            puts("fired");
        } else if (strcmp(line, "load\n") == 0 && target->load() == 0) {
            puts("loaded");
        } else if (strcmp(line, "unload\n") == 0 && target->unload() == 0) {
            puts("unloaded");
        } else {
            printf("failed: %s", line);
        }
    }
    return 0;
}

#endif
