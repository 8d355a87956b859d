#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bpftrace 0.17.0, which asks bcc 0.26, takes an unrelated file for a mapped memfd if the file has
# the same inode number, in whatever file system, and a lower descriptor. It then says that it
# "couldn't get argument 0" of a probe that is as it should be.
#
# _procutils_memfd_path() in bcc's src/cc/bcc_proc.c walks /proc/PID/fd, compares st_ino but not
# st_dev, and takes the first. Equal numbers are not far-fetched: memfds are numbered from 1 at each
# boot (each CPU takes batches of 1024: shmem_reserve_inode() in mm/shmem.c), a tmpfs numbers its
# files from 1, too, and /dev/null has a low number (3, where this was seen).
#
# A program loads a library with a probe from a memfd, once without and once behind an empty file of
# a fresh tmpfs that has the number. Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     no other descriptor with the number: 11 22
#     an empty file before it with the number: ERROR: couldn't get argument 0
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_root
if [ "${1:-}" != mounted ]; then # a tmpfs takes mounts of one's own
    rm -rf "$folder"
    exec unshare --mount "$script" mounted
fi
need_compiler
package bpftrace 0.17.0-1
package libbpfcc 0.26.0+ds-1
package systemtap-sdt-dev 4.8-2

cat >"$folder/library.c" <<'C'
#include <sys/sdt.h>

void fire(long order, long items)
{
    DTRACE_PROBE2(shop, order, order, items);
}
C
cat >"$folder/program.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 20000000UL /* files to make, at most */

static unsigned long number(int fd)
{
    struct stat status;

    return fstat(fd, &status) < 0 ? 0 : status.st_ino;
}

static int memfd(void)
{
    return memfd_create("library", MFD_CLOEXEC);
}

static int new_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

    if (fd < 0 || unlink(path) < 0)
        exit(1);
    return fd;
}

/* Only one CPU's numbers come one after the other. */
static void stay_on_one_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET((size_t)sched_getcpu(), &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* A memfd whose number a new file has, which stays open before it. Others make memfds meanwhile. */
static int memfd_behind_file(const char *path)
{
    int file = new_file(path), fd = memfd();

    while (number(fd) != number(file)) {
        if (number(fd) > MOST)
            exit(77);
        if (number(fd) < number(file)) {
            close(fd);
            fd = memfd();
            continue;
        }
        for (unsigned long wanted = number(fd) + 20; number(file) < wanted;) {
            close(file);
            file = new_file(path);
        }
    }
    return fd; /* a higher descriptor than the file's: each was made anew in its place */
}

int main(int count, char **arguments)
{
    int library = open(arguments[1], O_RDONLY), fd;
    void (*fire)(long, long);
    char path[64];
    void *handle;

    alarm(600);
    stay_on_one_cpu();
    fd = count > 2 ? memfd_behind_file(arguments[2]) : memfd();
    if (sendfile(fd, library, NULL, 1 << 20) <= 0)
        return 1;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    handle = dlopen(path, RTLD_NOW);
    if (!handle)
        return 1;
    fire = (void (*)(long, long))dlsym(handle, "fire");
    for (puts("ready"), fflush(stdout);; usleep(10000))
        fire(11, 22);
}
C
gcc -O1 -Wall -Wextra -shared -fPIC -o "$folder/library.so" "$folder/library.c"
gcc -O1 -Wall -Wextra -o "$folder/program" "$folder/program.c"

# hit [FILE]: what bpftrace sees of the program, which has such a file if it is named.
hit() {
    exec 3< <(exec "$folder/program" "$folder/library.so" "$@")
    started=($!)
    read -r <&3 || return
    timeout 60 bpftrace -p "${started[0]}" -e 'usdt:*:shop:order {
        printf("hit %d %d\n", arg0, arg1); exit() }' >"$folder/bpftrace" 2>&1 || true
    kill "${started[0]}"
    started=()
    exec 3<&-
    sed -n -e 's/^hit //p' \
        -e "s/^\\(ERROR: couldn't get argument [0-9]*\\).*/\\1/p" "$folder/bpftrace"
}

mkdir "$folder/tmpfs"
mount -t tmpfs none "$folder/tmpfs"
trap 'umount --lazy "$folder/tmpfs"; clean_up' EXIT
plain=$(hit) || not_run "the program can't load its library"
behind=$(hit "$folder/tmpfs/file") || not_run "no file got a memfd's number"
echo "no other descriptor with the number: $plain" >"$folder/seen"
echo "an empty file before it with the number: $behind" >>"$folder/seen"
compare "$folder/seen"
