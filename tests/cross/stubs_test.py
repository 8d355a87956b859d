#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each CPU's stub is what its assembler makes of stubs/NAME.s: the code, and the rows that a
debugger unwinds by.

A CPU whose assembler is not installed is skipped by name.

usage: stubs_test.py RST STUBS [unittest's arguments]
"""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

# The assemblers: binutils', or Clang of the version that first knows the CPU.
ASSEMBLERS = {
    "x86_64": [["x86_64-linux-gnu-as"]],
    "aarch64": [["aarch64-linux-gnu-as"]],
    "i386": [["i686-linux-gnu-as"], ["x86_64-linux-gnu-as", "--32"]],
    "arm": [["arm-linux-gnueabihf-as"]],
    "riscv64": [["riscv64-linux-gnu-as"]],
    "ppc64le": [["powerpc64le-linux-gnu-as"]],
    "s390x": [["s390x-linux-gnu-as"]],
    "loongarch64": [
        ["loongarch64-linux-gnu-as"],
        *([f"clang-{number}", "--target=loongarch64-linux-gnu", "-c"] for number in range(16, 24)),
    ],
}


def readelf(*words):
    done = subprocess.run(["readelf", "-W", *words], capture_output=True, text=True, check=True)
    return done.stdout


def text_of(path):
    """The bytes of the section .text."""
    row = re.search(r" \.text +PROGBITS +\w+ +(\w+) +(\w+) ", readelf("-S", path))
    start, size = (int(word, 16) for word in row.groups())
    return Path(path).read_bytes()[start : start + size]


def rows_of(path):
    """The first FDE's rows, without their addresses: where the frame is, and what is saved."""
    said = readelf("--debug-dump=frames-interp", path)
    entry = said.split(" FDE ")[1].split("\n\n")[0].splitlines()
    start = int(entry[2].split()[0], 16)
    return [entry[1].split()[1:]] + [
        [int(row.split()[0], 16) - start, *row.split()[1:]] for row in entry[2:]
    ]


class Stubs(unittest.TestCase):
    def check(self, cpu):
        command = next((words for words in ASSEMBLERS[cpu] if shutil.which(words[0])), None)
        if not command:
            self.skipTest(f"no assembler for {cpu}: {ASSEMBLERS[cpu][0][0]} is not installed")
        with tempfile.TemporaryDirectory(prefix="rst-test-") as directory:
            made, image = f"{directory}/stub.o", f"{directory}/image.so"
            subprocess.run([*command, f"{STUBS}/{cpu}.s", "-o", made], check=True)
            subprocess.run([RST, "emit", "a", "b()", "--arch", cpu, "-o", image], check=True)
            code = text_of(made)
            self.assertEqual(text_of(image)[: len(code)].hex(), code.hex())
            self.assertEqual(rows_of(image), rows_of(made))

    def test_every_file_is_tested(self):
        self.assertEqual({path.stem for path in Path(STUBS).glob("*.s")}, set(ASSEMBLERS))


for name in ASSEMBLERS:
    setattr(Stubs, f"test_{name}", lambda self, cpu=name: self.check(cpu))

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    RST, STUBS = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
