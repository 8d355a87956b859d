# SPDX-License-Identifier: MIT
"""How `rst trace` ends, and what it prints at the end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys

import command
import harness
import tracing
from screen import Screen
from tracing import RST


class Ends(tracing.TraceCase):
    def test_ctrl_c_in_a_terminal(self):
        target = self.target()
        screen = Screen(self, "/bin/sh")
        screen.wait_for(r"[#$] *$")  # wait for the prompt, or typed text comes before the output
        screen.type(f"PS1='$ '; {RST} trace -p {target.pid} 'shop:*'; echo status $?", "Enter")
        screen.wait_for("^rst: watching 2 probes; Ctrl-C ends it")
        target.fire("shop:order", 2)
        screen.wait_for('customer="Grace"')
        self.assertIn("\x1b[1mshop:order\x1b[0m", screen.shown("-e"))
        screen.type("C-c")
        shown = screen.wait_for("^status 0")
        self.assertRegex(shown, r"(?m)^\^?C?rst: 2 hits: shop:order 2$")
        screen.type(f"NO_COLOR=1 {RST} trace -p {target.pid} --hist cents shop:order; echo status $?", "Enter")
        screen.wait_for("^rst: watching shop:order")
        target.fire("shop:order", 2)
        screen.type("C-c")
        shown = screen.wait_for(r"status 0\s+\$ *\s*$")
        self.assertRegex(shown, r"(?m)^ +\[1K, 2K\)  1  █+$")
        self.assertEqual(target.semaphore("shop:order"), 0)

    def test_a_reader_that_has_read_enough(self):
        target = self.target()
        tool = self.tool("/bin/sh", "-c", f"{RST} trace -p {target.pid} shop:order | head -n 1")
        tool.wait_for("^rst: watching")
        target.fire("shop:order", 1)
        lines = tool.finish()  # it ends by itself, without another event
        self.assertEqual(sum("id=" in line for line in lines), 1, tool)
        self.detached(target, "shop:order")

    def test_a_reader_that_has_gone_before_anything_came(self):
        target = self.target()
        tool = self.tool("/bin/sh", "-c", f"{RST} trace -p {target.pid} shop:order | true")
        lines = tool.finish()
        self.assertEqual([line for line in lines if "watching" not in line], [])
        self.detached(target, "shop:order")

    def test_a_socket_whose_other_side_is_gone(self):
        target = self.target()
        ours, theirs = socket.socketpair()
        words = [RST, "trace", "-p", str(target.pid), "shop:order"]
        process = subprocess.Popen(words, stdout=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        self.await_semaphore(target, "shop:order", 1)
        ours.close()
        process.wait(harness.DEADLINE)  # it ends by itself, without an event
        self.detached(target, "shop:order")

    def test_a_full_disk(self):
        target = self.target()
        with open("/dev/full", "w", encoding="ascii") as full:
            process = subprocess.Popen(
                [RST, "trace", "-p", str(target.pid), "shop:order"], stdout=full, stderr=subprocess.PIPE
            )
            self.await_semaphore(target, "shop:order", 1)
            while process.poll() is None:
                target.fire("shop:order", 1)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
        words = process.stderr.read().decode()
        process.stderr.close()
        self.assertEqual(process.returncode, command.FAILED, words)
        self.assertIn("rst: standard output: No space left on device", words)

    def test_a_kernel_that_can_not_tell_when_processes_end(self):
        """Before Linux 5.3 there is no pidfd_open(); here, a filter of system calls removes it."""
        here = os.path.dirname(command.__file__)
        script = self.write("wrapper.py", f"""
import os, sys
sys.path.insert(0, {here!r})
import command
command.lack_call(434)
os.execv(sys.argv[1], sys.argv[1:])
""")
        targets = [self.target() for _ in range(2)]
        pids = [word for target in targets for word in ("-p", target.pid)]
        tool = self.tool(sys.executable, script, RST, "trace", *pids, "shop:order")
        tool.wait_for("^rst: watching")
        tool.read_for(0.5)  # several ticks
        targets[1].fire("shop:order", 1)
        tool.wait_for("id=1000")
        self.assertEqual(self.ended(tool, signal.SIGINT)[-1], "rst: 1 hit")

    def test_when_killed_leaves_nothing(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "shop:order")
        self.attach(target, tool, "shop:order")
        tool.process.kill()
        self.detached(target, "shop:order")

    def test_colours_are_for_terminals(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "shop:order", "-n", "1")
        target.fire("shop:order", 1)
        self.assertNotIn("\x1b", "".join(self.ended(tool)))

    def test_signals_that_end_it(self):
        for number in signal.SIGTERM, signal.SIGHUP:
            with self.subTest(number=number):
                target = self.target()
                tool = self.trace("-p", target.pid, "--count", "shop:order")
                target.fire("shop:order", 3)
                self.assertEqual(self.ended(tool, number), ["COUNT  PROBE", "3      shop:order"])
                self.detached(target, "shop:order")


if __name__ == "__main__":
    harness.main()
