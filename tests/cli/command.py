# SPDX-License-Identifier: MIT
"""Shared by the tests of the rst command: running it, and programs to look at."""

import contextlib
import ctypes
import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time

import harness
from target import TracerTest

RST = os.environ["RST_COMMAND"]
SDT_PROGRAM = os.environ["RST_SDT_PROGRAM"]
SDT_LIBRARY = os.environ["RST_SDT_LIBRARY"]
MANY_PROGRAM = os.environ["RST_MANY_PROGRAM"]
SANITIZED = os.environ["RST_SANITIZED"] == "1"
PLAIN_SDT_PROGRAM = os.environ["RST_PLAIN_SDT_PROGRAM"]
NOBODY = 65534

# The target's own providers. Built with a sanitizer, the target also has libstdc++'s probes.
OWN = "counts:*", "shop:*", "types:*"

GOOD, NONE, USAGE, GONE, FORBIDDEN, BAD_FILE, FAILED, UNTRACEABLE, UNLOADABLE = range(9)


class Outcome:
    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __str__(self):
        return f"{' '.join(map(str, self.command))} gave {self.status}\n{self.out}\n{self.err}"


def run(*arguments, environment=None, prepare=None, text=True):
    """Run rst to its end."""
    command = [RST, *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        preexec_fn=prepare,
        timeout=harness.DEADLINE,
        check=False,
    )
    out = done.stdout.decode(errors="surrogateescape") if text else done.stdout
    return Outcome(command, done.returncode, out, done.stderr.decode(errors="surrogateescape"))


def run_in_terminal(*arguments, columns=80, environment=None):
    """Run rst in a terminal of that width, and give the lines that it wrote there."""
    outside, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {"TERM": "xterm", "LC_ALL": "C.UTF-8", **(environment or {})}
    variables = {**os.environ, "NO_COLOR": "", **variables}
    process = subprocess.Popen(
        [RST, *map(str, arguments)], stdin=inside, stdout=inside, stderr=inside, env=variables
    )
    os.close(inside)
    written = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while select.select([outside], [], [], harness.DEADLINE)[0]:
            chunk = os.read(outside, 65536)
            if not chunk:
                break
            written += chunk
    os.close(outside)
    process.wait(harness.DEADLINE)
    return written.decode().replace("\r\n", "\n").splitlines()


def become_nobody():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    harness.libc.prctl(4, 1)  # PR_SET_DUMPABLE: processes of the same user may look at it


def lack_call(number):
    """Make a system call fail with ENOSYS, as on a kernel that lacks it, by a seccomp filter."""
    load, compare = (0x20, 0, 0, 0), (0x15, 0, 1, number)
    no_such_call, all_others = (6, 0, 0, 0x50026), (6, 0, 0, 0x7FFF0000)
    lines = [struct.pack("HBBI", *line) for line in (load, compare, no_such_call, all_others)]
    code = ctypes.create_string_buffer(b"".join(lines))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(code)))
    prctl = harness.libc.prctl
    if prctl(38, 1, 0, 0, 0) or prctl(22, 2, program, 0, 0):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        raise OSError(ctypes.get_errno(), "prctl")


def run_as_nobody(*words):
    return subprocess.run(
        list(map(str, words)), capture_output=True, preexec_fn=become_nobody, check=False
    )


def hits(fd):
    return struct.unpack("Q", os.read(fd, 8))[0]


class Program:
    """A program that prints that it is ready, and runs until its input ends."""

    def __init__(self, *command, ready=r"ready", prepare=None, environment=None):
        def begin():
            harness.die_with_parent()
            harness.stay_on_one_cpu()
            if prepare:
                prepare()

        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=begin,
            env={**os.environ, **(environment or {})},
        )
        self.pid = self.process.pid
        self.lines = harness.Lines(self.process.stdout)
        line = self.lines.next()
        if line is None or not re.match(ready, line):
            raise AssertionError(f"{command}: {ready!r} expected, not {line!r}")

    def tell(self, line):
        """Give the program a line, and return its answer."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.lines.next()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        if not self._ended():
            self.process.kill()
        self.process.wait(harness.DEADLINE)
        self.lines.rest()
        self.process.stdout.close()

    def _ended(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(harness.DEADLINE)
            return True
        return False


class CommandTest(TracerTest):
    """A test that needs no tracer, unless it calls need_uprobes()."""

    refusal = staticmethod(lambda: None)

    def need_uprobes(self):
        self.refuse(harness.uprobe_refusal())

    lock = None

    def lock_sdt_program(self, how):
        """LOCK_EX: no other test runs or watches the program; LOCK_SH: no other test has LOCK_EX."""
        if self.lock is None:
            self.lock = open(SDT_PROGRAM, "rb")
            self.addCleanup(self.lock.close)
            fcntl.flock(self.lock, how)

    def program(self, *command, **options):
        if command[0] == SDT_PROGRAM:
            self.lock_sdt_program(fcntl.LOCK_SH)
        program = Program(*command, **options)
        self.addCleanup(program.close)
        return program

    def rst(self, *arguments, status=GOOD, **options):
        """Run rst, which must end with that status; None: with any."""
        outcome = run(*arguments, **options)
        if status is not None:
            self.assertEqual(outcome.status, status, outcome)
        return outcome

    def sites(self, *arguments, **options):
        """The output of `rst list --json`."""
        return json.loads(self.rst("list", "--json", *arguments, **options).out)

    def site(self, *arguments, **options):
        sites = self.sites(*arguments, **options)
        self.assertEqual(len(sites), 1, sites)
        return sites[0]

    def copy_for_nobody(self, program=None):
        """Copy the program: user nobody may have no access to the build directory."""
        directory = self.directory()
        os.chmod(directory, 0o755)
        return shutil.copy(program or RST, directory)

    def await_watched(self, wanted, *arguments):
        """Wait until all sites have that many watchers. The kernel gives no event when it counts,
        so poll."""
        end = time.monotonic() + harness.DEADLINE
        while (seen := {site["watched"] for site in self.sites(*arguments)}) != {wanted}:
            if time.monotonic() > end:
                self.fail(f"{arguments}: watched {seen}, not {wanted}")
            time.sleep(0.005)

    def installed(self, name):
        path = shutil.which(name)
        self.need(path, f"{name} is not installed")
        return path
