# SPDX-License-Identifier: MIT
"""What the tests of ./demo have in common."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from harness import ROOT, Case, own_mounts, run

HISTOGRAM = re.compile(r"^@microseconds\[(.*)\]: *\n((?:\[.*\n?)+)", re.M)
ROW = re.compile(r"^\[.*?[])] +(\d+) ", re.M)  # "[0]" and "[1]" are a row, too, of one number
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def histograms(output):
    """How many values bpftrace's histogram of each key has."""
    return {key: sum(map(int, ROW.findall(rows))) for key, rows in HISTOGRAM.findall(output)}


class DemoCase(Case):
    """A test of ./demo. `which` are the words that name the demo. What it builds is the same for the
    tests of a class, which is where most of their time would go, unless one takes its own home."""

    which = ()
    refusal = None

    @classmethod
    def setUpClass(cls):
        shared = tempfile.TemporaryDirectory(prefix="rst-test-")
        cls.addClassCleanup(shared.cleanup)
        cls.shared = Path(shared.name, "build")
        if os.geteuid() == 0:
            # Another demo, beside this one, mounts tracefs for itself and unmounts it at its end.
            cls.refusal = own_mounts()

    def setUp(self):
        self.home = Path(self.directory())
        self.home.chmod(0o755)
        self.build = self.shared

    def need_root_and(self, *commands):
        self.need_root()
        self.refuse(self.refusal)
        self.need_commands(*commands)

    def command(self, *arguments):
        return [ROOT / "demo", *self.which, "--build", self.build, *arguments]

    def environment(self):
        environment = {**os.environ, "RST_DISABLE": "1"}  # which the demo is not to heed
        environment.pop("LD_LIBRARY_PATH", None)  # meson's, which leads to another librst
        return environment

    def demo(self, *arguments):
        return run(*self.command(*arguments), env=self.environment(), timeout=170)

    def demo_without_privilege(self, *arguments):
        """As nobody, and without a sudo that this user might have."""
        self.build = self.home / "build"
        commands = self.home / "commands"
        commands.mkdir()
        (commands / "sudo").write_text("#!/bin/sh\nexit 1\n")
        (commands / "sudo").chmod(0o755)
        self.home.chmod(0o777)
        command = self.command(*arguments)
        if os.geteuid() == 0 and run(*NOBODY, *command, "--help")[0] != 0:
            command[0] = self.copy_checkout() / "demo"
        environment = self.environment()
        environment.update(PATH=f"{commands}:{environment['PATH']}", HOME=str(self.home))
        return run(
            *(NOBODY if os.geteuid() == 0 else ()),
            *command,
            env=environment,
            cwd=self.home,  # the one that this runs in may be only root's
            timeout=170,
        )

    def copy_checkout(self):
        """For a user who may not read this one, as in /root."""
        copy = self.home / "checkout"
        status, said = run("git", "-C", ROOT, "ls-files", "-z")
        self.assertEqual(status, 0, said)
        for name in filter(None, said.split("\0")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name, follow_symlinks=False)
        return copy

    def press_ctrl_c(self, when, *arguments):
        """Run it, and interrupt it when it says what matches `when`. A build that is interrupted is
        a new one."""
        self.build = self.home / "build" if re.match(r"\^==> (build|compile)", when) else self.shared
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment(),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        watchdog = threading.Timer(60, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        with process:
            said = ""
            for line in process.stdout:
                said += line
                if re.search(when, line):
                    os.killpg(process.pid, signal.SIGINT)
                    break
            said += process.stdout.read()
        watchdog.cancel()
        self.assertEqual(process.returncode, 130, said)
        self.assertNotRegex(said, "demo: |==> gdb|==> readelf|could not watch")
        return said
