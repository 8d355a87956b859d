/* SPDX-License-Identifier: MIT */
/*
 * Writes the sample images, with every nop, into files, and prints their paths. usage:
 * write-samples DIRECTORY
 */
#include <stdio.h>

#include "sample_images.h"

static int write_sample(const char *directory, size_t index, size_t count, enum rst_nop nop)
{
    struct made_image made;
    char path[4096];
    FILE *file;
    size_t written;

    if (!sample_make(&sample_table[index], count, nop, &made))
        return 1;
    snprintf(path, sizeof(path), "%s/%s-%zu-nop%zu.so", directory, made.expected.provider, count,
             made.expected.nop_size);
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
    for (enum rst_nop nop = 0; nop < RST_NOPS; nop++) {
        for (size_t i = 0; i < sample_count; i++)
            failures += write_sample(argv[1], i, sample_table[i].count, nop);
        failures += write_sample(argv[1], 0, 5000, nop);
    }
    return failures > 0;
}
