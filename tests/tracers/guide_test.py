# SPDX-License-Identifier: MIT
"""Every command of docs/tracing.md does what the page says.

The commands under one heading are run in order, in one fresh directory, which is also their HOME,
against one run of the program for each backing. While a command watches, the program takes two
orders again and again, as a busy shop would. guide.py says how the page marks its commands.

What is said of bpftrace is also tried with each that RST_BPFTRACES names, and what is said of DTrace
only if RST_DTRACE names one.
"""

import os
import re
import shutil
import subprocess
import time

from bcc_headers import kernel_headers
from guide import missing, parse
from harness import DEADLINE, DTRACE, TracerTest, events_lock, main, mount_tracefs

PAGE = os.environ.get("RST_GUIDE", "")
WAITS = {"7", "232", "271", "281"}  # poll, epoll_wait, ppoll, epoll_pwait on x86_64
PAUSE = 0.1
PROBES = ("shop:order", "shop:mixed")
UPROBE_EVENTS = "/sys/kernel/tracing/uprobe_events"

# What a command may need besides the privilege.
TOOLS = "bpftrace gdb tplist-bpfcc trace-bpfcc perf readelf clang cc stap".split()

tracefs = mount_tracefs()


def descendants(pid):
    """A process and those that it started."""
    yield pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
    except OSError:
        return
    for child in children:
        yield from descendants(int(child))


def waits_for_events(pid):
    """Whether one of the processes has come to its main loop."""
    for process in descendants(pid):
        try:
            with open(f"/proc/{process}/syscall", encoding="ascii") as file:
                if file.read().split()[0] in WAITS:
                    return True
        except OSError:
            pass
    return False


class Guide(TracerTest):
    bpftrace = None  # what the page means by that, if not the installed one

    def setUp(self):
        super().setUp()
        self.refuse(tracefs)
        self.targets = {}
        self.path = os.environ["PATH"]
        directory = self.directory()
        for name, program in ("bpftrace", self.bpftrace), ("dtrace", DTRACE):
            if program:
                os.symlink(shutil.which(program), os.path.join(directory, name))
        self.path = f"{directory}:{self.path}"

    def program(self, block):
        """The program that a block is about, which lives as long as the heading's blocks."""
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
        """Those of ours that a failing section has left to the kernel."""
        with open(UPROBE_EVENTS, encoding="ascii") as file:
            left = [line.split()[0][2:] for line in file if f" {path}:" in line]
        for name in left:
            switch = f"{os.path.dirname(UPROBE_EVENTS)}/events/{name}/enable"
            remove = f"echo 0 > {switch}; echo -:{name} >> {UPROBE_EVENTS}"
            self.run_tool("sh", "-c", remove)
        self.assertEqual(left, [], "the page leaves events behind")

    def start(self, block, home):
        environment = {**self.variables(block), **self.headers, "HOME": home, "PATH": self.path}
        command = "bash", "-e", "-c", block.text
        cleans_up = "dtrace" in block.words
        return self.tool(*command, cwd=home, group=True, cleans_up=cleans_up, **environment)

    def check_shown(self, block, tool):
        line = missing(block.output or [], tool.lines.seen, self.variables(block))
        self.assertIsNone(line, f"{block}: not shown: {line}\n{tool}")

    def run_to_its_end(self, block, home):
        tool = self.start(block, home)
        tool.finish()
        self.assertEqual(tool.process.returncode, 0, f"{block}: {tool}")
        self.check_shown(block, tool)

    def take_orders_until(self, block, tool, condition):
        target, end = self.program(block), time.monotonic() + DEADLINE
        while not condition() and tool.running():
            if time.monotonic() > end:
                self.fail(f"{block}: waited in vain; {tool}")
            for probe in PROBES:
                if target.semaphore(probe):
                    target.fire(probe, 2)
            tool.read_for(PAUSE)

    def press_ctrl_c(self, block, tool):
        """Until it ends: bpftrace 0.17 doesn't hear it before it has begun to read."""
        end = time.monotonic() + DEADLINE
        while tool.running() and time.monotonic() < end:
            tool.interrupt()
            tool.ended_within(1)
        tool.finish()

    def watch(self, block, home):
        variables = self.variables(block)
        tool = self.start(block, home)
        self.take_orders_until(
            block, tool, lambda: missing(block.output, tool.lines.seen, variables) is None
        )
        self.press_ctrl_c(block, tool)
        self.check_shown(block, tool)

    def collect(self, block, home):
        target, tool = self.program(block), self.start(block, home)
        self.take_orders_until(
            block,
            tool,
            lambda: target.semaphore("shop:order") and waits_for_events(tool.process.pid),
        )
        target.fire("shop:order", 2)
        self.press_ctrl_c(block, tool)
        self.check_shown(block, tool)

    def need_what_it_runs(self, block):
        for tool in TOOLS:
            if re.search(rf"^(\w+=\w+ )*{tool} ", block.text, re.MULTILINE):
                self.need(shutil.which(tool), f"{block}: {tool} is not installed")
        if "-lbpf" in block.text:
            self.need("RST_BPF_OBJECT" in os.environ, f"{block}: there is no libbpf 1.0")
        if "/usr/bin/python3 " in block.text:
            found = subprocess.run(["/usr/bin/python3", "-c", "import bcc"], check=False)
            self.need(found.returncode == 0, f"{block}: there is no bcc for /usr/bin/python3")

    def is_for_this_bpftrace(self, block):
        below, least = block.option("bpftrace<"), block.option("bpftrace>=")
        if not below and not least:
            return True
        lines = self.run_tool("bpftrace", "--version", PATH=self.path)
        version = numbers(re.search(r"bpftrace v([\d.]+)", " ".join(lines))[1])
        return version < numbers(below) if below else version >= numbers(least)

    def check_section(self, blocks):
        home = self.directory()
        makers = "uprobe_events", "perf probe", "dtrace "
        if any(word in block.text for block in blocks for word in makers):
            self.addCleanup(events_lock().close)
        self.headers = kernel_headers(home)
        actions = {"run": self.run_to_its_end, "watch": self.watch, "collect": self.collect}
        for block in blocks:
            if name := block.option("file="):
                with open(os.path.join(home, name), "w", encoding="utf-8") as file:
                    file.write(block.text)
            elif is_run(block):
                self.need_what_it_runs(block)
                if self.is_for_this_bpftrace(block):
                    actions[block.words[0]](block, home)
        for target in self.targets.values():
            for probe in PROBES:
                self.await_semaphore(target, probe, 0)


def numbers(version):
    return [int(number) for number in version.split(".")]


def is_run(block):
    return block.words[0] != "not-run" and (DTRACE or "dtrace" not in block.words)


def test_of(blocks):
    return lambda self: self.check_section(blocks)


def sections():
    """The page's blocks by heading, but for headings under which nothing is run."""
    with open(PAGE, encoding="utf-8") as page:
        blocks = parse(page.read())
    for heading in dict.fromkeys(block.heading for block in blocks):
        mine = [block for block in blocks if block.heading == heading]
        if any(is_run(block) for block in mine):
            yield re.sub(r"\W+", "_", heading.lower()).strip("_"), mine


for title, section in sections():
    setattr(Guide, f"test_{title}", test_of(section))
for number, path in enumerate(os.environ.get("RST_BPFTRACES", "").split()):
    tests = {
        f"test_{title}": test_of([block for block in section if "bpftrace -" in block.text])
        for title, section in sections()
        if any("bpftrace -" in block.text for block in section)
    }
    nothing = {name: None for name in dir(Guide) if name.startswith("test_")}
    globals()[f"Guide{number}"] = type(
        f"Guide with {path}", (Guide,), {**nothing, **tests, "bpftrace": path}
    )

if __name__ == "__main__":
    main()
