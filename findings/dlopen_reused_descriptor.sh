#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# glibc 2.36: dlopen("/proc/self/fd/3") gives the library that was loaded by that name before, when
# 3 is another file by now. Load from a memfd, close it, make the next memfd, which gets the same
# number, load that: no error, and the first library once more, its reference count one higher. The
# name with the process's number in it, or another spelling, gives the second.
#
# _dl_map_object() in elf/dl-load.c compares the name with those of what is loaded
# (_dl_name_match_p()) before it opens anything; only after that does it compare devices and inodes.
# Keep the descriptor open for as long as the library is loaded.
#
# Seen on Linux 6.18.44 x86_64, Debian 12 (libc6 2.36-9+deb12u14), with libraries made by gcc:
#
#     memfd "one" is 3: dlopen gives version 1
#     memfd "two" is 3: dlopen gives version 1, the handle of before
#     by another name: dlopen gives version 2
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_compiler
getconf GNU_LIBC_VERSION || not_run "this libc is not glibc"
for version in 1 2; do
    echo "int version(void) { return $version; }" |
        gcc -shared -fPIC -o "$folder/$version.so" -x c -
done
gcc -O1 -Wall -Wextra -o "$folder/program" -x c - <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

static int memfd_of(const char *name, const char *path)
{
    int file = open(path, O_RDONLY), fd = memfd_create(name, MFD_CLOEXEC);

    if (file < 0 || fd < 0 || sendfile(fd, file, NULL, 1 << 20) <= 0)
        exit(77);
    close(file);
    return fd;
}

/* The one descriptor is 3, and so is the next, once it is closed. */
static int put_at_3(int fd)
{
    if (fd != 3 && (dup2(fd, 3) < 0 || close(fd) < 0))
        exit(77);
    return 3;
}

static void *load(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int (*version)(void) = handle ? (int (*)(void))dlsym(handle, "version") : NULL;

    if (!version)
        exit(77);
    printf("dlopen gives version %d", version());
    return handle;
}

int main(int count, char **arguments)
{
    int fd = put_at_3(memfd_of("one", arguments[count - 2]));
    void *first;

    printf("memfd \"one\" is %d: ", fd);
    first = load("/proc/self/fd/3");
    close(fd);
    fd = put_at_3(memfd_of("two", arguments[count - 1]));
    printf("\nmemfd \"two\" is %d: ", fd);
    printf("%s", load("/proc/self/fd/3") == first ? ", the handle of before" : "");
    printf("\nby another name: ");
    load("/proc/self//fd/3");
    printf("\n");
    return 0;
}
C
"$folder/program" "$folder/1.so" "$folder/2.so" >"$folder/seen" || not_run "the program failed"

compare "$folder/seen"
