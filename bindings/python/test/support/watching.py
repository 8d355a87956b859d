# SPDX-License-Identifier: MIT
"""Watches a probe, as tracers do."""

import os
import re
import struct

import harness

# Says that bpftrace has attached everything and reads its buffers.
TICK = 'interval:ms:20 { printf("tick\\n"); }'
NOISE = re.compile(r"tick$|Attach(ing|ed) \d+ probes?|(ERROR|WARNING): .*RLIMIT_MEMLOCK|$")


def note_of(probe):
    """Where a probe's site and semaphore are in its file. librst's addresses are file offsets."""
    with open(probe.path, "rb") as file:
        image = file.read()
    names = f"{probe.provider.name}\0{probe.name}\0".encode()
    place = image.find(b"stapsdt\0")
    while place >= 0:
        if image.startswith(names, place + 32):
            site, _, semaphore = struct.unpack_from("<QQQ", image, place + 8)
            return site, semaphore
        place = image.find(b"stapsdt\0", place + 8)
    raise AssertionError(f"{probe} has no note in {probe.path}")


class Watch:
    """Watches probes of this process and its children by uprobes, which count their hits.

    Only this thread's hits are counted if so wanted, for which there is less to attach.
    """

    def __init__(self, *probes, this_thread=False):
        self.fds = []
        places = [(0, -1)] if this_thread else [(-1, cpu) for cpu in range(os.cpu_count())]
        for probe in probes:
            site, semaphore = note_of(probe)
            self.fds += [
                harness.open_uprobe(probe.path, site, semaphore, pid=pid, cpu=cpu)
                for pid, cpu in places
            ]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @property
    def hits(self):
        return sum(struct.unpack("<Q", os.read(fd, 8))[0] for fd in self.fds)

    def close(self):
        while self.fds:
            os.close(self.fds.pop())


def lines_of_bpftrace(target, program):
    """Attach bpftrace to a target that waits, let it go on to its end, and give what was printed."""
    target.wait_until_waiting()
    tool = harness.Tool(["bpftrace", "-p", str(target.pid), "-e", f"{program} {TICK}"])
    try:
        tool.wait_for("^tick$")
        target.go_on()
        target.finish()
        lines = tool.finish()
    finally:
        tool.close()
    assert tool.process.returncode == 0, tool
    return [line for line in lines if not NOISE.match(line)]
