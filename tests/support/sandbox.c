/* SPDX-License-Identifier: MIT */
#include "support/sandbox.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"

#define PATHS 32

void sandbox_mounts(void)
{
    check_can(unshare(CLONE_NEWNS) == 0, "a mount namespace needs CAP_SYS_ADMIN");
    check_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
}

void sandbox_tmpfs(const char *path, unsigned long flags, const char *options)
{
    check_equal(mount("none", path, "tmpfs", flags, options), 0);
}

static void filter(struct sock_filter *instructions, size_t count)
{
    struct sock_fprog program = {.len = (unsigned short)count, .filter = instructions};

    check_not_emulated("has no seccomp filters");
    check_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    check_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

void sandbox_refuse(long system_call, int error)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)system_call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    filter(instructions, sizeof(instructions) / sizeof(instructions[0]));
}

void sandbox_refuse_executable(void)
{
    /* The low half of the third argument; where bytes go the other way round, it is the second. */
    const unsigned half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + half),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    filter(instructions, sizeof(instructions) / sizeof(instructions[0]));
}

int make_directory(void **state)
{
    char *path = strdup("/tmp/rst-test-XXXXXX");

    *state = path;
    return path && mkdtemp(path) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

int remove_directory(void **state)
{
    int error = nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

    free(*state);
    return error;
}

const char *path_in(const char *directory, const char *name)
{
    static char paths[PATHS][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % PATHS];

    snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return path;
}

/* Count the entries; `first`, if not NULL, gets the name of the first. */
static size_t read_entries(const char *path, char first[NAME_MAX + 1])
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    size_t count = 0;

    if (!directory)
        return 0;
    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && count++ == 0)
            strcpy(first, entry->d_name);
    closedir(directory);
    return count;
}

size_t entries_of(const char *directory)
{
    char first[NAME_MAX + 1];

    return read_entries(directory, first);
}

const char *first_entry_of(const char *directory)
{
    char first[NAME_MAX + 1];

    check(read_entries(directory, first) > 0);
    return path_in(directory, first);
}

bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}
