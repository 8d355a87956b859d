# SPDX-License-Identifier: MIT
"""The kernel shows every probe and argument by itself, through lines written to tracefs.

A line has the file, the offsets of site and semaphore, and the place of each argument. The events
are in a group, and the hits are recorded in a tracefs instance, both named with this process's id.
"""

import os
import re

from fires import FiresTests
from harness import events_lock, main, mount_tracefs
from notes import notes_of
from probes import ROUND
from target import TracerTest

TRACEFS = "/sys/kernel/tracing"
GROUP = f"librst_{os.getpid()}"
SIZES = {"1": "8", "2": "16", "4": "32", "8": "64"}

tracefs = mount_tracefs()


def fetch(operand, kind):
    """Convert a note's operand to tracefs's form: "-4@16(%rbp)" is +16(%bp):s32.

    Those of aarch64, "8@x0" and "8@[sp, 16]", are %x0:u64 and +16(%sp):u64.
    """
    size, _, place = operand.partition("@")
    place = re.sub(r"^\[sp, (\d+)\]$", r"\1(%sp)", re.sub(r"^x", "%x", place))
    place = re.sub(r"%r([a-z][a-z])\b", r"%\1", place)  # tracefs writes rdi as di, and r8 as r8
    if "(" in place:
        place = f"+{place}"
    if kind == "string":
        return f"+0({place}):ustring"
    return f"{place}:{'s' if size.startswith('-') else 'u'}{SIZES[size.lstrip('-')]}"


def shown(kind, value):
    if kind != "string":
        return str(int(value))
    return f'"{value.text.decode()}"' if value else "(fault)"


class Tracefs(FiresTests, TracerTest):
    def setUp(self):
        super().setUp()
        self.refuse(tracefs)
        self.addCleanup(events_lock().close)
        self.instance = f"{TRACEFS}/instances/{GROUP}"
        os.mkdir(self.instance)
        self.addCleanup(os.rmdir, self.instance)

    def put(self, path, text):
        """Write a line to a control file without truncating it: truncating would remove all events."""
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, text.encode() + b"\n")
        finally:
            os.close(file)

    def define(self, target, probe, kinds):
        provider, _, name = probe.partition(":")
        path = target.path(provider)
        note = next(note for note in notes_of(path) if note.name == name)
        self.assertEqual(note.provider, provider)
        arguments = " ".join(
            f"arg{index + 1}={fetch(operand, kind)}"
            for index, (operand, kind) in enumerate(zip(note.operands, kinds, strict=True))
        )
        where = f"{path}:{note.site:#x}({note.semaphore:#x})"
        self.put(f"{TRACEFS}/uprobe_events", f"p:{GROUP}/{name} {where} {arguments}")
        self.addCleanup(self.put, f"{TRACEFS}/uprobe_events", f"-:{GROUP}/{name}")

    def switch(self, on):
        self.put(f"{self.instance}/events/{GROUP}/enable", "1" if on else "0")

    def recorded(self):
        """The events in the instance's buffer, as (name, [text of each argument])."""
        with open(f"{self.instance}/trace", encoding="utf-8") as file:
            for line in file:
                if not line.startswith("#"):
                    name, texts = re.search(r": (\w+): \(0x[0-9a-f]+\)(.*)", line).groups()
                    yield name, re.split(r" arg\d+=", texts)[1:]

    def check_fires(self, target, probes):
        for probe, kinds in probes.items():
            self.define(target, probe, kinds)
            self.assertEqual(target.semaphore(probe), 0)
        self.switch(on=True)
        self.addCleanup(self.switch, on=False)
        want = []
        for probe, kinds in probes.items():
            self.assertEqual(target.semaphore(probe), 1)
            for values in target.fire(probe, ROUND):
                texts = [shown(kind, value) for kind, value in zip(kinds, values, strict=True)]
                want.append((probe.partition(":")[2], texts))
        self.switch(on=False)
        for probe in probes:
            self.assertEqual(target.semaphore(probe), 0)
        self.assertEqual(list(self.recorded()), want)


if __name__ == "__main__":
    main()
