# SPDX-License-Identifier: MIT
"""Shared by the tests in Python: skipping, processes and their output, locks.

No code here waits for time to pass. A test waits for a line of output, the end of a process or a
condition, each with a deadline that passes only if something is wrong. This module uses only
Python's standard library.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = float(os.environ.get("RST_DEADLINE", 100))  # seconds
SKIPPED = 77  # meson's status of a skipped test
DTRACE = os.environ.get("RST_DTRACE", "")  # Debian 12's dtrace is a part of SystemTap
if DTRACE and not shutil.which(DTRACE):
    raise FileNotFoundError(f"RST_DTRACE: there is no program {DTRACE}")
DTRACE = shutil.which(DTRACE) or ""

PR_SET_PDEATHSIG = 1
SYS_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)


def lacking(what):
    """Skip the test because something is missing; with RST_REQUIRE_TRACERS=1, fail it."""
    if os.environ.get("RST_REQUIRE_TRACERS") == "1":
        raise AssertionError(f"RST_REQUIRE_TRACERS=1, but {what}")
    raise unittest.SkipTest(what)


def wait_for(condition, what, seconds=DEADLINE, pause=0.01):
    """Poll until `condition` gives a true value, and return that value.

    The pauses grow: on an emulated machine, polling slows down what is waited for.
    """
    begin = time.monotonic()
    while not (found := condition()):
        passed = time.monotonic() - begin
        if passed > seconds:
            words = what() if callable(what) else what
            raise AssertionError(f"no {words} within {seconds} seconds")
        time.sleep(min(pause * (1 + 5 * passed), 0.25))
    return found


def run(*command, **options):
    """Run a command to its end. Gives its status and its output with standard error."""
    options.setdefault("timeout", DEADLINE)
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **options,
    )
    return done.returncode, done.stdout


def version_in(text):
    """The first version number in a text: (0, 17, 0) for "bpftrace v0.17.0"."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    if not found:
        raise AssertionError(f"no version in {text!r}")
    return tuple(map(int, found[0].split(".")))


class Lines:
    """The lines of a stream, read as they come, so that a wait can end at a deadline."""

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
        """The next line if it comes within that many seconds, or None."""
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
    """Run only on one CPU. Tracers have a buffer for each CPU, so events of one CPU stay in order."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Tool:
    """A running program, usually a tracer. Its lines include standard error."""

    def __init__(
        self, command, keep=(), cwd=None, group=False, cleans_up=False, one_cpu=False, **environment
    ):
        """One that `cleans_up` is asked to end, should a test fail, before it is made to."""

        def begin():
            die_with_parent()
            if group:
                os.setpgid(0, 0)
            for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
                signal.signal(number, signal.SIG_DFL)  # nohup(1) may have started the tests
            if one_cpu:
                stay_on_one_cpu()

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
            preexec_fn=begin,
        )
        self.lines = Lines(self.process.stdout)

    def __str__(self):
        return f"{' '.join(self.command)} said:\n" + "\n".join(self.lines.seen)

    def running(self):
        return self.process.poll() is None

    def wait_for(self, pattern):
        """Read lines until one matches `pattern`, and return the match."""
        while True:
            line = self.lines.next()
            if line is None:
                raise AssertionError(f"no line with {pattern!r}; {self}")
            found = re.search(pattern, line)
            if found:
                return found

    def wait_until(self, condition):
        """Read lines until condition(lines so far) is true."""
        end = time.monotonic() + DEADLINE
        while not condition(self.lines.seen):
            if self.lines.next() is None or time.monotonic() > end:
                raise AssertionError(f"the awaited lines did not come; {self}")

    def read_for(self, seconds):
        """Read the lines that come within that many seconds."""
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
        """Do what Ctrl-C does: send SIGINT to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end_input(self):
        self.process.stdin.close()

    def finish(self, number=None):
        """Send a signal, if one is given, wait for the end, and return all lines."""
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


def open_uprobe(path, site, semaphore=0, pid=-1, cpu=0):
    """Watch a file's site by perf_event_open(2), in a process (0: this one, -1: every one).

    Gives a descriptor, which reads as the number of hits.
    """
    with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as file:
        kind = int(file.read())
    name = ctypes.create_string_buffer(os.fsencode(path))
    fields = struct.pack(
        "=IIQ5QQQ", kind, 128, semaphore << 32, 0, 0, 0, 0, 0, ctypes.addressof(name), site
    )
    event = ctypes.create_string_buffer(fields.ljust(128, b"\0"), 128)
    fd = libc.syscall(SYS_PERF_EVENT_OPEN[os.uname().machine], event, pid, cpu, -1, 8)  # close-on-exec
    if fd < 0:
        raise OSError(ctypes.get_errno(), f"perf_event_open {path} {site:#x} {semaphore:#x}")
    return fd


def uprobe_refusal():
    """Why no uprobe can be attached here, or None. It tries to attach one, but to no instruction."""
    try:
        os.close(open_uprobe("/proc/self/exe", 0, pid=0, cpu=-1))
    except FileNotFoundError as error:
        return f"this kernel has no uprobes: {error}"
    except PermissionError:
        return "a uprobe can't be attached: be root, or have CAP_PERFMON and CAP_BPF"
    except OSError:
        pass  # attaching is allowed; only the instruction is missing
    return None


def events_lock():
    """Wait for, and give, the machine-wide lock of those who make events in uprobe_events.

    A group of one's own is not enough: perf probe refuses a name that any group has.
    """
    file = open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def own_mounts():
    """From now on, what this process and its children mount is only theirs, and what others mount is
    not. Gives the reason if that fails, or None."""
    if libc.unshare(CLONE_NEWNS) < 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        return f"no mount namespace: {os.strerror(ctypes.get_errno())}"
    return None


def mount_tracefs():
    """Mount tracefs, only for this process and its children. Gives the reason if that fails, or
    None."""
    refusal = own_mounts()
    if refusal:
        return refusal
    if os.path.exists("/sys/kernel/tracing/uprobe_events"):
        return None
    if libc.mount(b"tracefs", b"/sys/kernel/tracing", b"tracefs", 0, None) < 0:
        return f"tracefs can't be mounted: {os.strerror(ctypes.get_errno())}"
    return None


class Case(unittest.TestCase):
    """A test that runs programs, and may need things that a machine lacks."""

    maxDiff = 4000

    def need(self, condition, reason):
        if not condition:
            lacking(reason)

    def need_root(self):
        self.need(os.geteuid() == 0, "this needs root")

    def need_commands(self, *names):
        for name in names:
            self.need(shutil.which(name), f"{name} is not installed")

    def refuse(self, reason):
        self.need(reason is None, reason)

    def tool(self, *command, **options):
        tool = Tool([str(word) for word in command], **options)
        self.addCleanup(tool.close)
        return tool

    def directory(self):
        """A new directory, which is removed after the test."""
        path = tempfile.mkdtemp(prefix="rst-test-")
        self.addCleanup(shutil.rmtree, path)
        return path

    def write(self, name, text):
        """Write a file with that name and text into a new directory; gives its path."""
        path = os.path.join(self.directory(), name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_tool(self, *command, **environment):
        """Run a command to its end, which must be successful, and return its lines."""
        tool = self.tool(*command, **environment)
        lines = tool.finish()
        self.assertEqual(tool.process.returncode, 0, tool)
        return lines


def main():
    """Run the calling script's tests. If one was skipped, the script counts as skipped."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    for test, reason in program.result.skipped:
        print(f"skipped: {test}: {reason}")
    if not program.result.wasSuccessful() or program.result.testsRun == 0:
        sys.exit(1)
    sys.exit(SKIPPED if program.result.skipped else 0)
