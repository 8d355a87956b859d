/* SPDX-License-Identifier: MIT */
/*
 * Writes the sample images, of every kind, into files, and prints their paths. usage:
 * write-samples DIRECTORY
 */
#include <stdio.h>

#include "sample_images.h"

static int write_sample(const char *directory, size_t index, size_t count,
                        const struct sample_kind *kind)
{
    struct made_image made;
    char path[4096];
    FILE *file;
    size_t written;

    if (!sample_make(&sample_table[index], count, kind, &made))
        return 1;
    snprintf(path, sizeof(path), "%s/%s-%s-%zu-nop%zu.so", directory, kind->arch->name,
             made.expected.provider, count, made.expected.nop.size);
    file = fopen(path, "w");
    written = file ? fwrite(made.image.bytes, 1, made.image.size, file) : 0;
    if (!file || fclose(file) != 0 || written != made.image.size) {
        perror(path);
        sample_free(&made);
        return 1;
    }
    sample_free(&made);
    puts(path);
    return 0;
}

int main(int argc, char **argv)
{
    int failures = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    for (const struct sample_kind *kind = sample_kinds; kind < sample_kinds + sample_kind_count;
         kind++) {
        for (size_t i = 0; i < sample_count; i++)
            failures += write_sample(argv[1], i, sample_table[i].count, kind);
        failures += write_sample(argv[1], 0, 5000, kind);
    }
    return failures > 0;
}
