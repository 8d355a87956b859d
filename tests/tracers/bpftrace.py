# SPDX-License-Identifier: MIT
"""Tests for every version of bpftrace; bpftrace_test.py and newer_bpftrace_test.py choose it.

Each value has a printf() of its own, because old versions have little room for the arguments of
one. A regular tick tells that bpftrace reads its buffers: 0.17 loses a SIGINT that comes earlier,
and after a later one ends without reading the rest.
"""

import platform
import signal

from fires import ChildrenTests
from harness import version_in
from probes import ROUND, TYPES
from target import TracerTest

LIMIT = 128  # bytes; longer than the target's longest string
TICK = ' interval:ms:50 { printf("tick\\n"); }'
# By CPU: how many arguments are in registers, and where the next one is on the stack.
STACK_ARGS = {"x86_64": (6, "bp", 16), "aarch64": (8, "sp", 16)}


class Bpftrace:
    """A bpftrace: its command and its version."""

    def __init__(self, command, version):
        self.command = command
        self.version = version
        self.by_path = version >= (0, 25)  # it skips files that /proc/PID/maps calls deleted
        self.registers_only = version < (0, 25)  # 0.17 refuses arg6 and up on x86_64

    def argument(self, index, kind):
        """The expression for an argument."""
        registers, base, offset = STACK_ARGS[platform.machine()]
        if index < registers or not self.registers_only:
            return f"arg{index}"
        size, signed = TYPES[kind]
        c_type = f"{'' if signed else 'u'}int{8 * size}"
        return f'*({c_type}*)(reg("{base}") + {offset + 8 * (index - registers)})'

    def prints(self, probe, kinds):
        """An action that prints a hit, then each argument on its own line: index, value."""
        action = f'printf("{probe} hit\\n"); '
        for index, kind in enumerate(kinds):
            value = self.argument(index, kind)
            form = "%ld" if TYPES[kind][1] else "%lu"
            if kind == "string":
                form, value = "%s", f"str({value})"
            action += f'printf("{probe} {index} {form}\\n", {value}); '
        return action


def shown(probe, kinds, values):
    """The lines that Bpftrace.prints() prints for a fire."""
    yield f"{probe} hit"
    for index, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        text = value.text.decode() if kind == "string" else str(int(value))
        yield f"{probe} {index} {text}"


class BpftraceTests(ChildrenTests):
    """To be mixed into a TracerTest that has `bpftrace`."""

    def where(self, target, provider):
        if self.bpftrace.by_path and target.path(provider).startswith("/proc"):
            return target.path(provider)
        return "*"

    def watch(self, target, *actions):
        """Start bpftrace with (provider:probe, action) pairs, and wait until it watches."""
        program = " ".join(
            f"usdt:{self.where(target, probe.partition(':')[0])}:{probe} {{ {action} }}"
            for probe, action in actions
        )
        tool = self.tool(
            *self.bpftrace.command, "-p", target.pid, "-e", program + TICK,
            BPFTRACE_STRLEN=str(LIMIT), BPFTRACE_MAX_STRLEN=str(LIMIT),
        )
        self.attach(target, tool, *(probe for probe, _ in actions))
        tool.wait_for("^tick$")
        return tool

    def stop(self, target, tool, *probes, by=signal.SIGINT):
        lines = tool.finish(by)
        self.detached(target, *probes)
        return lines

    def printed(self, target, tool, probes, count):
        """Stop bpftrace after `count` lines that begin with one of `probes`, and give these lines."""

        def chosen(lines):
            return [line for line in lines if line.split(" ")[0] in probes]

        tool.wait_until(lambda lines: len(chosen(lines)) >= count)
        tool.wait_for("^tick$")  # by now, surplus lines would have come
        return chosen(self.stop(target, tool, *probes))

    def check_printed(self, target, tool, probes, want):
        self.assertEqual(self.printed(target, tool, probes, len(want)), want, tool)

    def check_fires(self, target, probes):
        self.assert_unwatched(target, probes)
        actions = ((probe, self.bpftrace.prints(probe, kinds)) for probe, kinds in probes.items())
        tool = self.watch(target, *actions)
        want = self.fire_each(target, probes, shown)
        self.check_printed(target, tool, probes, want)

    def test_cuts_a_string_where_told(self):
        target = self.target()
        cut = 'printf("types:string %s\\n", str(arg0, 16));'
        tool = self.watch(target, ("types:string", cut))
        fires = target.fire("types:string", ROUND)
        lines = self.printed(target, tool, ["types:string"], ROUND)
        self.assertEqual(len(lines), ROUND, tool)
        for line, values in zip(lines, fires):
            text = values[0].text.decode()
            # 0.17 gives 16 bytes; 0.27 counts the NUL among them
            self.assertIn(line.partition(" ")[2], (text[:15], text[:16]), tool)

    def test_counts_exactly(self):
        target = self.target()
        tool = self.watch(target, ("shop:order", "@hits = count(); @cents = sum(arg2);"))
        fires = target.fire("shop:order", 1000)
        lines = self.stop(target, tool, "shop:order")
        self.assertIn("@hits: 1000", lines, tool)
        self.assertIn(f"@cents: {sum(values[2] for values in fires)}", lines, tool)

    def test_names_the_caller_in_a_user_stack(self):
        target = self.target()
        tool = self.watch(
            target,
            ("shop:order", 'printf("stack of order%s\\n", ustack);'),
            ("shop:mixed", 'printf("stack of mixed%s\\n", ustack);'),
        )
        target.fire("shop:order", 1)
        target.fire("shop:mixed", 1)
        tool.wait_for("^stack of mixed")
        tool.wait_for("^tick$")
        lines = self.stop(target, tool, "shop:order", "shop:mixed")
        frames = [line.strip().partition("+")[0] for line in lines if "+" in line]
        self.assertEqual(frames[:3], ["shop__order", "rst_probe_fire", "checkout"], tool)
        at = frames.index("shop__mixed")
        want = ["shop__mixed", "rst_probe_fire", "serve_request"]
        self.assertEqual(frames[at : at + 3], want, tool)

    def test_leaves_the_probe_disabled_when_killed(self):
        target = self.target()
        tool = self.watch(target, ("shop:order", "@hits = count();"))
        self.stop(target, tool, "shop:order", by=signal.SIGKILL)
        again = self.watch(target, ("shop:order", "@hits = count();"))
        target.fire("shop:order", 3)
        self.assertIn("@hits: 3", self.stop(target, again, "shop:order"))

    def test_sees_the_same_probes_after_an_unload_and_a_load(self):
        target = self.target()
        tool = self.watch(target, ("shop:order", "@hits = count();"))
        target.fire("shop:order", 2)
        target.tell("unload", "unloaded")
        self.assertEqual(target.semaphore("shop:order"), 0)
        target.fire("shop:order", 4)
        target.tell("load", "loaded")
        self.attach(target, tool, "shop:order")
        target.fire("shop:order", 8)
        self.assertIn("@hits: 10", self.stop(target, tool, "shop:order"))

    def test_finds_a_memfd_that_was_closed_and_loaded_again(self):
        target = self.target()
        target.tell("close", "closed")
        target.tell("load", "loaded")
        tool = self.watch(target, ("shop:order", "@hits = count();"))
        target.fire("shop:order", 3)
        self.assertIn("@hits: 3", self.stop(target, tool, "shop:order"))


class BpftraceCase(TracerTest):
    """A TracerTest that knows the version of its bpftrace."""

    def use(self, command):
        said = "\n".join(self.run_tool(*command, "--version"))
        self.bpftrace = Bpftrace(command, version_in(said))
