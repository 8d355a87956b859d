# SPDX-License-Identifier: MIT
"""gdb lists the probes, stops at them, and shows every argument and the caller's frame."""

import os
import re
import signal

from fires import ChildrenTests
from harness import main
from probes import MIXED, TYPES
from target import TracerTest

# The C type that gdb gives each argument; it knows only the size and sign in the note.
C_TYPES = {
    kind: f"{'' if signed else 'u'}int{8 * size}_t" for kind, (size, signed) in TYPES.items()
}

AT_STOP = """\
printf "{probe} argc %d\\n", $_probe_argc
{arguments}
{more}
continue
end
"""
ARGUMENT = """\
printf "{probe} {index} "
output $_probe_arg{index}
printf " "
whatis $_probe_arg{index}
"""
STRING = """\
printf "{probe} {index} "
output $_probe_arg{index}
printf " "
if $_probe_arg{index}
  printf "%s", (char *)$_probe_arg{index}
end
printf "\\n"
"""


def script(probes, more=""):
    """gdb commands that stop at each of {probe: kinds}, show all arguments and go on."""
    text = "set pagination off\nset width 0\nset print inferior-events off\n"
    for probe, kinds in probes.items():
        arguments = "".join(
            (STRING if kind == "string" else ARGUMENT).format(probe=probe, index=index)
            for index, kind in enumerate(kinds)
        )
        text += f"break -probe-stap {probe}\ncommands\nsilent\n"
        text += AT_STOP.format(probe=probe, arguments=arguments, more=more)
    return text + 'printf "watching\\n"\ncontinue\n'


def shown(probe, kinds, values):
    """The lines that script() prints for a fire."""
    yield f"{probe} argc {len(kinds)}"
    for index, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        if kind == "string":
            yield f"{probe} {index} {int(value)} {value.text.decode()}"
        else:
            yield f"{probe} {index} {int(value)} type = {C_TYPES[kind]}"


def ptrace_refusal():
    """Why gdb can't attach to a process that is not its child, or None."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            scope = int(file.read())
    except FileNotFoundError:
        return None
    if scope == 0 or (scope < 3 and os.geteuid() == 0):
        return None
    return f"kernel.yama.ptrace_scope is {scope}: gdb can't attach"


class Gdb(ChildrenTests, TracerTest):
    tools = ("gdb",)
    refusal = staticmethod(ptrace_refusal)

    def gdb(self, target, text):
        path = self.write("script.gdb", text)
        return self.tool("gdb", "-q", "-nx", "-batch", "-p", target.pid, "-x", path)

    def watch(self, target, probes, more=""):
        tool = self.gdb(target, script(probes, more))
        tool.wait_for("^watching$")
        self.attach(target, tool, *probes)
        return tool

    def stop(self, target, tool, *probes):
        lines = tool.finish(signal.SIGINT)
        self.detached(target, *probes)
        return lines

    def check_fires(self, target, probes):
        self.assert_unwatched(target, probes)
        tool = self.watch(target, probes)
        want = self.fire_each(target, probes, shown)
        lines = self.stop(target, tool, *probes)
        got = [line for line in lines if line.split(" ")[0] in probes]
        self.assertEqual(got, want, tool)

    def check_list(self, target):
        lines = self.gdb(target, "set width 0\ninfo probes stap\n").finish()
        rows = [line.split() for line in lines if line.startswith("stap ")]
        for provider in ("types", "counts", "shop"):
            path = target.path(provider)
            mine = [row for row in rows if row[1] == provider]
            self.assertTrue(mine, lines)
            for row in mine:
                self.assertEqual(row[5], path)
                self.assertNotEqual(int(row[4], 16), 0, f"semaphore of {row}")
        self.assertEqual({row[2] for row in rows if row[1] == "types"}, set(TYPES))
        self.assertEqual({row[2] for row in rows if row[1] == "shop"}, {"order", "mixed"})

    def test_lists_the_probes_of_a_memfd(self):
        self.check_list(self.target())

    def test_lists_the_probes_of_a_file(self):
        self.check_list(self.target("file"))

    def check_backtrace(self, target):
        tool = self.watch(target, {"shop:order": []}, "backtrace")
        target.fire("shop:order", 1)
        lines = self.stop(target, tool, "shop:order")
        found = (re.match(r"#\d+ .*?(?:in )?(\S+) \(", line) for line in lines)
        frames = [frame[1] for frame in found if frame]
        self.assertEqual(frames[:3], ["shop.order", "rst_probe_fire", "checkout"], tool)
        self.assertEqual(frames[-1], "main", tool)

    def test_unwinds_through_the_probe_to_the_caller(self):
        self.check_backtrace(self.target())

    def check_child(self, backing, how):
        target = self.target(backing)
        target.become_child(how)
        self.check_list(target)
        self.check_fires(target, {"shop:mixed": MIXED})
        self.check_backtrace(target)


if __name__ == "__main__":
    main()
