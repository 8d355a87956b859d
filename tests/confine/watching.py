# SPDX-License-Identifier: MIT
"""Programs in containers, and each tracer that tries to watch them.

A watcher is told where the program is, tries to watch it, and gives "yes" if it has shown a fire; or
else what the tracer said.
"""

import os
import re
import signal

from bcc_headers import kernel_headers
from harness import ROOT, wait_for
from notes import notes_of
from target import Target

CONFINED = os.environ.get("RST_CONFINED", "")
TRACERS = ROOT / "tests" / "tracers"
TRACEFS = "/sys/kernel/tracing"
GROUP = f"confine_{os.getpid()}"
TICK = "tick"
MOST_TICKS = 50  # of 20 ms: where much else runs, a hit is shown late
SHOWN = "1000"  # the id of the first order


def children(pid):
    """Of nsenter(1), for instance, which does not pass signals on."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


class Confined(Target):
    """The watched program, by way of confined.c. `pid` is its process id here, `inner` its own."""

    def __init__(self, settings, **environment):
        super().__init__(command=[CONFINED, *settings], **environment)
        self.inner = self.pid
        if any(setting.startswith("Container=") for setting in settings):
            (self.pid,) = children(self.process.pid)

    def close(self):
        """The first process of a PID namespace ends when all others have been waited for."""
        self.process.stdin.close()
        for pid in children(os.getpid()):
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                status = file.read()
            if "State:\tZ" in status and re.search(r"NSpid:\t\d+\t\d", status):
                os.waitpid(pid, 0)
        super().close()


class Place:
    """Where a tracer runs, and what the program is called there."""

    def __init__(self, case, target, scratch, enter=(), inside=False, private_tmp=None):
        """`private_tmp` is the directory that the program has as /tmp, if it is another."""
        self.case, self.target, self.scratch = case, target, scratch
        self.enter = [str(word) for word in enter]
        self.pid = target.inner if inside else target.pid
        own_path = target.path("shop")
        self.outside_path = outside_path(target)
        self.path = own_path if inside else self.outside_path
        self.plain_path = self.path  # perf resolves /proc/PID/root, and then looks in its own root
        if private_tmp and own_path.startswith("/tmp/"):
            self.plain_path = private_tmp + own_path.removeprefix("/tmp")

    def tool(self, *command, **options):
        return self.case.tool(*self.enter, *command, group=True, **options)

    def write(self, name, text):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def note(self):
        return next(note for note in notes_of(self.outside_path) if note.name == "order")

    def said(self, tool, number=None):
        """What a tool says that has not worked."""
        lines = tool.finish(number)
        return " | ".join(line.strip() for line in lines if line.strip()) or "nothing"

    def watch(self, tool, began, number=signal.SIGINT, ready=None):
        """Have a tool show a fire. `began` is what it prints when it watches."""
        while not any(re.search(began, line) for line in tool.lines.seen):
            if tool.lines.next() is None:
                return self.said(tool)
        if ready == "semaphore":
            wait_for(
                lambda: self.target.semaphore("shop:order") or not tool.running(), "a semaphore"
            )
        if not self.target.semaphore("shop:order"):
            return "not counted: " + self.said(tool, signal.SIGKILL)
        self.target.fire("shop:order", 1)
        before = len(tool.lines.seen)
        if number is None:
            tool.end_input()
        else:
            while not self.has_answered(tool.lines.seen[before:]) and tool.lines.next() is not None:
                pass
        if number:
            self.end(tool, number)
        lines = tool.finish()
        self.case.detached(self.target, "shop:order")
        if any(SHOWN in line for line in lines):
            return "yes"
        return "no hit: " + " | ".join(line for line in lines if line != TICK)

    def end(self, tool, number=signal.SIGINT):
        """Some tracers forget a signal that comes while they print."""

        def ended():
            pids = children(tool.process.pid) if self.enter else [tool.process.pid]
            if tool.running() and pids:
                os.kill(pids[0], number)
            return tool.ended_within(0.2)

        wait_for(ended, f"end of {tool}")

    @staticmethod
    def has_answered(lines):
        """A tracer that ticks reads its buffers at each tick, so many without a hit are an answer."""
        return any(SHOWN in line for line in lines) or lines.count(TICK) > MOST_TICKS


def outside_path(target):
    path = target.path("shop")
    return f"/proc/{target.pid}" + (
        path[path.index("/fd/") :] if path.startswith("/proc/") else f"/root{path}"
    )


# ------------------------------------------------------------------------------- each tracer


def rst_list(place):
    tool = place.tool("rst", "list", "-p", place.pid, "shop:*")
    lines = tool.finish()
    return "yes" if any("order" in line for line in lines) else " | ".join(lines)


def rst_trace(place):
    tool = place.tool("rst", "trace", "-p", place.pid, "shop:order", "-n", "1")
    return place.watch(tool, "^rst: watching ")


def rst_trace_path(place):
    tool = place.tool("rst", "trace", place.path, "shop:order", "-n", "1")
    return place.watch(tool, "^rst: watching ")


def bpftrace(where, options):
    def watch(place):
        site = f"usdt:{where or place.path}:shop:order"
        program = site + ' { printf("%lu\\n", arg0); } interval:ms:20 { printf("tick\\n"); }'
        words = ["-p", place.pid] if options else []
        return place.watch(place.tool("bpftrace", *words, "-e", program), "^tick$")

    return watch


def gdb(place):
    script = (
        "set pagination off\nbreak -probe-stap shop:order\ncommands\nsilent\n"
        'printf "order %lu\\n", $_probe_arg0\ncontinue\nend\nprintf "watching\\n"\ncontinue\n'
    )
    path = place.write("script.gdb", script)
    tool = place.tool("gdb", "-q", "-nx", "-batch", "-p", place.pid, "-x", path)
    return place.watch(tool, "^watching$", ready="semaphore")


def bcc(place):
    tool = place.tool(
        "/usr/bin/python3", TRACERS / "bcc_watcher.py", place.pid, "shop:order",
        "uint64,string,int32,double", **kernel_headers(place.scratch),
    )
    return place.watch(tool, "^watching ", number=None)


def bcc_path(place):
    probe = f'u:{place.path}:order "%lu", arg1'
    tool = place.tool(
        "trace-bpfcc", "-p", place.pid, probe, **kernel_headers(place.scratch), PYTHONUNBUFFERED="1"
    )
    return place.watch(tool, "^PID ")


def perf(place):
    def run(*words):
        tool = place.tool("perf", *words, HOME=place.scratch)
        lines = tool.finish()
        return tool.process.returncode, " | ".join(lines)

    data = os.path.join(place.scratch, "perf.data")
    status, said = run("buildid-cache", "--update", place.plain_path)
    if status:
        return "buildid-cache: " + said
    status, said = run("probe", "--add=sdt_shop:order")
    if status:
        return "probe: " + said
    try:
        control, acknowledge = os.pipe(), os.pipe()
        tool = place.tool(
            "perf", "record", "--delay=-1", f"--control=fd:{control[0]},{acknowledge[1]}",
            "-o", data, "-p", place.pid, "-e", "sdt_shop:order",
            keep=(control[0], acknowledge[1]), HOME=place.scratch,
        )
        os.close(acknowledge[1])
        for end in control[0], control[1], acknowledge[0]:
            place.case.addCleanup(os.close, end)
        os.write(control[1], b"enable\n")
        if not os.read(acknowledge[0], 16).startswith(b"ack"):
            return "record: " + place.said(tool)
        counted = place.target.semaphore("shop:order")
        place.target.fire("shop:order", 1)
        place.end(tool)
        tool.finish()
        status, said = run("script", "-i", data, "-F", "trace:event,trace")
        return "yes" if f"arg1={SHOWN}" in said else f"semaphore {counted}: {said}"
    finally:
        run("probe", "--quiet", "--del", "sdt_shop:*")
        run("buildid-cache", "--purge", place.plain_path)


def tracefs(place):
    note = place.note()
    line = f"p:{GROUP}/order {place.path}:{note.site:#x}({note.semaphore:#x}) id=%di:u64"
    script = (
        f"cd {TRACEFS} && echo '{line}' >> uprobe_events && mkdir instances/{GROUP} && "
        f"echo 1 > instances/{GROUP}/events/{GROUP}/enable && echo watching && read line; "
        f"cat instances/{GROUP}/trace; echo 0 > instances/{GROUP}/events/{GROUP}/enable; "
        f"rmdir instances/{GROUP}; echo '-:{GROUP}/order' >> uprobe_events"
    )
    tool = place.tool("sh", "-c", script)
    return place.watch(tool, "^watching$", number=None)


def libbpf(place):
    tool = place.tool(
        os.environ["RST_LIBBPF_WATCHER"], os.environ["RST_BPF_OBJECT"], place.pid, place.path,
        "shop", "order", "2",
    )
    return place.watch(tool, "^watching$", number=None)


WATCHERS = {
    "rst list -p": rst_list,
    "rst trace -p": rst_trace,
    "rst trace FILE": rst_trace_path,
    "bpftrace -p, *": bpftrace("*", True),
    "bpftrace -p, FILE": bpftrace(None, True),
    "bpftrace FILE": bpftrace(None, False),
    "gdb": gdb,
    "bcc -p": bcc,
    "bcc FILE": bcc_path,
    "perf": perf,
    "tracefs": tracefs,
    "libbpf": libbpf,
}
