/* SPDX-License-Identifier: MIT */
/*
 * Where each kernel's headers have the registers that a BPF program is handed. Only compiled, by
 * the CPU's compiler; tests/cli/location_test.c and bpf_cpus_test.c have the same numbers.
 */
#include <asm/ptrace.h>
#include <stddef.h>

#define AT(type, member, offset)                                                                   \
    _Static_assert(offsetof(type, member) == (offset), #member " is elsewhere")

#if defined(__x86_64__)
AT(struct pt_regs, r15, 0);
AT(struct pt_regs, rdi, 112);
AT(struct pt_regs, rip, 128);
AT(struct pt_regs, rsp, 152);
#elif defined(__i386__)
AT(struct pt_regs, ebx, 0);
AT(struct pt_regs, ebp, 20);
AT(struct pt_regs, eax, 24);
AT(struct pt_regs, eip, 48);
AT(struct pt_regs, esp, 60);
#elif defined(__aarch64__)
AT(struct user_pt_regs, regs[30], 240);
AT(struct user_pt_regs, sp, 248);
AT(struct user_pt_regs, pc, 256);
#elif defined(__arm__)
AT(struct pt_regs, uregs[10], 40);
AT(struct pt_regs, uregs[13], 52);
AT(struct pt_regs, uregs[15], 60);
#elif defined(__riscv)
AT(struct user_regs_struct, pc, 0);
AT(struct user_regs_struct, ra, 8);
AT(struct user_regs_struct, s0, 64);
AT(struct user_regs_struct, a0, 80);
AT(struct user_regs_struct, s2, 144);
AT(struct user_regs_struct, t3, 224);
#elif defined(__powerpc64__)
AT(struct pt_regs, gpr[3], 24);
AT(struct pt_regs, nip, 256);
#elif defined(__s390x__)
AT(user_pt_regs, psw.addr, 16);
AT(user_pt_regs, gprs[2], 40);
AT(user_pt_regs, gprs[15], 144);
#elif defined(__loongarch64)
AT(struct user_pt_regs, regs[3], 24);
AT(struct user_pt_regs, csr_era, 264);
#else
#error "which CPU?"
#endif
