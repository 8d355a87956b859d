/* SPDX-License-Identifier: MIT */
#include "support/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void compare(const char *name, FILE *wanted, FILE *seen)
{
    char wanted_line[256], seen_line[256];
    unsigned number = 0;

    for (;;) {
        char *a = fgets(wanted_line, sizeof(wanted_line), wanted);
        char *b = fgets(seen_line, sizeof(seen_line), seen);

        number++;
        if (!a && !b)
            return;
        if (!a || !b || strcmp(a, b) != 0)
            fail_msg("%s.txt, line %u\n    was: %s    is:  %s", name, number, a ? a : "nothing\n",
                     b ? b : "nothing\n");
    }
}

void golden_check(const char *directory, const char *name, char *text)
{
    const char *write = getenv("RST_GOLDEN_WRITE");
    char path[4096];
    FILE *file, *seen;

    snprintf(path, sizeof(path), "%s/%s.txt", directory, name);
    file = fopen(path, write ? "w" : "r");
    if (!file)
        fail_msg("%s can't be opened", path);
    if (write) {
        fputs(text, file);
        fclose(file);
        free(text);
        fail_msg("%s.txt is written; unset RST_GOLDEN_WRITE and look at its diff", name);
    }
    seen = fmemopen(text, strlen(text), "r");
    assert_non_null(seen);
    compare(name, file, seen);
    fclose(seen);
    fclose(file);
    free(text);
}
