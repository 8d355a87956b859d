# SPDX-License-Identifier: MIT
"""A libbpf program attaches with bpf_program__attach_usdt() and reads every argument."""

import os
import signal

from fires import ChildrenTests
from harness import main
from probes import MIXED
from target import TracerTest

WATCHER = os.environ.get("RST_LIBBPF_WATCHER", "")
OBJECT = os.environ.get("RST_BPF_OBJECT", "")


def shown(probe, kinds, values):
    """The lines that libbpf_watcher prints for a fire."""
    yield f"{probe} argc {len(kinds)}"
    for index, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        text = f" {value.text.hex()}" if kind == "string" and value.text else ""
        yield f"{probe} {index} {int(value) & (1 << 64) - 1}{text}"


class Libbpf(ChildrenTests, TracerTest):
    def setUp(self):
        super().setUp()
        self.need(
            WATCHER and OBJECT, "there was no libbpf 1.0 or no clang for BPF when this was built"
        )

    def watch(self, target, probes):
        words = []
        for probe, kinds in probes.items():
            provider, _, name = probe.partition(":")
            strings = sum(1 << i for i, kind in enumerate(kinds) if kind == "string")
            words += [target.path(provider), provider, name, strings]
            self.assertEqual(target.semaphore(probe), 0)
        tool = self.tool(WATCHER, OBJECT, target.pid, *words)
        tool.wait_for("^watching$")
        for probe in probes:
            self.assertEqual(target.semaphore(probe), 1)
        return tool

    def check_fires(self, target, probes):
        tool = self.watch(target, probes)
        want = ["watching", *self.fire_each(target, probes, shown)]
        tool.end_input()
        self.assertEqual(tool.finish(), want, tool)
        self.detached(target, *probes)

    def test_leaves_the_probe_disabled_when_killed(self):
        target = self.target()
        tool = self.watch(target, {"shop:mixed": MIXED})
        tool.finish(signal.SIGKILL)
        self.detached(target, "shop:mixed")


if __name__ == "__main__":
    main()
