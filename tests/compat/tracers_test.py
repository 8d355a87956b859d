# SPDX-License-Identifier: MIT
"""bpftrace and gdb see every value that programs of the originals fire, and the caller.

RST_TARGETS names the programs, one for each drop-in; see target.h.
"""

import os
import signal

from harness import Case, main, uprobe_refusal, wait_for

TARGETS = os.environ["RST_TARGETS"].split(":")
VALUES = [-1, 2, -3, 4, -5, 6, -7, 8, -9, 10, -11, 12]
TICK = ' interval:ms:50 { printf("tick\\n"); }'

GDB = """\
set pagination off
set width 0
break -probe-stap my__shop:order
commands
silent
printf "order %ld %s\\n", $_probe_arg0, (char *)$_probe_arg1
backtrace
continue
end
break -probe-stap my__shop:twelve
commands
silent
printf "twelve TWELVE\\n", ARGUMENTS
continue
end
printf "watching\\n"
continue
""".replace("TWELVE", " ".join(["%d"] * 12)).replace(
    "ARGUMENTS", ", ".join(f"$_probe_arg{index}" for index in range(12))
)


class Target:
    """A watched program. Its probes are in a file, which every tracer finds."""

    def __init__(self, test, program):
        self.tool = test.tool(program, RST_BACKING=f"file:{test.directory()}")
        self.tool.wait_for("^ready$")
        self.pid = self.tool.process.pid

    def tell(self, command, answer):
        self.tool.process.stdin.write(command.encode() + b"\n")
        self.tool.process.stdin.flush()
        return self.tool.wait_for(f"^{answer}$")

    def await_enabled(self, count):
        """Wait until so many probes are enabled. The kernel gives no event when it counts."""
        def is_so():
            return int(self.tell("enabled", r"enabled (\d+)")[1]) == count

        wait_for(is_so, f"{count} enabled probes")


class Tracers(Case):
    def targets(self, tracer):
        self.need_commands(tracer)
        self.refuse(uprobe_refusal())
        for program in TARGETS:
            with self.subTest(program=program):
                target = Target(self, program)
                target.await_enabled(0)
                yield target
                target.await_enabled(0)
                target.tool.end_input()
                self.assertEqual(target.tool.process.wait(), 0, target.tool)

    def bpftrace(self, target, actions):
        program = " ".join(
            f"usdt:*:my__shop:{probe} {{ {action} }}" for probe, action in actions.items()
        )
        tool = self.tool("bpftrace", "-p", target.pid, "-e", program + TICK)
        target.await_enabled(len(actions))
        tool.wait_for("^tick$")
        return tool

    def test_bpftrace_sees_values_and_the_caller(self):
        registers = ", ".join(f"arg{index}" for index in range(6))
        for target in self.targets("bpftrace"):
            tool = self.bpftrace(target, {
                "order": 'printf("order %ld %s%s\\n", arg0, str(arg1), ustack);',
                "twelve": f'printf("twelve %ld %ld %ld %ld %ld %ld\\n", {registers});',
            })
            target.tell("fire", "fired")
            tool.wait_for("^order -42 Ada$")
            tool.wait_for("^twelve -1 2 -3 4 -5 6$")
            lines = tool.finish(signal.SIGINT)
            frames = [line.strip().partition("+")[0] for line in lines if "+" in line]
            self.assertEqual(frames[:2], ["my__shop__order", "rst_probe_fire"], tool)
            self.assertEqual(frames[3], "checkout", tool)

    def test_bpftrace_sees_the_probes_of_a_second_load(self):
        for target in self.targets("bpftrace"):
            target.tell("unload", "unloaded")
            target.tell("fire", "fired")
            target.tell("load", "loaded")
            tool = self.bpftrace(target, {"order": "@hits = count();"})
            target.tell("fire", "fired")
            self.assertIn("@hits: 1", tool.finish(signal.SIGINT), tool)

    def test_gdb_sees_all_twelve_values(self):
        for target in self.targets("gdb"):
            tool = self.tool("gdb", "-q", "-nx", "-batch", "-p", target.pid, "-x",
                             self.write("script.gdb", GDB))
            tool.wait_for("^watching$")
            target.await_enabled(2)
            target.tell("fire", "fired")
            tool.wait_for("^order -42 Ada$")
            tool.wait_for("^#0 .*order")
            tool.wait_for("^#3 .*checkout")
            tool.wait_for(f"^twelve {' '.join(map(str, VALUES))}$")
            tool.finish(signal.SIGINT)


if __name__ == "__main__":
    main()
