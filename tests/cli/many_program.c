/* SPDX-License-Identifier: MIT */
/*
 * A program with as many probes as its argument says: many:p0, many:p1 and so on. It prints
 * "ready", and ends when its input ends.
 */
#include <rst.h>

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words)
{
    rst_provider *many = rst_provider_new("many");
    unsigned long probes = count > 1 ? strtoul(words[1], NULL, 10) : 0;
    char name[32];

    for (unsigned long i = 0; i < probes; i++) {
        snprintf(name, sizeof(name), "p%lu", i);
        if (!rst_provider_add(many, name, "uint64 number")) {
            fprintf(stderr, "%s\n", rst_error());
            return 1;
        }
    }
    if (rst_provider_load(many) < 0) {
        fprintf(stderr, "%s\n", rst_error());
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    rst_provider_free(many);
    return 0;
}
