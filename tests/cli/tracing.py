# SPDX-License-Identifier: MIT
"""Shared by the tests of `rst trace`: running it, and comparing its hits with the fires."""

import json
import math
import os
import signal
import struct
import time

import command
import harness
from probes import EVERY_TYPE, MIXED, ORDER

RST = command.RST
SAYING_PROGRAM = os.environ["RST_SAYING_PROGRAM"]
TRACED_PROGRAM = os.environ["RST_TRACED_PROGRAM"]
TRACED_FLOOD = os.environ["RST_TRACED_FLOOD"]
NAMES = {
    "shop:order": "id customer cents weight".split(),
    "shop:mixed": "cached a b c d e f g h ratio weight path".split(),
}
KINDS = EVERY_TYPE | {"shop:order": ORDER, "shop:mixed": MIXED}


def number(kind, value):
    """A fired value, as --json is expected to show it."""
    if kind == "string":
        return None if int(value) == 0 else value.text.decode()
    if kind == "bool":
        return bool(value)
    if kind in ("float", "double"):
        return value.number
    return int(value)


def seen_number(kind, value):
    """A value of --json, in a form that can be compared."""
    if kind in ("float", "double"):
        value = float(value)
        return struct.unpack("f", struct.pack("f", value))[0] if kind == "float" else value
    return value


def same(left, right):
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, float) and left == 0:
        return right == 0 and math.copysign(1, left) == math.copysign(1, right)
    return left == right and type(left) is type(right)


def double_bits(number):
    """A double's bits, which are what tracers see of it."""
    return struct.unpack("Q", struct.pack("d", number))[0]


class TraceCase(command.CommandTest):
    """Runs rst trace."""

    def setUp(self):
        super().setUp()
        self.need_root()
        self.need_uprobes()

    def trace(self, *arguments, ready=r"^rst: watching ", **environment):
        """Start rst, and wait until it watches."""
        environment = {"LC_ALL": "C.UTF-8", **environment}
        tool = self.tool(RST, "trace", *arguments, **environment)
        if ready:
            tool.wait_for(ready)
        return tool

    def ended(self, tool, number=None, status=command.GOOD):
        lines = [line for line in tool.finish(number) if not line.startswith("rst: watching ")]
        self.assertEqual(tool.process.returncode, status, tool)
        return lines

    def stop(self, tool):
        """Press Ctrl-C, and give the output without rst's own messages."""
        lines = self.ended(tool, signal.SIGINT)
        return [line for line in lines if not line.startswith("rst: ")]

    def fire_until_shown(self, tool, fire, wanted):
        """Fire until a line shows each of `wanted`: the first hits may come before bpftrace is
        ready."""
        end = time.monotonic() + harness.DEADLINE
        while not all(any(words in line for line in tool.lines.seen) for words in wanted):
            self.assertLess(time.monotonic(), end, tool)
            self.assertTrue(tool.running(), tool)
            fire()
            tool.read_for(0.1)

    def end_bpftrace(self, tool):
        """Press Ctrl-C until it ends: bpftrace 0.17 forgets one that comes while it prints."""
        while tool.running():
            tool.process.send_signal(signal.SIGINT)
            tool.read_for(0.3)
        return tool.finish()

    def events(self, tool, count):
        """Stop rst after `count` hits of --json."""
        tool.wait_until(lambda lines: sum(line.startswith("{") for line in lines) >= count)
        return [json.loads(line) for line in self.stop(tool)]

    def check_event(self, event, probe, values):
        kinds = KINDS[probe]
        names = NAMES.get(probe, [f"arg{i}" for i in range(len(kinds))])
        self.assertEqual(f"{event['provider']}:{event['probe']}", probe)
        self.assertEqual(list(event["args"]), names)
        for kind, name, value in zip(kinds, names, values, strict=True):
            seen, want = seen_number(kind, event["args"][name]), number(kind, value)
            self.assertTrue(same(seen, want), f"{probe} {name} {kind}: {seen!r}, not {want!r}")
