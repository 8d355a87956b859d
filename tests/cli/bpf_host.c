/* SPDX-License-Identifier: MIT */
#include "bpf_host.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/trace/bpf/insn.h"
#include "support/perf_uprobe.h"
#include "support/tracer.h"

static int call(int command, union bpf_attr *attr)
{
    int result = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

    return result < 0 ? -errno : result;
}

static uint64_t address_of(const void *pointer)
{
    return (uintptr_t)pointer;
}

/* ------------------------------------------------------------------------------------- site -- */

#if defined(__x86_64__)
extern const char bpf_site_nop[];

__asm__(".text\n"
        ".type site_fire, @function\n"
        ".globl site_fire\n"
        "site_fire:\n"
        "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
        "  mov %rsp, site_stack(%rip)\n"
        "  mov 0(%rdi), %r15\n  mov 8(%rdi), %r14\n  mov 16(%rdi), %r13\n  mov 24(%rdi), %r12\n"
        "  mov 32(%rdi), %rbp\n  mov 40(%rdi), %rbx\n  mov 48(%rdi), %r11\n  mov 56(%rdi), %r10\n"
        "  mov 64(%rdi), %r9\n  mov 72(%rdi), %r8\n  mov 80(%rdi), %rax\n  mov 88(%rdi), %rcx\n"
        "  mov 96(%rdi), %rdx\n  mov 104(%rdi), %rsi\n  mov 152(%rdi), %rsp\n"
        "  mov 112(%rdi), %rdi\n"
        ".globl bpf_site_nop\n"
        "bpf_site_nop:\n"
        "  nop\n"
        "  mov site_stack(%rip), %rsp\n"
        "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
        "  ret\n"
        ".size site_fire, . - site_fire\n"
        ".local site_stack\n.comm site_stack, 8, 8\n");
#define HAS_SITE true
#elif defined(__aarch64__)
extern const char bpf_site_nop[];

__asm__(".text\n"
        ".type site_fire, %function\n"
        ".globl site_fire\n"
        "site_fire:\n"
        "  stp x19, x20, [sp, #-96]!\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
        "  adrp x9, site_stack\n  mov x10, sp\n  str x10, [x9, #:lo12:site_stack]\n"
        "  ldr x1, [x0, #248]\n  mov sp, x1\n"
        "  ldp x1, x2, [x0, #8]\n  ldp x3, x4, [x0, #24]\n  ldp x5, x6, [x0, #40]\n"
        "  ldp x7, x8, [x0, #56]\n  ldp x9, x10, [x0, #72]\n  ldp x11, x12, [x0, #88]\n"
        "  ldp x13, x14, [x0, #104]\n  ldp x15, x16, [x0, #120]\n  ldp x17, x18, [x0, #136]\n"
        "  ldp x19, x20, [x0, #152]\n  ldp x21, x22, [x0, #168]\n  ldp x23, x24, [x0, #184]\n"
        "  ldp x25, x26, [x0, #200]\n  ldp x27, x28, [x0, #216]\n  ldp x29, x30, [x0, #232]\n"
        "  ldr x0, [x0]\n"
        ".globl bpf_site_nop\n"
        "bpf_site_nop:\n"
        "  nop\n"
        "  adrp x9, site_stack\n  ldr x10, [x9, #:lo12:site_stack]\n  mov sp, x10\n"
        "  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n  ldp x25, x26, [sp, #48]\n"
        "  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n  ldp x19, x20, [sp], #96\n"
        "  ret\n"
        ".size site_fire, . - site_fire\n"
        ".local site_stack\n.comm site_stack, 8, 8\n");
#define HAS_SITE true
#else
#define HAS_SITE false
static const char bpf_site_nop[1];

void site_fire(const uint64_t registers[SITE_REGISTERS])
{
    (void)registers;
}
#endif

uint64_t site_address(void)
{
    return address_of(bpf_site_nop);
}

const struct context *site_context(void)
{
    return context_find(context_kernel(), rst_arch_native());
}

/* The site's offset in this program's file. */
static uint64_t site_offset(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    uint64_t site = site_address(), found = 0;
    char line[4096];

    assert_non_null(maps);
    while (found == 0 && fgets(line, sizeof(line), maps)) { /* start-end rwxp offset ... */
        char *end;
        uint64_t low = strtoull(line, &end, 16), high = strtoull(end + 1, &end, 16);

        if (low <= site && site < high)
            found = site - low + strtoull(end + strlen(" r-xp "), NULL, 16);
    }
    fclose(maps);
    assert_int_not_equal(found, 0);
    return found;
}

/* ------------------------------------------------------------------------ maps and programs -- */

int bpf_map(int type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags)
{
    union bpf_attr attr = {.map_type = (uint32_t)type,
                           .key_size = key_size,
                           .value_size = value_size,
                           .max_entries = entries,
                           .map_flags = flags};

    /* Before Linux 5.11, maps and programs count as locked memory. */
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    return call(BPF_MAP_CREATE, &attr);
}

void need_bpf(void)
{
    static char reason[200];
    int map;

    need(HAS_SITE, "the site is not written for this CPU");
    need_tracer();
    map = bpf_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
    snprintf(reason, sizeof(reason), "no BPF ring buffer: %s", strerror(-map));
    need(map >= 0, reason);
    close(map);
}

#define MULTI 48 /* BPF_TRACE_UPROBE_MULTI of Linux 6.6; older ones ignore it */

static union bpf_attr load_attributes(const struct program *program, bool sleepable)
{
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_KPROBE,
        .insn_cnt = (uint32_t)program->count,
        .insns = address_of(program->list),
        .license = address_of("Dual MIT/GPL"),
        .prog_flags = (sleepable ? BPF_F_SLEEPABLE : 0) | BPF_F_STRICT_ALIGNMENT,
    };

    return attr;
}

static uint32_t verified;

static int load(union bpf_attr attr)
{
    static char log[1 << 20];
    const char *processed;
    size_t length;
    int fd;

    attr.log_buf = address_of(log);
    attr.log_size = sizeof(log);
    attr.log_level = 4; /* statistics */
    fd = call(BPF_PROG_LOAD, &attr);
    processed = strstr(log, "processed ");
    verified = processed ? (uint32_t)strtoul(processed + strlen("processed "), NULL, 10) : 0;
    if (fd >= 0)
        return fd;
    attr.log_level = 1;
    call(BPF_PROG_LOAD, &attr);
    length = strlen(log);
    fail_msg("the verifier refused a program: %s\n%s", strerror(-fd),
             log + (length > 6000 ? length - 6000 : 0));
    return -1;
}

int bpf_program(const struct program *program, bool sleepable)
{
    return load(load_attributes(program, sleepable));
}

int bpf_program_multi(const struct program *program, bool sleepable)
{
    union bpf_attr attr = load_attributes(program, sleepable);

    attr.expected_attach_type = MULTI;
    return load(attr);
}

uint32_t bpf_verified(void)
{
    return verified;
}

/* Whether a program that only calls a helper is accepted. */
static bool can_call(int helper, bool sleepable)
{
    struct code code = {0};
    union bpf_attr attr;
    int fd;

    if (helper != 0)
        CODE_ADD(&code, insn_of(BPF_JMP | BPF_CALL, 0, 0, 0, helper));
    code_add_exit(&code);
    attr = load_attributes(&(struct program){code.list, code.count}, sleepable);
    fd = call(BPF_PROG_LOAD, &attr);
    free(code.list);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool bpf_has_sleepable(void)
{
    return can_call(0, true);
}

bool bpf_has_cookies(void)
{
    return can_call(HELPER_get_attach_cookie, false);
}

/* ---------------------------------------------------------------------------------- running -- */

static int open_site(void)
{
    int event = perf_uprobe_open("/proc/self/exe", site_offset(), 0, 0, -1);

    assert_true(event >= 0);
    return event;
}

/* Gives a descriptor to close in order to detach; 0 before Linux 5.15, where `event` is that. */
static int attach(int event, int program)
{
    union bpf_attr attr = {0};
    int link;

    attr.link_create.prog_fd = (uint32_t)program;
    attr.link_create.target_fd = (uint32_t)event;
    attr.link_create.attach_type = BPF_PERF_EVENT;
    attr.link_create.perf_event.bpf_cookie = BPF_COOKIE;
    link = call(BPF_LINK_CREATE, &attr);
    if (link == -EINVAL)
        link = ioctl(event, PERF_EVENT_IOC_SET_BPF, program);
    if (link < 0)
        fail_msg("a program can't be attached: %s", strerror(link == -1 ? errno : -link));
    return link;
}

/*
 * Attach a program that calls the one in a map, which is there twice: for a constant index, the
 * kernel would change the caller's code at each update, and wait. Gives the map.
 */
static int attach_caller(void)
{
    int map = bpf_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0), program;
    struct code code = {0};

    assert_true(map >= 0);
    CODE_ADD(&code, LOAD_MAP(R2, map), LOAD(DW, R3, R1, 0), ALUI(AND, R3, 1),
             insn_of(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call));
    code_add_exit(&code);
    program = bpf_program(&(struct program){code.list, code.count}, false);
    free(code.list);
    attach(open_site(), program);
    return map;
}

void bpf_run(int program, bool sleepable, const uint64_t registers[SITE_REGISTERS])
{
    static int event = -1, calls = -1;
    int link;

    if (sleepable) {
        if (event < 0)
            event = open_site();
        link = attach(event, program);
        site_fire(registers);
        close(link);
        return;
    }
    if (calls < 0)
        calls = attach_caller();
    for (uint32_t i = 0; i < 2; i++)
        bpf_update(calls, &i, &program);
    site_fire(registers);
    for (uint32_t i = 0; i < 2; i++)
        bpf_remove(calls, &i);
}

/* ------------------------------------------------------------------------------------- maps -- */

static int use_map(int command, int map, const void *key, const void *value)
{
    union bpf_attr attr = {0};

    attr.map_fd = (uint32_t)map;
    attr.key = address_of(key);
    attr.value = address_of(value);
    return call(command, &attr);
}

bool bpf_lookup(int map, const void *key, void *ret_value)
{
    return use_map(BPF_MAP_LOOKUP_ELEM, map, key, ret_value) == 0;
}

void bpf_update(int map, const void *key, const void *value)
{
    assert_int_equal(use_map(BPF_MAP_UPDATE_ELEM, map, key, value), 0);
}

void bpf_remove(int map, const void *key)
{
    use_map(BPF_MAP_DELETE_ELEM, map, key, NULL);
}

/* ------------------------------------------------------------------------------------- ring -- */

#define PAGE 4096

static void *map_memory(int map, size_t size, int protection, off_t offset)
{
    void *memory = mmap(NULL, size, protection, MAP_SHARED, map, offset);

    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

/* A page with the consumer's position; then one with the producer's, and the bytes twice. */
void bpf_ring_open(struct bpf_ring *ret, size_t size)
{
    ret->map = bpf_map(BPF_MAP_TYPE_RINGBUF, 0, 0, (uint32_t)size, 0);
    ret->size = size;
    assert_true(ret->map >= 0);
    ret->consumer = map_memory(ret->map, PAGE, PROT_READ | PROT_WRITE, 0);
    ret->producer = map_memory(ret->map, PAGE + 2 * size, PROT_READ, PAGE);
    ret->data = (const uint8_t *)ret->producer + PAGE;
}

void bpf_ring_close(struct bpf_ring *ring)
{
    munmap(ring->consumer, PAGE);
    munmap(ring->producer, PAGE + 2 * ring->size);
    close(ring->map);
}

/* The length of the record at the consumer's position, with its flags. */
static uint32_t ring_length(const struct bpf_ring *ring)
{
    uint32_t length;

    memcpy(&length, ring->data + (*ring->consumer & (ring->size - 1)), sizeof(length));
    return length;
}

const void *bpf_ring_next(struct bpf_ring *ring, size_t *ret_size)
{
    while (*ring->consumer < __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE)) {
        uint32_t length = ring_length(ring);

        assert_false(length & BPF_RINGBUF_BUSY_BIT);
        *ret_size = length & ~BPF_RINGBUF_DISCARD_BIT;
        if (!(length & BPF_RINGBUF_DISCARD_BIT))
            return ring->data + (*ring->consumer & (ring->size - 1)) + BPF_RINGBUF_HDR_SZ;
        bpf_ring_pass(ring);
    }
    return NULL;
}

void bpf_ring_pass(struct bpf_ring *ring)
{
    uint32_t length = ring_length(ring) & ~BPF_RINGBUF_DISCARD_BIT;
    uint64_t next = *ring->consumer + ((length + BPF_RINGBUF_HDR_SZ + 7) & ~7U);

    __atomic_store_n(ring->consumer, next, __ATOMIC_RELEASE);
}
