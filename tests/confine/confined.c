/* SPDX-License-Identifier: MIT */
/*
 * Run a program as a service or a container runs: confined [SETTING=VALUE]... PROGRAM [ARGUMENT]...
 *
 * The settings have the names that systemd gives them (systemd.exec(5)), and are set by the system
 * calls that systemd 252 makes for them, in its order. `Container=` is what container engines do:
 * PID and mount namespaces, and an overlayfs over the machine's files as the root. It needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system_service.h"

#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#endif

#define MOST_WORDS 32
#define NO_SUID_DEV_EXEC (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const char *user = "0";

static void must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "confined: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* ------------------------------------------------------------------------- seccomp -- */

enum test { ANY, IS, IS_NOT, HAS };

struct rule {
    int call;
    enum test test;
    unsigned argument, value; /* the argument's low 32 bits */
    unsigned action;
};

#define MOST_INSTRUCTIONS 2048

static struct sock_filter instructions[MOST_INSTRUCTIONS];
static unsigned short length;

static void emit(struct sock_filter instruction)
{
    instructions[length++] = instruction;
}

/* Skip the next `count` instructions unless what was loaded is (or is not) the value. */
static void skip_unless(unsigned value, bool equal, unsigned char count)
{
    unsigned char on_equal = equal ? 0 : count, otherwise = equal ? count : 0;

    emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, on_equal, otherwise));
}

static void load_word(size_t offset)
{
    emit((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void emit_rule(const struct rule *rule)
{
    unsigned char rest = rule->test == ANY ? 1 : rule->test == HAS ? 4 : 3;

    load_word(offsetof(struct seccomp_data, nr));
    skip_unless((unsigned)rule->call, true, rest);
    if (rule->test != ANY)
        load_word(offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t));
    if (rule->test == HAS)
        emit((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->value));
    if (rule->test != ANY)
        skip_unless(rule->value, rule->test != IS_NOT, 1);
    emit((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, rule->action));
}

/* From now on, calls are treated by the first rule that applies, or by `otherwise`. */
static void filter(const struct rule *rules, size_t count, unsigned otherwise)
{
    struct sock_fprog program = {.filter = instructions};

    length = 0;
    for (size_t i = 0; i < count; i++)
        emit_rule(&rules[i]);
    emit((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise));
    program.len = length;
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "seccomp");
}

#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void restrict_address_families(const char *family)
{
    const struct rule rules[] = {{SYS_socket, IS_NOT, 0, AF_UNIX, REFUSE(EAFNOSUPPORT)}};

    must(strcmp(family, "AF_UNIX") == 0, family);
    filter(rules, COUNT(rules), SECCOMP_RET_ALLOW);
}

/* By prctl(2) from systemd 253 on, if the kernel has it. */
static void deny_write_execute(const char *how)
{
    const unsigned both = PROT_WRITE | PROT_EXEC;
    const struct rule rules[] = {
        {SYS_mprotect, HAS, 2, PROT_EXEC, REFUSE(EPERM)},
        {SYS_pkey_mprotect, HAS, 2, PROT_EXEC, REFUSE(EPERM)},
        {SYS_shmat, HAS, 2, SHM_EXEC, REFUSE(EPERM)},
        {SYS_mmap, HAS, 2, both, REFUSE(EPERM)},
    };

    if (strcmp(how, "prctl") == 0)
        must(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0, "PR_SET_MDWE");
    else
        filter(rules, COUNT(rules), SECCOMP_RET_ALLOW);
}

static void lock_personality(const char *unused)
{
    const unsigned current = (unsigned)personality(0xffffffff);
    const struct rule rules[] = {{SYS_personality, IS_NOT, 0, current, REFUSE(EPERM)}};

    (void)unused;
    filter(rules, COUNT(rules), SECCOMP_RET_ALLOW);
}

/* "@system-service", which kills for any other call; or "~memfd_create", ":EPERM" or ":ENOSYS". */
static void filter_calls(const char *which)
{
    static struct rule rules[COUNT(system_service)];
    const char *name = strchr(which, ':');
    unsigned action = SECCOMP_RET_KILL_PROCESS;

    if (strcmp(which, "@system-service") == 0) {
        for (size_t i = 0; i < COUNT(system_service); i++)
            rules[i] = (struct rule){system_service[i], ANY, 0, 0, SECCOMP_RET_ALLOW};
        filter(rules, COUNT(system_service), SECCOMP_RET_KILL_PROCESS);
        return;
    }
    must(strncmp(which, "~memfd_create", strlen("~memfd_create")) == 0, which);
    if (name)
        action = REFUSE(strcmp(name, ":EPERM") == 0 ? EPERM : ENOSYS);
    rules[0] = (struct rule){SYS_memfd_create, ANY, 0, 0, action};
    filter(rules, 1, SECCOMP_RET_ALLOW);
}

/* -------------------------------------------------------------------------- mounts -- */

static void mounts_of_its_own(void)
{
    static bool done;

    if (done)
        return;
    must(unshare(CLONE_NEWNS) == 0, "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "/");
    done = true;
}

static void set_mount(const char *path, unsigned flags, uint64_t set, uint64_t clear)
{
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};

    must(mount_setattr(AT_FDCWD, path, flags, &attributes, sizeof(attributes)) == 0, path);
}

static void bind_mount(const char *from, const char *to)
{
    must(mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0, to);
}

static void private_tmp(const char *directory)
{
    mounts_of_its_own();
    bind_mount(directory, "/var/tmp");
    bind_mount(directory, "/tmp"); /* last, for the directory may be in it */
    set_mount("/var/tmp", 0, 0, MOUNT_ATTR_RDONLY);
    set_mount("/tmp", 0, 0, MOUNT_ATTR_RDONLY);
}

static void protect_system(const char *unused)
{
    static const char *const writable[] = {"/dev", "/proc", "/sys", "/home", "/root"};

    (void)unused;
    mounts_of_its_own();
    for (size_t i = 3; i < COUNT(writable); i++)
        bind_mount(writable[i], writable[i]);
    set_mount("/", AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0);
    for (size_t i = 0; i < COUNT(writable); i++)
        set_mount(writable[i], AT_RECURSIVE, 0, MOUNT_ATTR_RDONLY);
}

static void read_write_path(const char *path)
{
    bind_mount(path, path);
    set_mount(path, AT_RECURSIVE, 0, MOUNT_ATTR_RDONLY);
}

static void no_exec_path(const char *path)
{
    mounts_of_its_own();
    bind_mount(path, path);
    set_mount(path, AT_RECURSIVE, MOUNT_ATTR_NOEXEC, 0);
}

static void mount_proc(const char *options)
{
    mounts_of_its_own();
    must(mount("proc", "/proc", "proc", NO_SUID_DEV_EXEC, options) == 0, "/proc");
}

static void protect_proc(const char *visible)
{
    char options[64];

    snprintf(options, sizeof(options), "hidepid=%s", visible);
    mount_proc(options);
}

static void proc_subset(const char *subset)
{
    char options[64];

    snprintf(options, sizeof(options), "subset=%s", subset);
    mount_proc(options);
}

/* No setting of systemd's, but of a chroot that nobody mounted /proc in. */
static void without_proc(const char *unused)
{
    (void)unused;
    mounts_of_its_own();
    must(umount2("/proc", MNT_DETACH) == 0, "/proc");
}

/* ---------------------------------------------------------------------- containers -- */

static struct {
    const char *path;
    int tree;
} kept[MOST_WORDS];
static size_t kept_count;

/* What the container will have at the same path. */
static void bind_path(const char *path)
{
    int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

    must(tree >= 0, path);
    kept[kept_count].path = path;
    kept[kept_count++].tree = tree;
}

static void make_directories(const char *path)
{
    char text[PATH_MAX];

    snprintf(text, sizeof(text), "%s/", path);
    for (char *slash = strchr(text, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        must(!*text || mkdir(text, 0755) == 0 || errno == EEXIST, text);
        *slash = '/';
    }
}

/* The first process of a PID namespace. What started it waits for it, and ends as it does. */
static void first_process(void)
{
    int status;
    pid_t child;

    must(unshare(CLONE_NEWPID) == 0, "unshare");
    child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    for (int fd = 0; fd < 2; fd++)
        close(fd); /* they are the child's: its input ends when the test says so */
    while (waitpid(child, &status, 0) < 0)
        must(errno == EINTR, "waitpid");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void contain(const char *how)
{
    static const char *const from_outside[] = {"/dev", "/sys"};
    bool read_only = strcmp(how, "read-only") == 0;

    mounts_of_its_own();
    first_process();
    for (size_t i = 0; i < COUNT(from_outside); i++)
        bind_path(from_outside[i]);
    must(mount("container", "/tmp", "tmpfs", 0, NULL) == 0, "/tmp");
    make_directories("/tmp/upper");
    make_directories("/tmp/work");
    make_directories("/tmp/root");
    must(mount("container", "/tmp/root", "overlay", 0,
               "lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work") == 0,
         "overlay");
    must(chdir("/tmp/root") == 0, "/tmp/root");
    for (size_t i = 0; i < kept_count; i++) {
        make_directories(kept[i].path + 1);
        must(move_mount(kept[i].tree, "", AT_FDCWD, kept[i].path + 1, MOVE_MOUNT_F_EMPTY_PATH) == 0,
             kept[i].path);
    }
    must(mount("proc", "proc", "proc", NO_SUID_DEV_EXEC, NULL) == 0, "/proc");
    must(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0, "pivot_root");
    if (!read_only)
        return;
    set_mount("/", 0, MOUNT_ATTR_RDONLY, 0);
    must(mount("shm", "/dev/shm", "tmpfs", NO_SUID_DEV_EXEC, NULL) == 0, "/dev/shm");
}

/* --------------------------------------------------------------------------- users -- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    close(fd);
}

/* From outside of the namespace: only there is anybody privileged to do so. */
static void write_maps(pid_t pid, const char *map)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
    write_file(path, map);
    snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
    write_file(path, map);
}

/* "yes" maps root and the user, as systemd does; "user" only the user. */
static void private_users(const char *how)
{
    bool only_user = strcmp(how, "user") == 0 || strcmp(user, "0") == 0;
    char map[64];
    int ready[2], status;
    pid_t helper, self = getpid();

    snprintf(map, sizeof(map), "%s%s %s 1\n", only_user ? "" : "0 0 1\n", user, user);
    must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    helper = fork();
    must(helper >= 0, "fork");
    if (helper == 0) {
        char byte;

        close(ready[1]);
        must(read(ready[0], &byte, 1) == 0, "read");
        write_maps(self, map);
        _exit(0);
    }
    must(unshare(CLONE_NEWUSER) == 0, "unshare");
    close(ready[1]);
    must(waitpid(helper, &status, 0) == helper && status == 0, "helper");
    close(ready[0]);
}

static void become(const char *id)
{
    unsigned number = (unsigned)strtoul(id, NULL, 10);

    must(syscall(SYS_setresgid, number, number, number) == 0 &&
             syscall(SYS_setresuid, number, number, number) == 0,
         "setresuid");
}

static void no_new_privileges(const char *unused)
{
    (void)unused;
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
}

/* ------------------------------------------------------------------------ settings -- */

static const struct {
    const char *name;
    void (*apply)(const char *value);
} settings[] = {
    {"BindPaths", bind_path},
    {"Container", contain},
    {"ProtectSystem", protect_system},
    {"PrivateTmp", private_tmp},
    {"ReadWritePaths", read_write_path},
    {"NoExecPaths", no_exec_path},
    {"ProtectProc", protect_proc},
    {"ProcSubset", proc_subset},
    {"Proc", without_proc},
    {"PrivateUsers", private_users},
    {"User", become},
    {"NoNewPrivileges", no_new_privileges},
    {"RestrictAddressFamilies", restrict_address_families},
    {"MemoryDenyWriteExecute", deny_write_execute},
    {"LockPersonality", lock_personality},
    {"SystemCallFilter", filter_calls},
};

/* The value, if the word is that setting; else NULL. */
static const char *value_of(const char *word, const char *name)
{
    size_t size = strlen(name);

    return strncmp(word, name, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

static bool is_setting(const char *word)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        if (value_of(word, settings[i].name))
            return true;
    return false;
}

int main(int argc, char *argv[])
{
    int first = 1, program;

    for (; first < argc && is_setting(argv[first]); first++)
        if (value_of(argv[first], "User"))
            user = value_of(argv[first], "User");
    must(first < argc, "usage: confined [SETTING=VALUE]... PROGRAM [ARGUMENT]...");
    program = open(argv[first], O_RDONLY | O_CLOEXEC); /* the user may not reach it by its path */
    must(program >= 0, argv[first]);
    for (size_t i = 0; i < COUNT(settings); i++)
        for (int word = 1; word < first; word++)
            if (value_of(argv[word], settings[i].name))
                settings[i].apply(value_of(argv[word], settings[i].name));
    syscall(SYS_execveat, program, "", argv + first, environ, AT_EMPTY_PATH);
    must(false, argv[first]);
}
