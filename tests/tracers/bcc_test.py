# SPDX-License-Identifier: MIT
"""bcc's tplist lists the probes, and a bcc program reads every argument."""

import os
import re
import shutil
import signal
import subprocess

from bcc_headers import kernel_headers
from fires import FiresTests
from harness import main, mount_tracefs
from probes import EVERY_PROBE, MIXED, ROUND, TYPES
from target import TracerTest

PYTHON = "/usr/bin/python3"  # a distribution's bcc is a module of this Python
TPLISTS = ("tplist-bpfcc", "tplist")

tracefs = mount_tracefs()


def shown(probe, kinds, values):
    """The lines that bcc_watcher.py prints for a fire."""
    yield " ".join([probe, *(str(int(value) & (1 << 64) - 1) for value in values)])
    for index, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        if kind == "string":
            yield f"{probe} text {index} {value.text.hex()}"


class BccProgram(FiresTests, TracerTest):
    def setUp(self):
        super().setUp()
        self.refuse(tracefs)
        found = subprocess.run([PYTHON, "-c", "import bcc"], capture_output=True, check=False)
        self.need(found.returncode == 0, f"{PYTHON} has no module bcc")

    def watch(self, target, probes, before=0):
        words = [word for probe, kinds in probes.items() for word in (probe, ",".join(kinds))]
        watcher = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bcc_watcher.py")
        for probe in probes:
            self.assertEqual(target.semaphore(probe), before)
        tool = self.tool(PYTHON, watcher, target.pid, *words, **kernel_headers(self.directory()))
        tool.wait_for("^watching ")
        for probe in probes:
            self.assertEqual(target.semaphore(probe), before + 1)
        return tool

    def check_fires(self, target, probes):
        tool = self.watch(target, probes)
        want = self.fire_each(target, probes, shown)
        tool.end_input()
        lines = tool.finish()
        self.detached(target, *probes)
        self.assertEqual([line for line in lines if line.split(" ")[0] in probes], want, tool)

    # bcc takes long to compile: with a file, it watches only one probe.
    test_shows_every_value_of_every_type_at_every_place_in_a_file = None

    def test_shows_arguments_of_every_type_in_a_file(self):
        self.check_fires(self.target("file"), {"shop:mixed": MIXED})

    def test_watches_a_forked_child(self):
        self.check_child("memfd", "fork")

    def test_can_watch_again_after_it_was_killed(self):
        """bcc itself counts in the semaphore. If it is killed, a 1 remains, and the probe stays
        enabled."""
        target = self.target()
        self.watch(target, {"shop:mixed": MIXED}).finish(signal.SIGKILL)
        left = target.semaphore("shop:mixed")
        self.assertIn(left, (0, 1))
        target.fire("shop:mixed", ROUND)
        again = self.watch(target, {"shop:mixed": MIXED}, left)
        want = list(shown("shop:mixed", MIXED, target.fire("shop:mixed", 1)[0]))
        again.end_input()
        lines = again.finish()
        self.assertEqual([line for line in lines if line.startswith("shop")], want, again)
        self.await_semaphore(target, "shop:mixed", left)


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
