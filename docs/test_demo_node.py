# SPDX-License-Identifier: MIT
"""./demo node does what it says, and leaves nothing behind."""

import re
import subprocess
from pathlib import Path

import harness
from demo_case import DemoCase, histograms

HEADINGS = "method path status microseconds".split()
# What customers ask for, in this order, over and over, and how long the shop takes at least.
VISIT = [
    ("GET", "/", 200, 1000),
    ("GET", "/cart", 200, 4000),
    ("GET", "/", 200, 1000),
    ("GET", "/cart", 200, 4000),
    ("GET", "/sale", 404, 0),
    ("POST", "/checkout", 200, 20000),
]
ROUNDED = 1100  # a timer of Node's may come a millisecond early
REQUEST = re.compile(r"^([A-Z]+) +(/\S*) +(\d+) +(\d+)$", re.M)
SHOP = re.compile(r"^process (\d+) has its probes in (\S+)$", re.M)


class DemoNode(DemoCase):
    which = ("node",)

    def setUp(self):
        super().setUp()
        self.need_commands("node", "make", "cc")
        build = harness.ROOT / "bindings/node/native/build.js"
        found = subprocess.run(["node", build, "--find"], capture_output=True, check=False)
        self.need(found.returncode == 0, "this node has no node-gyp, or no headers")

    def assert_ended(self, output):
        shops = SHOP.findall(output)
        self.assertTrue(shops, output)
        for process, image in shops:
            self.assertFalse(Path("/proc", process).exists(), f"process {process} is still there")
            self.assertFalse(Path(image).exists(), f"{image} is still there")

    def test_bpftrace_sees_every_request(self):
        self.need_root_and("bpftrace")
        status, said = self.demo("--requests", 2 * len(VISIT))
        self.assertEqual(status, 0, said)
        self.assertIn(HEADINGS, [line.split() for line in said.splitlines()])
        # The kernel raises the semaphore, for which customers wait, a moment before bpftrace gives
        # it the program to run; on a busy machine, a few requests may come in between.
        seen = REQUEST.findall(said)
        self.assertIn(2 * len(VISIT) - len(seen), range(len(VISIT) + 1), said)
        for (method, path, status, least), request in zip((2 * VISIT)[-len(seen) :], seen):
            self.assertEqual((method, path, str(status)), request[:3], said)
            self.assertGreaterEqual(int(request[3]), least - ROUNDED, said)
        paths = [path for _, path, *_ in seen]
        self.assertEqual(histograms(said), {path: paths.count(path) for path in paths}, said)
        self.assertIn("the shop and bpftrace have ended", said)
        self.assert_ended(said)

    def test_ctrl_c_ends_it(self):
        self.need_root_and("bpftrace")
        said = self.press_ctrl_c(r"^GET +/ ", "--requests", "0")
        self.assertNotRegex(said, "rror|Interrupt|from ")
        for process, _ in SHOP.findall(said):
            self.assertFalse(Path("/proc", process).exists(), f"process {process} is still there")

    def test_it_refuses_what_it_cannot_do(self):
        for arguments, words in (
            (["--requests", "some"], "--requests some: not a number"),
            (["--requests"], "--requests wants a number"),
            (["--fast"], "unknown option --fast"),
            (["--build", "/a b"], """node-gyp can't compile in "/a b", which has a blank; name another"""),
            (["README.md"], "node takes no FILE"),
        ):
            with self.subTest(arguments=arguments):
                status, said = self.demo(*arguments)
                self.assertEqual(status, 1, said)
                self.assertIn(words, said)


if __name__ == "__main__":
    harness.main()
