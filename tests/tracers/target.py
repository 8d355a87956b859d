# SPDX-License-Identifier: MIT
"""The program that tracers watch in the tests, and what these tests share.

A tracer must always show what the target reports as fired.
"""

import os
import signal
import subprocess
import threading

from harness import DEADLINE, Case, Lines, libc, stay_on_one_cpu, uprobe_refusal, wait_for
from probes import ROUND, Value

TARGET = os.environ.get("RST_TARGET", "")
PR_SET_CHILD_SUBREAPER = 36


class Target:
    """The watched program; target.c describes its protocol."""

    def __init__(self, directory=None, command=(), **environment):
        """Use the file backing in `directory`, or the memfd backing. `command` runs the program."""
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.directory = directory
        backing = f"file:{directory}" if directory else "memfd"
        self.process = subprocess.Popen(
            [*command, TARGET],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "RST_BACKING": backing, **environment},
            preexec_fn=stay_on_one_cpu,
        )
        self.lines = Lines(self.process.stdout)
        self.adopted = []
        self.pid = int(self._answer("ready"))

    def _answer(self, word):
        line = self.lines.next()
        if line is None or not line.startswith(word):
            raise AssertionError(f"target: {word!r} expected, not {line!r}")
        return line[len(word) :].strip()

    def tell(self, command, answer):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self._answer(answer)

    def path(self, provider):
        return self.tell(f"path {provider}", "path")

    def semaphore(self, probe):
        return int(self.tell(f"semaphore {probe}", f"semaphore {probe}"))

    def fire(self, probe, times):
        """Fire, and give the values of each fire, as a list of lists."""
        self.tell(f"fire {probe} {times}", "")  # the first line is checked below
        fires = []
        line = self.lines.seen[-1]
        while line != "done":
            words = (line or "").split()
            if words[:2] != ["fired", probe]:
                raise AssertionError(f"target: a fire of {probe} expected, not {line!r}")
            fires.append([Value.parse(word) for word in words[2:]])
            line = self.lines.next()
        return fires

    def become_child(self, how):
        """Go on in a forked child. Its parent waits ("fork") or exits ("leave")."""
        self.pid = int(self.tell(how, "ready"))
        if how == "leave":
            self.process.wait(DEADLINE)
            self.adopted.append(self.pid)

    def close(self):
        """End the target by ending its input, and check that it ended well."""
        self.process.stdin.close()
        stuck = threading.Timer(DEADLINE, lambda: os.kill(self.pid, signal.SIGKILL))
        stuck.start()
        statuses = [os.waitpid(pid, 0)[1] for pid in self.adopted]
        statuses.append(self.process.wait())
        stuck.cancel()
        self.lines.rest()
        self.process.stdout.close()
        left = os.listdir(self.directory) if self.directory else []
        if any(statuses) or left:
            raise AssertionError(f"target: exit statuses {statuses}, files left {left}")


class TracerTest(Case):
    """A test that runs a tracer. `tools` are the programs that it needs."""

    tools = ()
    refusal = staticmethod(uprobe_refusal)  # why the privilege for it is missing, or None

    def setUp(self):
        self.need_commands(*self.tools)
        self.refuse(self.refusal())

    def target(self, backing="memfd"):
        target = Target(self.directory() if backing == "file" else None)
        self.addCleanup(target.close)
        return target

    def await_semaphore(self, target, probe, value, tool=None):
        """Wait for a semaphore's value. The kernel gives no event when it counts a tracer in or
        out, so poll."""

        seen = None

        def has_come():
            nonlocal seen
            seen = target.semaphore(probe)
            if seen != value and tool and not tool.running():
                self.fail(f"the semaphore of {probe} is {seen}, not {value}; {tool.finish()}")
            return seen == value

        wait_for(has_come, lambda: f"semaphore {value} of {probe}, but {seen},", pause=0.005)

    def fire_each(self, target, probes, shown):
        """Fire each of {probe: kinds}, and give the lines that `shown` expects for the fires."""
        lines = []
        for probe, kinds in probes.items():
            for values in target.fire(probe, ROUND):
                lines += shown(probe, kinds, values)
        return lines

    def assert_unwatched(self, target, probes):
        for probe in probes:
            self.assertEqual(target.semaphore(probe), 0, probe)

    def attach(self, target, tool, *probes):
        """Wait until `tool` watches all `probes`."""
        for probe in probes:
            self.await_semaphore(target, probe, 1, tool)

    def detached(self, target, *probes):
        for probe in probes:
            self.await_semaphore(target, probe, 0)
