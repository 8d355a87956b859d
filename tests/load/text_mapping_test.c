/* SPDX-License-Identifier: MIT */
/*
 * A probe's code is never mapped from its backing writable, not even for a moment: uprobes pass
 * over such a mapping, and making it read-only later does not bring the tracer. The system calls
 * of a child are watched by ptrace(2), the dynamic linker's among them.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/children.h"
#include "support/shop.h"

#ifdef SYS_mmap2 /* what mmap(3) calls on 32-bit CPUs */
#undef SYS_mmap
#define SYS_mmap SYS_mmap2
#endif

#define MOST 4096

/* A range that became writable, from a file by mmap(2), or by mprotect(2). */
struct writable {
    uint64_t start, size;
};

static struct writable ranges[MOST];
static size_t range_count, mappings; /* mappings: of files as code, to see that any are seen */

/* What the child tells: where a probe's code is. */
static uintptr_t *code;

static void load_and_unload(int backing)
{
    struct shop shop = shop_new();

    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(1);
    raise(SIGSTOP);
    if (rst_provider_set_backing(shop.provider, backing, NULL) < 0 ||
        rst_provider_load(shop.provider) < 0 || rst_provider_unload(shop.provider) < 0 ||
        rst_provider_load(shop.provider) < 0)
        _exit(2);
    *code = (uintptr_t)rst_probe_function(shop.order);
    rst_provider_free(shop.provider);
    _exit(0);
}

static void note(uint64_t start, uint64_t size)
{
    assert_true(range_count < MOST);
    ranges[range_count++] = (struct writable){start, size};
}

/* A system call that has returned `result`. */
static void look_at(const struct __ptrace_syscall_info *call, int64_t result)
{
    uint64_t number = call->entry.nr, protection = call->entry.args[2];
    bool of_file = number == SYS_mmap && (call->entry.args[3] & MAP_ANONYMOUS) == 0;

    if (result < 0 && result > -4096)
        return;
    if (of_file && (protection & PROT_EXEC))
        mappings++;
    if (of_file && (protection & PROT_WRITE))
        note((uint64_t)result, call->entry.args[1]);
    if (number == SYS_mprotect && (protection & PROT_WRITE))
        note(call->entry.args[0], call->entry.args[1]);
}

static int watch(pid_t child)
{
    struct __ptrace_syscall_info entry = {0}, info;
    int status;

    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0);
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                entry = info;
            else
                look_at(&entry, info.exit.rval);
        } else {
            assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD), 0);
        }
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
    }
    return status;
}

static void check_backing(int backing)
{
    pid_t child;
    int status;

    check_not_emulated("has no ptrace(2)");
    code = mmap(NULL, sizeof(*code), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(code != MAP_FAILED);
    range_count = mappings = 0;
    child = fork();
    if (child == 0)
        load_and_unload(backing);
    status = watch(child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(mappings >= 2); /* by dlopen(3), and by the second load */
    assert_true(*code != 0);
    for (size_t i = 0; i < range_count; i++)
        assert_false(*code - ranges[i].start < ranges[i].size);
    munmap(code, sizeof(*code));
}

static void code_of_a_memfd_is_never_mapped_writable(void **state)
{
    (void)state;
    check_backing(RST_BACKING_MEMFD);
}

static void code_of_a_file_is_never_mapped_writable(void **state)
{
    (void)state;
    check_backing(RST_BACKING_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_of_a_memfd_is_never_mapped_writable),
        cmocka_unit_test(code_of_a_file_is_never_mapped_writable),
    };

    return cmocka_run_group_tests_name("text_mapping", tests, NULL, NULL);
}
