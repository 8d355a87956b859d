# SPDX-License-Identifier: MIT
"""What the tests of real tracers share: the target, the tools that watch it, and skipping.

Nothing here waits for time to pass: a test waits for a line of output, a semaphore, or the end of
a process, each with a deadline that only a fault can reach. What a tracer must show is always
what the target says that it fired.
"""

import ctypes
import fcntl
import os
import queue
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from probes import Value

DEADLINE = 100  # seconds
SKIPPED = 77  # what meson takes for a skipped test
TARGET = os.environ.get("RST_TARGET", "")
DTRACE = os.environ.get("RST_DTRACE", "")  # what Debian 12 calls dtrace is a part of SystemTap
if DTRACE and not shutil.which(DTRACE):
    raise FileNotFoundError(f"RST_DTRACE: there is no program {DTRACE}")
DTRACE = shutil.which(DTRACE) or ""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)


class Lines:
    """A stream's lines, read as they come, so that a wait can end at a deadline."""

    def __init__(self, stream):
        self.seen = []
        self.ended = False
        self.queue = queue.Queue()
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        for line in stream:
            self.queue.put(line.decode(errors="surrogateescape").rstrip("\n"))
        self.queue.put(None)

    def next(self, deadline=DEADLINE):
        """The next line, or None at the end of the stream."""
        line = self.poll(deadline)
        if line is None and not self.ended:
            raise AssertionError(f"no line in {deadline} s, after {self.seen[-5:]}")
        return line

    def poll(self, seconds):
        """The next line if it comes within that time, or None."""
        try:
            line = self.queue.get(timeout=seconds)
        except queue.Empty:
            return None
        if line is None:
            self.ended = True
            self.queue.put(None)
        else:
            self.seen.append(line)
        return line

    def rest(self):
        while self.next() is not None:
            pass
        return self.seen


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stay_on_one_cpu():
    """Tracers have a buffer for each CPU: events of one come out in order."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Target:
    """The program that is watched; see target.c for its protocol."""

    def __init__(self, directory=None):
        """With the file backing in `directory`, or the memfd backing."""
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.directory = directory
        backing = f"file:{directory}" if directory else "memfd"
        self.process = subprocess.Popen(
            [TARGET],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "RST_BACKING": backing},
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
        """Fire, and give what was fired: a list of values for each time."""
        self.tell(f"fire {probe} {times}", "")  # the first line is looked at below
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
        """Go on in a forked child, whose parent waits ("fork") or is gone ("leave")."""
        self.pid = int(self.tell(how, "ready"))
        if how == "leave":
            self.process.wait(DEADLINE)
            self.adopted.append(self.pid)

    def close(self):
        """End it, by the end of its input, and see that it ended well."""
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


class Tool:
    """A tracer at work."""

    def __init__(self, command, keep=(), cwd=None, group=False, cleans_up=False, **environment):
        """One that `cleans_up` is asked to end, should a test fail, before it is made to."""
        self.command = command
        self.group = group
        self.cleans_up = cleans_up
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            pass_fds=keep,
            cwd=cwd,
            process_group=0 if group else None,
            preexec_fn=die_with_parent,
        )
        self.lines = Lines(self.process.stdout)

    def __str__(self):
        return f"{' '.join(self.command)} said:\n" + "\n".join(self.lines.seen)

    def running(self):
        return self.process.poll() is None

    def wait_for(self, pattern):
        """Read on to a line that has `pattern`, and give the match."""
        while True:
            line = self.lines.next()
            if line is None:
                raise AssertionError(f"no line with {pattern!r}; {self}")
            found = re.search(pattern, line)
            if found:
                return found

    def wait_until(self, condition):
        """Read on until condition(lines so far) holds."""
        end = time.monotonic() + DEADLINE
        while not condition(self.lines.seen):
            if self.lines.next() is None or time.monotonic() > end:
                raise AssertionError(f"what was waited for did not come; {self}")

    def read_for(self, seconds):
        """Read the lines that come within that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self.lines.poll(left) is not None:
            pass

    def ended_within(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def interrupt(self):
        """What Ctrl-C does: SIGINT to all of its group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end_input(self):
        self.process.stdin.close()

    def finish(self, number=None):
        """Send it a signal if there is one to send, await its end, give all that it said."""
        if number and self.running():
            self.process.send_signal(number)
        lines = self.lines.rest()
        self.process.wait(DEADLINE)
        self.process.stdin.close()
        self.process.stdout.close()
        return lines

    def close(self):
        if not self.process.stdout.closed:
            if self.cleans_up:
                self.process.terminate()
                self.ended_within(DEADLINE)
            if self.group and self.running():
                os.killpg(self.process.pid, signal.SIGKILL)
            self.finish(signal.SIGKILL)


def uprobe_refusal():
    """Why no uprobe can be attached here, or None: one is tried, on no instruction of ours."""
    try:
        with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as file:
            kind = int(file.read())
    except OSError as error:
        return f"this kernel has no uprobes: {error}"
    path = ctypes.create_string_buffer(b"/proc/self/exe")
    attributes = struct.pack("=IIQ5Q4xIQ", kind, 128, 0, 0, 0, 0, 0, 0, 0, ctypes.addressof(path))
    event = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    fd = libc.syscall(298, event, 0, -1, -1, 8)  # perf_event_open, close-on-exec
    if fd >= 0:
        os.close(fd)
    elif ctypes.get_errno() in (1, 13):  # EPERM, EACCES
        return "a uprobe can't be attached: be root, or have CAP_PERFMON and CAP_BPF"
    return None


def events_lock():
    """Wait for, and give, the machine-wide lock of whoever makes events in uprobe_events.

    A group of one's own is not enough: perf probe refuses a name that any group has.
    """
    file = open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def mount_tracefs():
    """Mount tracefs for this process and those it starts alone. Gives why not, or None."""
    if libc.unshare(CLONE_NEWNS) < 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        return f"no mount namespace: {os.strerror(ctypes.get_errno())}"
    if os.path.exists("/sys/kernel/tracing/uprobe_events"):
        return None
    if libc.mount(b"tracefs", b"/sys/kernel/tracing", b"tracefs", 0, None) < 0:
        return f"tracefs can't be mounted: {os.strerror(ctypes.get_errno())}"
    return None


class TracerTest(unittest.TestCase):
    """A test that drives a tracer. `tools` are the programs that it needs."""

    maxDiff = 4000
    tools = ()
    refusal = staticmethod(uprobe_refusal)  # why there is no privilege for it, or None

    def setUp(self):
        for tool in self.tools:
            self.need(shutil.which(tool), f"{tool} is not installed")
        self.refuse(self.refusal())

    def need(self, condition, reason):
        if not condition and os.environ.get("RST_REQUIRE_TRACERS") == "1":
            self.fail(f"RST_REQUIRE_TRACERS=1, but {reason}")
        if not condition:
            self.skipTest(reason)

    def refuse(self, reason):
        self.need(reason is None, reason)

    def target(self, backing="memfd"):
        target = Target(self.directory() if backing == "file" else None)
        self.addCleanup(target.close)
        return target

    def tool(self, *command, **options):
        tool = Tool([str(word) for word in command], **options)
        self.addCleanup(tool.close)
        return tool

    def directory(self):
        """A fresh directory, which goes with the test."""
        path = tempfile.mkdtemp(prefix="librst-tracers-")
        self.addCleanup(shutil.rmtree, path)
        return path

    def write(self, name, text):
        """A file of that name and text in a directory of its own."""
        path = os.path.join(self.directory(), name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_tool(self, *command, **environment):
        """Run it to its end, which must be a good one, and give its lines."""
        tool = self.tool(*command, **environment)
        lines = tool.finish()
        self.assertEqual(tool.process.returncode, 0, tool)
        return lines

    def await_semaphore(self, target, probe, value, tool=None):
        """The kernel wakes nobody when it counts a tracer in or out: look again and again."""
        end = time.monotonic() + DEADLINE
        while (seen := target.semaphore(probe)) != value:
            if tool and not tool.running():
                self.fail(f"the semaphore of {probe} is {seen}, not {value}; {tool.finish()}")
            if time.monotonic() > end:
                self.fail(f"the semaphore of {probe} stays at {seen}, not {value}")
            time.sleep(0.005)

    def attach(self, target, tool, *probes):
        """Wait until `tool` watches all `probes`."""
        for probe in probes:
            self.await_semaphore(target, probe, 1, tool)

    def detached(self, target, *probes):
        for probe in probes:
            self.await_semaphore(target, probe, 0)


def main():
    """Run the calling script's tests; what was skipped counts against success."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    for test, reason in program.result.skipped:
        print(f"skipped: {test}: {reason}")
    if not program.result.wasSuccessful() or program.result.testsRun == 0:
        sys.exit(1)
    sys.exit(SKIPPED if program.result.skipped else 0)
