# SPDX-License-Identifier: MIT
"""perf finds the probes of a file in its build-id cache, and records every argument.

The cache is in a home directory of the test's own. The events that `perf probe` makes belong to the
whole machine, so the tests remove them.
"""

import itertools
import os
import re
import signal

from harness import events_lock, main, mount_tracefs
from probes import EVERY_COUNT, EVERY_TYPE, MIXED, ORDER, ROUND
from target import TracerTest

# perf script ignores the sign of narrow integers: 6.1 shows an int8 of -1 as 255.
SIGN_LOST = {"int8": 0xFF, "int16": 0xFFFF}

tracefs = mount_tracefs()


def without_sign(probes, events):
    """perf's events and the fires, in one form that can be compared."""
    for probe, values in events:
        kinds = probes[probe]
        if len(kinds) != len(values):
            raise AssertionError(f"{probe} has {len(kinds)} arguments, not {values}")
        yield probe, [int(value) & SIGN_LOST.get(kind, -1) for kind, value in zip(kinds, values)]


class Perf(TracerTest):
    tools = ("perf",)

    def setUp(self):
        super().setUp()
        self.refuse(tracefs)
        self.addCleanup(events_lock().close)
        self.home = self.directory()
        self.data = os.path.join(self.home, "perf.data")

    def perf(self, *words):
        return self.run_tool("perf", *words, HOME=self.home)

    def define(self, target, probes):
        """Make perf's events for the probes."""
        for provider in {probe.partition(":")[0] for probe in probes}:
            self.perf("buildid-cache", "--update", target.path(provider))
            self.addCleanup(self.forget, provider)
        self.perf("probe", *(f"--add=sdt_{probe}" for probe in probes))

    def forget(self, provider):
        """Remove the events for a provider's probes, if there are any."""
        if any(f"sdt_{provider}:" in line for line in self.perf("probe", "--list")):
            self.perf("probe", "--quiet", "--del", f"sdt_{provider}:*")

    def record(self, target, probes, *options):
        """Start recording, and wait until perf acknowledges it."""
        control, acknowledge = os.pipe(), os.pipe()
        events = [word for probe in probes for word in ("-e", f"sdt_{probe}")]
        tool = self.tool(
            "perf", "record", "--delay=-1", f"--control=fd:{control[0]},{acknowledge[1]}",
            "-o", self.data, "-p", target.pid, *options, *events, keep=(control[0], acknowledge[1]),
            HOME=self.home,
        )
        os.close(acknowledge[1])  # so that reading ends if perf ends
        for end in control[0], control[1], acknowledge[0]:  # perf fails if the control pipe is closed
            self.addCleanup(os.close, end)
        os.write(control[1], b"enable\n")
        answer = os.read(acknowledge[0], 16)
        self.assertTrue(answer.startswith(b"ack"), answer or str(tool))
        return tool

    def recorded(self):
        """The events in the data file, as (probe, [text of each argument])."""
        for line in self.perf("script", "-i", self.data, "-F", "trace:event,trace"):
            probe, texts = re.search(r"sdt_(\w+:\w+): +\([0-9a-f]+\)(.*)", line).groups()
            yield probe, re.findall(r" arg\d+=(\S+)", texts)

    def check_fires(self, target, probes):
        for probe in probes:
            self.assertEqual(target.semaphore(probe), 0)
        self.define(target, probes)
        tool = self.record(target, probes)
        want = []
        for probe in probes:
            self.assertEqual(target.semaphore(probe), 1)
            for values in target.fire(probe, ROUND):
                want.append((probe, values))
        tool.finish(signal.SIGINT)
        self.detached(target, *probes)
        got = without_sign(probes, self.recorded())
        self.assertEqual(list(got), list(without_sign(probes, want)), tool)

    def test_records_every_value_of_every_type_at_every_place(self):
        self.check_fires(self.target("file"), EVERY_TYPE)

    def test_records_any_number_of_arguments(self):
        self.check_fires(self.target("file"), EVERY_COUNT)

    def test_names_the_caller_in_a_user_stack(self):
        target = self.target("file")
        self.define(target, {"shop:order": ORDER})
        tool = self.record(target, {"shop:order": ORDER}, "--call-graph", "fp")
        target.fire("shop:order", 1)
        tool.finish(signal.SIGINT)
        self.detached(target, "shop:order")
        lines = self.perf("script", "-i", self.data, "-F", "ip,sym")
        frames = [words[1] for words in map(str.split, lines) if len(words) > 1]
        # On aarch64, perf puts the link register's function before those of the frames: it may be a leaf.
        frames = [name for name, _ in itertools.groupby(frames)]
        self.assertEqual(frames[:3], ["shop__order", "rst_probe_fire", "checkout"], lines)

    def test_lists_the_probes_of_a_cached_file(self):
        target = self.target("file")
        self.perf("buildid-cache", "--update", target.path("shop"))
        lines = self.perf("list", "sdt")
        found = re.findall(r"sdt_(\w+:\w+)", "\n".join(lines))
        self.assertEqual(sorted(found), ["shop:mixed", "shop:order"])

    def test_finds_the_probes_of_a_program_that_was_started_again(self):
        """The same probes make the same image, with the same build-id, at another path."""
        for _ in range(2):
            self.check_fires(self.target("file"), {"shop:order": ORDER})
            self.forget("shop")

    def test_leaves_the_probe_disabled_when_killed(self):
        target = self.target("file")
        self.define(target, {"shop:order": ORDER})
        tool = self.record(target, {"shop:order": ORDER})
        self.assertEqual(target.semaphore("shop:order"), 1)
        tool.finish(signal.SIGKILL)
        self.detached(target, "shop:order")

    def test_watches_a_forked_child_whose_parent_is_gone(self):
        target = self.target("file")
        target.become_child("leave")
        self.check_fires(target, {"shop:mixed": MIXED})


if __name__ == "__main__":
    main()
