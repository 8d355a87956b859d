# SPDX-License-Identifier: MIT
"""What the documents say is so: their programs work, their links lead somewhere."""

import os
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

import harness

LIBRARY = os.environ["RST_LIBRARY_DIR"]
HEADING = re.compile(r"^#+ +(.*?) *$", re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.M | re.S)


def documents():
    return sorted([*harness.ROOT.glob("*.md"), *(harness.ROOT / "docs").glob("*.md")])


def anchors(document):
    """The anchors of a document's headings, as GitHub makes them."""
    text = CODE.sub("", document.read_text())
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


class Documents(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        for document in documents():
            for link in LINK.findall(CODE.sub("", document.read_text())):
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = document.parent / path if path else document
                with self.subTest(document=document.name, link=link):
                    self.assertTrue(target.exists(), f"{target} does not exist")
                    if anchor:
                        self.assertIn(anchor, anchors(target))

    def test_the_first_program_is_the_same_everywhere(self):
        page = (harness.ROOT / "docs/man/librst.3.scd").read_text()
        self.assertIn(harness.readme_example(), page.replace("\\\\", "\\"))


class ReadmeProgram(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.source = Path(directory.name) / "shop.c"
        self.program = self.source.with_suffix("")
        self.source.write_text(harness.readme_example())

    def compile(self):
        status, said = harness.run(
            *shlex.split(os.environ["CC"]),
            *("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror"),
            *shlex.split(os.environ.get("RST_LINK_ARGS", "")),
            f"-I{harness.ROOT / 'include'}",
            self.source,
            *("-o", self.program, f"-L{LIBRARY}", f"-Wl,-rpath,{LIBRARY}", "-lrst"),
        )
        self.assertEqual((status, said), (0, ""), "cc shop.c")

    def start(self, **environment):
        process = subprocess.Popen(
            [self.program],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stderr.close)
        return process

    def image_of(self, process, pattern):
        """The path of the image that the process has mapped executable, by its name."""

        def mapped():
            self.assertIsNone(process.poll(), "the program has ended")
            for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
                words = line.split(maxsplit=5)
                if len(words) == 6 and "x" in words[1] and re.search(pattern, words[5]):
                    return words[5]

        name = harness.wait_for(mapped, f"executable mapping of {pattern}")
        if name.startswith("/memfd:"):
            for fd in Path(f"/proc/{process.pid}/fd").iterdir():
                if os.readlink(fd) == name:
                    return fd
        return Path(name)

    def assert_has_the_probe(self, image):
        status, notes = harness.run("readelf", "-n", image)
        self.assertEqual(status, 0, notes)
        self.assertRegex(notes, r"Provider: shop\s+Name: checkout\s")
        self.assertIn("Arguments: 8@%rdi 8@%rsi", notes)

    def test_it_compiles_and_its_probe_is_in_a_memfd(self):
        self.compile()
        self.assert_has_the_probe(self.image_of(self.start(), r"^/memfd:librst-shop"))

    def test_its_probe_is_in_a_file_if_asked(self):
        self.compile()
        directory = self.source.parent
        process = self.start(RST_BACKING=f"file:{directory}")
        self.assert_has_the_probe(self.image_of(process, rf"^{re.escape(str(directory))}/librst-"))


if __name__ == "__main__":
    harness.main()
