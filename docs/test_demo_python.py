# SPDX-License-Identifier: MIT
"""./demo python does what it says, and leaves nothing behind."""

import os
import re
import subprocess
from pathlib import Path

import harness
from demo_case import DemoCase

# What the customers ask for, over and over, and how long it takes: from so many microseconds on.
VISIT = [
    ("/", 200, 1000),
    ("/cart", 200, 4000),
    ("/", 200, 1000),
    ("/cart", 200, 4000),
    ("/sale", 404, 0),
    ("/checkout", 200, 20000),
]
REQUESTS = 2 * len(VISIT)
REQUEST = re.compile(r"^GET +(/\S*) +(\d+) +(\d+)$", re.M)


class DemoPython(DemoCase):
    which = ("python",)

    def setUp(self):
        super().setUp()
        self.need_commands("python3", "cc")
        found = subprocess.run(["python3", "-c", "import setuptools"], cwd=self.home, check=False)
        self.need(found.returncode == 0, "Python has no setuptools")

    def environment(self):
        return {**super().environment(), "CFLAGS": "-O0"}  # which takes less time to build

    def assert_ended(self, output):
        for process in re.findall(r"^process (\d+) listens on", output, re.M):
            self.assertFalse(Path("/proc", process).exists(), f"process {process} is still there")

    def test_bpftrace_sees_every_request(self):
        self.need_root_and("bpftrace")
        status, said = self.demo("--requests", REQUESTS)
        self.assertEqual(status, 0, said)
        seen = REQUEST.findall(said)
        # The kernel raises the semaphore, for which the customers wait, a moment before bpftrace
        # gives it the program to run.
        self.assertIn(REQUESTS - len(seen), range(len(VISIT) + 1), said)
        for (path, status, took), wanted in zip(seen, (2 * VISIT)[-len(seen) :]):
            self.assertEqual((path, int(status)), wanted[:2], said)
            self.assertGreaterEqual(int(took), wanted[2], said)
        self.assertIn("@microseconds[/cart]:", said)
        self.assertIn("the application and bpftrace have ended", said)
        self.assert_ended(said)

    def test_ctrl_c_ends_it_at_any_time(self):
        self.need_root_and("bpftrace")
        for when in (r"^==> build", r"^==> bpftrace", r"^GET +/ "):
            with self.subTest(when=when):
                said = self.press_ctrl_c(when, "--requests", "0")
                self.assertNotRegex(said, "rror|Interrupt|Traceback")
                self.assert_ended(said)

    def test_without_privilege_readelf_shows_the_note(self):
        self.need_commands("readelf", *(["setpriv"] if os.geteuid() == 0 else []))
        status, said = self.demo_without_privilege("--requests", REQUESTS)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, "you are not root, and .*sudo")
        self.assertRegex(said, r"Provider: web\s+Name: request\s")
        self.assertIn("Arguments: 8@%rdi 8@%rsi -4@%rdx -8@%rcx", said)

    def test_it_refuses_what_it_cannot_do(self):
        for arguments, words in (
            (["--requests", "some"], "--requests some: not a number"),
            (["--requests"], "--requests wants a number"),
            (["--fast"], "unknown option --fast"),
            (["README.md"], "python takes no FILE"),
        ):
            with self.subTest(arguments=arguments):
                status, said = self.demo(*arguments)
                self.assertEqual(status, 1, said)
                self.assertIn(words, said)


if __name__ == "__main__":
    harness.main()
