# SPDX-License-Identifier: MIT
"""./demo ruby does what it says, and leaves nothing behind."""

import os
import re
import subprocess
from pathlib import Path

import harness
from demo_case import DemoCase, histograms

HEADINGS = "method path status microseconds".split()
# What the client asks for, in this order, over and over, and how long the shop takes for each: from
# so many microseconds on.
VISIT = [
    ("GET", "/", 200, 1000),
    ("GET", "/cart", 200, 4000),
    ("GET", "/", 200, 1000),
    ("GET", "/cart", 200, 4000),
    ("GET", "/sale", 404, 0),
    ("POST", "/checkout", 200, 20000),
]
REQUESTS = 2 * len(VISIT)
REQUEST = re.compile(r"^([A-Z]+) +(/\S*) +(\d+) +(\d+)$", re.M)


class DemoRuby(DemoCase):
    which = ("ruby",)

    def setUp(self):
        super().setUp()
        self.need_commands("ruby", "rake", "puma", "make")
        found = subprocess.run(["ruby", "-rffi", "-rmkmf", "-e", ""], cwd=self.home, check=False)
        self.need(found.returncode == 0, "Ruby has no ffi, or no headers")

    def assert_requests(self, output, visits, lost=0):
        seen = REQUEST.findall(output)
        wanted = (VISIT * visits)[-len(seen) :]
        self.assertIn(visits * len(VISIT) - len(seen), range(lost + 1), output)
        for (method, path, status, microseconds), (*request, least) in zip(seen, wanted):
            self.assertEqual([method, path, int(status)], request, output)
            self.assertGreaterEqual(int(microseconds), least, output)

    def assert_ended(self, output, pattern):
        for process in re.findall(pattern, output, re.M):
            self.assertFalse(Path("/proc", process).exists(), f"process {process} is still there")

    def test_bpftrace_sees_every_request(self):
        self.need_root_and("bpftrace")
        tracefs = os.path.ismount("/sys/kernel/tracing")
        status, said = self.demo("--requests", REQUESTS)
        self.assertEqual(status, 0, said)
        self.assertIn(HEADINGS, [line.split() for line in said.splitlines()])
        # The kernel raises the semaphore, for which the client waits, a moment before bpftrace gives
        # it the program to run; on a busy machine, a few requests may come in between.
        self.assert_requests(said, 2, lost=len(VISIT))
        paths = [path for _, path, *_ in REQUEST.findall(said)]
        self.assertEqual(histograms(said), {path: paths.count(path) for path in paths}, said)
        self.assertIn("puma and bpftrace have ended", said)
        self.assertEqual(os.path.ismount("/sys/kernel/tracing"), tracefs)
        self.assertRegex(said, r"(?m)^process \d+ listens on")
        self.assert_ended(said, r"^process (\d+) listens on")

    def test_ctrl_c_ends_it_at_any_time(self):
        self.need_root_and("bpftrace")
        for when in (r"^==> compile", r"^==> bpftrace", r"^GET +/ "):
            with self.subTest(when=when):
                said = self.press_ctrl_c(when, "--requests", "0")
                self.assertNotRegex(said, "client|rror|Interrupt|from ")
                self.assert_ended(said, r"^process (\d+) listens on")

    def test_gdb_sees_every_request_without_privilege(self):
        self.need_commands("gdb", *(["setpriv"] if os.geteuid() == 0 else []))
        status, said = self.demo_without_privilege("--requests", len(VISIT))
        self.assertEqual(status, 0, said)
        self.assertRegex(said, "you are not root, and .*sudo")
        self.assertRegex(said, r"(?m)^stap +rack +request_finish +0x")
        self.assert_requests(said, 1)

    def test_it_refuses_what_it_cannot_do(self):
        for arguments, words in (
            (["--requests", "some"], "--requests some: not a number"),
            (["--requests"], "--requests wants a number"),
            (["--fast"], "unknown option --fast"),
            (["--build", "/a b"], """Ruby's mkmf can't compile in "/a b", which has a blank; name another"""),
            (["README.md"], "ruby takes no FILE"),
        ):
            with self.subTest(arguments=arguments):
                status, said = self.demo(*arguments)
                self.assertEqual(status, 1, said)
                self.assertIn(words, said)


if __name__ == "__main__":
    harness.main()
