# SPDX-License-Identifier: MIT
"""docs/compat.md: its programs work as it says, from an installed copy, and each line of its tables
names tests that there are, in a comment that readers don't see."""

import os
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from documents import DocumentTest, method_name, sections
from harness import ROOT, main

PAGE = "docs/compat.md"
PLACE = "/usr/local/lib/librst-compat"
TESTS = [*(ROOT / "tests" / "compat").iterdir(), ROOT / "tests" / "consumers" / "consumers_test.py"]


class Differences(unittest.TestCase):
    def test_each_line_has_a_test(self):
        there = {path.name for path in TESTS}
        for path in TESTS:
            if path.suffix == ".c":
                there |= set(re.findall(r"cmocka_unit_test\((\w+)\)", path.read_text()))
            elif path.suffix == ".py":
                there |= set(re.findall(r"def (test_\w+)\(", path.read_text()))
        text = Path(ROOT, PAGE).read_text()
        rows = [line for line in text.partition("## What is different")[2].splitlines()
                if line.startswith("| ") and not line.startswith("| |")]
        self.assertGreater(len(rows), 20)
        for row in rows:
            with self.subTest(row=row):
                named = re.search(r"<!-- (.*?) -->", row)
                self.assertTrue(named, "no test is named")
                self.assertEqual(set(named[1].split()) - there, set(), "there are no such tests")


class Programs(DocumentTest):
    destination = None  # where the build is installed, by the first test

    def setUp(self):
        self.need_root()
        self.need_commands("bpftrace", "pkg-config", "meson")
        if not Programs.destination:
            Programs.destination = tempfile.mkdtemp(prefix="rst-test-")
            unittest.addModuleCleanup(shutil.rmtree, Programs.destination)
            self.run_tool("meson", "install", "-C", os.environ["RST_BUILD"], "--quiet",
                          "--no-rebuild", "--destdir", Programs.destination, DESTDIR="")

    def run_installed(self, blocks):
        """Run a section's commands with the copy that is installed."""
        found = next(Path(self.destination).rglob("libstapsdt.so.0")).parent
        self.extra = {
            "PKG_CONFIG_PATH": str(found.parent / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": self.destination,
            "LD_LIBRARY_PATH": "",
        }
        for block in blocks:
            block.text = block.text.replace(PLACE, str(found))
        self.run_section(blocks)
        said = "\n".join(self.printed[0])
        self.assertRegex(said, r"(?m)^\d*[13579] Ada$")
        self.assertRegex(said, r"(?m)^\d*[02468] Grace$")


for heading, found_blocks in sections(PAGE).items():
    setattr(Programs, method_name(heading),
            lambda self, blocks=found_blocks: self.run_installed(blocks))

if __name__ == "__main__":
    main()
