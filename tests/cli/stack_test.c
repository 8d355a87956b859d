/* SPDX-License-Identifier: MIT */
/*
 * Names for the addresses in stacks: of this process, and of others, which are this program again.
 * Such a process prints an address in checkout(), and then obeys the lines that it reads:
 *
 *     exec PATH    run the program there, which prints its address
 *     map LINE     add the line to its /tmp/perf-PID.map
 */
#include <fcntl.h>
#include <gelf.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "captured.h"
#include "cli/trace/show/names.h"
#include "cli/trace/show/show.h"
#include "rst.h"
#include "support/children.h"
#include "support/sandbox.h"

static char program[4096]; /* the path of this one */
static uint64_t here;
static int line_of_call;

__attribute__((noinline)) static void note_caller(int line)
{
    here = (uint64_t)(uintptr_t)__builtin_return_address(0);
    line_of_call = line;
}

__attribute__((noinline)) static int checkout(int cents)
{
    note_caller(__LINE__);
    return cents + line_of_call;
}

/* ------------------------------------------------------------------- another process -- */

static int obey(void)
{
    char line[4096], path[64];
    FILE *map;

    checkout(0);
    printf("%llx\n", (unsigned long long)here);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "exec ", 5) == 0) {
            execl(line + 5, line + 5, "obey", NULL);
            return 1;
        }
        snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)getpid());
        map = fopen(path, "a");
        if (!map)
            return 1;
        fprintf(map, "%s\n", line + 4);
        fclose(map);
        puts("ok");
        fflush(stdout);
    }
    return 0;
}

struct other {
    pid_t pid, parent; /* parent: the process that waits for it; 0: this one */
    FILE *in, *out;
};

static void copy_program(const char *path)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    char bytes[65536];
    ssize_t size;

    while (from >= 0 && to >= 0 && (size = read(from, bytes, sizeof(bytes))) > 0)
        if (write(to, bytes, (size_t)size) != size)
            abort();
    close(from);
    close(to);
}

/* Run the program in mount and PID namespaces of its own, where /tmp is another directory. */
static void run_apart(void)
{
    pid_t child;

    if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0)
        _exit(1);
    copy_program("/tmp/apart");
    child = fork();
    if (child == 0)
        execl("/tmp/apart", "/tmp/apart", "obey", NULL);
    waitpid(child, NULL, 0);
    _exit(0);
}

/* Tell the process to do something. */
static void tell(const struct other *other, const char *line)
{
    char answer[64];

    fprintf(other->in, "%s\n", line);
    fflush(other->in);
    assert_non_null(fgets(answer, sizeof(answer), other->out));
    if (strncmp(line, "exec ", 5) == 0)
        here = strtoull(answer, NULL, 16);
    else
        assert_string_equal(answer, "ok\n");
}

/* Start a process; `here` is then an address in its checkout(). NULL: apart from others. */
static struct other start(const char *path_of_it)
{
    int in[2], out[2];
    struct other other = {0};
    char answer[64], path[64];
    FILE *children;

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    other.pid = fork();
    assert_true(other.pid >= 0);
    if (other.pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        if (path_of_it)
            execl(path_of_it, path_of_it, "obey", NULL);
        else
            run_apart();
        _exit(1);
    }
    close(in[0]);
    close(out[1]);
    other.in = fdopen(in[1], "w");
    other.out = fdopen(out[0], "r");
    assert_non_null(fgets(answer, sizeof(answer), other.out));
    here = strtoull(answer, NULL, 16);
    if (path_of_it)
        return other;
    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)other.pid, (long)other.pid);
    children = fopen(path, "r");
    assert_non_null(children);
    assert_non_null(fgets(answer, sizeof(answer), children));
    fclose(children);
    other.parent = other.pid;
    other.pid = (pid_t)strtol(answer, NULL, 10);
    return other;
}

static void end(struct other *other)
{
    char path[64];

    kill(other->pid, SIGKILL);
    assert_true(waitpid(other->parent ? other->parent : other->pid, NULL, 0) > 0);
    fclose(other->in);
    fclose(other->out);
    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)other->pid);
    unlink(path);
    other->pid = 0;
}

/* ---------------------------------------------------------------------------- checks -- */

static const struct plan nothing = {0};

static struct frame find(struct stacks *stacks, pid_t pid, uint64_t address)
{
    struct frame frame;

    stacks_see(stacks, pid);
    stacks_frame(stacks, pid, address, false, &frame);
    return frame;
}

static void check_checkout(const struct frame *frame)
{
    check_text(frame->function, "checkout");
    check(frame->offset > 0 && frame->offset < 200);
    check_text(frame->file ? strrchr(frame->file, '/') : "none", "/stack_test.c");
    check_equal(frame->line, line_of_call);
}

static void names_function_line_and_module(void **state)
{
    struct stacks *stacks = stacks_new(&nothing);
    struct frame frame;

    (void)state;
    checkout(0);
    frame = find(stacks, getpid(), here);
    check_checkout(&frame);
    check_text(frame.module, program);
    check_equal(frame.address, here);
    stacks_frame(stacks, getpid(), (uint64_t)(uintptr_t)checkout, true, &frame);
    check_text(frame.function, "checkout");
    check_equal(frame.offset, 0);
    check(frame.line < line_of_call && frame.line > line_of_call - 4);
    frame = find(stacks, getpid(), (uint64_t)(uintptr_t)getppid + 1);
    check_text(frame.function, "getppid");
    check_mentions(frame.module, "libc");
    frame = find(stacks, getpid(), (uint64_t)(uintptr_t)program); /* on the stack */
    check(!frame.function && !frame.module && !frame.file);
    check_equal(frame.address, (uintptr_t)program);
    stacks_free(stacks);
}

static void names_a_probe_of_librst(void **state)
{
    rst_provider *provider = rst_provider_new("stack_test");
    rst_probe *probe = rst_provider_add(provider, "order", "uint64 id");
    struct stacks *stacks = stacks_new(&nothing);
    struct frame frame;
    uint64_t stub;

    (void)state;
    stacks_see(stacks, getpid()); /* the probe is loaded later */
    assert_int_equal(rst_provider_load(provider), 0);
    stub = (uint64_t)(uintptr_t)rst_probe_function(probe);
    stacks_frame(stacks, getpid(), stub + 1, true, &frame);
    check_text(frame.function, "stack_test__order");
    check_equal(frame.offset, 1);
    check_mentions(frame.module, "/memfd:");
    rst_provider_free(provider);
    stacks_free(stacks);
}

static void names_a_process_that_has_ended(void **state)
{
    struct stacks *stacks = stacks_new(&nothing);
    const char *copy = path_in(*state, "ended");
    struct other other;
    struct frame frame;
    pid_t pid;

    checkout(0);
    copy_program(copy);
    other = start(copy);
    pid = other.pid;
    if (geteuid() == 0) /* only root can open a deleted file that another process has mapped */
        assert_int_equal(unlink(copy), 0);
    stacks_see(stacks, pid);
    end(&other);
    frame = find(stacks, pid, here);
    check_checkout(&frame);
    check_mentions(frame.module, geteuid() == 0 ? "/ended (deleted)" : "/ended");
    stacks_free(stacks);
}

/* The offset in the program's file. */
static uint64_t offset_of(uint64_t address)
{
    unsigned long long start = 0, stop, offset = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096];

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        char *at = line;

        start = strtoull(at, &at, 16);
        stop = strtoull(at + 1, &at, 16);
        offset = strtoull(at + strlen(" r-xp "), NULL, 16);
        if (address >= start && address < stop)
            break;
    }
    fclose(maps);
    return address - start + offset;
}

static void names_a_child_that_nobody_saw_alive(void **state)
{
    struct plan_site site = {.offset = offset_of((uint64_t)(uintptr_t)checkout)};
    struct plan_variant variant = {.sites = &site, .site_count = 1};
    struct plan plan = {.variants = &variant, .variant_count = 1};
    struct stacks *stacks;
    struct frame frame;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    stacks = stacks_new(&plan);
    checkout(0);
    frame = find(stacks, child, here);
    check(!frame.function); /* nothing is known of it */
    stacks_see(stacks, getpid());
    stacks_frame(stacks, child, (uint64_t)(uintptr_t)checkout + 1, true, &frame);
    check(!frame.function); /* no site is there, so it may be another program */
    stacks_frame(stacks, child, (uint64_t)(uintptr_t)checkout, true, &frame);
    check_text(frame.function, "checkout");
    frame = find(stacks, child, here);
    check_checkout(&frame);
    stacks_free(stacks);
}

static void a_process_that_runs_another_program(void **state)
{
    struct stacks *stacks = stacks_new(&nothing);
    const char *copy = path_in(*state, "first");
    char line[4096];
    struct other other;
    struct frame frame;
    uint64_t former;

    checkout(0);
    copy_program(copy);
    other = start(copy);
    frame = find(stacks, other.pid, here);
    check_mentions(frame.module, "/first");
    former = here;
    copy_program(path_in(*state, "second"));
    snprintf(line, sizeof(line), "exec %s", path_in(*state, "second"));
    for (int i = 0; i < 2; i++) { /* the second time, the file stays the same */
        tell(&other, line);
        frame = find(stacks, other.pid, here);
        check_checkout(&frame);
        check_mentions(frame.module, "/second");
        frame = find(stacks, other.pid, former); /* an event that was not shown until now */
        check_text(frame.function, "checkout");
        former = here;
    }
    end(&other);
    stacks_free(stacks);
}

#define JIT 0x10000 /* nothing is mapped there */

static void names_the_code_of_a_jit(void **state)
{
    struct stacks *stacks = stacks_new(&nothing);
    struct other other = start(program);
    char path[64];
    struct frame frame;
    pid_t pid = other.pid;

    (void)state;
    frame = find(stacks, pid, JIT + 5);
    check(!frame.function);
    tell(&other, "map 10000 20 JS:order\x1b[2J ~shop.js");
    tell(&other, "map 10020 8 next");
    tell(&other, "map nonsense\nmap 10030\nmap 10030 0 empty\nmap 10040 8 ");
    for (int i = 0; i < 3; i++)
        check(fgets(path, sizeof(path), other.out) != NULL);
    frame = find(stacks, pid, JIT + 5);
    check_text(frame.function, "JS:order\x1b[2J ~shop.js");
    check_equal(frame.offset, 5);
    check(!frame.module);
    frame = find(stacks, pid, JIT + 0x20); /* the address after a call at its end */
    check_text(frame.function, "JS:order\x1b[2J ~shop.js");
    frame = find(stacks, pid, JIT + 0x29);
    check(!frame.function);
    tell(&other, "map 10010 8 newer");
    frame = find(stacks, pid, JIT + 0x12);
    check_text(frame.function, "newer");
    frame = find(stacks, pid, JIT + 0x19);
    check_text(frame.function, "JS:order\x1b[2J ~shop.js");
    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)pid);
    assert_int_equal(unlink(path), 0);
    frame = find(stacks, pid, JIT + 0x12); /* there is nothing newer */
    check_text(frame.function, "newer");
    tell(&other, "map 10010 8 another file");
    frame = find(stacks, pid, JIT + 0x12);
    check_text(frame.function, "another file");
    frame = find(stacks, pid, JIT + 5);
    check(!frame.function);
    assert_int_equal(truncate(path, 0), 0);
    tell(&other, "map 10000 8 short");
    frame = find(stacks, pid, JIT + 5);
    check_text(frame.function, "short");
    frame = find(stacks, pid, JIT + 0x12);
    check(!frame.function);
    end(&other);
    frame = find(stacks, pid, JIT + 5);
    check_text(frame.function, "short");
    stacks_free(stacks);
}

static void another_user_s_map_is_not_believed(void **state)
{
    struct stacks *stacks = stacks_new(&nothing);
    struct other other = start(program);
    char path[64];
    struct frame frame;

    (void)state;
    tell(&other, "map 10000 20 forged");
    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)other.pid);
    if (chown(path, geteuid() + 1, (gid_t)-1) < 0) {
        end(&other);
        stacks_free(stacks);
        check_can(false, "only root can give a file to another user");
    }
    frame = find(stacks, other.pid, JIT + 5);
    check(!frame.function);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/proc/self/status", path), 0);
    frame = find(stacks, other.pid, JIT + 5);
    check(!frame.function);
    end(&other);
    stacks_free(stacks);
}

static void looks_into_other_namespaces(void **state)
{
    struct stacks *stacks;
    struct other other;
    struct frame frame;

    (void)state;
    check_can(geteuid() == 0, "only root can make namespaces");
    stacks = stacks_new(&nothing);
    checkout(0);
    other = start(NULL);
    frame = find(stacks, other.pid, here);
    check_checkout(&frame);
    check_text(frame.module, "/tmp/apart");
    tell(&other, "map 10000 20 compiled"); /* it writes /tmp/perf-1.map */
    frame = find(stacks, other.pid, JIT + 5);
    check_text(frame.function, "compiled");
    end(&other);
    stacks_free(stacks);
}

static void forgets_what_was_not_seen_for_long(void **state)
{
    struct stacks *stacks = stacks_new(&nothing);
    struct other other = start(program);
    struct frame frame;
    pid_t pid = other.pid;

    (void)state;
    stacks_see(stacks, pid);
    end(&other);
    for (pid_t i = 0; i < 1100; i++) {
        stacks_see(stacks, 0x7ffff000 - i); /* there is no such process */
        if (i == 1000) {
            stacks_frame(stacks, pid, here, false, &frame);
            check_text(frame.function, "checkout");
        }
    }
    stacks_frame(stacks, pid, here, false, &frame);
    check(!frame.function && !frame.module);
    checkout(0);
    frame = find(stacks, getpid(), here);
    check_text(frame.function, "checkout");
    stacks_free(stacks);
}

/* ------------------------------------------------------------------------- any bytes -- */

/* Whether a line is found for checkout() in a file like this program. Takes the descriptor. */
static bool has_lines(int fd)
{
    struct module *module = module_new(fd);
    struct frame frame = {0};

    module_frame(module, offset_of((uint64_t)(uintptr_t)checkout), &frame);
    check_text(frame.function, "checkout");
    module_free(module);
    return frame.file;
}

/* dwz makes such files. libdw would open the other one, and wait until somebody writes into it. */
static void a_file_that_names_another_file(void **state)
{
    const char *fifo = path_in(*state, "fifo"), *section = path_in(*state, "section");
    const char *copy = path_in(*state, "copy");
    FILE *file = fopen(section, "we");
    char add[4096];
    pid_t child;
    int status;

    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_non_null(file);
    fprintf(file, "%s%cno such file is here", fifo, '\0');
    fclose(file);
    snprintf(add, sizeof(add), ".gnu_debugaltlink=%s", section);
    child = fork();
    if (child == 0) {
        execlp("objcopy", "objcopy", "--add-section", add, program, copy, NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    check_applies(WEXITSTATUS(status) != 127, "objcopy (binutils) is not installed");
    assert_int_equal(status, 0);
    check(!has_lines(open(copy, O_RDONLY | O_CLOEXEC)));
}

/* libdw 0.188 reads beyond such a section. */
static void strings_without_an_end(void **state)
{
    int from = open(program, O_RDONLY | O_CLOEXEC), tried = 0;
    Elf *elf;
    size_t index;

    (void)state;
    elf_version(EV_CURRENT);
    elf = elf_begin(from, ELF_C_READ, NULL);
    assert_int_equal(elf_getshdrstrndx(elf, &index), 0);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        const char *name;
        off_t at = 0;
        int fd;

        assert_non_null(gelf_getshdr(section, &header));
        name = elf_strptr(elf, index, header.sh_name);
        if (strcmp(name, ".debug_str") != 0 && strcmp(name, ".debug_line_str") != 0)
            continue;
        fd = memfd_create("broken", MFD_CLOEXEC);
        assert_true(sendfile(fd, from, &at, 1 << 30) > 0);
        check(has_lines(dup(fd)));
        assert_int_equal(pwrite(fd, "x", 1, (off_t)(header.sh_offset + header.sh_size) - 1), 1);
        check(!has_lines(fd));
        tried++;
    }
    check(tried > 0);
    elf_end(elf);
    close(from);
}

static void any_file_is_read_without_harm(void **state)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd;
    struct stat about;
    unsigned random = 1;
    uint64_t found = 0;
    struct frame frame;

    (void)state;
    assert_int_equal(fstat(from, &about), 0);
    for (int i = 0; i < 60; i++) {
        size_t size = (size_t)about.st_size;
        struct module *module;
        char *bytes = malloc(size);

        assert_int_equal(pread(from, bytes, size, 0), size);
        for (int j = 0; i > 0 && j < 200; j++) {
            random = random * 1103515245 + 12345;
            bytes[random % (j % 4 == 0 ? 4096 : size)] = (char)(random >> 16);
        }
        fd = memfd_create("broken", MFD_CLOEXEC);
        assert_int_equal(write(fd, bytes, i % 5 == 4 ? size / (unsigned)i : size),
                         i % 5 == 4 ? size / (unsigned)i : size);
        free(bytes);
        module = module_new(fd);
        for (uint64_t offset = 0; offset < size; offset += 997) {
            frame = (struct frame){0};
            module_frame(module, offset, &frame);
            found += i == 0 && frame.file;
        }
        module_free(module);
    }
    check(found > 0);
    close(from);
}

/* --------------------------------------------------------------------------- printed -- */

static void stacks_are_printed(void **state)
{
    static struct trace_options options;
    static char title[] = "shop:order";
    static struct plan_probe probe = {.provider = "shop", .name = "order", .title = title};
    static struct plan_variant variant;
    pid_t pids[] = {getpid()};
    struct plan_file file = {.pids = pids, .pid_count = 1};
    const struct plan plan = {.options = &options, .files = &file, .file_count = 1};
    struct stacks *stacks = stacks_new(&plan);
    struct show *show = show_new(&plan, stacks, stdout);
    rst_provider *provider = rst_provider_new("stack_test");
    rst_probe *fired = rst_provider_add(provider, "order", "");
    uint64_t frames[] = {(uint64_t)(uintptr_t)checkout, 0, JIT + 1, 17, 0, 0};
    struct event event = {
        .variant = &variant,
        .probe = &probe,
        .pid = getpid(),
        .tid = 5,
        .frames = frames,
        .frame_count = 6,
    };
    char path[64], wanted[256];
    const char *lines;
    FILE *map;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)getpid());
    map = fopen(path, "w");
    assert_non_null(map);
    fputs("10000 10 \x1b[2J\xff\n", map);
    fclose(map);
    checkout(0);
    frames[1] = here;
    assert_int_equal(rst_provider_load(provider), 0);
    frames[4] = (uint64_t)(uintptr_t)rst_probe_function(fired) + 1;
    frames[5] = frames[4] | 0xfff; /* its page has no code there */
    capture();
    show_event(show, &event);
    lines = captured();
    check_mentions(lines, " 5 shop:order\n        checkout+0 ");
    snprintf(wanted, sizeof(wanted), "/stack_test.c:%d (cli-stack)\n", line_of_call);
    check_mentions(lines, wanted);
    check_mentions(lines, "\n        \\x1b[2J\\xff+1\n        0x11\n"
                          "        stack_test__order+1 (memfd:librst-stack_test)\n        0x");
    check_mentions(lines, " (memfd:librst-stack_test+0x");
    options.json = true;
    capture();
    show_event(show, &event);
    lines = captured();
    check_mentions(lines, "\"args\":{},\"stack\":[{\"address\":");
    snprintf(wanted, sizeof(wanted), "/stack_test.c\",\"line\":%d,\"module\":\"/", line_of_call);
    check_mentions(lines, wanted);
    check_mentions(lines, "\"function\":\"checkout\",\"offset\":0,\"file\":\"");
    check_mentions(lines, ",{\"address\":65537,\"function\":\"\\u001b[2J\\ufffd\",\"offset\":1},"
                          "{\"address\":17},{\"address\":");
    unlink(path);
    rst_provider_free(provider);
    show_free(show);
    stacks_free(stacks);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_function_line_and_module),
        cmocka_unit_test(names_a_probe_of_librst),
        cmocka_unit_test_setup_teardown(names_a_process_that_has_ended, make_directory,
                                        remove_directory),
        cmocka_unit_test(names_a_child_that_nobody_saw_alive),
        cmocka_unit_test_setup_teardown(a_process_that_runs_another_program, make_directory,
                                        remove_directory),
        cmocka_unit_test(names_the_code_of_a_jit),
        cmocka_unit_test(another_user_s_map_is_not_believed),
        cmocka_unit_test(looks_into_other_namespaces),
        cmocka_unit_test(forgets_what_was_not_seen_for_long),
        cmocka_unit_test_setup_teardown(a_file_that_names_another_file, make_directory,
                                        remove_directory),
        cmocka_unit_test(strings_without_an_end),
        cmocka_unit_test(any_file_is_read_without_harm),
        cmocka_unit_test(stacks_are_printed),
    };

    if (count == 2 && strcmp(words[1], "obey") == 0)
        return obey();
    if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
        return 1;
    capture_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
