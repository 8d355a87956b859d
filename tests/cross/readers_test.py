#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""eu-readelf and readelf, of each CPU's binutils, read the same in each golden image: the header,
sections, segments, what the dynamic linker gets, symbols and their hash table, notes with the
probes, and the unwind table.

usage: readers_test.py GOLDEN [unittest's arguments]

GOLDEN is the directory with the golden images, as the test `golden` writes them.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PREFIXES = {
    "aarch64": "aarch64-linux-gnu-",
    "i386": "i686-linux-gnu-",
    "arm": "arm-linux-gnueabihf-",
    "riscv64": "riscv64-linux-gnu-",
    "ppc64le": "powerpc64le-linux-gnu-",
    "s390x": "s390x-linux-gnu-",
    "loongarch64": "loongarch64-linux-gnu-",
}
OPTIONS = ["-h", "-S", "-l", "-d", "-s", "-I", "-n", "--debug-dump=frames"]
HEADER = ["Magic", "Class", "Data", "OS/ABI", "ABI Version", "Type", "Start of program headers",
          "Start of section headers", "Section header string table index"]


def image_of(golden, path):
    """Write the file that a golden image is the text of."""
    size, *lines = golden.read_text().splitlines()
    image = bytearray(int(size.split()[1], 16))
    for line in lines:
        offset, digits = line.split("  ")[:2]
        piece = bytes.fromhex(digits)
        image[int(offset, 16) : int(offset, 16) + len(piece)] = piece
    path.write_bytes(image)


def numbers(text, base=16):
    return [int(word, base) for word in text.split()]


def section_rows(said, size_base):
    pattern = (
        r"^ *\[ *(\d+)\] (?:(\S+) +| +)([A-Z]+) +(\w+ +\w+ +\w+) +(\w+) +([WAX]*)"
        r" +(\d+) +(\d+) +(\d+)$"
    )
    return [
        [index, name, kind, *numbers(places), int(size, size_base), *more]
        for index, name, kind, places, size, *more in re.findall(pattern, said, re.M)
    ]


def segment_rows(said):
    pattern = r"^  ([A-Z_]+) +((?:0x\w+ +){5})([RWE ]{3}) (0x\w+)$"
    return [
        [kind, *numbers(values), flags, int(align, 16)]
        for kind, values, flags, align in re.findall(pattern, said, re.M)
    ]


def symbol_rows(said):
    pattern = r"^ +(\d+): (\w+) +(\d+) ([A-Z]+ +[A-Z]+ +[A-Z]+) +(\w+) ?(\S*)$"
    return [
        [int(index), int(value, 16), int(size), *kinds.split(), section[:3], name]
        for index, value, size, kinds, section, name in re.findall(pattern, said, re.M)
    ]


def chain_rows(said):
    """How many buckets of the hash table have how many symbols."""
    table = said.split("Histogram for ")[1].split("\n\n")[0]
    return re.findall(r"^ +(\d+) +(\d+) +\(? *[\d.]+%", table, re.M)


def frame_rows(said):
    """The instructions of the unwind table, each with its numbers."""
    rows = []
    for name, words in re.findall(r"^ +(?:DW_CFA_)?([a-z_]+):? +(\w*\d.*)$", said, re.M):
        if name == "advance_loc":
            rows.append([name, int(words.rpartition(" ")[2], 16)])
        elif name in ("def_cfa", "def_cfa_offset", "def_cfa_register", "offset", "restore"):
            rows.append([name, *re.findall(r"-?\d+", re.sub(r"\(\S*\)", "", words))])
    return rows


def say(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def by_readelf(program, path):
    said = say(program, "-W", *OPTIONS, path)
    notes = re.findall(
        r"Provider: (\S+)\n +Name: (\S+)\n +Location: (\w+), Base: (\w+), Semaphore: (\w+)\n"
        r" +Arguments: (.*?) *$",
        said, re.M,
    )
    return {
        "header": [re.search(rf"^ +{name}: +(.*?) *$", said, re.M)[1] for name in HEADER],
        "sections": section_rows(said, 16),
        "segments": segment_rows(said),
        "dynamic": [
            [tag, int(value, 0)]
            for tag, value in re.findall(r"^ 0x\w+ \((\w+)\) +(\w+)", said, re.M)
        ],
        "symbols": symbol_rows(said),
        "chains": chain_rows(said),
        "note owners": [
            [owner, int(size, 16)]
            for owner, size in re.findall(r"^  (\w+) +(0x\w+)\tNT_", said, re.M)
        ],
        "probes": [[*row[:2], *numbers(" ".join(row[2:5])), row[5]] for row in notes],
        "frames": frame_rows(said),
    }


def by_eu_readelf(path):
    said = say("eu-readelf", *OPTIONS, path)
    notes = re.findall(
        r"PC: (\w+), Base: (\w+), Semaphore: (\w+)\n +Provider: (\S+), Name: (\S+), Args: '(.*)'$",
        said, re.M,
    )
    return {
        "header": [re.search(rf"^ +{name}: +(.*?) *$", said, re.M)[1] for name in HEADER],
        "sections": section_rows(said, 10),
        "segments": segment_rows(said),
        "dynamic": [
            [tag, int(value or "0", 0)]
            for tag, value in re.findall(
                r"^  ([A-Z]+) +(\w*)(?: \(bytes\))?$",
                said.split("Dynamic segment")[1].split("\n\n")[0], re.M,
            )
        ],
        "symbols": symbol_rows(said),
        "chains": chain_rows(said),
        "note owners": [
            [owner, int(size)]
            for owner, size in re.findall(
                r"^  (\w+) +(\d+)  \S.*$", said.split("\nNote section", 1)[1], re.M)
        ],
        "probes": [[*row[3:5], *numbers(" ".join(row[:3])), row[5]] for row in notes],
        "frames": frame_rows(said),
    }


class Readers(unittest.TestCase):
    maxDiff = None

    def check(self, golden):
        cpu = golden.stem.split("-")[-1]
        program = shutil.which(PREFIXES.get(cpu, "") + "readelf") or "readelf"
        with tempfile.TemporaryDirectory(prefix="rst-test-") as directory:
            path = Path(directory, "image.so")
            image_of(golden, path)
            ours, theirs = by_readelf(program, path), by_eu_readelf(path)
        for what, rows in ours.items():
            with self.subTest(what, readelf=program):
                self.assertNotEqual(rows, [])
                self.assertEqual(rows, theirs[what])

    def test_every_cpu_has_a_golden_image(self):
        seen = {path.stem for path in GOLDENS if path.stem.startswith("twelve-")}
        self.assertEqual(seen, {f"twelve-{cpu}" for cpu in PREFIXES})


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if not shutil.which("eu-readelf"):
        print("skipped: eu-readelf (Debian: elfutils) is not installed")
        sys.exit(77)
    GOLDENS = sorted(Path(sys.argv[1]).glob("*.txt"))
    for image in GOLDENS:
        name = "test_" + image.stem.replace("-", "_")
        setattr(Readers, name, lambda self, golden=image: self.check(golden))
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
