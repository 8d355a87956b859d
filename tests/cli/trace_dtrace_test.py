# SPDX-License-Identifier: MIT
"""`rst trace --for dtrace`: its output, run with the DTrace that RST_DTRACE names."""

import os
import signal
import sys

import command
import harness
import tracing
from probes import ROUND


class Dtrace(tracing.TraceCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(harness.events_lock().close)

    def start(self, *words):
        """Run the printed command with the DTrace under test."""
        directory = self.directory()
        os.symlink(harness.DTRACE, os.path.join(directory, "dtrace"))
        printed = self.rst("trace", *words, "--for", "dtrace").out
        path = f"{directory}:{os.environ['PATH']}"
        script = self.write("commands", f"exec {printed}")
        return self.tool("/bin/sh", script, cleans_up=True, PATH=path)

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
        tool = self.start("-p", program.pid, "traced:*")
        wanted = [f"traced:mixed arg0={value} arg1={site}" for site, value in enumerate((-3, -4000000000, -7, -5, 200), 1)]
        wanted += ["traced:halves arg0=4294967295", "traced:halves arg0=-1"]
        wanted += ["traced:unclear arg1=1", "traced:unclear arg1=2"]  # uint64 and int64 have no common type
        self.fire_until_shown(tool, lambda: program.tell(""), wanted)
        self.stop(tool, wanted)

    def test_what_is_left_out_is_what_it_refuses(self):
        program = self.program(tracing.TRACED_PROGRAM)
        for probe in "floating", "symbol", "thread":
            with self.subTest(probe=probe):
                tool = self.tool(harness.DTRACE, "-n", f"traced{program.pid}:::{probe} {{ trace(arg0); }}")
                self.assertRegex("\n".join(tool.finish()), "could not enable tracing: .* in arg. spec|Unknown register")
                self.assertNotEqual(tool.process.returncode, 0)

    def test_a_string_that_is_null(self):
        target = self.target()
        tool = self.start("-p", target.pid, "types:string")
        fired = []
        self.fire_until_shown(tool, lambda: fired.extend(target.fire("types:string", ROUND)), ['arg0="" ', "types:string "])
        self.assertTrue(any(int(values[0]) == 0 for values in fired), "no string was NULL")
        said = [line for line in tool.finish(signal.SIGINT) if line]
        self.assertFalse([line for line in said if not line.startswith("types:string arg0=")])

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
