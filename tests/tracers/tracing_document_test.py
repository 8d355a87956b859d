# SPDX-License-Identifier: MIT
"""Every command of docs/tracing.md does what the page says.

The commands under one heading run with one run of the program for each backing. While a command
watches, the program takes two orders again and again, like a busy shop.

Commands for bpftrace are also tried with each that RST_BPFTRACES names, and commands for DTrace
only if RST_DTRACE names one.
"""

import os
import re
import shutil
import subprocess

from bcc_headers import kernel_headers
from documents import CPU, DocumentTest, is_for_this_cpu, method_name, sections
from harness import DTRACE, events_lock, main, mount_tracefs, version_in
from target import TracerTest

PAGE = "docs/tracing.md"
WAITS = {
    "x86_64": {"7", "232", "271", "281"},  # poll, epoll_wait, ppoll, epoll_pwait
    "aarch64": {"73", "22"},  # ppoll, epoll_pwait
}.get(CPU, set())
PROBES = ("shop:order", "shop:mixed")
UPROBE_EVENTS = "/sys/kernel/tracing/uprobe_events"

# The tools that a command may need besides the privilege.
TOOLS = "bpftrace gdb tplist-bpfcc trace-bpfcc perf readelf clang cc stap".split()

tracefs = mount_tracefs()


def descendants(pid):
    """A process and all processes that it started, directly or not."""
    yield pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
    except OSError:
        return
    for child in children:
        yield from descendants(int(child))


def waits_for_events(pid):
    """Whether one of the processes waits in its main loop."""
    for process in descendants(pid):
        try:
            with open(f"/proc/{process}/syscall", encoding="ascii") as file:
                if file.read().split()[0] in WAITS:
                    return True
        except OSError:
            pass
    return False


class TracingDocument(DocumentTest, TracerTest):
    bpftrace = None  # the bpftrace to use; None: the installed one

    def setUp(self):
        super().setUp()
        self.refuse(tracefs)
        self.targets = {}
        directory = self.directory()
        for name, program in ("bpftrace", self.bpftrace), ("dtrace", DTRACE):
            if program:
                os.symlink(shutil.which(program), os.path.join(directory, name))
        self.path = f"{directory}:{self.path}"
        self.extra = kernel_headers(self.directory())

    def program(self, block):
        """The program for a block; it runs as long as the heading's blocks do."""
        backing = "file" if "file" in block.words else "memfd"
        if backing not in self.targets:
            self.targets[backing] = self.target(backing)
            self.addCleanup(self.remove_events, self.targets[backing].path("shop"))
        return self.targets[backing]

    def variables(self, block):
        target = self.program(block)
        path = target.path("shop")
        return {"PID": str(target.pid), "FILE": path, "FD": path.rpartition("/")[2]}

    def remove_events(self, path):
        """Remove our events that a failing section has left in the kernel."""
        with open(UPROBE_EVENTS, encoding="ascii") as file:
            left = [line.split()[0][2:] for line in file if f" {path}:" in line]
        for name in left:
            switch = f"{os.path.dirname(UPROBE_EVENTS)}/events/{name}/enable"
            remove = f"echo 0 > {switch}; echo -:{name} >> {UPROBE_EVENTS}"
            self.run_tool("sh", "-c", remove)
        self.assertEqual(left, [], "the page leaves events behind")

    def while_watching(self, block):
        target = self.program(block)
        for probe in PROBES:
            if target.semaphore(probe):
                target.fire(probe, 2)

    def has_collected(self, block, tool):
        """Wait until the tool counts, then give the program two more orders."""
        target = self.program(block)
        counts = target.semaphore("shop:order") and waits_for_events(tool.process.pid)
        if counts:
            target.fire("shop:order", 2)
        return counts

    def applies(self, block):
        if not is_run(block):
            return False
        for tool in TOOLS:
            if re.search(rf"^(\w+=\w+ )*{tool} ", block.text, re.MULTILINE):
                self.need(shutil.which(tool), f"{block}: {tool} is not installed")
        if "-lbpf" in block.text:
            self.need("RST_BPF_OBJECT" in os.environ, f"{block}: there is no libbpf 1.0")
        if "/usr/bin/python3 " in block.text:
            found = subprocess.run(["/usr/bin/python3", "-c", "import bcc"], check=False)
            self.need(found.returncode == 0, f"{block}: there is no bcc for /usr/bin/python3")
        return self.is_for_this_bpftrace(block)

    def is_for_this_bpftrace(self, block):
        below, least = block.option("bpftrace<"), block.option("bpftrace>=")
        if not below and not least:
            return True
        version = version_in(self.run_tool("bpftrace", "--version", PATH=self.path)[-1])
        return version < version_in(below) if below else version >= version_in(least)

    def run_section(self, blocks):
        makers = "uprobe_events", "perf probe", "dtrace "
        if any(word in block.text for block in blocks for word in makers):
            self.addCleanup(events_lock().close)
        super().run_section(blocks)
        for target in self.targets.values():
            self.detached(target, *PROBES)


def is_run(block):
    if block.action == "not-run" or "dtrace" in block.words and not DTRACE:
        return False
    return is_for_this_cpu(block)


def test_of(blocks):
    return lambda self: self.run_section(blocks)


for heading, section in sections(PAGE).items():
    if any(block.action and is_run(block) for block in section):
        setattr(TracingDocument, method_name(heading), test_of(section))
for number, path in enumerate(os.environ.get("RST_BPFTRACES", "").split()):
    tests = {name: None for name in dir(TracingDocument) if name.startswith("test_")}
    for heading, section in sections(PAGE).items():
        if mine := [block for block in section if "bpftrace -" in block.text]:
            tests[method_name(heading)] = test_of(mine)
    name = f"TracingDocument with {path}"
    globals()[f"With{number}"] = type(name, (TracingDocument,), {**tests, "bpftrace": path})

if __name__ == "__main__":
    main()
