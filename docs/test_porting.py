#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/porting.md has the sizes of every CPU's image as rst emit writes it."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

RST = os.environ["RST_COMMAND"]
DOCUMENT = Path(__file__).with_name("porting.md")
PROBE = "checkout%04d(uint64 order, string customer, int32 cents)"
SECTION = re.compile(r"\[ *\d+\] \S+ +[A-Z]+ +\w+ +\w+ (\w+) ")


def emit(cpu, count, path):
    probes = [PROBE % number for number in range(count)]
    subprocess.run([RST, "emit", "shop", *probes, "--arch", cpu, "-o", path], check=True)


def readelf(*words):
    done = subprocess.run(["readelf", "-W", *words], capture_output=True, text=True, check=True)
    return done.stdout


def contents(cpu, count, path):
    """The bytes of all sections."""
    emit(cpu, count, path)
    return sum(int(size, 16) for size in SECTION.findall(readelf("-S", path)))


class Porting(unittest.TestCase):
    def test_sizes(self):
        rows = re.findall(r"(?m)^\| (\w+) \|.*\| (\d+) \| (\d+) \| (\d+) \|$", DOCUMENT.read_text())
        self.assertEqual(len(rows), 8)
        with tempfile.TemporaryDirectory(prefix="rst-test-") as directory:
            path = os.path.join(directory, "image.so")
            for cpu, *wanted in rows:
                with self.subTest(cpu=cpu):
                    each = contents(cpu, 2000, path) - contents(cpu, 1000, path)
                    emit(cpu, 1, path)
                    stub = int(re.search(r" (\d+) FUNC ", readelf("--dyn-syms", path)).group(1))
                    seen = [stub, round(each / 1000), os.path.getsize(path)]
                    self.assertEqual(seen, [int(number) for number in wanted])


if __name__ == "__main__":
    unittest.main()
