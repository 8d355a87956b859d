/* SPDX-License-Identifier: MIT */
#include "bpf_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

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

/* -------------------------------------------------------------------------------------- site -- */

#if defined(__x86_64__)
extern const char bpf_site_nop[];

__asm__(".text\n"
        ".type site_fire, @function\n"
        ".globl site_fire\n"
        "site_fire:\n"
        "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
        "  push %rdi\n"
        "  mov %rsp, 152(%rdi)\n"
        "  lea bpf_site_nop(%rip), %rax\n  mov %rax, 128(%rdi)\n"
        "  mov 0(%rdi), %r15\n  mov 8(%rdi), %r14\n  mov 16(%rdi), %r13\n  mov 24(%rdi), %r12\n"
        "  mov 32(%rdi), %rbp\n  mov 40(%rdi), %rbx\n  mov 48(%rdi), %r11\n  mov 56(%rdi), %r10\n"
        "  mov 64(%rdi), %r9\n  mov 72(%rdi), %r8\n  mov 80(%rdi), %rax\n  mov 88(%rdi), %rcx\n"
        "  mov 96(%rdi), %rdx\n  mov 104(%rdi), %rsi\n  mov 112(%rdi), %rdi\n"
        ".globl bpf_site_nop\n"
        "bpf_site_nop:\n"
        "  nop\n"
        "  pop %rdi\n"
        "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
        "  ret\n"
        ".size site_fire, . - site_fire\n");
#else
static const char bpf_site_nop[1];

void site_fire(uint64_t registers[SITE_REGISTERS])
{
    (void)registers;
}
#endif

/* The site's offset in this program's file. */
static uint64_t site_offset(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    uint64_t start, end, offset, site = address_of(bpf_site_nop), found = 0;
    char line[4096];

    assert_non_null(maps);
    while (found == 0 && fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && start <= site &&
            site < end)
            found = site - start + offset;
    }
    fclose(maps);
    assert_int_not_equal(found, 0);
    return found;
}

int bpf_site(int program, uint64_t cookie)
{
    static int event = -1;
    union bpf_attr attr = {0};
    int link;

    if (event < 0) /* kept: to leave a site takes long */
        event = perf_uprobe_open("/proc/self/exe", site_offset(), 0, 0, -1);
    assert_true(event >= 0);
    attr.link_create.prog_fd = (uint32_t)program;
    attr.link_create.target_fd = (uint32_t)event;
    attr.link_create.attach_type = BPF_PERF_EVENT;
    attr.link_create.perf_event.bpf_cookie = cookie;
    link = call(BPF_LINK_CREATE, &attr);
    if (link < 0)
        fail_msg("BPF_LINK_CREATE: %s", strerror(-link));
    return link;
}

/* ------------------------------------------------------------------------ maps and programs -- */

int bpf_map(int type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags)
{
    union bpf_attr attr = {.map_type = (uint32_t)type,
                           .key_size = key_size,
                           .value_size = value_size,
                           .max_entries = entries,
                           .map_flags = flags};

    return call(BPF_MAP_CREATE, &attr);
}

void need_bpf(void)
{
    static char reason[200];
    int map;

#if !defined(__x86_64__)
    need(false, "the site is written for x86_64");
#endif
    need_tracer();
    map = bpf_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
    snprintf(reason, sizeof(reason), "no BPF ring buffer: %s", strerror(-map));
    need(map >= 0, reason);
    close(map);
}

int bpf_program(const struct program *program, bool sleepable)
{
    static char log[1 << 20];
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_KPROBE,
        .insn_cnt = (uint32_t)program->count,
        .insns = address_of(program->list),
        .license = address_of("Dual MIT/GPL"),
        .prog_flags = sleepable ? BPF_F_SLEEPABLE : 0,
    };
    int fd = call(BPF_PROG_LOAD, &attr);
    size_t length;

    if (fd >= 0)
        return fd;
    attr.log_buf = address_of(log);
    attr.log_size = sizeof(log);
    attr.log_level = 1;
    call(BPF_PROG_LOAD, &attr);
    length = strlen(log);
    fail_msg("the verifier refused a program: %s\n%s", strerror(-fd),
             log + (length > 6000 ? length - 6000 : 0));
    return -1;
}

uint32_t bpf_program_verified(int program)
{
    struct bpf_prog_info info = {0};
    union bpf_attr attr = {0};

    attr.info.bpf_fd = (uint32_t)program;
    attr.info.info_len = sizeof(info);
    attr.info.info = address_of(&info);
    assert_int_equal(call(BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
    return info.verified_insns;
}

bool bpf_lookup(int map, const void *key, void *ret_value)
{
    union bpf_attr attr = {0};

    attr.map_fd = (uint32_t)map;
    attr.key = address_of(key);
    attr.value = address_of(ret_value);
    return call(BPF_MAP_LOOKUP_ELEM, &attr) == 0;
}

bool bpf_next_key(int map, const void *key, void *ret_next)
{
    union bpf_attr attr = {0};

    attr.map_fd = (uint32_t)map;
    attr.key = address_of(key);
    attr.next_key = address_of(ret_next);
    return call(BPF_MAP_GET_NEXT_KEY, &attr) == 0;
}

/* -------------------------------------------------------------------------------------- ring -- */

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
