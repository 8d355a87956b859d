# SPDX-License-Identifier: MIT
"""rst-demo and ./demo do what they say, and leave nothing behind."""

import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import harness
from demo_case import DemoCase

PROGRAM = os.environ["RST_DEMO"]
# What a tracer could get wrong: an empty line, a blank at the end, a long line, the last without
# a newline.
TEXT = "The first line\n\nblank at the end \n" + "long " * 20 + "\n\tand no newline"
LINES = TEXT.split("\n")


def shown(output):
    """The rows of number, length and text in what a tracer printed."""
    rows = re.findall(r"^ *(\d+) +(\d+)  (.*)$", output, re.M)
    return [(int(number), int(length), text) for number, length, text in rows]


def expected(lines):
    return [(i + 1, len(line), line) for i, line in enumerate(lines)]


def traced(output):
    """The same in what rst trace printed."""
    rows = re.findall(r'demo:line number=(\d+) text="(.*)" length=(\d+)$', output, re.M)
    return [(int(number), int(length), text.replace("\\t", "\t")) for number, text, length in rows]


class Program(harness.Case):
    def setUp(self):
        self.text = Path(self.write("text", TEXT))
        self.home = self.text.parent

    def start(self, *arguments):
        process = subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_it_says_that_it_is_ready_and_where(self):
        process = self.start(self.text)
        word, pid, path = process.stdout.readline().split()
        self.assertEqual((word, int(pid)), ("ready", process.pid))
        status, notes = harness.run("readelf", "-n", path)
        self.assertEqual(status, 0, notes)
        self.assertRegex(notes, r"Provider: demo\s+Name: line\s")
        self.assertIn("Arguments: 8@%rdi 8@%rsi 4@%rdx", notes)

    def test_a_signal_ends_it(self):
        for wait in ([], ["--wait", 60]):
            with self.subTest(options=wait):
                process = self.start(*wait, self.text)
                process.stdout.readline()
                process.terminate()
                self.assertEqual(process.wait(20), 0, process.stderr.read())

    def test_it_ends_after_so_many_lines(self):
        process = self.start("--pace", 0, "--lines", 12, self.text)
        self.assertEqual(process.wait(20), 0, process.stderr.read())

    def test_it_gives_up_waiting_for_a_tracer(self):
        process = self.start("--wait", 1, self.text)
        self.assertEqual(process.wait(20), 3)
        self.assertIn("nobody watched demo:line within 1 seconds", process.stderr.read())

    def test_it_refuses_what_it_cannot_do(self):
        empty = self.text.with_name("empty")
        empty.touch()
        for arguments, wanted, words in (
            (["--lines", "some", self.text], 2, '"some" is not a number'),
            (["--lines", "-1", self.text], 2, '"-1" is not a number'),
            (["--fast"], 2, "--help"),
            ([self.text, self.text], 2, "one FILE, not 2"),
            ([self.text.with_name("none")], 1, "No such file"),
            ([self.text.parent], 1, "Is a directory"),
            ([empty], 1, "no lines"),
        ):
            with self.subTest(arguments=arguments):
                status, said = harness.run(PROGRAM, *arguments)
                self.assertEqual(status, wanted, said)
                self.assertIn(words, said)

    def test_gdb_sees_every_line_without_privilege(self):
        self.need_commands("gdb")
        commands = harness.ROOT / "src/cli/demo/demo.gdb"
        for backing in ("memfd", f"file:{self.home}"):
            with self.subTest(backing=backing):
                # A leak checker cannot work under a debugger.
                environment = {
                    **os.environ,
                    "RST_BACKING": backing,
                    "ASAN_OPTIONS": "detect_leaks=0",
                }
                status, said = harness.run(
                    *("gdb", "-nx", "-q", "-batch", "-x", commands, "--args", PROGRAM),
                    *("--pace", 0, "--lines", 2 * len(LINES), self.text),
                    env=environment,
                )
                self.assertEqual(status, 0, said)
                self.assertRegex(said, r"stap +demo +line +0x")
                self.assertEqual(shown(said), expected(2 * LINES), said)
        self.assertEqual(sorted(path.name for path in self.home.iterdir()), ["text"])


class Demo(DemoCase):
    def setUp(self):
        super().setUp()
        self.text = self.home / "text"
        self.text.write_text(TEXT)

    def need_to_install_nothing(self):
        self.need_root_and("cc", "meson", "ninja")
        for header in "elfutils/libdw.h", "bpf/bpf.h":
            self.need(Path("/usr/include", header).exists(), f"there is no {header}")

    def environment(self):
        # The demo does not install pkg-config, so meson must do without.
        return {**super().environment(), "PKG_CONFIG": str(self.home / "none")}

    def test_ctrl_c_ends_it_at_any_time(self):
        self.need_to_install_nothing()
        for when in (r"^==> build librst", r"^==> rst trace", r'text="The first line"'):
            with self.subTest(when=when):
                self.press_ctrl_c(when, "--lines", "0", self.text)

    def test_rst_sees_every_line(self):
        self.need_to_install_nothing()
        tracefs = os.path.ismount("/sys/kernel/tracing")
        status, said = self.demo("--lines", len(LINES), self.text)
        self.assertEqual(status, 0, said)
        self.assertEqual(traced(said), expected(LINES), said)
        self.assertRegex(said, r"(?m)^ +0 +1  [█#]+")
        self.assertRegex(said, r"(?m)^ +\[8, 16\) +2  [█#]+")
        self.assertRegex(said, r"(?m)^ +\[16, 32\) +1  [█#]+")
        self.assertRegex(said, r"(?m)^ +\[64, 128\) +1  [█#]+")
        self.assertIn("rst-demo and rst have ended", said)
        self.assertEqual(os.path.ismount("/sys/kernel/tracing"), tracefs)
        process = re.search(r"^process (\d+);", said, re.M).group(1)
        self.assertFalse(Path("/proc", process).exists(), f"process {process} is still there")

    def test_it_reads_a_text_made_for_it_if_none_is_named(self):
        self.need_to_install_nothing()
        text = (harness.ROOT / "docs/demo.txt").read_text()
        status, said = self.demo()
        self.assertEqual(status, 0, said)
        self.assertEqual(traced(said), expected(text.splitlines()), said)

    def test_it_refuses_what_it_cannot_do(self):
        empty = self.text.with_name("empty")
        empty.touch()
        for arguments, words in (
            (["--lines", "some"], "--lines some: not a number"),
            (["--lines"], "--lines wants a number"),
            (["--fast"], "unknown option --fast"),
            ([self.text, self.text], "one FILE at most"),
            ([self.text.with_name("none")], "cannot be read"),
            ([self.text.parent], "is a directory"),
            ([empty], "is empty: there are no lines to show"),
            ([""], "the name of FILE is empty"),
        ):
            with self.subTest(arguments=arguments):
                status, said = self.demo(*arguments)
                self.assertEqual(status, 1, said)
                self.assertIn(words, said)

    def test_it_explains_itself(self):
        status, said = self.demo("--help")
        self.assertEqual(status, 0)
        self.assertIn("Usage: ./demo", said)


class Picture(harness.Case):
    """docs/demo.svg shows a run of ./demo as it is now."""

    def test_it_has_the_command_and_the_lines_of_the_text(self):
        picture = ElementTree.parse(harness.ROOT / "docs/demo.svg").getroot()
        shown = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        recipe = re.search(r"demo\.svg (\./demo .*?)`", (harness.ROOT / "DEVELOPMENT.md").read_text())
        self.assertEqual(shown[0], f"$ {recipe.group(1)}")
        text = (harness.ROOT / "docs/demo.txt").read_text().splitlines()
        lines = int(recipe.group(1).split()[-1])
        self.assertEqual(traced("\n".join(shown)), expected(text[:lines]))

    def test_the_text_fits_into_it(self):
        for line in (harness.ROOT / "docs/demo.txt").read_text().split("\n"):
            self.assertRegex(line, r"^[ -~]{0,40}$")
            self.assertNotRegex(line, r'["\\]', "which rst trace shows as \\-sequences")


if __name__ == "__main__":
    harness.main()
