/* SPDX-License-Identifier: MIT */
/*
 * Writes the seeds of the reader's fuzzer: valid files for 32 and 64 bits and both byte orders.
 *
 * usage: seeds DIRECTORY
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "elf_maker.h"

static const struct maker_probe probes[] = {
    {"shop", "order", "8@%rdi 8@%rsi -4@%rdx", "Qid,sname,ic", 8, true, 0, 0},
    {"a", "b", "-4@$5 8f@-16(%rbp) 8@[sp, 16]", NULL, 24, false, 0, 0},
};

static const struct {
    const char *name;
    struct maker_spec spec;
} seeds[] = {
    {"little64", {.type = ET_DYN, .machine = EM_X86_64, .probes = probes, .count = 2}},
    {"big64",
     {.is_big_endian = true,
      .type = ET_DYN,
      .machine = EM_S390,
      .bias = 4096,
      .probes = probes,
      .count = 2}},
    {"little32",
     {.is_32 = true,
      .type = ET_EXEC,
      .machine = EM_386,
      .bias = 4096,
      .probes = probes,
      .count = 2}},
    {"big32",
     {.is_32 = true,
      .is_big_endian = true,
      .type = ET_DYN,
      .machine = EM_PPC,
      .moved = 256,
      .bias = 4096,
      .probes = probes,
      .count = 2}},
    {"empty", {.type = ET_DYN, .machine = EM_AARCH64, .probes = probes, .count = 0}},
};

int main(int argc, char **argv)
{
    if (argc != 2 || (mkdir(argv[1], 0777) < 0 && errno != EEXIST)) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        struct maker_file made;
        char path[4096];
        FILE *file;

        maker_make(&seeds[i].spec, &made);
        snprintf(path, sizeof(path), "%s/%s", argv[1], seeds[i].name);
        file = fopen(path, "w");
        if (!file || fwrite(made.bytes, 1, made.size, file) != made.size || fclose(file) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}
