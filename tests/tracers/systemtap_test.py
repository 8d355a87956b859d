# SPDX-License-Identifier: MIT
"""SystemTap sees every probe of a file, and every argument.

RST_STAP names the stap. RST_REQUIRE_TRACERS does not require it, because it makes a module for the
running kernel, and not every kernel's headers are installed. Of a memfd, it only lists the probes.
"""

import os
import shutil
import signal
import sys

from harness import SKIPPED, main
from probes import EVERY_PROBE, MIXED
from target import TracerTest

IN_REGISTERS = 6  # arguments, on x86_64
STAP = os.environ.get("RST_STAP", "")
if STAP and not shutil.which(STAP):
    raise FileNotFoundError(f"RST_STAP: there is no program {STAP}")


def mark(target, probe):
    provider, _, name = probe.partition(":")
    return f'process("{target.path(provider)}").provider("{provider}").mark("{name}")'


def clause(target, probe, kinds):
    """The probe in SystemTap's language: a hit becomes a line with all arguments."""
    form, values = probe, ""
    for number, kind in enumerate(kinds, 1):
        form += " %d"
        values += f", $arg{number}"
        if kind == "string":
            form += ":%s"
            values += f', $arg{number} ? user_string2($arg{number}, "?") : ""'
    return f'probe {mark(target, probe)} {{ printf("{form}\\n"{values}) }}'


def shown(probe, kinds, values):
    """The line that clause() prints for a fire. Floats are shown as bits, of their own size.

    SystemTap reads a byte in memory as signed (findings/unsigned_byte_in_memory.sh).
    """
    words = [probe]
    for index, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        bits = int(value) & (1 << 64) - 1
        sign = 7 if kind == "uint8" and index >= IN_REGISTERS else 63
        word = str(bits - (bits >> sign << sign + 1))
        words.append(f"{word}:{value.text.decode() if value else ''}" if kind == "string" else word)
    yield " ".join(words)


class Systemtap(TracerTest):
    def check_fires(self, target, probes):
        self.assert_unwatched(target, probes)
        script = "\n".join(clause(target, probe, kinds) for probe, kinds in probes.items())
        tool = self.tool(STAP, "-e", script, cleans_up=True)
        self.attach(target, tool, *probes)
        want = self.fire_each(target, probes, shown)
        lines = tool.finish(signal.SIGINT)
        got = [line for line in lines if line.split(" ")[0] in probes]  # not its warnings
        self.assertEqual(tool.process.returncode, 0, tool)
        self.assertEqual(got, want, tool)
        self.detached(target, *probes)

    def test_lists_the_probes(self):
        for backing in "memfd", "file":
            with self.subTest(backing=backing):
                target = self.target(backing)
                lines = self.run_tool(STAP, "-l", mark(target, "shop:*"))
                want = {mark(target, f"shop:{name}") for name in ("mixed", "order")}
                self.assertEqual(set(lines), want)

    # To make a module takes most of the time, so there are few.
    def test_shows_every_value_of_every_type_and_any_number_of_arguments_in_a_file(self):
        self.check_fires(self.target("file"), EVERY_PROBE)

    def test_watches_a_forked_child_by_its_file_when_the_parent_is_gone(self):
        target = self.target("file")
        target.become_child("leave")
        self.check_fires(target, {"shop:mixed": MIXED})


if __name__ == "__main__":
    if not STAP:
        print("skipped: RST_STAP names no stap")
        sys.exit(SKIPPED)
    main()
