# SPDX-License-Identifier: MIT
"""A real terminal, by tmux: tests type, and read the screen."""

import os
import re
import subprocess
import time

import harness


class Screen:
    """A shell in a terminal of its own. Close it at the end of the test."""

    def __init__(self, test, *shell, columns=100, lines=40):
        self.test = test
        self.tmux = test.installed("tmux")
        self.socket = os.path.join(test.directory(), "socket")
        self.environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        size = ["-x", str(columns), "-y", str(lines)]
        self.run("-f", "/dev/null", "new-session", "-d", "-s", "screen", *size, *shell)
        test.addCleanup(self.run, "kill-server")

    def run(self, *words):
        command = [self.tmux, "-S", self.socket, *words]
        done = subprocess.run(command, check=True, capture_output=True, env=self.environment)
        return done.stdout.decode()

    def type(self, *keys):
        """Type text as it is, and keys by tmux's names: Enter, Tab, C-c."""
        self.run("send-keys", "-t", "screen", *keys)

    def shown(self, *options):
        return self.run("capture-pane", *options, "-p", "-t", "screen")

    def wait_for(self, pattern):
        """Wait until the pattern is on the screen; give the whole screen."""
        end = time.monotonic() + harness.DEADLINE
        while not re.search(pattern, screen := self.shown(), re.M):
            if time.monotonic() > end:
                self.test.fail(f"{pattern!r} did not come: {screen}")
            time.sleep(0.02)
        return screen
