/* SPDX-License-Identifier: MIT */
#include "cli/trace/show/debug_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/base/file.h"
#include "cli/base/text.h"

#define DIRECTORY "/usr/lib/debug/"

int debug_file_named(const char *path)
{
    struct stat about;
    int fd;

    if (strncmp(path, DIRECTORY, strlen(DIRECTORY)) != 0 || strstr(path, "/../"))
        return -1;
    fd = file_open(path, &about);
    return fd < 0 ? -1 : fd;
}

int debug_file_open(const void *build_id, size_t size)
{
    const unsigned char *id = build_id;
    struct text path = {0};
    int fd;

    if (size < 2 || size > 64)
        return -1;
    text_addf(&path, DIRECTORY ".build-id/%02x/", id[0]);
    for (size_t i = 1; i < size; i++)
        text_addf(&path, "%02x", id[i]);
    text_add(&path, ".debug");
    fd = debug_file_named(path.bytes);
    free(path.bytes);
    return fd;
}
