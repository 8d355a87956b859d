# SPDX-License-Identifier: MIT
"""DTrace for Linux sees every probe, and the first ten arguments of each.

RST_DTRACE names the DTrace. RST_REQUIRE_TRACERS does not require it, because not every distribution
has it.
"""

import re
import signal
import sys

from fires import FiresTests
from harness import DTRACE, SKIPPED, events_lock, main
from probes import MIXED
from target import TracerTest

MOST_ARGUMENTS = 10
WHOLE = (1 << 64) - 1


def clause(target, probe, kinds):
    """The D clause for a probe: a hit becomes a line with all arguments, then the text of each
    string."""
    provider, _, name = probe.partition(":")
    form, values = probe, ""
    for index, kind in enumerate(kinds[:MOST_ARGUMENTS]):
        form += " %d"
        values += f", arg{index}"
        if kind == "string":
            form += ":%s"
            values += f', arg{index} ? copyinstr(arg{index}) : ""'
    return f'{provider}{target.pid}:::{name} {{ printf("{form}\\n"{values}); }}'


def shown(probe, kinds, values):
    """The line that clause() prints for a fire. Integers have their sign, floats are shown as bits."""
    words = [probe]
    for kind, value in list(zip(kinds, values, strict=True))[:MOST_ARGUMENTS]:
        bits = int(value) & WHOLE
        word = str(bits - (bits >> 63 << 64))
        words.append(f"{word}:{value.text.decode() if value else ''}" if kind == "string" else word)
    yield " ".join(words)


class Dtrace(FiresTests, TracerTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(events_lock().close)  # DTrace makes events, and removes them

    def watch(self, target, probes):
        """Wait until DTrace runs its BEGIN clause: it attaches before that."""
        clauses = "".join(clause(target, probe, kinds) for probe, kinds in probes.items())
        program = f'{clauses} BEGIN {{ printf("watching\\n"); }}'
        tool = self.tool(DTRACE, "-q", "-n", program, cleans_up=True)
        tool.wait_for("^watching$")
        for probe in probes:
            self.assertEqual(target.semaphore(probe), 1, probe)
        return tool

    def stop(self, target, tool, probes):
        lines = tool.finish(signal.SIGINT)
        self.assertEqual(tool.process.returncode, 0, tool)
        self.detached(target, *probes)
        return lines

    def check_fires(self, target, probes):
        self.assert_unwatched(target, probes)
        tool = self.watch(target, probes)
        want = self.fire_each(target, probes, shown)
        got = [line for line in self.stop(target, tool, probes) if ":" in line]
        self.assertEqual(got, want, tool)

    def test_lists_the_probes(self):
        for backing in "memfd", "file":
            with self.subTest(backing=backing):
                target = self.target(backing)
                lines = self.run_tool(DTRACE, "-l", "-n", f"shop{target.pid}:::")
                found = re.findall(rf" shop{target.pid} .* (\w+)$", "\n".join(lines), re.MULTILINE)
                self.assertEqual(sorted(found), ["mixed", "order"])

    def test_disables_the_probe_when_terminated(self):
        target = self.target()
        tool = self.watch(target, {"shop:mixed": MIXED})
        tool.finish(signal.SIGTERM)
        self.detached(target, "shop:mixed")


if __name__ == "__main__":
    if not DTRACE:
        print("skipped: RST_DTRACE names no dtrace")
        sys.exit(SKIPPED)
    main()
