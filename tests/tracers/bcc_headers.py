# SPDX-License-Identifier: MIT
"""Headers for bcc, which compiles its programs with the headers of the running kernel.

If those are not installed, bcc gets the few declarations that programs at USDT probes need.
"""

import os
import platform

TYPES_H = """\
#pragma once
typedef signed char __s8, s8, int8_t;
typedef unsigned char __u8, u8, uint8_t;
typedef short __s16, s16, int16_t;
typedef unsigned short __u16, u16, uint16_t, __be16, __le16, __sum16;
typedef int __s32, s32, int32_t;
typedef unsigned int __u32, u32, uint32_t, __be32, __le32, __wsum;
typedef long long __s64, s64, int64_t;
typedef unsigned long long __u64, u64, uint64_t, __be64, __le64;
typedef unsigned long size_t, uintptr_t;
typedef _Bool bool;
#define __aligned_u64 __u64 __attribute__((aligned(8)))
#define __always_inline inline __attribute__((always_inline))
"""
REGISTERS = {
    "x86_64": """\
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
    unsigned long ip, cs, flags, sp, ss;
""",
    "aarch64": """\
    unsigned long regs[31], sp, pc, pstate;
""",
}
PTRACE_H = f"""\
#pragma once
struct pt_regs {{
{REGISTERS.get(platform.machine(), '')}}};
"""
KERNEL_HEADERS = {
    "linux/kconfig.h": "#define CONFIG_BPF_SYSCALL 1\n",
    "linux/types.h": TYPES_H,
    "linux/version.h": "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n"
    "#define LINUX_VERSION_CODE KERNEL_VERSION(6, 1, 0)\n",
    "linux/bpf_common.h": "",
    "linux/log2.h": "",
    "linux/sched.h": "#define TASK_COMM_LEN 16\n",
    "asm/page.h": "",
    "uapi/linux/bpf.h": "#include <bcc/bpf.h>\n",
    "uapi/linux/if_ether.h": "",
    "uapi/linux/if_packet.h": "",
    "uapi/linux/ptrace.h": PTRACE_H,
}


def kernel_headers(directory):
    """The environment variables that lead bcc to the headers, if it can't find them itself."""
    if os.path.exists(f"/lib/modules/{os.uname().release}/build"):
        return {}
    for name, text in KERNEL_HEADERS.items():
        path = os.path.join(directory, "include", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    return {"BCC_KERNEL_SOURCE": directory}
