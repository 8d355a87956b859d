# SPDX-License-Identifier: MIT
"""A Python program that a test starts, tells to go on, and watches."""

import os
import sys
import textwrap

import harness
import rst

# What scripts find: say() to the test, and wait() for it to go on.
PREAMBLE = """
import os, sys
import rst

def say(*words):
    print(*words, flush=True)

def wait():
    say("waiting")
    sys.stdin.readline()

"""

LIBRARY = os.path.dirname(os.path.dirname(rst.__file__))


class Target:
    """A script in a process of its own. It runs on one CPU, so that hits stay in order."""

    def __init__(self, script, before="", options=(), one_cpu=True, **environment):
        """`before` comes before the preamble, which imports rst."""
        environment = {
            "PYTHONPATH": LIBRARY,
            "PYTHONDONTWRITEBYTECODE": "1",
            "RST_BACKING": "memfd",
            **environment,
        }
        text = before + PREAMBLE + textwrap.dedent(script)
        self.tool = harness.Tool(
            [sys.executable, "-W", "error", *options, "-c", text], one_cpu=one_cpu, **environment
        )

    @property
    def pid(self):
        return self.tool.process.pid

    def wait_until_waiting(self):
        self.tool.wait_for("^waiting$")

    def go_on(self):
        self.tool.process.stdin.write(b"\n")
        self.tool.process.stdin.flush()

    def finish(self):
        """Let it end, successfully; gives its lines."""
        lines = self.tool.finish()
        assert self.tool.process.returncode == 0, self.tool
        return [line for line in lines if line != "waiting"]

    def close(self):
        self.tool.close()
