# SPDX-License-Identifier: MIT
"""What the tests of ./demo have in common."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from harness import ROOT, Case, run


class DemoCase(Case):
    """A test of ./demo. `which` are the words that name the demo."""

    which = ()

    def setUp(self):
        self.home = Path(self.directory())
        self.home.chmod(0o755)

    def need_root_and(self, *commands):
        self.need_root()
        self.need_commands(*commands)

    def command(self, *arguments):
        return [ROOT / "demo", *self.which, "--build", self.home / "build", *arguments]

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
