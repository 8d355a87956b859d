# SPDX-License-Identifier: MIT
"""bcc's tplist lists the probes, and a bcc program reads every argument.

bcc compiles its programs against the headers of the running kernel. Where they are not to be had
it gets the few declarations that these programs need of them, from the table below.
"""

import os
import re
import shutil
import signal
import subprocess

from harness import TracerTest, main
from probes import EVERY_COUNT, EVERY_PROBE, EVERY_TYPE, MIXED, ROUND, TYPES, watcher_lines

PYTHON = "/usr/bin/python3"  # whose modules a distribution's bcc is among
TPLISTS = ("tplist-bpfcc", "tplist")

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
PTRACE_H = """\
#pragma once
struct pt_regs {
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
    unsigned long ip, cs, flags, sp, ss;
};
"""
KERNEL_HEADERS = {
    "linux/kconfig.h": "#define CONFIG_BPF_SYSCALL 1\n",
    "linux/types.h": TYPES_H,
    "linux/version.h": "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n"
    "#define LINUX_VERSION_CODE KERNEL_VERSION(6, 1, 0)\n",
    "linux/bpf_common.h": "",
    "linux/log2.h": "",
    "asm/page.h": "",
    "uapi/linux/bpf.h": "#include <bcc/bpf.h>\n",
    "uapi/linux/if_ether.h": "",
    "uapi/linux/if_packet.h": "",
    "uapi/linux/ptrace.h": PTRACE_H,
}


class BccProgram(TracerTest):
    def setUp(self):
        super().setUp()
        found = subprocess.run([PYTHON, "-c", "import bcc"], capture_output=True, check=False)
        self.need(found.returncode == 0, f"{PYTHON} has no module bcc")

    def kernel_headers(self):
        """What tells bcc where headers are, if it has to be told."""
        if os.path.exists(f"/lib/modules/{os.uname().release}/build"):
            return {}
        root = self.directory()
        for name, text in KERNEL_HEADERS.items():
            path = os.path.join(root, "include", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        return {"BCC_KERNEL_SOURCE": root}

    def watch(self, target, probes, before=0):
        words = [word for probe, kinds in probes.items() for word in (probe, ",".join(kinds))]
        watcher = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bcc_watcher.py")
        for probe in probes:
            self.assertEqual(target.semaphore(probe), before)
        tool = self.tool(PYTHON, watcher, target.pid, *words, **self.kernel_headers())
        tool.wait_for("^watching ")
        for probe in probes:
            self.assertEqual(target.semaphore(probe), before + 1)
        return tool

    def check_fires(self, target, probes):
        tool = self.watch(target, probes)
        want = []
        for probe, kinds in probes.items():
            for values in target.fire(probe, ROUND):
                want += watcher_lines(probe, kinds, values)
        tool.end_input()
        lines = tool.finish()
        self.detached(target, *probes)
        self.assertEqual([line for line in lines if line.split(" ")[0] in probes], want, tool)

    def check_every_value(self, target):
        self.check_fires(target, EVERY_TYPE)

    def test_reads_every_value_of_every_type_at_every_place_in_a_memfd(self):
        self.check_every_value(self.target())

    def test_reads_every_value_of_every_type_at_every_place_in_a_file(self):
        self.check_every_value(self.target("file"))

    def test_reads_any_number_of_arguments(self):
        self.check_fires(self.target(), EVERY_COUNT)

    def test_can_watch_again_after_it_was_killed(self):
        """bcc counts itself in by hand, and killed it leaves a 1 behind: the probe stays enabled."""
        target = self.target()
        self.watch(target, {"shop:mixed": MIXED}).finish(signal.SIGKILL)
        left = target.semaphore("shop:mixed")
        self.assertIn(left, (0, 1))
        target.fire("shop:mixed", ROUND)
        again = self.watch(target, {"shop:mixed": MIXED}, left)
        want = list(watcher_lines("shop:mixed", MIXED, target.fire("shop:mixed", 1)[0]))
        again.end_input()
        lines = again.finish()
        self.assertEqual([line for line in lines if line.startswith("shop")], want, again)
        self.await_semaphore(target, "shop:mixed", left)

    def check_child(self, backing, how):
        target = self.target(backing)
        target.become_child(how)
        self.check_fires(target, {"shop:mixed": MIXED})

    def test_watches_a_forked_child(self):
        self.check_child("memfd", "fork")

    def test_watches_a_forked_child_whose_parent_is_gone(self):
        self.check_child("memfd", "leave")


class Tplist(TracerTest):
    def setUp(self):
        super().setUp()
        found = [path for name in TPLISTS if (path := shutil.which(name))]
        self.need(found, f"none of {', '.join(TPLISTS)} is installed")
        self.tplist = found[0]

    def arguments(self, path, provider):
        """The (size, sign) of each argument of each probe that tplist finds in a file."""
        found = {}
        for line in self.run_tool(self.tplist, "-vv", "-l", path, f"{provider}:*"):
            if words := re.match(r"(\w+:\w+) \[sema 0x[1-9a-f]", line):
                arguments = found[words[1]] = []
            elif words := re.match(r" +argument #\d+ (\d) (signed|unsigned) +bytes @ ", line):
                arguments.append((int(words[1]), words[2] == "signed"))
        return found

    def check_list(self, target):
        lines = self.run_tool(self.tplist, "-p", target.pid)
        paths = {provider: target.path(provider) for provider in ("types", "counts", "shop")}
        want = {f"{paths[probe.partition(':')[0]]} {probe}" for probe in EVERY_PROBE}
        seen = {line.removeprefix(f"/proc/{target.pid}/root") for line in lines}
        self.assertLessEqual(want, seen)
        found = {}
        for provider, path in paths.items():
            found |= self.arguments(path, provider)
        want = {probe: [TYPES[kind] for kind in kinds] for probe, kinds in EVERY_PROBE.items()}
        self.assertEqual(found, want)

    def test_lists_the_probes_of_a_memfd_and_their_arguments(self):
        self.check_list(self.target())

    def test_lists_the_probes_of_a_file_and_their_arguments(self):
        self.check_list(self.target("file"))

    def test_lists_the_probes_of_a_forked_child_whose_parent_is_gone(self):
        target = self.target()
        target.become_child("leave")
        self.check_list(target)


if __name__ == "__main__":
    main()
