# SPDX-License-Identifier: MIT
"""`rst trace --for dtrace`: what it prints, run by the DTrace that RST_DTRACE names."""

import os
import signal
import sys
import time

import command
import harness
import tracing


class Dtrace(tracing.TraceCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(harness.events_lock().close)

    def start(self, *words):
        """Run the printed line, under the name that it has for it."""
        directory = self.directory()
        os.symlink(harness.DTRACE, os.path.join(directory, "dtrace"))
        printed = self.rst("trace", *words, "--for", "dtrace").out
        path = f"{directory}:{self.path}"
        return self.tool("/bin/sh", self.write("commands", f"exec {printed}"), PATH=path)

    def fire_until_shown(self, tool, fire, wanted):
        """The first hits come before it takes them."""
        end = time.monotonic() + harness.DEADLINE
        while not set(wanted) <= set(tool.lines.seen):
            self.assertLess(time.monotonic(), end, tool)
            self.assertTrue(tool.running(), tool)
            fire()
            tool.read_for(0.2)

    def stop(self, tool, wanted):
        lines = tool.finish(signal.SIGINT)
        self.assertEqual(tool.process.returncode, 0, tool)
        self.assertEqual({line for line in lines if line}, set(wanted))

    def test_a_librst_program(self):
        for backing in "memfd", "file":
            with self.subTest(backing=backing):
                target = self.target(backing)
                tool = self.start("-p", target.pid, "shop:order")
                wanted = [
                    'shop:order id=1000 customer="Ada" cents=1999 weight=0x3fe0000000000000',
                    'shop:order id=1001 customer="Grace" cents=-250 weight=0x3ff0000000000000',
                ]
                self.fire_until_shown(tool, lambda: target.fire("shop:order", 2), wanted)
                self.stop(tool, wanted)
                self.detached(target, "shop:order")

    def test_sites_that_differ(self):
        program = self.program(tracing.TRACED_PROGRAM)
        tool = self.start("-p", program.pid, "traced:mixed", "traced:halves")
        wanted = [f"traced:mixed arg0={value} arg1={site}" for site, value in enumerate((-3, -4000000000, -7, -5, 200), 1)]
        wanted += ["traced:halves arg0=4294967295", "traced:halves arg0=-1"]
        self.fire_until_shown(tool, lambda: program.tell(""), wanted)
        self.stop(tool, wanted)

    def test_a_name_with_two_underscores(self):
        program = self.program(command.PLAIN_SDT_PROGRAM)
        tool = self.start("-p", program.pid, "plain:next__line")
        wanted = ["plain:next__line arg0=7"]
        self.fire_until_shown(tool, lambda: program.tell(""), wanted)
        self.stop(tool, wanted)


if __name__ == "__main__":
    if not harness.DTRACE:
        print("skipped: RST_DTRACE names no dtrace")
        sys.exit(harness.SKIPPED)
    harness.main()
