# SPDX-License-Identifier: MIT
"""./demo lua does what it says, and leaves nothing behind."""

import os
import re
from pathlib import Path

import harness
from demo_case import DemoCase, histograms

FRAME = re.compile(r"^ +(\d+) +(\d+) +(\d+)$", re.M)
SCENES = {"village": 100, "forest": 1000, "castle": 4000}
FRAMES = 25


def wanted(frames):
    """The number of each frame, and of its things: a scene has ten frames."""
    things = list(SCENES.values())
    return [(number, things[(number - 1) // 10 % 3]) for number in range(1, frames + 1)]


def shown(output):
    return [(int(number), int(things)) for number, things, _ in FRAME.findall(output)]


class DemoLua(DemoCase):
    which = ("lua",)

    def setUp(self):
        super().setUp()
        self.need_commands("lua5.4", "make", "pkg-config")

    def test_bpftrace_sees_every_frame(self):
        self.need_root_and("bpftrace")
        status, said = self.demo("--frames", FRAMES)
        self.assertEqual(status, 0, said)
        # The game goes on when the kernel has raised the semaphores, a moment before bpftrace gives
        # it the programs to run: the first scene, and a frame on a busy machine, may have passed.
        seen = shown(said)
        self.assertEqual(seen, wanted(FRAMES)[-len(seen) :], said)
        self.assertIn(FRAMES - len(seen), range(3), said)
        self.assertEqual(re.findall(r"^the scene is (\w+)$", said, re.M)[-2:], ["forest", "castle"])
        counted = {int(things): count for things, count in histograms(said).items()}
        numbers = [things for _, things in seen]
        self.assertEqual(counted, {things: numbers.count(things) for things in numbers}, said)
        self.assertIn("the game and bpftrace have ended", said)
        process = re.search(r"^==> bpftrace -p (\d+)", said, re.M)[1]
        self.assertFalse(Path("/proc", process).exists(), f"process {process} is still there")

    def test_ctrl_c_ends_it_at_any_time(self):
        self.need_root_and("bpftrace")
        for when in (r"^==> compile", r"^==> bpftrace", r"^ +3 +100 "):
            with self.subTest(when=when):
                self.press_ctrl_c(when, "--frames", "1000")

    def test_gdb_sees_every_frame_without_privilege(self):
        self.need_commands("gdb", *(["setpriv"] if os.geteuid() == 0 else []))
        status, said = self.demo_without_privilege("--frames", 12)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, "you are not root, and .*sudo")
        self.assertRegex(said, r"(?m)^stap +game +frame +0x")
        self.assertEqual(shown(said), wanted(12), said)
        self.assertEqual(re.findall(r"^the scene is (\w+)$", said, re.M), ["village", "forest"])

    def test_it_refuses_what_it_cannot_do(self):
        for arguments, words in (
            (["--frames", "some"], "--frames some: not a number above 0"),
            (["--frames", "0"], "--frames 0: not a number above 0"),
            (["--frames"], "--frames wants a number"),
            (["--fast"], "unknown option --fast"),
            (["--build", "/a b"], """make can't compile in "/a b", which has a blank; name another"""),
            (["README.md"], "lua takes no FILE"),
        ):
            with self.subTest(arguments=arguments):
                status, said = self.demo(*arguments)
                self.assertEqual(status, 1, said)
                self.assertIn(words, said)


if __name__ == "__main__":
    harness.main()
