#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`rst list` reads what each CPU's compiler makes of sys/sdt.h's probes.

A CPU whose compiler is not installed is skipped by name.

usage: list_test.py RST [unittest's arguments]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMPILERS = {
    "x86_64": "x86_64-linux-gnu-gcc",
    "aarch64": "aarch64-linux-gnu-gcc",
    "i386": "i686-linux-gnu-gcc",
    "arm": "arm-linux-gnueabihf-gcc",
    "riscv64": "riscv64-linux-gnu-gcc",
    "ppc64le": "powerpc64le-linux-gnu-gcc",
    "s390x": "s390x-linux-gnu-gcc",
    "loongarch64": "loongarch64-linux-gnu-gcc",
}
NARROW = {"i386", "arm"}
SIZES = ["int8", "uint16", "int32", "uint32"]


class List(unittest.TestCase):
    def check(self, cpu):
        if not shutil.which(COMPILERS[cpu]):
            self.skipTest(f"no compiler for {cpu}: {COMPILERS[cpu]} is not installed")
        source = Path(__file__).with_name("arguments.c")
        for flags in ["-O0"], ["-O2"]:
            with tempfile.TemporaryDirectory(prefix="rst-test-") as directory:
                # sys/sdt.h is the same for every CPU, so it need not be installed for this one.
                os.mkdir(f"{directory}/sys")
                for header in Path("/usr/include").glob("**/sys/sdt*.h"):
                    shutil.copy(header, f"{directory}/sys")
                made = f"{directory}/arguments.so"
                subprocess.run(
                    [COMPILERS[cpu], *flags, "-shared", "-fPIC", "-nostdlib", f"-I{directory}", source, "-o", made],
                    check=True,
                )
                done = subprocess.run([RST, "list", "--json", made], capture_output=True, text=True, check=True)
            self.compare(cpu, json.loads(done.stdout))

    def compare(self, cpu, listed):
        address = "uint32" if cpu in NARROW else "uint64"
        char = "int8" if cpu in ("x86_64", "i386") else "uint8"
        types = {
            "constants": ["int32", "int32", "int32", "uint32", "int32"],
            "indexed": [*SIZES, char],
            "memory": [*SIZES, address],
            "registers": [*SIZES, address],
        }
        seen = {site["probe"]: [argument["type"] for argument in site["arguments"]] for site in listed}
        self.assertEqual(seen, types)
        kinds = {site["probe"]: {argument["kind"] for argument in site["arguments"]} for site in listed}
        self.assertEqual(kinds.pop("constants"), {"constant"})
        for probe, others in kinds.items():
            self.assertLessEqual(others, {"register", "memory"}, probe)


for name in COMPILERS:
    setattr(List, f"test_{name}", lambda self, cpu=name: self.check(cpu))

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    RST = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
