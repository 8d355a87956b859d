#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a file of tests in Lua, and attaches to its probes when it asks for that.

    run.py LUA [OPTION]... FILE

A line of its output that begins with "@@" is a command, which is answered by a line: check.lua sends
them. Everything else is shown. The status is the tests' own: 77 if one was skipped.
"""

import os
import re
import struct
import subprocess
import sys
import threading

import harness
from harness import DEADLINE, Lines, open_uprobe, uprobe_refusal, wait_for

TICKS = 5  # how long a loop runs before it is disturbed: of /proc/PID/stat, where one is 10 ms
CPU = min(os.sched_getaffinity(0))


def note_of(path, provider, probe):
    """The site's and the semaphore's offset. In librst's images, they are also their addresses."""
    status, text = harness.run("readelf", "--notes", "--wide", path)
    assert status == 0, text
    found = re.search(
        rf"Provider: {provider}\s+Name: {probe}\s+Location: (\w+), Base: \w+, Semaphore: (\w+)", text
    )
    assert found, text
    return int(found[1], 16), int(found[2], 16)


class Program:
    def __init__(self, command):
        def begin():
            harness.die_with_parent()
            harness.stay_on_one_cpu()  # where its hits are counted

        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=begin
        )
        self.lines = Lines(self.process.stdout)
        self.refusal = uprobe_refusal()
        self.watches = {}

    def run(self):
        """Gives the exit status."""
        while (line := self.lines.next()) is not None:
            if line.startswith("@@ "):
                name, *words = line[3:].split()
                getattr(self, name.replace("-", "_"))(*words)
            else:
                print(line, flush=True)
        return self.process.wait(DEADLINE)

    def answer(self, text):
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def attach(self, path, provider, probe):
        key = str(len(self.watches))
        site, semaphore = note_of(path, provider, probe)
        self.watches[key] = open_uprobe(path, site, semaphore, cpu=CPU)
        return key

    def watch(self, *probe):
        self.answer(f"no {self.refusal}" if self.refusal else self.attach(*probe))

    def watch_later(self, *probe):
        if self.refusal:
            self.answer(f"no {self.refusal}")
        else:
            self.answer("ok")
            self.wait_for_loop()
            self.attach(*probe)

    def count(self, key):
        return struct.unpack("<Q", os.read(self.watches[key], 8))[0]

    def hits(self, key):
        self.answer(self.count(key))

    def unwatch(self, key):
        count = self.count(key)
        os.close(self.watches[key])
        self.answer(count)

    def unwatch_later(self, key):
        self.answer("ok")
        self.wait_for_loop()
        os.close(self.watches[key])

    def used(self):
        """The CPU time in user mode."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            return int(file.read().rpartition(")")[2].split()[11])

    def wait_for_loop(self):
        start = self.used()
        wait_for(lambda: self.used() >= start + TICKS, "loop in the program")


def main():
    if not sys.argv[2:]:
        sys.exit(__doc__)
    program = Program(sys.argv[1:])
    watchdog = threading.Timer(DEADLINE, program.process.kill)  # a guard that went stale never ends
    watchdog.daemon = True
    watchdog.start()
    status = program.run()
    if status < 0:
        print(f"{sys.argv[-1]} was killed by signal {-status}")
    sys.exit(status if status >= 0 else 1)


if __name__ == "__main__":
    main()
