# SPDX-License-Identifier: MIT
"""What the tests of the documents have in common. Python's standard library only."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(os.environ["SOURCE_ROOT"])
SKIPPED = 77  # what meson takes for a skipped test


def lacking(what):
    """Skip for want of something; but fail where everything is wanted."""
    if os.environ.get("RST_REQUIRE_TRACERS") == "1":
        raise AssertionError(f"RST_REQUIRE_TRACERS=1, and {what}")
    raise unittest.SkipTest(what)


def wait_for(condition, what, seconds=20):
    """Look until `condition` gives something true; give that."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds} seconds")
        time.sleep(0.01)


def run(*command, **options):
    """Run a command to its end. Gives its status and output, standard error included."""
    options.setdefault("timeout", 100)
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    )
    return done.returncode, done.stdout


def readme_example():
    """The C program in README.md."""
    found = re.search(r"<!-- test: shop.c -->\n```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    if not found:
        raise AssertionError("README.md has no C program behind <!-- test: shop.c -->")
    return found.group(1)


class DemoCase(unittest.TestCase):
    """A test of ./demo. `directory` is the test's own, `which` the words that name the demo."""

    directory: Path
    which: tuple = ()

    def need(self, *commands):
        """Root, and these commands."""
        if os.geteuid() != 0:
            lacking("this takes root")
        for command in commands:
            if not shutil.which(command):
                lacking(f"there is no {command}")

    def command(self, *arguments):
        return [ROOT / "demo", *self.which, "--build", self.directory / "build", *arguments]

    def environment(self):
        environment = {**os.environ, "RST_DISABLE": "1"}  # which the demo is not to heed
        environment.pop("LD_LIBRARY_PATH", None)  # meson's, which leads to another librst
        return environment

    def demo(self, *arguments):
        return run(*self.command(*arguments), env=self.environment(), timeout=170)

    def press_ctrl_c(self, when, *arguments):
        """Run it, and interrupt it when it says what matches `when`."""
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


def main():
    """Run the caller's tests. A skipped test is no success: the whole counts as skipped."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped else 0)
